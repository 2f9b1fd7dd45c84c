#include "collector/access/unix_door.h"

#include <grp.h>
#include <grpcpp/server_builder.h>
#include <poll.h>
#include <pwd.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <unistd.h>

#include <algorithm>
#include <array>
#include <cerrno>
#include <thread>
#include <utility>
#include <vector>

#include "collector/access/server_credentials.h"
#include "common/base/files.h"
#include "common/base/mutex.h"
#include "common/base/status.h"
#include "common/base/thread.h"
#include "common/obs/log.h"

namespace ronda::access {
namespace {

// Different users that may connect between two starts of the collector; acceptors cannot be added
// to a server that runs.
constexpr size_t kSeats = 64;

// Who sits in a seat. The seat's credentials hold it as well.
struct Occupant {
  Mutex mu;
  Peer peer ABSL_GUARDED_BY(mu);

  absl::StatusOr<Peer> Identify() {
    MutexLock lock(&mu);
    if (peer.role == Role::kNone) {
      return Fail(
          absl::StatusCode::kPermissionDenied,
          "{} may not use this socket: root and members of the group ronda may (usermod -aG "
          "ronda {}), others where socket_others: read is set in collector.yml",
          peer.name, peer.name);
    }
    return peer;
  }
};

// A user's place, from its first connection on.
struct Seat {
  std::shared_ptr<Occupant> occupant = std::make_shared<Occupant>();
  bool taken = false;
  uint32_t uid = 0;
  std::unique_ptr<grpc::experimental::ExternalConnectionAcceptor> acceptor;
};

bool IsAnswered(const std::string& path) {
  const int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  const bool answered =
      connect(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  close(fd);
  return answered;
}

ino_t InodeOf(const std::string& path) {
  struct stat info {};
  return lstat(path.c_str(), &info) == 0 ? info.st_ino : 0;
}

absl::Status Prepare(const std::string& path) {
  if (path.size() >= sizeof(sockaddr_un::sun_path)) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "the path of the socket is longer than {} characters: {}",
                sizeof(sockaddr_un::sun_path) - 1, path);
  }
  const size_t slash = path.rfind('/');
  if (slash != std::string::npos && slash > 0) {
    RONDA_RETURN_IF_ERROR(MakeDirectories(path.substr(0, slash), 0755));
    if (::access(path.substr(0, slash).c_str(), W_OK) != 0) {
      return ErrnoStatus(errno, "writing to " + path.substr(0, slash));
    }
  }
  struct stat info {};
  if (lstat(path.c_str(), &info) != 0) {
    return absl::OkStatus();
  }
  if (!S_ISSOCK(info.st_mode)) {
    return Fail(absl::StatusCode::kAlreadyExists, "{} is there and is no socket", path);
  }
  if (IsAnswered(path)) {
    return Fail(absl::StatusCode::kAlreadyExists, "another collector serves {}", path);
  }
  unlink(path.c_str());  // left over from a collector that was killed
  return absl::OkStatus();
}

int64_t GroupNumber(const std::string& name) {
  std::vector<char> buffer(64 << 10);
  group entry{};
  group* found = nullptr;
  getgrnam_r(name.c_str(), &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? -1 : int64_t{found->gr_gid};
}

std::string UserName(uint32_t uid) {
  std::vector<char> buffer(64 << 10);
  passwd entry{};
  passwd* found = nullptr;
  getpwuid_r(uid, &entry, buffer.data(), buffer.size(), &found);
  return found == nullptr ? fmt::format("uid {}", uid) : std::string(found->pw_name);
}

absl::StatusOr<UnixUser> UserOf(int fd, const UnixDoorOptions& options) {
  ucred credentials{};
  socklen_t size = sizeof(credentials);
  if (getsockopt(fd, SOL_SOCKET, SO_PEERCRED, &credentials, &size) != 0) {
    return ErrnoStatus(errno, "asking who connected to " + options.path);
  }
  std::vector<uint32_t> groups(65'536);
  size = static_cast<socklen_t>(groups.size() * sizeof(uint32_t));
  groups.resize(getsockopt(fd, SOL_SOCKET, SO_PEERGROUPS, groups.data(), &size) == 0
                    ? size / sizeof(uint32_t)
                    : 0);
  groups.push_back(credentials.gid);
  return UnixUser{credentials.uid, UserName(credentials.uid),
                  RoleOfUser(credentials.uid, geteuid(), groups.data(), groups.size(),
                             GroupNumber(options.group), options.others_read)};
}

}  // namespace

Role RoleOfUser(uint32_t uid, uint32_t own_uid, const uint32_t* groups, size_t group_count,
                int64_t operators, bool others_read) {
  if (uid == 0 || uid == own_uid) {
    return Role::kAdmin;
  }
  if (std::any_of(groups, groups + group_count,
                  [&](uint32_t group) { return int64_t{group} == operators; })) {
    return Role::kOperate;
  }
  return others_read ? Role::kRead : Role::kNone;
}

struct UnixDoor::Impl {
  UnixDoorOptions options;
  int listener = -1;
  int wake = -1;
  ino_t inode = 0;
  std::thread thread;
  std::array<Seat, kSeats> seats;  // of the accepting thread, once it runs

  Seat* SeatOf(uint32_t uid) {
    for (Seat& seat : seats) {
      if (!seat.taken) {
        seat.taken = true;
        seat.uid = uid;
      }
      if (seat.uid == uid) {
        return &seat;
      }
    }
    return nullptr;
  }

  void Accept() {
    const int fd = accept4(listener, nullptr, nullptr, SOCK_NONBLOCK | SOCK_CLOEXEC);
    if (fd < 0) {
      return;
    }
    const auto user = UserOf(fd, options);
    Seat* seat = user.ok() ? SeatOf(user->uid) : nullptr;
    if (seat == nullptr) {
      obs::Warn("access", "refused a connection to {}: {}", options.path,
                user.ok() ? "too many different users" : Message(user.status()));
      close(fd);
      return;
    }
    {
      // Groups may have changed since the user's last connection.
      MutexLock lock(&seat->occupant->mu);
      seat->occupant->peer = {PeerKind::kLocal, user->name, user->role, "", 0, 0};
    }
    grpc::experimental::ExternalConnectionAcceptor::NewConnectionParameters connection;
    connection.fd = fd;
    seat->acceptor->HandleNewConnection(&connection);
  }

  void Run() {
    pollfd wait[2] = {{listener, POLLIN, 0}, {wake, POLLIN, 0}};
    for (;;) {
      if (poll(wait, 2, -1) < 0 && errno != EINTR) {
        obs::Error("access", "the socket {} is no longer served: {}", options.path,
                   Message(ErrnoStatus(errno, "poll")));
        return;
      }
      if (wait[1].revents != 0) {
        return;
      }
      if (wait[0].revents != 0) {
        Accept();
      }
    }
  }
};

UnixDoor::UnixDoor(std::unique_ptr<Impl> impl) : impl_(std::move(impl)) {}

UnixDoor::~UnixDoor() {
  Stop();
  if (impl_->inode != 0 && InodeOf(impl_->options.path) == impl_->inode) {
    unlink(impl_->options.path.c_str());
  }
  close(impl_->listener);
  close(impl_->wake);
}

absl::StatusOr<std::unique_ptr<UnixDoor>> UnixDoor::Open(const UnixDoorOptions& options) {
  RONDA_RETURN_IF_ERROR(Prepare(options.path));
  auto impl = std::make_unique<Impl>();
  impl->options = options;
  impl->listener = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
  impl->wake = eventfd(0, EFD_CLOEXEC);
  sockaddr_un address{};
  address.sun_family = AF_UNIX;
  options.path.copy(address.sun_path, sizeof(address.sun_path) - 1);
  std::unique_ptr<UnixDoor> door(new UnixDoor(std::move(impl)));
  const int fd = door->impl_->listener;
  // The mode counts from bind() on: before it is set nobody else gets in.
  const mode_t before = umask(0177);
  const bool bound = fd >= 0 && door->impl_->wake >= 0 &&
                     bind(fd, reinterpret_cast<const sockaddr*>(&address), sizeof(address)) == 0;
  const int error = errno;
  umask(before);
  if (!bound) {
    return ErrnoStatus(error, "listening on " + options.path);
  }
  door->impl_->inode = InodeOf(options.path);
  if (const int64_t group = GroupNumber(options.group); group >= 0) {
    // Not allowed to all who run a collector: then the group stays that of the process.
    static_cast<void>(
        !chown(options.path.c_str(), static_cast<uid_t>(-1), static_cast<gid_t>(group)));
  }
  chmod(options.path.c_str(), options.others_read ? 0666 : 0660);
  if (listen(fd, 64) != 0) {
    return ErrnoStatus(errno, "listening on " + options.path);
  }
  return door;
}

void UnixDoor::AddTo(grpc::ServerBuilder* builder) {
  using Type = grpc::ServerBuilder::experimental_type::ExternalConnectionType;
  for (Seat& seat : impl_->seats) {
    seat.acceptor = builder->experimental().AddExternalConnectionAcceptor(
        Type::FROM_FD, NewPlainCredentials([occupant = seat.occupant](const std::string&) {
          return occupant->Identify();
        }));
  }
}

void UnixDoor::Start() {
  impl_->thread = StartThread("ronda-socket", [impl = impl_.get()] { impl->Run(); });
}

void UnixDoor::Stop() {
  if (impl_->thread.joinable()) {
    const uint64_t one = 1;
    static_cast<void>(!write(impl_->wake, &one, sizeof(one)));
    impl_->thread.join();
  }
}

}  // namespace ronda::access
