#include "collector/cli/commands.h"
#include "collector/store/store.h"
#include "common/base/clock.h"
#include "common/base/status.h"

namespace ronda::cli {

absl::StatusOr<int> RunRepair(const Settings& settings, Console& console) {
  if (settings.data.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "`store repair` works on a data folder: ronda --data DIR store repair");
  }
  const SystemClock clock;
  RONDA_ASSIGN_OR_RETURN(const std::string report, store::RepairDataFolder(settings.data, clock));
  console.Out(report);
  if (!report.empty() && report.back() != '\n') {
    console.Out("\n");
  }
  return kExitOk;
}

}  // namespace ronda::cli
