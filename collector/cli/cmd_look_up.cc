#include <fmt/format.h>

#include <algorithm>
#include <string>
#include <vector>

#include "collector/cli/commands.h"
#include "collector/cli/hints.h"
#include "collector/promql/parser.h"
#include "common/base/status.h"

namespace ronda::cli {
namespace {

using What = LookUpArgs::What;

constexpr std::string_view kDefaultSince = "1d";

// A row a text, the same in every format.
absl::Status PrintTexts(Context& context, Column column, const std::vector<std::string>& texts) {
  Report report({std::move(column)});
  for (const std::string& text : texts) {
    report.Add({Cell::Text(text)});
  }
  return texts.empty() && context.settings.format == Format::kTable ? absl::OkStatus()
                                                                    : Print(context, report);
}

}  // namespace

absl::StatusOr<int> RunLookUp(Context& context, const LookUpArgs& args) {
  std::vector<std::vector<Matcher>> all;
  for (const std::string& text : args.selectors) {
    absl::StatusOr<std::vector<Matcher>> matchers = promql::ParseSelector(text);
    if (!matchers.ok()) {
      return Annotate(ShowPlace(matchers.status(), text), "selector");
    }
    all.push_back(*std::move(matchers));
  }
  if (all.empty()) {
    all.emplace_back();
  }
  RONDA_ASSIGN_OR_RETURN(const query::TimeBase time, NoteTime(context));
  WindowArgs given = args.window;
  if (given.empty()) {
    given.since = kDefaultSince;
  }
  RONDA_ASSIGN_OR_RETURN(const Window window, ParseWindow(given, time.now_ms, context.zone));
  std::vector<std::string> texts;
  for (const std::vector<Matcher>& matchers : all) {
    if (args.what == What::kSeries) {
      RONDA_ASSIGN_OR_RETURN(const std::vector<Labels> series,
                             context.api.Series(matchers, window.from_ms, window.to_ms));
      for (const Labels& labels : series) {
        texts.push_back(labels.ToString());
      }
    } else {
      RONDA_ASSIGN_OR_RETURN(
          const std::vector<std::string> some,
          context.api.LabelValues(args.label, matchers, window.from_ms, window.to_ms));
      texts.insert(texts.end(), some.begin(), some.end());
    }
  }
  std::sort(texts.begin(), texts.end());
  texts.erase(std::unique(texts.begin(), texts.end()), texts.end());
  if (texts.empty()) {
    context.console.Note(fmt::format("nothing between {} and {}; take a longer window with --since",
                                     FormatInstant(window.from_ms, context.zone),
                                     FormatInstant(window.to_ms, context.zone)));
  }
  switch (args.what) {
    case What::kSeries:
      RONDA_RETURN_IF_ERROR(PrintTexts(context, {"SERIES", "series"}, texts));
      break;
    case What::kLabels:
      RONDA_RETURN_IF_ERROR(PrintTexts(context, {"LABEL", "label"}, texts));
      break;
    case What::kValues:
      RONDA_RETURN_IF_ERROR(PrintTexts(context, {"VALUE", "value"}, texts));
      break;
  }
  return kExitOk;
}

}  // namespace ronda::cli
