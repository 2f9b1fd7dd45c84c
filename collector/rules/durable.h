// What of the rules goes into a commit.
#pragma once

#include <vector>

#include "collector/rules/transition.h"
#include "collector/store/state_write.h"
#include "common/model/record.h"

namespace ronda::rules {

// Appends for each transition the alert's state (written, or removed when it is over) to `writes`
// and, where the state is another than before, a record of kind AlertRecord() to `records`. The
// record belongs to the node alert.node.
void AppendDurable(const Transition& transition, std::vector<store::StateWrite>* writes,
                   std::vector<Record>* records);

}  // namespace ronda::rules
