// Counts the program's calls of operator new between two points.
#pragma once

namespace ronda::agent {

void StartCountingAllocations();
// How many there were since the start.
int StopCountingAllocations();

}  // namespace ronda::agent
