#include "common/base/version.h"

namespace ronda {

std::string_view Version() { return RONDA_VERSION; }

}  // namespace ronda
