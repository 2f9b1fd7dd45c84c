// What the threads of one StreamClient share about its present stream.
#pragma once

#include <cstdint>
#include <string>
#include <vector>

#include "common/base/mutex.h"
#include "common/model/schema.h"

namespace grpc {
class ClientContext;
template <class W, class R>
class ClientReaderWriter;
}  // namespace grpc

namespace ronda::v1 {
class AgentMessage;
class CollectorMessage;
}  // namespace ronda::v1

namespace ronda::agent {

using ReaderWriter = grpc::ClientReaderWriter<v1::AgentMessage, v1::CollectorMessage>;

struct StreamState {
  bool connected = false;
  std::string collector;   // that it is, or was last, connected to
  std::string last_error;  // why the last attempt or stream ended
  int64_t connects = 0;
  int64_t clock_offset_ms = 0;  // collector's clock minus ours
};

struct StreamSession {
  Mutex mu;
  CondVar cv;  // `stopping`, `stream_over` or `answered` was set
  bool stopping ABSL_GUARDED_BY(mu) = false;
  std::string stop_reason ABSL_GUARDED_BY(mu);
  int64_t drain_ms ABSL_GUARDED_BY(mu) = 0;
  // Of the present stream:
  grpc::ClientContext* context ABSL_GUARDED_BY(mu) = nullptr;  // null: there is none
  bool stream_over ABSL_GUARDED_BY(mu) = false;
  bool answered ABSL_GUARDED_BY(mu) = false;      // its hello
  bool acknowledged ABSL_GUARDED_BY(mu) = false;  // anything
  std::vector<SchemaHash> wanted ABSL_GUARDED_BY(mu);
  int64_t heard_mono_ms ABSL_GUARDED_BY(mu) = 0;  // the last acknowledgement, or the Welcome
  // Of all:
  // The collector that acknowledged frames of the present epoch last; "" before the first.
  std::string acknowledged_by ABSL_GUARDED_BY(mu);
  StreamState state ABSL_GUARDED_BY(mu);

  bool IsStopping() {
    MutexLock lock(&mu);
    return stopping;
  }
};

}  // namespace ronda::agent
