// The section "log" of both programs.
#pragma once

#include "common/config/spec.h"
#include "common/obs/log.h"

namespace ronda::config {

Type<obs::LogOptions> LogType();

}  // namespace ronda::config
