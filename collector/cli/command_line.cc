#include "collector/cli/command_line.h"

#include <unistd.h>

#include <cstdlib>
#include <string>
#include <vector>

#include "collector/cli/grammar.h"
#include "collector/query/remote_api.h"

namespace ronda::cli {
namespace {

std::string Environment(const char* name) {
  const char* value = std::getenv(name);
  return value == nullptr ? "" : value;
}

// What `ronda-collector ca user` made and the person put there.
void FindOwnCertificate(Settings* settings) {
  const std::string home = Environment("HOME");
  const std::string base = Environment("XDG_CONFIG_HOME");
  const std::string dir = (base.empty() ? home + "/.config" : base) + "/ronda/";
  const tls::Files own{dir + "ca.pem", dir + "cert.pem", dir + "key.pem"};
  if (settings->tls.empty() && access(own.certificate.c_str(), F_OK) == 0) {
    settings->tls = own;
  }
}

void FillSettings(Settings* settings) {
  if (settings->collector.empty() && settings->data.empty()) {
    settings->data = Environment("RONDA_DATA");
    settings->collector = settings->data.empty() ? Environment("RONDA_COLLECTOR") : "";
  }
  if (settings->collector.empty() && settings->data.empty()) {
    settings->collector = query::kDefaultCollector;
  }
  FindOwnCertificate(settings);
}

}  // namespace

WordChoices ChoicesFor(const std::vector<std::string>& words) {
  WordChoices choices = Grammar().ChoicesFor(words);
  FillSettings(&choices.settings);
  return choices;
}

ParseResult ParseCommandLine(int argc, const char* const* argv) {
  Grammar grammar;
  ParseResult result = grammar.Parse(argc, argv);
  if (result.line.has_value()) {
    FillSettings(&result.line->settings);
  }
  return result;
}

}  // namespace ronda::cli
