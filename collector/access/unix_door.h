// The Unix socket of the local command line: who connects is known by the kernel's word.
//
// gRPC tells its services nothing of a Unix peer's credentials. So the connections are accepted
// here, SO_PEERCRED is asked, and the connection is handed to gRPC through an acceptor of its
// user's own, whose credentials say who that is: a connection and its user cannot come apart.
#pragma once

#include <cstdint>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "collector/access/peer.h"

namespace grpc {
class ServerBuilder;
}

namespace ronda::access {

struct UnixDoorOptions {
  std::string path;
  std::string group = "ronda";  // whose members operate
  bool others_read = false;     // everybody on the machine may read; else they are refused
};

// root and the user that the collector runs as administer, members of the group operate.
class UnixDoor {
 public:
  // Listens at the path; a socket that a killed collector left there is replaced. kAlreadyExists:
  // another collector serves it, or it is no socket.
  static absl::StatusOr<std::unique_ptr<UnixDoor>> Open(const UnixDoorOptions& options);
  // Stop() first; then removes the socket, if it is still this one.
  ~UnixDoor();
  UnixDoor(const UnixDoor&) = delete;
  UnixDoor& operator=(const UnixDoor&) = delete;

  // Before the server starts.
  void AddTo(grpc::ServerBuilder* builder);
  // After the server has started, and before it shuts down.
  void Start();
  void Stop();

 private:
  struct Impl;
  explicit UnixDoor(std::unique_ptr<Impl> impl);
  std::unique_ptr<Impl> impl_;
};

// What the kernel says of a connected peer.
struct UnixUser {
  uint32_t uid = 0;
  std::string name;  // of the user, or "uid 1000"
  Role role = Role::kNone;
};
// For the tests: the judgement alone. `groups` are the peer's, `operators` the group's number or
// -1.
Role RoleOfUser(uint32_t uid, uint32_t own_uid, const uint32_t* groups, size_t group_count,
                int64_t operators, bool others_read);

}  // namespace ronda::access
