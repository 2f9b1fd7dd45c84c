#include "collector/http/gzip.h"

#include <zlib.h>

#include <algorithm>

#include "common/base/check.h"
#include "common/base/status.h"

namespace ronda::http {
namespace {

constexpr int kGzipWindow = 15 + 16;  // zlib.h: 16 more means gzip's header
constexpr size_t kStep = 64 << 10;

Bytef* Input(std::string_view bytes) {
  // zlib does not write there; its interface is older than const.
  return const_cast<Bytef*>(reinterpret_cast<const Bytef*>(bytes.data()));
}

}  // namespace

std::string Gzip(std::string_view bytes) {
  z_stream stream{};
  RONDA_CHECK(deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, kGzipWindow, 8, Z_DEFAULT_STRATEGY) ==
              Z_OK);
  std::string out(deflateBound(&stream, bytes.size()), '\0');
  stream.next_in = Input(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  stream.next_out = reinterpret_cast<Bytef*>(out.data());
  stream.avail_out = static_cast<uInt>(out.size());
  RONDA_CHECK(deflate(&stream, Z_FINISH) == Z_STREAM_END);
  out.resize(stream.total_out);
  deflateEnd(&stream);
  return out;
}

absl::StatusOr<std::string> Gunzip(std::string_view bytes, size_t max_bytes) {
  z_stream stream{};
  RONDA_CHECK(inflateInit2(&stream, kGzipWindow) == Z_OK);
  stream.next_in = Input(bytes);
  stream.avail_in = static_cast<uInt>(bytes.size());
  std::string out;
  int code = Z_OK;
  while (code == Z_OK && out.size() <= max_bytes) {
    const size_t before = out.size();
    out.resize(before + std::min(kStep, max_bytes + 1 - before));
    stream.next_out = reinterpret_cast<Bytef*>(out.data() + before);
    stream.avail_out = static_cast<uInt>(out.size() - before);
    code = inflate(&stream, Z_NO_FLUSH);
    out.resize(out.size() - stream.avail_out);
  }
  const bool whole = code == Z_STREAM_END && stream.avail_in == 0;
  inflateEnd(&stream);
  if (out.size() > max_bytes) {
    return Fail(absl::StatusCode::kResourceExhausted,
                "the body has more than {} bytes when decompressed", max_bytes);
  }
  if (!whole) {
    return Fail(absl::StatusCode::kInvalidArgument, "the body is no whole gzip stream");
  }
  return out;
}

}  // namespace ronda::http
