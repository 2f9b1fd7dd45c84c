// Numbers for people, as the template functions of Prometheus print them.
#pragma once

#include <string>
#include <string_view>

namespace ronda::tmpl {

std::string Humanize(double v);            // 1.235k, 12.5m (thousandths)
std::string Humanize1024(double v);        // 1.206ki
std::string HumanizeDuration(double v);    // seconds: 1d 2h 3m 4s, 250ms
std::string HumanizePercentage(double v);  // 0.5 is 50%

}  // namespace ronda::tmpl
