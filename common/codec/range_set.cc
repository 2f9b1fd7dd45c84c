#include "common/codec/range_set.h"
