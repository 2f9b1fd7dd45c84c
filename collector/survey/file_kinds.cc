#include "collector/survey/file_kinds.h"

namespace ronda::survey {
namespace {

constexpr FileKind kFileKinds[] = {
    {"journal", "ronda.db", VisitJournal},       {"recent", "history/recent.db", VisitRecent},
    {"raw", "history/raw/*.db", VisitSamples},   {"minute", "history/minute/*.db", VisitRollups},
    {"hour", "history/hour/*.db", VisitRollups}, {"records", "history/records/*.db", VisitRecords},
};

}  // namespace

std::span<const FileKind> FileKinds() { return kFileKinds; }

}  // namespace ronda::survey
