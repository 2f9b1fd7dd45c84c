// A collector with TLS, as a process.
#pragma once

#include <fmt/format.h>
#include <gtest/gtest.h>

#include <fstream>
#include <string>
#include <vector>

#include "common/base/files.h"
#include "tests/support/process.h"
#include "tests/support/temp_dir.h"

namespace ronda {

class TrustCollector : public testing::Test {
 protected:
  ~TrustCollector() override {
    if (HasFailure()) {
      std::ifstream log(dir_.File("collector.log"));
      for (std::string line; std::getline(log, line);) {
        fmt::print("collector: {}\n", line);
      }
    }
  }

  void StartCollector(const std::string& yaml, const std::string& listen = "127.0.0.1:0") {
    std::ofstream(dir_.File("collector.yml")) << yaml;
    ASSERT_TRUE(collector_.Start(
        {ProgramPath("ronda-collector"), "--config", dir_.File("collector.yml"), "--data",
         dir_.File("data"), "--listen", listen, "--http-listen", "127.0.0.1:0", "--socket",
         dir_.File("s"), "--print-address", dir_.File("address")},
        dir_.File("collector.log")));
    ASSERT_TRUE(Eventually(30'000, [&] {
      const auto text = ReadFile(dir_.File("address"));
      address_ = text.ok() ? text->substr(0, text->find('\n')) : "";
      return !address_.empty();
    }));
  }

  // `ronda` over the socket, as root or whoever runs the tests.
  Output Ronda(std::vector<std::string> arguments) {
    arguments.insert(arguments.begin(),
                     {ProgramPath("ronda"), "--collector", "unix:" + dir_.File("s")});
    return RunProgram(arguments);
  }

  int port() const { return std::stoi(address_.substr(address_.rfind(':') + 1)); }

  TempDir dir_;
  Process collector_;
  std::string address_;
};

}  // namespace ronda
