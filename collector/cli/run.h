// The program `ronda`, but for main().
#pragma once

#include <cstdio>

namespace ronda::cli {

// Parses, connects or opens, runs one command. Returns the exit code.
int Run(int argc, const char* const* argv, std::FILE* out, std::FILE* err);

}  // namespace ronda::cli
