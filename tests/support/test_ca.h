// A certificate authority for tests, and the good and the bad certificates that they need.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/tls/files.h"
#include "common/tls/issue.h"

namespace ronda {

// Writes its files into one folder. Methods fail the test if they cannot.
class TestCa {
 public:
  // `dir` must be there.
  explicit TestCa(std::string dir, const std::string& name = "test authority");

  // Of a collector at those names and addresses. Files "collector.pem" and "collector.key".
  tls::Files Collector(const std::vector<std::string>& hosts = {"localhost", "127.0.0.1", "::1"});
  // Of an agent. Files "NAME.pem" and "NAME.key".
  tls::Files Node(const std::string& name);
  // Of a person with a role.
  tls::Files User(const std::string& name, const std::string& role);
  // Of anything; files "FILE.pem" and "FILE.key". Times as they stand in `spec`.
  tls::Files Issue(const std::string& file, const tls::IssueSpec& spec);
  // What Node() would sign; for what is to be changed about it.
  static tls::IssueSpec NodeSpec(const std::string& name);

  const tls::Pair& pair() const { return pair_; }
  const std::string& dir() const { return dir_; }
  std::string ca_file() const { return dir_ + "/ca.pem"; }

 private:
  const std::string dir_;
  tls::Pair pair_;
};

}  // namespace ronda
