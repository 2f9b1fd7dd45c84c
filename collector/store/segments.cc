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

absl::StatusOr<std::unique_ptr<Segments>> Segments::Open(Options options, int64_t now_ms,
                                                         CorruptParts* corrupt) {
  std::unique_ptr<Segments> segments(new Segments(std::move(options), corrupt));
  const std::string& dir = segments->options_.dir;
  std::vector<std::pair<std::shared_ptr<SegmentFile>, absl::Status>> unreadable;
  std::error_code error;
  std::vector<std::shared_ptr<SegmentFile>> files;
  for (const fs::directory_entry& entry : fs::directory_iterator(dir, error)) {
    const std::optional<SegmentSpan> span =
        ParseSegmentFileName(entry.path().filename().string(), segments->spans());
    if (!span) {
      continue;
    }
    files.push_back(segments->NewFile(*span));
    absl::Status status;
    if (!segments->options_.read_only) {
      status = SegmentDb::CheckHead(entry.path().string());
      status.Update(status.ok() ? Database::RenewWal(entry.path().string()) : status);
      // Not put aside: another file in its place would be one too many for that version.
      if (status.ok()) {
        RONDA_RETURN_IF_ERROR(SegmentDb::CheckNotLater(entry.path().string()));
      }
    }
    if (!status.ok()) {
      unreadable.emplace_back(files.back(), status);
    }
  }
  if (error && error != std::errc::no_such_file_or_directory) {
    return Fail(absl::StatusCode::kPermissionDenied, "listing {}: {}", dir, error.message());
  }
  std::sort(files.begin(), files.end(), [](const auto& a, const auto& b) {
    return a->span().first_window < b->span().first_window;
  });
  {
    MutexLock lock(&segments->mu_);
    segments->files_ = std::move(files);
  }
  for (const auto& [file, why] : unreadable) {
    const absl::Status aside = segments->PutAside(file, now_ms, why);
    if (!aside.ok()) {
      obs::Error("store", "{}", Message(aside));
    }
  }
  return segments;
}

std::shared_ptr<SegmentFile> Segments::NewFile(const SegmentSpan& span) {
  return std::make_shared<SegmentFile>(options_.dir + "/" + SegmentFileName(span), span,
                                       options_.read_only, options_.wal_pages,
                                       [this](CorruptPart part, const absl::Status& why) {
                                         part.lost_samples = part.lost_samples && !options_.rollups;
                                         corrupt_.Add(std::move(part), why);
                                       });
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
  RONDA_RETURN_IF_ERROR(MakeDirectories(options_.dir));
  MutexLock lock(&mu_);
  for (const std::shared_ptr<SegmentFile>& file : files_) {
    if (file->span().Holds(window)) {
      return file;
    }
  }
  for (const int64_t windows : options_.spans) {
    const SegmentSpan span = SpanOf(window, windows);
    const bool is_free = std::none_of(files_.begin(), files_.end(), [&](const auto& file) {
      return file->span().start_ms() < span.end_ms() && file->span().end_ms() > span.start_ms();
    });
    if (is_free && (windows <= span_windows || windows == options_.spans.back())) {
      std::shared_ptr<SegmentFile> file = NewFile(span);
      files_.insert(std::upper_bound(files_.begin(), files_.end(), file,
                                     [](const auto& a, const auto& b) {
                                       return a->span().first_window < b->span().first_window;
                                     }),
                    file);
      return file;
    }
  }
  return Fail(absl::StatusCode::kInternal, "{}: no file for window {}", options_.dir, window);
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

absl::Status Segments::PutAside(const std::shared_ptr<SegmentFile>& file, int64_t now_ms,
                                const absl::Status& why) {
  {
    MutexLock lock(&mu_);
    std::erase(files_, file);
  }
  RONDA_ASSIGN_OR_RETURN(const std::string aside, file->PutAside(now_ms));
  obs::Error("store",
             "put {} aside as {}, it cannot be used: {}; `ronda store repair` brings back what can "
             "be read of it",
             file->path(), aside, Message(why));
  CorruptPart part = file->WholeFile();
  part.lost_samples = !options_.rollups;
  corrupt_.Add(std::move(part), why);
  return absl::OkStatus();
}

}  // namespace ronda::store
