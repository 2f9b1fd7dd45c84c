#include "agent/samplers/sampler.h"
