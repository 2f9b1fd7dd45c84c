#include "tests/bench/agent_peers.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fmt/format.h>
#include <netinet/in.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <filesystem>
#include <fstream>
#include <nlohmann/json.hpp>

#include "tests/bench/byte_relay.h"
#include "tests/bench/http_client.h"
#include "tests/support/process.h"

namespace ronda::bench {
namespace {

constexpr char kNodeExporter[] = "/usr/bin/prometheus-node-exporter";
constexpr char kCollectd[] = "/usr/sbin/collectd";
constexpr char kNetdata[] = "/usr/sbin/netdata";

// Scraped each second over one connection, gzip.
class NodeExporter final : public AgentPeer {
 public:
  explicit NodeExporter(const std::string& /*dir*/)
      : port_(FreePort()), curl_(curl_easy_init(), &curl_easy_cleanup) {
    process_.Start({kNodeExporter, "--no-collector.systemd", "--log.level=error",
                    fmt::format("--web.listen-address=127.0.0.1:{}", port_)});
    curl_easy_setopt(curl_.get(), CURLOPT_URL,
                     fmt::format("http://127.0.0.1:{}/metrics", port_).c_str());
    curl_easy_setopt(curl_.get(), CURLOPT_ACCEPT_ENCODING, "gzip");
    curl_easy_setopt(curl_.get(), CURLOPT_TIMEOUT_MS, 5000L);
    curl_easy_setopt(curl_.get(), CURLOPT_WRITEDATA, &body_);
    curl_easy_setopt(
        curl_.get(), CURLOPT_WRITEFUNCTION, +[](char* data, size_t size, size_t n, void* to) {
          static_cast<std::string*>(to)->append(data, size * n);
          return size * n;
        });
  }

  std::string name() const override { return "node_exporter"; }
  std::string what() const override { return "prometheus-node-exporter, scraped, gzip"; }
  pid_t pid() override { return process_.pid(); }
  double series() override { return static_cast<double>(samples_); }
  int64_t bytes() override { return bytes_; }

  void Tick() override {
    body_.clear();
    samples_ = 0;
    if (curl_easy_perform(curl_.get()) != CURLE_OK) {
      return;
    }
    curl_off_t received = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_SIZE_DOWNLOAD_T, &received);
    long header = 0;
    long request = 0;
    curl_easy_getinfo(curl_.get(), CURLINFO_HEADER_SIZE, &header);
    curl_easy_getinfo(curl_.get(), CURLINFO_REQUEST_SIZE, &request);
    bytes_ += received + header + request;
    for (size_t at = 0; at < body_.size();) {
      const size_t end = body_.find('\n', at);
      samples_ += body_[at] != '#' && end != at ? 1 : 0;
      at = end == std::string::npos ? body_.size() : end + 1;
    }
  }

 private:
  const int port_;
  Process process_;
  std::unique_ptr<CURL, decltype(&curl_easy_cleanup)> curl_;
  std::string body_;
  int64_t samples_ = 0;
  int64_t bytes_ = 0;
};

// Its network plugin sends UDP datagrams, which are counted here. With no plugin that writes it
// would log each value, which costs more.
class Collectd final : public AgentPeer {
 public:
  explicit Collectd(const std::string& dir)
      : socket_path_(dir + "/collectd.sock"), sink_(socket(AF_INET, SOCK_DGRAM | SOCK_CLOEXEC, 0)) {
    sockaddr_in address{};
    address.sin_family = AF_INET;
    address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
    bind(sink_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
    socklen_t size = sizeof(address);
    getsockname(sink_, reinterpret_cast<sockaddr*>(&address), &size);
    std::ofstream conf(dir + "/collectd.conf");
    conf << fmt::format(
        "Hostname \"bench\"\nBaseDir \"{0}\"\nPIDFile \"{0}/collectd.pid\"\nInterval 1\n"
        "FQDNLookup false\n",
        dir);
    for (const char* plugin : {"cpu", "memory", "load", "df", "disk", "interface", "swap", "vmem",
                               "contextswitch", "uptime", "processes", "network", "unixsock"}) {
      conf << fmt::format("LoadPlugin {}\n", plugin);
    }
    conf << fmt::format(
        "<Plugin network>\n  Server \"127.0.0.1\" \"{}\"\n</Plugin>\n"
        "<Plugin unixsock>\n  SocketFile \"{}\"\n</Plugin>\n",
        ntohs(address.sin_port), socket_path_);
    conf.close();
    process_.Start({kCollectd, "-f", "-C", dir + "/collectd.conf"}, dir + "/collectd.log");
  }
  ~Collectd() override { close(sink_); }

  std::string name() const override { return "collectd"; }
  std::string what() const override { return "collectd, 11 plugins, network plugin"; }
  pid_t pid() override { return process_.pid(); }
  int64_t bytes() override { return bytes_; }

  void Tick() override {
    char buffer[65536];
    for (ssize_t n = 0; (n = recv(sink_, buffer, sizeof(buffer), MSG_DONTWAIT)) > 0;) {
      bytes_ += n;
    }
  }

  // What it says that it has: "119 Values found".
  double series() override {
    const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
    sockaddr_un address{};
    address.sun_family = AF_UNIX;
    socket_path_.copy(address.sun_path, sizeof(address.sun_path) - 1);
    std::string answer(64, '\0');
    constexpr std::string_view kAsk = "LISTVAL\n";
    if (connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) != 0 ||
        send(fd, kAsk.data(), kAsk.size(), MSG_NOSIGNAL) != static_cast<ssize_t>(kAsk.size())) {
      answer.clear();
    } else {
      answer.resize(static_cast<size_t>(std::max<ssize_t>(0, recv(fd, answer.data(), 64, 0))));
    }
    close(fd);
    return std::strtod(answer.c_str(), nullptr);
  }

