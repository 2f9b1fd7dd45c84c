// A template parses or is refused, and expands within its bounds.
#include <cstddef>
#include <cstdint>
#include <string_view>

#include "collector/template/template.h"

int Fuzz_template(const uint8_t* data, size_t size) {
  using namespace ronda::tmpl;
  const auto parsed = Template::Parse(std::string_view(reinterpret_cast<const char*>(data), size));
  if (!parsed.ok()) {
    return 0;
  }
  Environment world;
  world.external_url = "http://localhost";
  world.query = [](std::string_view) -> absl::StatusOr<Value::Samples> {
    return Value::Samples{{ronda::Labels(), 1}};
  };
  const AlertData alert{ronda::Labels(std::vector<ronda::Label>{{"node", "web1"}}), 1.5, {}};
  if (parsed->ExpandOrSay(alert, world).size() > (size_t{1} << 20) + 4096) {
    __builtin_trap();
  }
  return 0;
}
