// The durable outbox: what is still to be told.
//
// The life of an entry:
//   1. MakeEntries() turns a transition into StateWrites (space "outbox"), one per channel; the
//      caller puts them into the commit of the transition. Nothing is sent yet.
//   2. After the commit the caller hands the same StateWrites to Release().
//   3. When the channel has taken it or refused it for good, `remove` gets the StateWrite that
//      deletes it, for the caller's next commit. A crash before that sends it again, with the same
//      Idempotency-Key.
// At the start Restore() takes the entries that the store still has.
#pragma once

#include <atomic>
#include <cstdint>
#include <functional>
#include <memory>
#include <span>
#include <string>
#include <string_view>
#include <utility>
#include <vector>

#include "absl/status/statusor.h"
#include "collector/notify/config.h"
#include "collector/notify/dispatcher.h"
#include "collector/rules/transition.h"
#include "collector/store/state_write.h"
#include "common/base/clock.h"

namespace ronda::notify {

// The space of StateWrite. Keys are "TIME-SEQUENCE-CHANNEL" with fixed digits: their order is the
// order of events.
inline constexpr std::string_view kOutboxSpace = "outbox";

// Thread-safe, but for Start() and Stop(), which one thread calls.
class Outbox {
 public:
  // Called from the channels' threads with nothing locked; must not call back into Stop().
  using Remove = std::function<void(store::StateWrite)>;

  // kInvalidArgument if a channel's configuration cannot work or a name is there twice. `clock`
  // must outlive the object.
  static absl::StatusOr<std::unique_ptr<Outbox>> New(const std::vector<ChannelConfig>& channels,
                                                     const Clock& clock, Remove remove,
                                                     const RetryOptions& options = {});
  ~Outbox();

  Outbox(const Outbox&) = delete;
  Outbox& operator=(const Outbox&) = delete;

  // Empty if the transition is not for people (notify is false).
  std::vector<store::StateWrite> MakeEntries(const rules::Transition& transition);

  // Entries of other spaces and removals among `committed` are passed over, so that a caller may
  // hand in all the StateWrites of its commit.
  void Release(std::span<const store::StateWrite> committed);

  // (key, value) of all entries in the store, in any order, before the first MakeEntries(). One for
  // a channel that is no longer there is given up; one that cannot be read is logged, counted and
  // left where it is.
  void Restore(std::vector<std::pair<std::string, std::string>> entries);

  void Start();
  // What is not sent stays in the store. Idempotent.
  void Stop();
  // See Dispatcher::Wake().
  void Wake();

  std::vector<ChannelCounters> counters() const;
  uint64_t damaged() const { return damaged_; }

 private:
  Outbox(const Clock& clock, Remove remove) : clock_(clock), remove_(std::move(remove)) {}

  void Dispatch(const std::string& key, const std::string& value);

  const Clock& clock_;
  const Remove remove_;
  std::vector<std::unique_ptr<Dispatcher>> dispatchers_;  // constant after New()
  std::vector<std::string> names_;                        // of the same channels
  std::atomic<uint64_t> next_sequence_{1};
  std::atomic<uint64_t> damaged_{0};
};

}  // namespace ronda::notify
