// The line is made here, since spdlog knows neither other zones than the machine's nor JSON; its
// sinks write and flush it.
#include "common/obs/log.h"

#include <spdlog/sinks/basic_file_sink.h>
#include <spdlog/sinks/stdout_sinks.h>
#include <spdlog/spdlog.h>

#include <atomic>
#include <memory>

#include "absl/time/clock.h"
#include "absl/time/time.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/base/utf8.h"
#include "common/obs/mask.h"

namespace ronda::obs {
namespace {

// What one InitLogging() set up; never changed afterwards.
struct Output {
  std::shared_ptr<spdlog::logger> logger;
  bool json = false;
  absl::TimeZone zone;
};

class Logger {
 public:
  Logger() {
    auto output = std::make_shared<Output>();
    output->logger = NewLogger(std::make_shared<spdlog::sinks::stderr_sink_mt>());
    output->zone = absl::LocalTimeZone();
    Set(std::move(output), LogLevel::kWarn);
  }

  static std::shared_ptr<spdlog::logger> NewLogger(spdlog::sink_ptr sink) {
    auto logger = std::make_shared<spdlog::logger>("ronda", std::move(sink));
    logger->set_pattern("%v");
    logger->set_level(spdlog::level::trace);
    logger->flush_on(spdlog::level::trace);
    return logger;
  }

  void Set(std::shared_ptr<const Output> output, LogLevel level) {
    const MutexLock lock(&mu_);
    output_ = std::move(output);
    level_ = level;
  }

  std::shared_ptr<const Output> Get() {
    const MutexLock lock(&mu_);
    return output_;
  }

  LogLevel level() const { return level_; }

 private:
  Mutex mu_;
  std::shared_ptr<const Output> output_ ABSL_GUARDED_BY(mu_);
  std::atomic<LogLevel> level_ = LogLevel::kWarn;
};

// Never destroyed: threads may log while the process ends.
Logger& Instance() {
  static auto* const logger = new Logger;
  return *logger;
}

std::string_view Name(LogLevel level) {
  switch (level) {
    case LogLevel::kDebug:
      return "debug";
    case LogLevel::kInfo:
      return "info";
    case LogLevel::kWarn:
      return "warn";
    case LogLevel::kError:
      return "error";
  }
  return "error";
}

std::string OneLine(std::string text) {
  for (char& c : text) {
    c = static_cast<unsigned char>(c) < 0x20 || c == 0x7f ? ' ' : c;
  }
  return text;
}

}  // namespace

absl::Status InitLogging(const LogOptions& options) {
  auto output = std::make_shared<Output>();
  output->json = options.json;
  output->zone = absl::LocalTimeZone();
  if (!options.timezone.empty() && !absl::LoadTimeZone(options.timezone, &output->zone)) {
    return Fail(absl::StatusCode::kInvalidArgument, "time zone \"{}\" is not known",
                options.timezone);
  }
  try {
    spdlog::sink_ptr sink;
    if (options.file.empty()) {
      sink = std::make_shared<spdlog::sinks::stderr_sink_mt>();
    } else {
      sink = std::make_shared<spdlog::sinks::basic_file_sink_mt>(options.file);
    }
    output->logger = Logger::NewLogger(std::move(sink));
  } catch (const spdlog::spdlog_ex& error) {
    return Fail(absl::StatusCode::kFailedPrecondition, "opening the log {}: {}", options.file,
                error.what());
  }
  Instance().Set(std::move(output), options.level);
  return absl::OkStatus();
}

bool LogEnabled(LogLevel level) { return level >= Instance().level(); }

void Log(LogLevel level, std::string_view component, std::string_view message) {
  if (!LogEnabled(level)) {
    return;
  }
  const std::shared_ptr<const Output> output = Instance().Get();
  const std::string time = absl::FormatTime("%Y-%m-%dT%H:%M:%E3S%Ez", absl::Now(), output->zone);
  const std::string masked = MaskSecrets(message);
  const std::string line =
      output->json ? fmt::format(R"({{"time":"{}","level":"{}","component":{},"message":{}}})",
                                 time, Name(level), QuoteJson(component), QuoteJson(masked))
                   : fmt::format("[{}] [{}] {}: {}", time, Name(level), component, OneLine(masked));
  output->logger->log(spdlog::level::info, spdlog::string_view_t(line.data(), line.size()));
}

std::string QuoteJson(std::string_view text) {
  std::string quoted = "\"";
  while (!text.empty()) {
    const auto byte = static_cast<unsigned char>(text.front());
    size_t length = Utf8Length(text);
    if (length == 0) {
      quoted += "\xef\xbf\xbd";
      length = 1;
    } else if (byte == '"' || byte == '\\') {
      quoted += '\\';
      quoted += text.front();
    } else if (byte == '\n') {
      quoted += "\\n";
    } else if (byte < 0x20 || byte == 0x7f) {
      quoted += fmt::format("\\u{:04x}", static_cast<unsigned>(byte));
    } else {
      quoted += text.substr(0, length);
    }
    text.remove_prefix(length);
  }
  quoted += '"';
  return quoted;
}

}  // namespace ronda::obs
