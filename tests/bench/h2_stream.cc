#include "tests/bench/h2_stream.h"

#include <algorithm>
#include <cctype>

namespace ronda::bench {
namespace {

enum FrameType : uint8_t {
  kData = 0,
  kHeaders = 1,
  kResetStream = 3,
  kSettings = 4,
  kPing = 6,
  kGoAway = 7,
  kWindowUpdate = 8,
};
constexpr uint8_t kAck = 1;        // of SETTINGS and PING
constexpr uint8_t kEndStream = 1;  // of DATA and HEADERS
constexpr uint8_t kEndHeaders = 4;
constexpr uint8_t kPadded = 8;
constexpr uint16_t kSettingTableSize = 1;
constexpr uint16_t kSettingPush = 2;
constexpr uint16_t kSettingWindow = 4;
constexpr uint16_t kSettingFrameSize = 5;
constexpr size_t kFrameHeader = 9;
constexpr size_t kMessageHeader = 5;
constexpr uint32_t kWindowStep = 16'384;

void PutBytes(uint32_t value, int bytes, std::string* out) {
  for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8) {
    out->push_back(static_cast<char>(value >> shift & 0xff));
  }
}

uint32_t GetBytes(std::string_view in, size_t at, size_t bytes) {
  uint32_t value = 0;
  for (size_t i = 0; i < bytes; ++i) {
    value = value << 8 | static_cast<uint8_t>(in[at + i]);
  }
  return value;
}

// HPACK: a literal that is not indexed, its name from the static table (RFC 7541, 6.2.2).
void PutHeader(uint8_t name_index, std::string_view value, std::string* out) {
  if (name_index < 15) {
    out->push_back(static_cast<char>(name_index));
  } else {
    out->push_back(15);
    out->push_back(static_cast<char>(name_index - 15));
  }
  out->push_back(static_cast<char>(value.size()));  // below 127: all of ours
  out->append(value);
}

std::string Printable(std::string_view bytes) {
  std::string text;
  for (const char c : bytes) {
    if (std::isprint(static_cast<unsigned char>(c)) != 0) {
      text += c;
    }
  }
  return text;
}

}  // namespace

H2Stream::H2Stream(std::string_view scheme, std::string_view authority, std::string_view path) {
  out_ = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  std::string settings;
  PutBytes(kSettingTableSize, 2, &settings);
  PutBytes(0, 4, &settings);
  PutBytes(kSettingPush, 2, &settings);
  PutBytes(0, 4, &settings);
  PutFrame(kSettings, 0, 0, settings);
  std::string headers;
  headers.push_back(static_cast<char>(0x83));                             // :method POST
  headers.push_back(static_cast<char>(scheme == "https" ? 0x87 : 0x86));  // :scheme
  PutHeader(4, path, &headers);
  PutHeader(1, authority, &headers);
  PutHeader(31, "application/grpc", &headers);  // content-type
  PutHeader(58, "ronda-bench", &headers);       // user-agent
  headers.append({0, 2});
  headers += "te";
  headers.push_back(8);
  headers += "trailers";
  PutFrame(kHeaders, kEndHeaders, 1, headers);
}

void H2Stream::PutFrame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload) {
  PutBytes(static_cast<uint32_t>(payload.size()), 3, &out_);
  out_.push_back(static_cast<char>(type));
  out_.push_back(static_cast<char>(flags));
  PutBytes(stream, 4, &out_);
  out_.append(payload);
}

void H2Stream::Send(std::string_view message, bool compressed) {
  body_.push_back(compressed ? 1 : 0);
  PutBytes(static_cast<uint32_t>(message.size()), 4, &body_);
  body_.append(message);
  Pump();
}

void H2Stream::Pump() {
  while (body_at_ < body_.size()) {
    const int64_t window = std::min(connection_window_, stream_window_);
    if (window <= 0) {
      return;
    }
    const size_t bytes =
        std::min({body_.size() - body_at_, max_frame_, static_cast<size_t>(window)});
    PutFrame(kData, 0, 1, std::string_view(body_).substr(body_at_, bytes));
    body_at_ += bytes;
    connection_window_ -= static_cast<int64_t>(bytes);
    stream_window_ -= static_cast<int64_t>(bytes);
  }
  body_.clear();
  body_at_ = 0;
}

