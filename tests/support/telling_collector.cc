#include "tests/support/telling_collector.h"

#include <algorithm>
#include <csignal>
#include <cstdio>
#include <fstream>
#include <nlohmann/json.hpp>
#include <utility>

#include "common/base/clock.h"
#include "common/base/digest.h"
#include "common/base/files.h"

namespace ronda {
namespace {

std::string FirstLine(const std::string& path) {
  const std::string text = ReadFile(path).value_or("");
  return text.substr(0, text.find('\n'));
}

}  // namespace

TellingCollector::TellingCollector(const std::string& config, const std::string& rules) {
  std::ofstream(dir_.File("rules.yml")) << rules;
  std::ofstream(dir_.File("collector.yml"))
      << config
      << "\nhttp: {listen: \"127.0.0.1:0\"}\nchannels:\n  - {name: hook, type: webhook, url: \""
      << sink_.url("/alerts") << "\"}\n";
}

bool TellingCollector::Start() {
  for (const char* file : {"address", "http"}) {
    std::remove(dir_.File(file).c_str());
  }
  const bool started = process_.Start(
      {ProgramPath("ronda-collector"), "--insecure", "--config", dir_.File("collector.yml"),
       "--data", dir_.File("data"), "--listen", "127.0.0.1:0", "--socket", dir_.File("sock"),
       "--rules", dir_.File("rules.yml"), "--print-address", dir_.File("address"),
       "--print-http-address", dir_.File("http")},
      dir_.File("collector.log"));
  return started &&
         Eventually(60'000,
                    [this] {
                      address_ = FirstLine(dir_.File("address"));
                      http_ = FirstLine(dir_.File("http"));
                      return (!address_.empty() && !http_.empty()) || !process_.running();
                    }) &&
         process_.running();
}

void TellingCollector::Kill() { process_.Kill(); }

bool TellingCollector::Stop() {
  process_.Signal(SIGTERM);
  return process_.Wait(30'000) == 0;
}

Output TellingCollector::Ronda(std::vector<std::string> arguments) const {
  std::vector<std::string> argv = {ProgramPath("ronda"), "--collector",
                                   "unix:" + dir_.File("sock")};
  argv.insert(argv.end(), arguments.begin(), arguments.end());
  return RunProgram(argv);
}

bool TellingCollector::AlertsShow(const std::string& text) const {
  return Eventually(30'000, [&] { return Ronda({"alerts"}).out.find(text) != std::string::npos; });
}

std::string TellingCollector::Token(const std::string& role) {
  const Output added = RunProgram({ProgramPath("ronda-collector"), "token", "add", "test-" + role,
                                   "--role", role, "--data", dir_.File("data")});
  return added.out.substr(0, added.out.find('\n'));
}

std::unique_ptr<TestAgent> TellingCollector::Agent(const std::string& node, int ticks,
                                                   int series) const {
  auto agent = std::make_unique<TestAgent>(node, RandomBits(), series,
                                           SystemClock().NowMs() / 1000 * 1000 - ticks * 1000);
  if (!agent->Connect(address_).empty()) {
    return nullptr;
  }
  for (int i = 0; i < ticks; ++i) {
    agent->Tick();
  }
  return agent->WaitAcknowledged(30'000) ? std::move(agent) : nullptr;
}

std::vector<Told> TellingCollector::told() const {
  std::vector<Told> out;
  for (const HttpSink::Request& request : sink_.requests()) {
    const auto message = nlohmann::json::parse(request.body);
    const auto& alert = message.at("alerts").at(0);
    const auto text = [&](const char* part, const char* key) {
      return alert.at(part).value(key, std::string());
    };
    const auto key = request.headers.find("idempotency-key");
    out.push_back({key == request.headers.end() ? "" : key->second, alert.at("status"),
                   text("labels", "alertname"), text("labels", "node"),
                   text("annotations", "ronda_reason"), text("annotations", "summary")});
  }
  return out;
}

bool TellingCollector::WaitTold(size_t count) const {
  return sink_.WaitForRequests(count, std::chrono::seconds(30));
}

std::string TellingCollector::log() const {
  return ReadFile(dir_.File("collector.log")).value_or("");
}

}  // namespace ronda
