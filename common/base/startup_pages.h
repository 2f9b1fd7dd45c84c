// Gives back the pages of programs and libraries that only the start needed.
#pragma once

#include <cstddef>

namespace ronda {

// Unmaps the pages of text, constants and symbol tables of this program and its shared libraries;
// never those that the program or the dynamic linker has written to. What is still used comes back
// from the page cache at the next use, at a minor fault for each 64 KiB. Returns the bytes that
// were looked at. Linux counts what was read once, at the start, against a process for ever: text
// that ran, symbols that the dynamic linker looked up. Of an agent that is half of its RSS.
// Thread-safe.
size_t ReleaseStartupPages();

}  // namespace ronda
