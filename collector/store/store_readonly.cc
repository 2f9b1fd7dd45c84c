#include <utility>

#include "collector/store/folder_lock.h"
#include "collector/store/replay.h"
#include "collector/store/sqlite_readonly.h"
#include "collector/store/store.h"
#include "collector/store/store_base.h"
#include "common/base/status.h"

namespace ronda::store {
namespace {

absl::Status ReadOnly(std::string_view what) {
  return Fail(absl::StatusCode::kFailedPrecondition, "{}: the store is open for reading only",
              what);
}

// A store as it was at one moment. Blocks are read as they are now: what was sealed since is in
// both, as the same frames.
class ReadOnlyStore final : public StoreBase {
 public:
  explicit ReadOnlyStore(bool live) : live_(live) {}

  absl::Status Load(const std::string& dir, const Clock& clock) {
    RONDA_ASSIGN_OR_RETURN(file_, ReadOnlyFile::Open(dir + "/ronda.db"));
    RONDA_ASSIGN_OR_RETURN(std::unique_ptr<Database> connection, file_->Connect());
    RONDA_ASSIGN_OR_RETURN(std::unique_ptr<JournalDb> db, JournalDb::Wrap(std::move(connection)));
    {
      // One moment of ronda.db, and only then the history: what is trimmed from the journal
      // meanwhile is in blocks by then.
      RONDA_ASSIGN_OR_RETURN(const Transaction snapshot, Transaction::Begin(db->db(), false));
      std::vector<CatalogueWrite> not_written;
      {
        MutexLock lock(&state_.mu);
        RONDA_RETURN_IF_ERROR(LoadCatalogue(db.get(), &state_.catalogue));
        RONDA_ASSIGN_OR_RETURN(std::unique_ptr<History> history,
                               History::Open(dir, true, &state_.catalogue, &not_written));
        RONDA_ASSIGN_OR_RETURN(LevelOne level, LevelOne::Open(dir, true, clock.NowMs()));
        Init(std::move(history), std::move(level), nullptr);
      }
      RONDA_RETURN_IF_ERROR(Replay(db.get(), *history_, clock, &state_).status());
    }
    SetStateDb(std::move(db));
    return absl::OkStatus();
  }

  ~ReadOnlyStore() override { SetStateDb(nullptr); }

  bool live() const override { return live_; }
  void Close() override {}
  absl::StatusOr<NodeId> PutNode(const NodeInfo& node) override {
    return ReadOnly("adding node " + node.name);
  }
  absl::Status AddSchema(std::shared_ptr<const Schema>) override {
    return ReadOnly("adding a schema");
  }
  using Store::Append;
  absl::Status Append(std::vector<Batch>) override { return ReadOnly("appending"); }
  void ShowHeld(NodeId, const FrameEntry&, std::span<const double>) override {}
  absl::Status Flush(int64_t) override { return absl::OkStatus(); }
  absl::Status SealNow() override { return ReadOnly("sealing"); }
  absl::Status CompactNow() override { return ReadOnly("compacting"); }
  absl::Status CompactDue() override { return ReadOnly("compacting"); }

 private:
  const bool live_;
  std::unique_ptr<ReadOnlyFile> file_;
};

}  // namespace

absl::StatusOr<std::unique_ptr<Store>> Store::OpenReadOnly(const std::string& dir,
                                                           const Clock& clock) {
  auto store = std::make_unique<ReadOnlyStore>(FolderLock::IsHeld(dir));
  const absl::Status status = store->Load(dir, clock);
  if (absl::IsNotFound(status)) {
    return Fail(absl::StatusCode::kNotFound, "{} holds no data of Ronda: {}", dir, Message(status));
  }
  if (!status.ok()) {
    return AdviseRepair(status, dir);
  }
  return std::unique_ptr<Store>(std::move(store));
}

}  // namespace ronda::store
