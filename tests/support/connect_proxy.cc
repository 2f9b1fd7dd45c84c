#include "tests/support/connect_proxy.h"

#include <arpa/inet.h>
#include <netinet/in.h>
#include <poll.h>
#include <sys/socket.h>
#include <unistd.h>

namespace ronda {
namespace {

sockaddr_in Loopback(int port) {
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  address.sin_port = htons(static_cast<uint16_t>(port));
  return address;
}

// Moves what is there from one to the other; false at the end.
bool Move(int from, int to) {
  char buffer[16 << 10];
  const ssize_t n = read(from, buffer, sizeof(buffer));
  for (ssize_t sent = 0; sent < n;) {
    const ssize_t m = send(to, buffer + sent, static_cast<size_t>(n - sent), MSG_NOSIGNAL);
    if (m <= 0) {
      return false;
    }
    sent += m;
  }
  return n > 0;
}

}  // namespace

ConnectProxy::ConnectProxy(int destination_port) : destination_port_(destination_port) {
  listener_ = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_in address = Loopback(0);
  bind(listener_, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  listen(listener_, 16);
  socklen_t size = sizeof(address);
  getsockname(listener_, reinterpret_cast<sockaddr*>(&address), &size);
  port_ = ntohs(address.sin_port);
  acceptor_ = std::thread([this] { Accept(); });
}

ConnectProxy::~ConnectProxy() {
  stop_ = true;
  acceptor_.join();
  std::vector<std::thread> tunnels;
  {
    MutexLock lock(&mu_);
    tunnels.swap(tunnels_);
  }
  for (std::thread& tunnel : tunnels) {
    tunnel.join();
  }
  close(listener_);
}

std::vector<std::string> ConnectProxy::requests() {
  MutexLock lock(&mu_);
  return requests_;
}

void ConnectProxy::Accept() {
  while (!stop_) {
    pollfd wait{listener_, POLLIN, 0};
    if (poll(&wait, 1, 50) <= 0) {
      continue;
    }
    const int client = accept4(listener_, nullptr, nullptr, SOCK_CLOEXEC);
    if (client >= 0) {
      MutexLock lock(&mu_);
      tunnels_.emplace_back([this, client] { Serve(client); });
    }
  }
}

void ConnectProxy::Serve(int client) {
  std::string head;
  char c = 0;
  while (!head.ends_with("\r\n\r\n") && head.size() < 8192 && read(client, &c, 1) == 1) {
    head.push_back(c);
  }
  {
    MutexLock lock(&mu_);
    requests_.push_back(head);
  }
  const int server = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
  const sockaddr_in address = Loopback(destination_port_);
  const bool up =
      head.starts_with("CONNECT ") &&
      connect(server, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  const std::string answer = up ? "HTTP/1.1 200 tunnel\r\n\r\n" : "HTTP/1.1 502 no\r\n\r\n";
  bool going = send(client, answer.data(), answer.size(), MSG_NOSIGNAL) > 0 && up;
  while (going && !stop_) {
    pollfd wait[2] = {{client, POLLIN, 0}, {server, POLLIN, 0}};
    if (poll(wait, 2, 50) <= 0) {
      continue;
    }
    going = (wait[0].revents == 0 || Move(client, server)) &&
            (wait[1].revents == 0 || Move(server, client));
  }
  close(server);
  close(client);
}

}  // namespace ronda
