// Encoder and decoder of runs of record frames. Grammar: common/codec/FORMAT.md.
//
// A frame holds rows of one kind. Strings go through a dictionary of the run: the first use sends
// the text, later ones its number.
#pragma once

#include <cstddef>
#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <vector>

#include "absl/status/status.h"
#include "common/codec/frame.h"
#include "common/model/record.h"

namespace ronda::codec {

// Rows of one frame.
inline constexpr size_t kMaxRecordRows = 10'000;
inline constexpr size_t kMaxRecordColumns = 64;
// One text; the encoder cuts longer ones here.
inline constexpr size_t kMaxRecordTextBytes = 64 << 10;
// All texts of one frame, each use counted: bounds what a small frame can unfold to.
inline constexpr size_t kMaxFrameTextBytes = 16 << 20;

// Not thread-safe. One group number per kind.
class RecordRunEncoder {
 public:
  RecordRunEncoder(uint32_t group, const RecordKind& kind);
  ~RecordRunEncoder();
  RecordRunEncoder(const RecordRunEncoder&) = delete;
  RecordRunEncoder& operator=(const RecordRunEncoder&) = delete;

  // The next frame starts a run.
  void StartRun();

  // How many of `rows`, from the first, surely fit in one frame; at least 1 unless it is empty.
  // For callers whose rows come from outside: statements, log lines.
  size_t RowsThatFit(std::span<const Record> rows) const;

  // Appends one frame to *out. Each row must have the kind's columns, and the rows must fit (both
  // checked: callers build rows from declared kinds). Starts a new run by itself after
  // kMaxRunFrames, when the dictionary holds more than 64 KiB, or when seq does not go up.
  void Encode(uint64_t seq, std::span<const Record> rows, std::string* out);

 private:
  struct State;
  std::unique_ptr<State> state_;
};

// Trusts nothing, as SampleRunDecoder; same errors.
class RecordRunDecoder {
 public:
  RecordRunDecoder();
  ~RecordRunDecoder();
  RecordRunDecoder(RecordRunDecoder&&) noexcept;
  RecordRunDecoder& operator=(RecordRunDecoder&&) noexcept;

  absl::Status Decode(std::string_view frame);

  const FrameHeader& header() const;
  uint64_t run_first_seq() const;
  const RecordKind& kind() const;
  // The rows of the frame decoded last.
  std::span<const Record> rows() const;

 private:
  struct State;
  std::unique_ptr<State> state_;
};

}  // namespace ronda::codec
