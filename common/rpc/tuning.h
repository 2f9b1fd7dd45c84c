// What gRPC costs beyond need, turned off.
#pragma once

namespace ronda::rpc {

// Debian builds Abseil with its search for deadlocks of mutexes: each lock that gRPC takes goes
// through a graph (measured: 4 % of a collector's CPU, and a node in the graph for each mutex). Turns
// that off. To be called at the start of main().
void TuneProcess();

}  // namespace ronda::rpc
