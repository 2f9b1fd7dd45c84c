// Gives back the pages of program text that only the start needed.
#pragma once

#include <cstddef>

namespace ronda {

// Unmaps the pages of every executable file mapping of this process (never those that were written
// to: text is not). What is still used comes back from the page cache at the next use, at a minor
// fault for each 64 KiB. Returns the bytes that were looked at. Linux counts text that ran once, at
// the start, against a process for ever; of an agent that is a third of its RSS.
size_t ReleaseStartupPages();

}  // namespace ronda
