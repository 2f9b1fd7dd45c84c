// Scripts that say how alerts live: frames in, transitions out. README.md of this folder has the
// grammar.
#pragma once

#include <string>

namespace ronda::rules {

// Runs a script and returns "" or what went otherwise than it says, with the line. With
// `restart_each_step` the engine is thrown away before each command and a new one takes up what was
// durable: the script must not notice.
std::string RunAlertScript(const std::string& text, bool restart_each_step);

}  // namespace ronda::rules
