// Threads with names, so that top -H and gdb tell them apart.
#pragma once

#include <functional>
#include <string>
#include <thread>

namespace ronda {

// Starts a thread that is called `name` (15 characters at most) and runs `body`, with all signals
// blocked: signals are for main().
std::thread StartThread(std::string name, std::function<void()> body);

}  // namespace ronda
