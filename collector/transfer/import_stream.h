// A stream to a collector that brings one node's history: as an agent's, but with the capability
// "import" (proto/ronda/v1/ingest.proto).
#pragma once

#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>

#include "absl/status/status.h"
#include "absl/status/statusor.h"
#include "collector/query/channel.h"
#include "collector/transfer/batch.h"

namespace ronda::transfer {

struct ImportStreamOptions {
  query::ChannelOptions channel;
  std::string node;
  int64_t patience_ms = 30'000;  // without an acknowledgement
  // Asked several times a second; true ends the stream with kCancelled.
  std::function<bool()> interrupted = [] { return false; };
};

// Use from one thread.
class ImportStream {
 public:
  // Connects and says hello. kUnavailable: no collector there. kUnimplemented: one that takes no
  // imports. Else why it refused.
  static absl::StatusOr<std::unique_ptr<ImportStream>> Open(const ImportStreamOptions& options);
  virtual ~ImportStream() = default;

  // Sends the samples of a block of this node; waits while much is not yet durable.
  // kInvalidArgument, kResourceExhausted, ...: the collector refused, and why.
  virtual absl::Status Send(const Block& block) = 0;
  // Waits until all that was sent is durable. kDeadlineExceeded.
  virtual absl::Status WaitDurable() = 0;
  // Samples that are durable for sure, of all that Send() was given.
  virtual int64_t durable_samples() const = 0;
};

// Sends blocks of one node over as many streams as the collector's limits on one want, and waits
// until they are durable; adds to *durable what is. For Importer::Options::send.
absl::Status SendBlocks(const ImportStreamOptions& options, std::span<const Block> blocks,
                        int64_t* durable);

}  // namespace ronda::transfer
