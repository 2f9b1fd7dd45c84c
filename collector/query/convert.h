// Between the Api's structs and the messages of proto/ronda/v1/query.proto.
#pragma once

#include <cstddef>
#include <string>

#include "absl/status/statusor.h"
#include "collector/query/api.h"

namespace ronda::v1 {
class ActiveAlertEntry;
class AlertTransition;
class EvaluateHead;
class EvaluateRequest;
class GapEntry;
class SilenceEntry;
class LabelText;
class ListLabelsRequest;
class ListSeriesRequest;
class MetricEntry;
class NodeEntry;
class SelectRequest;
class SeriesChunk;
class SeriesEntry;
class StatusReply;
}  // namespace ronda::v1

namespace ronda::query {

void ToProto(const CollectorStatus& in, v1::StatusReply* out);
void ToProto(const NodeStatus& in, v1::NodeEntry* out);
void ToProto(const MetricStatus& in, v1::MetricEntry* out);
void ToProto(const SelectSpec& in, v1::SelectRequest* out);
// Matchers and window alone.
void ToProto(const SelectSpec& in, v1::ListSeriesRequest* out);
void ToProto(const SelectSpec& in, v1::ListLabelsRequest* out);
void ToProto(const Labels& in, v1::SeriesEntry* out);
void ToProto(const std::string& in, v1::LabelText* out);
void ToProto(const EvalSpec& in, v1::EvaluateRequest* out);
// All but the series.
void ToProto(const EvalResult& in, v1::EvaluateHead* out);
void ToProto(const ActiveAlert& in, v1::ActiveAlertEntry* out);
void ToProto(const SilenceStatus& in, v1::SilenceEntry* out);
void ToProto(const AlertEvent& in, v1::AlertTransition* out);
void ToProto(const Gap& in, v1::GapEntry* out);
// Samples [first, first + count) of a series; labels and metric only with the first part.
void ToProto(const SeriesData& in, size_t first, size_t count, v1::SeriesChunk* out);

CollectorStatus FromProto(const v1::StatusReply& in);
NodeStatus FromProto(const v1::NodeEntry& in);
MetricStatus FromProto(const v1::MetricEntry& in);
ActiveAlert FromProto(const v1::ActiveAlertEntry& in);
SilenceStatus FromProto(const v1::SilenceEntry& in);
AlertEvent FromProto(const v1::AlertTransition& in);
Gap FromProto(const v1::GapEntry& in);
// kInvalidArgument: a matcher that does not compile.
absl::StatusOr<SelectSpec> FromProto(const v1::SelectRequest& in);
absl::StatusOr<SelectSpec> FromProto(const v1::ListSeriesRequest& in);
absl::StatusOr<SelectSpec> FromProto(const v1::ListLabelsRequest& in);
EvalSpec FromProto(const v1::EvaluateRequest& in);
EvalResult FromProto(const v1::EvaluateHead& in);
Labels FromProto(const v1::SeriesEntry& in);
std::string FromProto(const v1::LabelText& in);
// Appends the part; the first one sets labels and metric. kDataLoss: columns of different length,
// or times that do not ascend.
absl::Status AppendChunk(const v1::SeriesChunk& in, SeriesData* out);

}  // namespace ronda::query
