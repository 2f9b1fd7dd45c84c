// Small rows (catalogue, state, epochs) carry a checksum over their key and content, so that a
// damaged page never becomes a wrong name or a wrong value. Grammar: FORMAT.md, "Checked bytes".
#pragma once

#include <optional>
#include <string>
#include <string_view>

namespace ronda::store {

// `content` and its checksum. `key` says which row of which table it is ("node/7").
std::string AddChecksum(std::string_view key, std::string_view content);

// The content, or nullopt if the checksum is not that of this key and content.
std::optional<std::string_view> CheckedContent(std::string_view key, std::string_view bytes);

}  // namespace ronda::store
