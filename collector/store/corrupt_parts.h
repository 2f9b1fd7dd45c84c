// What readers and the compactor find damaged in the files of level 1: each part is logged and
// counted once, and the samples that it held are told of as a gap.
#pragma once

#include <cstdint>
#include <functional>
#include <string>
#include <string_view>
#include <vector>

#include "absl/base/thread_annotations.h"
#include "absl/container/flat_hash_set.h"
#include "absl/status/status.h"
#include "common/base/mutex.h"

namespace ronda::store {

// A part of a file, and the samples that are lost with it: those of [from_ms, to_ms].
struct CorruptPart {
  std::string name;   // "PATH row 7": tells parts of one process apart
  std::string node;   // "": every node
  std::string group;  // "": all of the node
  int64_t from_ms = 0;
  int64_t to_ms = 0;
  std::string detail;        // for people; with the rest, names the gap
  bool lost_samples = true;  // false: roll-ups alone, or what has been told of in other parts
};

// Thread-safe.
class CorruptParts {
 public:
  // Logs and counts the part if it is new.
  void Add(CorruptPart part, const absl::Status& why);
  // How many parts there are.
  int64_t count() const;
  // The new ones that lost samples, since the last call.
  std::vector<CorruptPart> TakeNew();
  // Gives back what could not be told of.
  void PutBack(std::vector<CorruptPart> parts);
  // `wake` is called after a part was added, under no lock of this object. Set once, before others
  // use it.
  void OnNew(std::function<void()> wake) { wake_ = std::move(wake); }

 private:
  std::function<void()> wake_;
  mutable Mutex mu_;
  absl::flat_hash_set<std::string> names_ ABSL_GUARDED_BY(mu_);
  std::vector<CorruptPart> new_ ABSL_GUARDED_BY(mu_);
};

// The name that a damaged file gets when it is put aside, and whether `name` is one: then what it
// was called before.
std::string AsideName(std::string_view path, int64_t now_ms);
std::string_view NameBeforeAside(std::string_view name);  // "" if it is none

}  // namespace ronda::store
