#include "collector/access/table.h"

#include <gmock/gmock.h>
#include <gtest/gtest.h>

#include <cstdlib>
#include <filesystem>
#include <fstream>
#include <string>
#include <vector>

#include "tests/support/status_matchers.h"

namespace ronda::access {
namespace {

// The word after `keyword` in a line that begins with it, "" for other lines.
std::string WordAfter(const std::string& line, const std::string& keyword) {
  const size_t begin = line.find_first_not_of(' ');
  if (begin == std::string::npos || line.compare(begin, keyword.size(), keyword) != 0) {
    return "";
  }
  const size_t word = begin + keyword.size();
  return line.substr(word, line.find_first_of("( {;", word) - word);
}

// Every method of every .proto of the tree, as gRPC calls it.
std::vector<std::string> MethodsOfTheProtos() {
  const char* source = std::getenv("RONDA_SOURCE");
  const std::string root = std::string(source != nullptr ? source : ".") + "/proto";
  std::vector<std::string> methods;
  for (const auto& entry : std::filesystem::recursive_directory_iterator(root)) {
    if (entry.path().extension() != ".proto") {
      continue;
    }
    std::ifstream in(entry.path());
    std::string package;
    std::string service;
    for (std::string line; std::getline(in, line);) {
      if (const std::string word = WordAfter(line, "package "); !word.empty()) {
        package = word;
      } else if (const std::string name = WordAfter(line, "service "); !name.empty()) {
        service = name;
      } else if (const std::string method = WordAfter(line, "rpc "); !method.empty()) {
        methods.push_back("/" + package + "." + service + "/" + method);
      }
    }
  }
  EXPECT_GE(methods.size(), 16u);
  return methods;
}

TEST(AccessTableTest, HasEveryCallOfTheProtosAndNoOther) {
  std::vector<std::string> listed;
  for (const MethodRule& rule : MethodRules()) {
    listed.emplace_back(rule.method);
  }
  EXPECT_THAT(listed, testing::UnorderedElementsAreArray(MethodsOfTheProtos()))
      << "say in collector/access/table.cc which role each call needs";
}

std::vector<Peer> Everybody() {
  return {{PeerKind::kAnonymous, "", Role::kNone, "", 0, 0},
          {PeerKind::kNode, "web1", Role::kAgent, "01", 0, 1},
          {PeerKind::kUser, "r", Role::kRead, "02", 0, 1},
          {PeerKind::kUser, "o", Role::kOperate, "03", 0, 1},
          {PeerKind::kUser, "a", Role::kAdmin, "04", 0, 1},
          {PeerKind::kUser, "n", Role::kNone, "05", 0, 1},
          {PeerKind::kLocal, "ops", Role::kOperate, "", 0, 0},
          {PeerKind::kLocal, "root", Role::kAdmin, "", 0, 0},
          PlainPeer()};
}

// Who may, one letter each in the order above: y, n.
std::string Verdicts(Need need) {
  std::string verdicts;
  for (const Peer& peer : Everybody()) {
    verdicts += Allow({"/ronda.v1.X/Call", need}, peer).ok() ? 'y' : 'n';
  }
  return verdicts;
}

TEST(AccessTableTest, GivesEachRoleWhatItNeedsAndNoMore) {
  //                                        anon node r o a none ops root plain
  EXPECT_EQ(Verdicts(Need::kNothing), "yyyyyyyyy");
  EXPECT_EQ(Verdicts(Need::kAgent), "nynnnnnnn");
  EXPECT_EQ(Verdicts(Need::kIngest), "nynyynyyy");
  EXPECT_EQ(Verdicts(Need::kRead), "nnyyynyyy");
  EXPECT_EQ(Verdicts(Need::kOperate), "nnnyynyyn");
  EXPECT_EQ(Verdicts(Need::kAdmin), "nnnnynnyn");
}

TEST(AccessTableTest, SaysWhatIsMissing) {
  const MethodRule* revoke = FindRule("/ronda.v1.Admin/Revoke");
  ASSERT_NE(revoke, nullptr);
  EXPECT_THAT(Allow(*revoke, Everybody()[2]),
              StatusIs(absl::StatusCode::kPermissionDenied,
                       "Revoke needs the role admin; this is user r (read)"));
  EXPECT_THAT(Allow(*revoke, Everybody()[1]),
              StatusIs(absl::StatusCode::kPermissionDenied, "this is node web1"));
  EXPECT_THAT(Allow(*revoke, Everybody()[0]),
              StatusIs(absl::StatusCode::kUnauthenticated, "needs a certificate"));
  EXPECT_EQ(FindRule("/ronda.v1.Admin/Nothing"), nullptr);
}

}  // namespace
}  // namespace ronda::access
