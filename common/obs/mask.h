// Takes secrets out of texts that people, logs and files will see.
#pragma once

#include <string>
#include <string_view>

namespace ronda::obs {

// `text` with "<secret>" in place of what looks like a credential, wherever it stands in the text:
//   the password of a URL              postgres://ronda:<secret>@db:5432/shop
//   secret parameters of URLs and DSNs password=<secret>, token, api_key, access_key, secret, ...
//   the same in JSON and YAML          "password": "<secret>"
//   authorisation headers              Bearer <secret>, Basic <secret>
//   URLs that are themselves secrets   api.telegram.org/bot<secret>, hooks.slack.com/services/...,
//                                      discord.com/api/webhooks/ID/<secret>
// This is the last line of defence, for texts that others made (error messages of libraries): a
// secret in a place that is not listed passes.
std::string MaskSecrets(std::string_view text);

}  // namespace ronda::obs
