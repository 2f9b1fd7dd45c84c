// Go's fmt.Sprintf for the values of templates.
#pragma once

#include <string>
#include <string_view>

#include "collector/template/functions.h"

namespace ronda::tmpl {

// Verbs v s d f F e E g G x X o b c q t U and %; flags + - # space 0; width and precision, also *.
// As in Go what does not fit is said in the text: %!d(float64=1.5), %!s(MISSING), %!(EXTRA ...).
std::string Printf(std::string_view format, Arguments arguments);
// "text" with escapes.
std::string Quote(std::string_view text);

}  // namespace ronda::tmpl