void H2Stream::Wrote(size_t bytes) {
  out_at_ += bytes;
  if (out_at_ == out_.size()) {
    out_.clear();
    out_at_ = 0;
  }
}

bool H2Stream::Receive(std::string_view bytes,
                       absl::FunctionRef<void(std::string_view)> on_message) {
  // Nearly always whole frames come, and nothing is kept.
  if (!in_.empty()) {
    in_.append(bytes);
    bytes = in_;
  }
  size_t at = 0;
  bool alive = true;
  while (alive && bytes.size() - at >= kFrameHeader) {
    const size_t size = GetBytes(bytes, at, 3);
    if (bytes.size() - at < kFrameHeader + size) {
      break;
    }
    alive = OnFrame(static_cast<uint8_t>(bytes[at + 3]), static_cast<uint8_t>(bytes[at + 4]),
                    GetBytes(bytes, at + 5, 4) & 0x7fffffff, bytes.substr(at + kFrameHeader, size),
                    on_message);
    at += kFrameHeader + size;
  }
  std::string rest(bytes.substr(at));
  in_ = std::move(rest);
  return alive;
}

bool H2Stream::OnFrame(uint8_t type, uint8_t flags, uint32_t stream, std::string_view payload,
                       absl::FunctionRef<void(std::string_view)> on_message) {
  switch (type) {
    case kData:
      if ((flags & kPadded) != 0 && !payload.empty()) {
        const auto padding = static_cast<uint8_t>(payload[0]);
        payload =
            payload.substr(1, payload.size() - 1 - std::min<size_t>(padding, payload.size() - 1));
      }
      return OnData(payload, on_message) &&
             ((flags & kEndStream) == 0 || End("the server ended the stream", ""));
    case kHeaders:
      return (flags & kEndStream) == 0 || End("the server ended the call: ", payload);
    case kResetStream:
      return stream != 1 || End("the server reset the stream", "");
    case kSettings:
      if ((flags & kAck) == 0) {
        OnSettings(payload);
      }
      return true;
    case kPing:
      if ((flags & kAck) == 0) {
        PutFrame(kPing, kAck, 0, payload);
      }
      return true;
    case kGoAway:
      return End("the server goes away: ", payload.substr(std::min<size_t>(8, payload.size())));
    case kWindowUpdate:
      if (payload.size() >= 4) {
        (stream == 0 ? connection_window_ : stream_window_) += GetBytes(payload, 0, 4) & 0x7fffffff;
        Pump();
      }
      return true;
    default:
      return true;
  }
}

bool H2Stream::OnData(std::string_view payload,
                      absl::FunctionRef<void(std::string_view)> on_message) {
  consumed_ += static_cast<uint32_t>(payload.size());
  if (consumed_ >= kWindowStep) {
    std::string increment;
    PutBytes(consumed_, 4, &increment);
    PutFrame(kWindowUpdate, 0, 0, increment);
    PutFrame(kWindowUpdate, 0, 1, increment);
    consumed_ = 0;
  }
  message_.append(payload);
  size_t at = 0;
  while (message_.size() - at >= kMessageHeader) {
    const size_t size = GetBytes(message_, at + 1, 4);
    if (message_[at] != 0) {
      return End("the server sent a compressed message", "");
    }
    if (message_.size() - at < kMessageHeader + size) {
      break;
    }
    on_message(std::string_view(message_).substr(at + kMessageHeader, size));
    at += kMessageHeader + size;
  }
  message_.erase(0, at);
  return true;
}

void H2Stream::OnSettings(std::string_view payload) {
  for (size_t at = 0; at + 6 <= payload.size(); at += 6) {
    const uint32_t value = GetBytes(payload, at + 2, 4);
    switch (GetBytes(payload, at, 2)) {
      case kSettingWindow:
        stream_window_ += static_cast<int64_t>(value) - initial_window_;
        initial_window_ = value;
        break;
      case kSettingFrameSize:
        max_frame_ = std::min<size_t>(value, 1 << 16);
        break;
      default:
        break;
    }
  }
  PutFrame(kSettings, kAck, 0, "");
  Pump();
}

bool H2Stream::End(std::string_view how, std::string_view detail) {
  end_reason_ = std::string(how) + Printable(detail);
  return false;
}

}  // namespace ronda::bench
