// Each kind is one client with one connection at a time (slow: with 200). One that is refused comes
// back after 50 ms, which is far sooner than an agent would; one that is not sends as fast as it is
// read.
#include "tests/bench/hostile_client.h"

#include <fmt/format.h>
#include <poll.h>
#include <zlib.h>

#include <array>
#include <chrono>
#include <memory>
#include <random>
#include <thread>
#include <vector>

#include "common/base/digest.h"
#include "ronda/v1/ingest.pb.h"
#include "tests/bench/fleet_agent.h"
#include "tests/bench/fleet_wire.h"

namespace ronda::bench {
namespace {

using std::chrono::steady_clock;

constexpr char kHost[] = "127.0.0.1";
constexpr std::chrono::milliseconds kComesBack{50};
constexpr std::chrono::milliseconds kGivesUp{5'000};
constexpr size_t kLargeBytes = size_t{8} << 20;
constexpr size_t kBombBytes = size_t{256} << 20;
constexpr size_t kAhead = 64 << 10;  // bytes that wait for the collector's window
constexpr int kSlowConnections = 200;

// One connection. Bytes go out and come in as the socket allows.
class Connection {
 public:
  explicit Connection(const HostileTarget& target) {
    open_ = wire_.Open(kHost, target.port, target.trust, target.agent).ok();
  }

  // Waits at most `wait` for the socket. False: it is over.
  template <typename OnBytes>
  bool Step(std::string* out, std::chrono::milliseconds wait, OnBytes on_bytes) {
    if (!open_) {
      return false;
    }
    while (!out->empty()) {
      const size_t taken = wire_.Write(*out);
      if (taken == 0) {
        break;
      }
      out->erase(0, taken);
    }
    pollfd fd{wire_.fd(), static_cast<short>(wire_.wants_room() ? POLLIN | POLLOUT : POLLIN), 0};
    poll(&fd, 1, static_cast<int>(wait.count()));
    for (;;) {
      size_t size = 0;
      std::string why;
      switch (wire_.Read(buffer_, &size, &why)) {
        case FleetWire::Got::kNothing:
          return true;
        case FleetWire::Got::kEnd:
          open_ = false;
          return false;
        case FleetWire::Got::kBytes:
          if (!on_bytes(std::string_view(buffer_.data(), size))) {
            return false;
          }
      }
    }
  }

 private:
  FleetWire wire_;
  bool open_ = false;
  std::array<char, 64 << 10> buffer_;
};

// A stream of Ronda's protocol over such a connection.
class Stream {
 public:
  explicit Stream(const HostileTarget& target)
      : connection_(target),
        http_(target.trust != nullptr ? "https" : "http", fmt::format("{}:{}", kHost, target.port),
              "/ronda.v1.Ingest/Stream") {}

  H2Stream& http() { return http_; }
  bool Step(std::chrono::milliseconds wait) {
    std::string out(http_.pending());
    const size_t before = out.size();
    const bool alive = connection_.Step(&out, wait, [&](std::string_view bytes) {
      return http_.Receive(bytes, [](std::string_view) {});
    });
    http_.Wrote(before - out.size());
    return alive;
  }
  // Until the collector ends it, at most `limit`.
  void WaitForEnd(std::chrono::milliseconds limit) {
    const auto until = steady_clock::now() + limit;
    while (steady_clock::now() < until && Step(std::chrono::milliseconds(10))) {
    }
  }

 private:
  Connection connection_;
  H2Stream http_;
};

std::string Hello(const std::string& node) {
  v1::AgentMessage message;
  v1::Hello* const hello = message.mutable_hello();
  hello->mutable_versions()->set_min(1);
  hello->mutable_versions()->set_max(1);
  hello->set_node(node);
  hello->set_epoch(RandomBits());
  hello->set_epoch_started_ms(1);
  hello->set_boot_id("hostile");
  return message.SerializeAsString();
}

std::string Frames(const std::string& frame) {
  v1::AgentMessage message;
  message.mutable_frames()->set_lane(v1::LANE_LIVE);
  message.mutable_frames()->add_frame(frame);
  return message.SerializeAsString();
}

std::string OwnName(const HostileTarget& target) { return ScaleSet::NodeName(target.agent); }

// Says the same at each connection, and comes back.
void SayAgain(const HostileTarget& target, const std::string& node, const std::string& message,
              bool compressed) {
  for (;;) {
    Stream stream(target);
    stream.http().Send(Hello(node));
    if (!message.empty()) {
      stream.http().Send(message, compressed);
    }
    stream.WaitForEnd(kGivesUp);
    std::this_thread::sleep_for(kComesBack);
  }
}

void Bomb(const HostileTarget& target) { SayAgain(target, OwnName(target), target.bomb, true); }

void Large(const HostileTarget& target) {
  SayAgain(target, OwnName(target), Frames(std::string(kLargeBytes, 'x')), false);
}

void Another(const HostileTarget& target) { SayAgain(target, ScaleSet::NodeName(0), "", false); }

void Garbage(const HostileTarget& target) {
  std::mt19937_64 random(1);
  std::string message;
  for (int i = 0; i < 300; ++i) {
    message.push_back(static_cast<char>(random()));
  }
  SayAgain(target, OwnName(target), Frames(message), false);
}

// Ticks of the node as fast as they are taken.
void Flood(const HostileTarget& target) {
  for (;;) {
    Connection connection(target);
    FleetAgent agent(*target.set, target.agent, target.trust != nullptr);
    FleetTally tally;
    const int64_t now_ms = std::chrono::duration_cast<std::chrono::milliseconds>(
                               std::chrono::system_clock::now().time_since_epoch())
                               .count();
    agent.Connect(fmt::format("{}:{}", kHost, target.port), now_ms);
    // An hour ago, so that no frame comes out of the future.
    int64_t t_ms = now_ms / 1000 * 1000 - 3'600'000;
    for (bool alive = true; alive;) {
      while (agent.welcomed() &&
             agent.stream()->blocked_bytes() + agent.stream()->pending().size() < kAhead) {
        agent.Tick(t_ms += 1000, 0, &tally);
      }
      std::string out(agent.stream()->pending());
      const size_t before = out.size();
      alive = connection.Step(&out, std::chrono::milliseconds(1), [&](std::string_view bytes) {
        return agent.Receive(bytes, 0, &tally);
      });
      agent.stream()->Wrote(before - out.size());
    }
    std::this_thread::sleep_for(kComesBack);
  }
}

// One frame, again and again, as fast as it is taken.
void Replay(const HostileTarget& target) {
  codec::SampleRunEncoder encoder(1, {"host", target.set->job, ""});
  encoder.StartRun(target.set->schema);
  const std::vector<double> values(target.set->series(), 1);
  std::string frame;
  encoder.Encode(1, 1'795'132'800'000, values, &frame);
  const std::string message = Frames(frame);
  for (;;) {
    Stream stream(target);
    stream.http().Send(Hello(OwnName(target)));
    do {
      while (stream.http().blocked_bytes() + stream.http().pending().size() < kAhead) {
        stream.http().Send(message);
      }
    } while (stream.Step(std::chrono::milliseconds(1)));
    std::this_thread::sleep_for(kComesBack);
  }
}

// Connections that send a byte now and then, of what may become a request one day.
void Slow(const HostileTarget& target) {
  std::vector<std::unique_ptr<Connection>> connections;
  const std::string preface = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
  for (size_t at = 0;; ++at) {
    if (at % preface.size() == 0) {
      connections.clear();
      for (int i = 0; i < kSlowConnections; ++i) {
        connections.push_back(std::make_unique<Connection>(target));
      }
    }
    for (const auto& connection : connections) {
      std::string byte(1, preface[at % preface.size()]);
      connection->Step(&byte, std::chrono::milliseconds(0), [](std::string_view) { return true; });
    }
    std::this_thread::sleep_for(kComesBack);
  }
}

constexpr HostileKind kKinds[] = {
    {"bomb", "256 MiB of zeros as 256 KiB of gzip", &Bomb},
    {"large", "messages of 8 MiB", &Large},
    {"garbage", "frames of random bytes", &Garbage},
    {"another", "the name of a node that is connected", &Another},
    {"flood", "its own ticks as fast as they are read", &Flood},
    {"replay", "one frame again and again", &Replay},
    {"slow", "200 connections, a byte each 50 ms", &Slow},
};

}  // namespace

std::span<const HostileKind> HostileKinds() { return kKinds; }

std::string MakeBomb() {
  std::string bomb(1 << 20, '\0');
  z_stream stream{};
  deflateInit2(&stream, Z_BEST_SPEED, Z_DEFLATED, 15 + 16, 9, Z_DEFAULT_STRATEGY);
  const std::string zeros(1 << 20, '\0');
  stream.next_out = reinterpret_cast<Bytef*>(bomb.data());
  stream.avail_out = static_cast<uInt>(bomb.size());
  for (size_t done = 0; done < kBombBytes; done += zeros.size()) {
    stream.next_in = reinterpret_cast<Bytef*>(const_cast<char*>(zeros.data()));
    stream.avail_in = static_cast<uInt>(zeros.size());
    deflate(&stream, done + zeros.size() == kBombBytes ? Z_FINISH : Z_NO_FLUSH);
  }
  bomb.resize(stream.total_out);
  deflateEnd(&stream);
  return bomb;
}

}  // namespace ronda::bench
