// What the peers of `ronda-bench store` and `read` have in common: fed by remote-write, asked over
// Prometheus' HTTP API (https://prometheus.io/docs/prometheus/latest/querying/api/).
#pragma once

#include <cstdint>
#include <memory>
#include <string>
#include <vector>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "tests/bench/http_client.h"
#include "tests/bench/system.h"

namespace ronda::bench {

class Peer : public System {
 public:
  // Its files are below `dir`/`name`; `program` is also the name of its Debian package.
  Peer(std::string name, std::string program, const std::string& dir);

  std::string name() const override { return name_; }
  std::string Missing() const override;
  absl::Status Feed(const ScaleSet& set) override;
  absl::StatusOr<ReadBack> ReadAll(const ScaleSet& set) override;
  absl::StatusOr<Answer> Read(const ReadQuery& query) override;
  absl::StatusOr<Answer> Query(const PromQuery& query) override;

 protected:
  // Starts the program with these options, and waits until `ready_path` is answered with 200.
  absl::Status StartServer(int port, std::vector<std::string> options,
                           const std::string& ready_path);
  void Disconnect() override { http_.reset(); }
  virtual absl::StatusOr<Answer> ReadRaw(const ReadQuery& query) = 0;
  // GET, timed; `count` finds the points of the body and is not.
  absl::StatusOr<Answer> Ask(const std::string& path, int64_t (*count)(const std::string&));
  // Points of an answer of type matrix.
  static int64_t CountMatrix(const std::string& body);
  // Seconds with three digits, as the API takes times.
  static std::string Seconds(int64_t ms);

  const std::string dir_;
  std::unique_ptr<HttpClient> http_;

 private:
  const std::string name_;
  const std::string program_;
};

}  // namespace ronda::bench
