#include "collector/store/segments.h"

#include <algorithm>
#include <filesystem>
#include <system_error>
#include <utility>

#include "common/base/files.h"
#include "common/base/status.h"
#include "common/obs/log.h"

namespace ronda::store {
namespace {

namespace fs = std::filesystem;

constexpr size_t kMostOpenFiles = 8;

}  // namespace

absl::StatusOr<std::unique_ptr<Segments>> Segments::Open(const std::string& dir, bool read_only,
                                                         std::span<const int64_t> spans) {
  std::unique_ptr<Segments> segments(new Segments(dir, read_only, spans));
  std::error_code error;
  MutexLock lock(&segments->mu_);
  for (const fs::directory_entry& entry : fs::directory_iterator(dir, error)) {
    const std::optional<SegmentSpan> span =
        ParseSegmentFileName(entry.path().filename().string(), spans);
    if (span) {
      if (!read_only) {
        RONDA_RETURN_IF_ERROR(Database::RenewWal(entry.path().string()));
      }
      segments->files_.push_back(segments->NewFile(*span));
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Fail(absl::StatusCode::kPermissionDenied, "listing {}: {}", dir, error.message());
  }
  std::sort(segments->files_.begin(), segments->files_.end(), [](const auto& a, const auto& b) {
    return a->span().first_window < b->span().first_window;
  });
  return segments;
}

std::shared_ptr<SegmentFile> Segments::NewFile(const SegmentSpan& span) {
  return std::make_shared<SegmentFile>(
      dir_ + "/" + SegmentFileName(span), span, read_only_,
      [this](const std::string& part, const absl::Status& why) { CountCorrupt(part, why); });
}

std::vector<std::shared_ptr<SegmentFile>> Segments::Overlapping(int64_t start_ms,
                                                                int64_t end_ms) const {
  std::vector<std::shared_ptr<SegmentFile>> out;
  MutexLock lock(&mu_);
  for (const std::shared_ptr<SegmentFile>& file : files_) {
    if (file->span().start_ms() < end_ms && file->span().end_ms() >= start_ms) {
      out.push_back(file);
    }
  }
  return out;
}

std::vector<std::shared_ptr<SegmentFile>> Segments::All() const {
  MutexLock lock(&mu_);
  return files_;
}

absl::StatusOr<std::shared_ptr<SegmentFile>> Segments::ForWriting(int64_t window,
                                                                  int64_t span_windows) {
  RONDA_RETURN_IF_ERROR(MakeDirectories(dir_));
  MutexLock lock(&mu_);
  for (const std::shared_ptr<SegmentFile>& file : files_) {
    if (file->span().Holds(window)) {
      return file;
    }
  }
  for (const int64_t windows : spans_) {
    const SegmentSpan span = SpanOf(window, windows);
    const bool is_free = std::none_of(files_.begin(), files_.end(), [&](const auto& file) {
      return file->span().start_ms() < span.end_ms() && file->span().end_ms() > span.start_ms();
    });
    if (is_free && (windows <= span_windows || windows == spans_.back())) {
      std::shared_ptr<SegmentFile> file = NewFile(span);
      files_.insert(std::upper_bound(files_.begin(), files_.end(), file,
                                     [](const auto& a, const auto& b) {
                                       return a->span().first_window < b->span().first_window;
                                     }),
                    file);
      return file;
    }
  }
  return Fail(absl::StatusCode::kInternal, "{}: no file for window {}", dir_, window);
}

absl::Status Segments::Remove(const std::shared_ptr<SegmentFile>& file) {
  {
    MutexLock lock(&mu_);
    std::erase(files_, file);
  }
  return file->Remove();
}

int64_t Segments::Bytes() const {
  int64_t bytes = 0;
  for (const std::shared_ptr<SegmentFile>& file : All()) {
    bytes += file->Bytes();
  }
  return bytes;
}

void Segments::CloseIdle() {
  std::vector<std::shared_ptr<SegmentFile>> open;
  for (const std::shared_ptr<SegmentFile>& file : All()) {
    file->FinishWriting();
    if (file->loaded()) {
      open.push_back(file);
    }
  }
  // The newest are read most.
  for (size_t i = 0; i + kMostOpenFiles < open.size(); ++i) {
    open[i]->Unload();
  }
}

int64_t Segments::corrupt_parts() const {
  MutexLock lock(&corrupt_mu_);
  return static_cast<int64_t>(corrupt_.size());
}

void Segments::CountCorrupt(const std::string& part, const absl::Status& why) {
  MutexLock lock(&corrupt_mu_);
  if (corrupt_.insert(part).second) {
    obs::Error("store", "left out damaged history, {}: {}", part, Message(why));
  }
}

}  // namespace ronda::store
