// Copies of the two files that a running collector writes, as they were at one moment.
#pragma once

#include <functional>
#include <string>

#include "absl/status/status.h"
#include "collector/backup/file_copy.h"

namespace ronda::backup {

struct LiveCopy {
  std::string data_dir;
  std::string journal_to;  // new files; nothing is written for a file that is not there
  std::string recent_to;
  Progress progress;
  std::function<void()> between_for_test = [] {};  // after ronda.db was pinned, before recent.db
};

// The order. What was acknowledged is in the journal until a block of recent.db holds it: blocks
// are committed first, journal rows deleted after. So ronda.db is pinned first (a read transaction
// of SQLite shows the file as it was at its first read), then recent.db. A frame that is not in the
// pinned journal was trimmed before, and its block is in recent.db, which is pinned later; a frame
// that is in both is one that a crash between seal and trim leaves too, which recovery knows. The
// other way round, a seal and a trim between the two would lose frames. Only the pins must be close
// together: copying takes as long as it takes, and no writer waits for it.
//
// recent.db may then hold blocks of frames that were not yet committed when the journal was pinned,
// and the numbers of those must not be given again: the copy of ronda.db is told the greatest.
//
// The copies are durable. kNotFound: there is no data. kUnavailable: the collector came or went
// meanwhile.
absl::Status CopyLiveFiles(const LiveCopy& copy);

}  // namespace ronda::backup
