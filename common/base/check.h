// A condition that only a bug of ours can break; stays on in Release. Never for outside input.
#pragma once

#include <cstdio>
#include <cstdlib>

#define RONDA_CHECK(condition)                                                           \
  do {                                                                                   \
    if (!(condition)) {                                                                  \
      std::fprintf(stderr, "%s:%d: check failed: %s\n", __FILE__, __LINE__, #condition); \
      std::abort();                                                                      \
    }                                                                                    \
  } while (false)