 private:
  const std::string socket_path_;
  const int sink_;
  Process process_;
  int64_t bytes_ = 0;
};

// A child that keeps nothing and streams to a parent; the parent is not measured.
class Netdata final : public AgentPeer {
 public:
  explicit Netdata(const std::string& dir) : parent_port_(FreePort()), relay_(parent_port_) {
    const std::string parent = dir + "/netdata-parent";
    const std::string child = dir + "/netdata-child";
    Write(parent, "bench-parent", "ram",
          fmt::format("\tmode = static-threaded\n\tdefault port = {0}\n\tbind to = 127.0.0.1:{0}\n",
                      parent_port_),
          fmt::format("[{}]\n\tenabled = yes\n\tdefault memory mode = ram\n", kKey));
    Write(child, "bench-child", "none", "\tmode = none\n",
          fmt::format("[stream]\n\tenabled = yes\n\tdestination = 127.0.0.1:{}\n\tapi key = {}\n",
                      relay_.port(), kKey));
    parent_.Start({kNetdata, "-D", "-c", parent + "/netdata.conf"}, parent + "/out");
    child_.Start({kNetdata, "-D", "-c", child + "/netdata.conf"}, child + "/out");
  }
  std::string name() const override { return "netdata"; }
  std::string what() const override { return "netdata, a child that streams, proc alone"; }
  pid_t pid() override { return child_.pid(); }
  int64_t bytes() override { return relay_.bytes(); }

  // As its parent has them.
  double series() override {
    HttpClient parent(fmt::format("http://127.0.0.1:{}", parent_port_));
    const auto answer = parent.Get("/host/bench-child/api/v1/charts");
    const auto json = nlohmann::json::parse(answer.value_or(""), nullptr, false);
    return json.is_object() ? json.value("dimensions_count", 0.0) : 0;
  }

 private:
  static constexpr char kKey[] = "6f2d7f0c-8b1e-4f0a-9a53-1d5f2f6f7a11";

  static void Write(const std::string& dir, const std::string& host, const std::string& mode,
                    const std::string& web, const std::string& stream) {
    for (const char* sub : {"/cache", "/lib", "/log", "/plugins"}) {
      std::filesystem::create_directories(dir + sub);
    }
    WriteSystemInfo(dir + "/plugins/system-info.sh");
    std::ofstream conf(dir + "/netdata.conf");
    conf << fmt::format(
        "[global]\n\thostname = {}\n\trun as user = {}\n\tupdate every = 1\n"
        "[db]\n\tmode = {}\n\tupdate every = 1\n"
        "[directories]\n\tconfig = {}\n\tcache = {}/cache\n\tlib = {}/lib\n\tlog = {}/log\n"
        "\tplugins = \"{}/plugins\"\n"
        "[web]\n{}[health]\n\tenabled = no\n[ml]\n\tenabled = no\n[statsd]\n\tenabled = no\n",
        host, getuid() == 0 ? "root" : std::to_string(getuid()), mode, dir, dir, dir, dir, dir,
        web);
    conf << "[plugins]\n\tproc = yes\n\tenable running new plugins = no\n";
    for (const char* plugin :
         {"apps", "cgroups", "charts.d", "checks", "cups", "ebpf", "fping", "go.d", "idlejitter",
          "ioping", "nfacct", "node.d", "perf", "python.d", "slabinfo", "statsd", "tc", "timex"}) {
      conf << fmt::format("\t{} = no\n", plugin);
    }
    std::ofstream(dir + "/stream.conf") << stream;
  }

  // netdata 1.37 runs this to tell what host it is on, and crashes when it streams without having
  // been told (its issue 15182). Debian's netdata-core has no such script.
  static void WriteSystemInfo(const std::string& path) {
    std::ofstream script(path);
    script << "#!/bin/sh\n";
    for (const char* name : {"HOST_OS_NAME", "HOST_OS_ID", "HOST_OS_ID_LIKE", "HOST_OS_VERSION",
                             "HOST_OS_VERSION_ID", "SYSTEM_KERNEL_NAME", "SYSTEM_KERNEL_VERSION",
                             "SYSTEM_ARCHITECTURE", "SYSTEM_VIRTUALIZATION"}) {
      script << "echo NETDATA_" << name << "=unknown\n";
    }
    script.close();
    std::filesystem::permissions(path, std::filesystem::perms::owner_all);
  }

  const int parent_port_;
  ByteRelay relay_;
  Process parent_;
  Process child_;
};

template <typename Peer>
void StartIfThere(const char* program, const char* package, const std::string& dir,
                  std::vector<std::unique_ptr<AgentPeer>>* peers) {
  if (access(program, X_OK) == 0) {
    peers->push_back(std::make_unique<Peer>(dir));
  } else {
    fmt::print(stderr, "ronda-bench: {} is not measured: the Debian package {} is missing\n",
               program, package);
  }
}

}  // namespace

std::vector<std::unique_ptr<AgentPeer>> StartAgentPeers(const std::string& dir) {
  std::vector<std::unique_ptr<AgentPeer>> peers;
  StartIfThere<NodeExporter>(kNodeExporter, "prometheus-node-exporter", dir, &peers);
  StartIfThere<Collectd>(kCollectd, "collectd-core", dir, &peers);
  StartIfThere<Netdata>(kNetdata, "netdata-core", dir, &peers);
  return peers;
}

}  // namespace ronda::bench
