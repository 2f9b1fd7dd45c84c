#include "collector/trust/host_names.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <netinet/in.h>
#include <unistd.h>

#include <algorithm>

#include "common/tls/identity.h"

namespace ronda::trust {
namespace {

void AddOnce(const std::string& text, std::vector<std::string>* list) {
  if (std::find(list->begin(), list->end(), text) == list->end()) {
    list->push_back(text);
  }
}

// As inet_ntop(3) prints it, or "".
std::string Canonical(const std::string& text) {
  unsigned char bytes[16];
  char printed[INET6_ADDRSTRLEN] = "";
  for (const int family : {AF_INET, AF_INET6}) {
    if (inet_pton(family, text.c_str(), bytes) == 1) {
      inet_ntop(family, bytes, printed, sizeof(printed));
    }
  }
  return printed;
}

void AddInterfaces(std::vector<std::string>* list) {
  ifaddrs* all = nullptr;
  if (getifaddrs(&all) != 0) {
    return;
  }
  for (const ifaddrs* one = all; one != nullptr; one = one->ifa_next) {
    char text[INET6_ADDRSTRLEN] = "";
    if (one->ifa_addr != nullptr && one->ifa_addr->sa_family == AF_INET) {
      inet_ntop(AF_INET, &reinterpret_cast<sockaddr_in*>(one->ifa_addr)->sin_addr, text,
                sizeof(text));
    } else if (one->ifa_addr != nullptr && one->ifa_addr->sa_family == AF_INET6) {
      const in6_addr& address = reinterpret_cast<sockaddr_in6*>(one->ifa_addr)->sin6_addr;
      if (!IN6_IS_ADDR_LINKLOCAL(&address)) {
        inet_ntop(AF_INET6, &address, text, sizeof(text));
      }
    }
    if (*text != '\0') {
      AddOnce(text, list);
    }
  }
  freeifaddrs(all);
}

}  // namespace

HostNames NamesOfThisHost(const std::vector<std::string>& more) {
  HostNames names;
  names.dns_names.push_back("localhost");
  char host[256] = "";
  if (gethostname(host, sizeof(host) - 1) == 0 && tls::IsDnsName(host)) {
    AddOnce(host, &names.dns_names);
  }
  names.ip_addresses = {"127.0.0.1", "::1"};
  AddInterfaces(&names.ip_addresses);
  for (const std::string& one : more) {
    if (const std::string address = Canonical(one); !address.empty()) {
      AddOnce(address, &names.ip_addresses);
    } else if (tls::IsDnsName(one)) {
      AddOnce(one, &names.dns_names);
    }
  }
  return names;
}

}  // namespace ronda::trust
