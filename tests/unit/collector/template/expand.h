// Expands a template in a test.
#pragma once

#include <string>
#include <string_view>
#include <vector>

#include <gtest/gtest.h>

#include "collector/template/template.h"
#include "tests/support/status_matchers.h"

namespace ronda::tmpl {

inline AlertData SomeAlert(double value) {
  return {Labels({{"node", "web1"}, {"mountpoint", "/data"}}), value,
          Labels(std::vector<Label>{{"site", "bali"}})};
}

inline Environment SomeWorld() {
  Environment world;
  world.external_url = "https://mon.example.com/ronda";
  world.now_ms = 1'700'000'000'500;
  world.query = [](std::string_view expr) -> absl::StatusOr<Value::Samples> {
    if (expr == "up") {
      return Value::Samples{{Labels({{"__name__", "up"}, {"instance", "b:9100"}}), 1},
                            {Labels({{"__name__", "up"}, {"instance", "a:9100"}}), 0}};
    }
    if (expr == "none") {
      return Value::Samples{};
    }
    return absl::InvalidArgumentError("1:1: no such thing");
  };
  return world;
}

// The text, or the message of the error.
inline std::string Expand(std::string_view text, double value = 1) {
  const auto parsed = Template::Parse(text);
  EXPECT_OK(parsed) << text;
  if (!parsed.ok()) {
    return "";
  }
  const auto expanded = parsed->Expand(SomeAlert(value), SomeWorld());
  return expanded.ok() ? *expanded : "error: " + std::string(expanded.status().message());
}

}  // namespace ronda::tmpl
