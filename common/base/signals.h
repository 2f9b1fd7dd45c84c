// Orderly ends: signals are waited for in one place, main().
#pragma once

#include <initializer_list>

namespace ronda {

// Blocks the signals in this thread and all that it starts. Call it first thing in main(). SIGPIPE
// is ignored as well: a peer that is gone is an error of the write, not of the program.
void BlockSignals(std::initializer_list<int> signals);

// Waits for one of them, at most `timeout_ms` (-1: for ever). 0 if none came.
int WaitForSignal(std::initializer_list<int> signals, int timeout_ms);

}  // namespace ronda
