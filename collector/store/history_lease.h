// For the sources of History alone.
#pragma once

#include <memory>
#include <utility>

#include "collector/store/history.h"

namespace ronda::store {

// A connection for reading, given back when destroyed.
class History::Lease {
 public:
  Lease(const History* history, std::unique_ptr<RecentDb> db)
      : history_(history), db_(std::move(db)) {}
  Lease(Lease&&) = default;
  Lease& operator=(Lease&&) = delete;
  ~Lease() {
    if (db_ != nullptr) {
      history_->Return(std::move(db_));
    }
  }
  RecentDb* operator->() const { return db_.get(); }
  RecentDb* get() const { return db_.get(); }

 private:
  const History* history_;
  std::unique_ptr<RecentDb> db_;
};

}  // namespace ronda::store
