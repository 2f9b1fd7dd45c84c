// What other threads have to say to the streams of one loop: acknowledgements, and ends.
#pragma once

#include <cstdint>
#include <memory>
#include <thread>
#include <utility>
#include <vector>

#include "absl/status/status.h"
#include "common/base/mutex.h"

namespace grpc {
class Alarm;
class CompletionQueue;
}  // namespace grpc

namespace ronda::v1 {
class CollectorMessage;
}

namespace ronda::ingest {

// Thread-safe. Outlives the loop, so that late acknowledgements find nobody instead of a dangling
// pointer. Innermost in the lock order: nothing is called with its lock held but gRPC's alarm.
class Mailbox {
 public:
  Mailbox();
  ~Mailbox();

  struct Letter {
    uint64_t call = 0;
    std::unique_ptr<v1::CollectorMessage> message;  // null: the stream ends, `why` says how
    absl::Status why;
  };

  // Letters that are posted from now on wake whoever waits for `queue` with `tag`, once each time
  // they are taken; those of the calling thread do not: it looks by itself.
  void Open(grpc::CompletionQueue* queue, void* tag) ABSL_LOCKS_EXCLUDED(mu_);
  // Takes no more.
  void Close() ABSL_LOCKS_EXCLUDED(mu_);

  void Post(Letter letter) ABSL_LOCKS_EXCLUDED(mu_);
  // The alarm of an earlier Post() has come.
  void Woken() ABSL_LOCKS_EXCLUDED(mu_);
  std::vector<Letter> Take() ABSL_LOCKS_EXCLUDED(mu_);

 private:
  Mutex mu_;
  grpc::CompletionQueue* queue_ ABSL_GUARDED_BY(mu_) = nullptr;
  void* tag_ ABSL_GUARDED_BY(mu_) = nullptr;
  std::thread::id reader_ ABSL_GUARDED_BY(mu_);
  bool ringing_ ABSL_GUARDED_BY(mu_) = false;
  std::unique_ptr<grpc::Alarm> alarm_ ABSL_GUARDED_BY(mu_);
  std::vector<Letter> letters_ ABSL_GUARDED_BY(mu_);
};

}  // namespace ronda::ingest
