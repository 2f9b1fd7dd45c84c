// What a server's sessions are doing, bounded, and how near the server is to its limit.
#pragma once

#include <cstddef>
#include <cstdint>
#include <map>
#include <optional>
#include <set>
#include <span>
#include <string>
#include <string_view>
#include <tuple>
#include <vector>

namespace ronda::agent {

// The sessions that share a database, state, user and application.
struct ActivityRow {
  std::string datname;
  std::string usename;
  std::string application_name;
  std::string state;
  double count = 0;
  double max_tx_seconds = 0;  // age of the oldest open transaction among them

  bool operator==(const ActivityRow&) const = default;
};

// Decides which rows get series of their own: at most `limit` different ones between two calls of
// Forget(), however many applications come and go. Not thread-safe.
class ActivityNames {
 public:
  // The value that stands for what did not get a name of its own.
  static constexpr std::string_view kOther = "other";

  // At least 100.
  explicit ActivityNames(size_t limit) : limit_(limit) {}

  // Rows that had a name keep it; new ones get one, the largest first, up to nine tenths of the
  // limit. The rest is added up under application_name "other"; where even that gives too many,
  // under usename "other" as well, and at last under datname "other". The sum of all counts stays
  // what it was. Then, as postgres_exporter does, rows of zeros without user and application are
  // added for each of `databases` and each state in which it has no session; these take at most
  // half of the limit.
  std::vector<ActivityRow> Fold(std::vector<ActivityRow> rows,
                                std::span<const std::string> databases);

  // All names are free again.
  void Forget() { names_.clear(); }

  // How many rows were added up under "other" so far.
  uint64_t folded() const { return folded_; }

 private:
  using Name = std::tuple<std::string, std::string, std::string, std::string>;
  using Rows = std::map<Name, ActivityRow>;

  static Name NameOf(const ActivityRow& row);
  static void Merge(const ActivityRow& row, Rows* into);
  // True if `name` has a place, or gets one because fewer than `limit` are taken.
  bool Admit(const Name& name, size_t limit);
  Rows FoldRest(std::span<const ActivityRow> rest) const;

  const size_t limit_;
  std::set<Name> names_;
  uint64_t folded_ = 0;
};

// Settings that take a restart of the server to change.
struct ConnectionLimits {
  double max_connections = 0;
  double superuser_reserved = 0;
  double reserved = 0;  // reserved_connections, since PostgreSQL 16; before, 0

  // What an ordinary role can get.
  double ordinary() const { return max_connections - superuser_reserved - reserved; }
};

// 100 * used / ordinary slots, rounded to 2 decimals. Above 100 when superusers use theirs too.
// Nothing if there is no ordinary slot.
std::optional<double> UsagePercent(double used, const ConnectionLimits& limits);

}  // namespace ronda::agent
