// Numbers, strings and labels as Prometheus writes them into messages and labels.
#pragma once

#include <string>
#include <string_view>

#include "common/model/labels.h"

namespace ronda::promql {

// %g: the shortest text that reads back, with an exponent below 1e-4 and from 1e6 on; with `digits`
// so many significant ones.
std::string GoG(double value);
std::string GoG(double value, int digits);
// %f: six digits after the point.
std::string GoF(double value);
// Never an exponent, as many digits as read back: the label values of count_values().
std::string GoPlain(double value);
// %q.
std::string GoQuote(std::string_view text);
// {__name__="up", job="node"}.
std::string GoLabels(const Labels& labels);

}  // namespace ronda::promql
