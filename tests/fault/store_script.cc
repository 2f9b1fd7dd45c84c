#include "tests/fault/store_script.h"

#include <chrono>
#include <limits>
#include <optional>
#include <set>
#include <thread>

#include "collector/store/sqlite_db.h"
#include "common/base/status.h"
#include "tests/support/status_matchers.h"

namespace ronda::store {
namespace {

constexpr int64_t kT0 = 1'795'132'800'000;
constexpr size_t kNodes = 2;
constexpr size_t kSeries = 12;
constexpr int64_t kFlushStepMs = 10;
constexpr int64_t kSealAfterMs = 180'000;

struct NamedStep {
  const char* name;
  absl::Status (StoreScript::*run)();
};

constexpr NamedStep kSteps[] = {
    {"append", &StoreScript::Append},
    {"end runs", &StoreScript::EndRuns},
    {"append", &StoreScript::Append},
    {"seal", &StoreScript::Seal},
    {"checkpoint the journal", &StoreScript::CheckpointJournal},
    {"burst", &StoreScript::Burst},
    {"age", &StoreScript::Age},
    {"seal", &StoreScript::Seal},
    {"append", &StoreScript::Append},
    {"checkpoint the history", &StoreScript::CheckpointHistory},
    {"compact", &StoreScript::Compact},
    {"reopen", &StoreScript::Reopen},
    {"append", &StoreScript::Append},
    {"age", &StoreScript::Age},
    {"seal", &StoreScript::Seal},
    {"checkpoint the journal", &StoreScript::CheckpointJournal},
    {"end runs", &StoreScript::EndRuns},
    {"burst", &StoreScript::Burst},
    {"seal", &StoreScript::Seal},
    {"compact", &StoreScript::Compact},
    {"append", &StoreScript::Append},
};

}  // namespace

struct StoreScript::Node {
  NodeId id = 0;
  uint64_t epoch = 0;
  uint64_t next_seq = 1;
  std::unique_ptr<FrameMaker> samples;
  std::unique_ptr<RecordMaker> records;
};

StoreScript::StoreScript(std::string dir, int64_t flush_ms)
    : dir_(std::move(dir)), flush_ms_(flush_ms), schema_(GaugeSchema(kSeries)), next_t_ms_(kT0) {
  for (size_t i = 0; i < kNodes; ++i) {
    nodes_.push_back(std::make_unique<Node>());
  }
  NewEpochs();
}

StoreScript::~StoreScript() = default;

void StoreScript::NewEpochs() {
  for (const std::unique_ptr<Node>& node : nodes_) {
    node->epoch = next_epoch_++;
    node->next_seq = 1;
    node->samples = std::make_unique<FrameMaker>(1, GroupIdentity{"host", "node", ""});
    node->samples->StartRun(schema_);
    node->records = std::make_unique<RecordMaker>(2, GapRecord());
  }
}

absl::Status StoreScript::Open(const std::string& dir) {
  Store::Options options;
  options.dir = dir;
  options.manual_seal = true;
  options.commit_interval_ms = 0;
  options.seal_after_ms = kSealAfterMs;
  options.disk_period_ms = 5;
  RONDA_ASSIGN_OR_RETURN(store_, Store::Open(options, clock_));
  // What an earlier store could not write before it was closed was never taken.
  appended_ = acknowledged();
  waiting_.clear();
  RONDA_RETURN_IF_ERROR(store_->AddSchema(schema_));
  for (size_t i = 0; i < nodes_.size(); ++i) {
    NodeInfo info;
    info.name = "node" + std::to_string(i);
    RONDA_ASSIGN_OR_RETURN(nodes_[i]->id, store_->PutNode(info));
  }
  // As an agent does whose collector comes back with less than it sent: a new epoch.
  for (const std::unique_ptr<Node>& node : nodes_) {
    if (store_->Held(node->id, {node->epoch, kT0}).count() + 1 < node->next_seq) {
      NewEpochs();
      break;
    }
  }
  return Flush();
}

absl::Status StoreScript::Flush() {
  for (int64_t waited = 0;; waited += kFlushStepMs) {
    const absl::Status status = store_->Flush(kFlushStepMs);
    if (!absl::IsDeadlineExceeded(status) || waited >= flush_ms_ || stop_()) {
      return status;
    }
  }
}

void StoreScript::Run(const std::function<bool()>& stop) {
  stop_ = stop;
  auto note = [this](const char* name, const absl::Status& status) {
    if (!status.ok()) {
      errors_.emplace_back(name, status);
    }
  };
  note("open", Open(dir_));
  for (const NamedStep& step : kSteps) {
    if (stop()) {
      return;
    }
    if (store_ == nullptr) {
      note("open", Open(dir_));
    }
    if (store_ != nullptr) {
      note(step.name, (this->*step.run)());
    }
  }
}

void StoreScript::Close() { store_.reset(); }

absl::Status StoreScript::Settle(int64_t timeout_ms) {
  flush_ms_ = timeout_ms;
  if (store_ == nullptr) {
    RONDA_RETURN_IF_ERROR(Open(dir_));
  }
  for (int64_t waited = 0; waited < timeout_ms; waited += kFlushStepMs) {
    RONDA_RETURN_IF_ERROR(AppendWaiting());
    if (waiting_.empty()) {
      return store_->Flush(timeout_ms);
    }
    if (store_->DiskFull()) {
      // What the sealer's thread does each second, which a script goes without: if trimming the
      // journal was what failed, it is that which tells that there is room again.
      store_->SealNow().IgnoreError();
    }
    std::this_thread::sleep_for(std::chrono::milliseconds(kFlushStepMs));
  }
  return Fail(absl::StatusCode::kDeadlineExceeded, "{} ticks still wait for room", waiting_.size());
}

absl::Status StoreScript::journal_status() const {
  return store_ == nullptr ? absl::OkStatus() : store_->Stats().journal_status;
}

size_t StoreScript::acknowledged() const {
  MutexLock lock(&mu_);
  size_t n = 0;
  for (const bool acknowledged : acknowledged_) {
    n += acknowledged ? 1 : 0;
  }
  return n;
}

absl::Status StoreScript::Add(size_t node, FrameEntry frame, Tick tick) {
  Batch batch;
  batch.node = nodes_[node]->id;
  batch.epoch = {nodes_[node]->epoch, kT0};
  batch.frames.push_back(std::move(frame));
  tick.state_key = "key" + std::to_string(ticks_.size());
  batch.state.push_back({"space", tick.state_key, "value of " + tick.state_key});
  const size_t index = ticks_.size();
  ticks_.push_back(std::move(tick));
  {
    MutexLock lock(&mu_);
    acknowledged_.push_back(false);
  }
  batch.on_commit = [this, index] {
    MutexLock lock(&mu_);
    acknowledged_[index] = true;
  };
  waiting_.push_back(std::move(batch));
  return AppendWaiting();
}

absl::Status StoreScript::AppendWaiting() {
  while (!waiting_.empty()) {
    const absl::Status status = store_->Append(waiting_.front());
    if (absl::IsResourceExhausted(status)) {
      return absl::OkStatus();
    }
    waiting_.pop_front();
    RONDA_RETURN_IF_ERROR(status);
    ++appended_;
  }
  return absl::OkStatus();
}

absl::Status StoreScript::AppendTick(size_t node) {
  Node& n = *nodes_[node];
  Tick tick;
  tick.node = node;
  tick.epoch = n.epoch;
  tick.seq = n.next_seq++;
  tick.t_ms = next_t_ms_;
  for (size_t i = 0; i < kSeries; ++i) {
    tick.values.push_back(static_cast<double>(ticks_.size() * (i + 3)) / 7);
  }
  FrameEntry frame = n.samples->Make(tick.seq, tick.t_ms, tick.values);
  return Add(node, std::move(frame), std::move(tick));
}

absl::Status StoreScript::AppendRecord(size_t node) {
  Node& n = *nodes_[node];
  Tick tick;
  tick.node = node;
  tick.epoch = n.epoch;
  tick.seq = n.next_seq++;
  tick.t_ms = next_t_ms_;
  const Record row{
      tick.t_ms,
      {tick.t_ms, tick.t_ms, std::string("host"), std::string("overflow"), std::string()}};
  FrameEntry frame = n.records->Make(tick.seq, std::vector<Record>{row});
  return Add(node, std::move(frame), std::move(tick));
}

absl::Status StoreScript::Append() {
  for (int i = 0; i < 3; ++i) {
    for (size_t node = 0; node < nodes_.size(); ++node) {
      RONDA_RETURN_IF_ERROR(AppendTick(node));
      if (i == 1) {
        RONDA_RETURN_IF_ERROR(AppendRecord(node));
      }
    }
    next_t_ms_ += 1000;
    RONDA_RETURN_IF_ERROR(Flush());
  }
  return absl::OkStatus();
}

absl::Status StoreScript::Burst() {
  for (int i = 0; i < 40; ++i) {
    for (size_t node = 0; node < nodes_.size(); ++node) {
      RONDA_RETURN_IF_ERROR(AppendTick(node));
    }
    next_t_ms_ += 1000;
  }
  return Flush();
}

absl::Status StoreScript::Seal() { return store_->SealNow(); }

absl::Status StoreScript::Compact() { return store_->CompactNow(); }

absl::Status StoreScript::EndRuns() {
  for (const std::unique_ptr<Node>& node : nodes_) {
    node->samples->StartRun(schema_);
    node->records = std::make_unique<RecordMaker>(2, GapRecord());
  }
  return absl::OkStatus();
}

absl::Status StoreScript::Age() {
  clock_.Advance(kSealAfterMs + 1000);
  next_t_ms_ += kSealAfterMs + 1000;
  return absl::OkStatus();
}

absl::Status StoreScript::CheckpointJournal() {
  RONDA_ASSIGN_OR_RETURN(const auto db, Database::Open(dir_ + "/ronda.db", {}));
  return db->Checkpoint(false);
}

absl::Status StoreScript::CheckpointHistory() {
  RONDA_ASSIGN_OR_RETURN(const auto db, Database::Open(dir_ + "/history/recent.db", {}));
  return db->Checkpoint(true);
}

absl::Status StoreScript::Reopen() {
  store_.reset();
  return Open(dir_);
}

void StoreScript::Check(const Store& store) {
  std::vector<bool> acknowledged;
  {
    MutexLock lock(&mu_);
    acknowledged = acknowledged_;
  }
  // Samples by node and time; records are ticks without values.
  std::map<std::pair<std::string, int64_t>, std::map<std::string, double>> samples;
  ASSERT_OK(store.Select({*Matcher::New(Matcher::Type::kNotEqual, "__name__", "")}, 0,
                         std::numeric_limits<int64_t>::max(), [&](const SeriesView& view) {
                           for (size_t i = 0; i < view.t_ms.size(); ++i) {
                             samples[{std::string(view.labels.Get("node")), view.t_ms[i]}]
                                    [std::string(view.labels.Get("i"))] = view.values[i];
                           }
                           return true;
                         }));
  std::set<std::pair<std::string, int64_t>> records;
  ASSERT_OK(store.ScanRecords("gap", "", 0, std::numeric_limits<int64_t>::max(),
                              [&](std::string_view node, const Record& row) {
                                EXPECT_EQ(row.values.size(), 5u);
                                EXPECT_EQ(std::get<std::string>(row.values[3]), "overflow");
                                EXPECT_TRUE(records.insert({std::string(node), row.t_ms}).second)
                                    << "a record is told twice";
                                return true;
                              }));
  std::set<std::string> state;
  ASSERT_OK(store.ScanState("space", [&](std::string_view key, std::string_view value) {
    EXPECT_EQ(value, "value of " + std::string(key));
    state.insert(std::string(key));
  }));
  for (size_t index = 0; index < ticks_.size(); ++index) {
    const Tick& tick = ticks_[index];
    const std::string node = "node" + std::to_string(tick.node);
    const auto what = [&] {
      return "tick " + std::to_string(index) + " of " + node + ", epoch " +
             std::to_string(tick.epoch) + " seq " + std::to_string(tick.seq);
    };
    if (acknowledged[index]) {
      EXPECT_TRUE(state.contains(tick.state_key)) << "state of " << what() << " is lost";
      const NodeId id = nodes_[tick.node]->id;
      EXPECT_TRUE(store.Durable(id, {tick.epoch, kT0}).Contains(tick.seq))
          << what() << " is not durable any more";
    }
    if (tick.values.empty()) {
      const bool found = records.erase({node, tick.t_ms}) > 0;
      EXPECT_TRUE(found || !acknowledged[index]) << "record " << what() << " is lost";
      continue;
    }
    const auto found = samples.find({node, tick.t_ms});
    if (found == samples.end()) {
      EXPECT_FALSE(acknowledged[index]) << what() << " is lost";
      continue;
    }
    EXPECT_EQ(found->second.size(), tick.values.size()) << what();
    for (size_t i = 0; i < tick.values.size(); ++i) {
      const auto value = found->second.find(std::to_string(i));
      EXPECT_TRUE(value != found->second.end() && value->second == tick.values[i])
          << what() << ", series " << i;
    }
    samples.erase(found);
  }
  EXPECT_TRUE(samples.empty()) << samples.size() << " ticks that nobody appended";
  EXPECT_TRUE(records.empty()) << records.size() << " records that nobody appended";
  EXPECT_EQ(store.Stats().counters.corrupt_blocks, 0);
  EXPECT_EQ(store.Stats().counters.corrupt_journal_rows, 0);
}

void StoreScript::ExpectAcknowledgedIn(const std::string& dir) {
  stop_ = [] { return false; };
  flush_ms_ = 10'000;
  ASSERT_OK(Open(dir));
  Check(*store_);
  // It takes more, and keeps that too.
  EXPECT_OK(Append());
  EXPECT_OK(EndRuns());
  EXPECT_OK(Append());
  EXPECT_OK(Seal());
  store_.reset();
  ASSERT_OK(Open(dir));
  Check(*store_);
  store_.reset();
}

}  // namespace ronda::store
