// The agent's side of the wire protocol and nothing else: hello, frames out, acknowledgements in.
#pragma once

#include <cstdint>
#include <memory>
#include <span>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/codec/range_set.h"
#include "common/model/schema.h"

namespace ronda {

// Connect, Send and Disconnect from one thread; the rest from any. What was acknowledged and
// refused is kept over reconnects.
class WireStream {
 public:
  // `schema` is what the collector gets when it asks for one.
  WireStream(std::string node, uint64_t epoch, std::shared_ptr<const Schema> schema);
  ~WireStream();

  // Connects and says hello. Returns "" or why it was refused.
  std::string Connect(const std::string& address);
  bool connected() const { return stream_ != nullptr; }
  // One message of whole frames; false if the stream is gone.
  bool Send(bool live, std::span<const std::string> frames);
  // Ends the stream without goodbye.
  void Disconnect();
  // From any thread, while nobody connects or disconnects: a Send() that waits returns.
  void Cancel();

  codec::RangeSet acknowledged() const;
  // Waits until `count` frames are acknowledged, at most `timeout_ms`, or the stream ends.
  bool WaitAcknowledged(uint64_t count, int64_t timeout_ms) const;
  // Waits until backfill may be sent, and takes `samples` of what was granted.
  bool TakeCredit(uint64_t samples, int64_t timeout_ms);
  // "REASON: detail" of each rejection, and "new epoch: ...".
  std::vector<std::string> refusals() const;
  // How the last stream ended, "" while it lasts.
  std::string end_reason() const;

 private:
  struct Stream;
  void Read(Stream* stream);

  const std::string node_;
  const uint64_t epoch_;
  const std::shared_ptr<const Schema> schema_;
  std::unique_ptr<Stream> stream_;

  mutable Mutex mu_;
  mutable CondVar changed_;
  codec::RangeSet acknowledged_ ABSL_GUARDED_BY(mu_);
  uint64_t credit_ ABSL_GUARDED_BY(mu_) = 0;
  std::vector<std::string> refusals_ ABSL_GUARDED_BY(mu_);
  std::string end_reason_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda
