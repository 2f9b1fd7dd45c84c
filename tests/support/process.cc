#include "tests/support/process.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cerrno>
#include <chrono>
#include <csignal>
#include <thread>

#include "common/base/clock.h"
#include "common/base/files.h"
#include "tests/support/temp_dir.h"

namespace ronda {
namespace {

void ExecChild(const std::vector<std::string>& argv, const std::string& out,
               const std::string& err) {
  prctl(PR_SET_PDEATHSIG, SIGKILL);
  sigset_t none;
  sigemptyset(&none);
  pthread_sigmask(SIG_SETMASK, &none, nullptr);
  const auto redirect = [](const std::string& path, int to) {
    if (!path.empty()) {
      const int fd = open(path.c_str(), O_WRONLY | O_CREAT | O_APPEND, 0644);
      dup2(fd, to);
    }
  };
  redirect(out, STDOUT_FILENO);
  redirect(err, STDERR_FILENO);
  std::vector<char*> raw;
  raw.reserve(argv.size() + 1);
  for (const std::string& argument : argv) {
    raw.push_back(const_cast<char*>(argument.c_str()));
  }
  raw.push_back(nullptr);
  execvp(raw[0], raw.data());
  _exit(127);
}

}  // namespace

int64_t MonotonicMsForTest() { return SystemClock().MonotonicMs(); }
void SleepForPoll() { std::this_thread::sleep_for(std::chrono::milliseconds(10)); }

Process::~Process() { Kill(); }

bool Process::Start(const std::vector<std::string>& argv, const std::string& log) {
  Kill();
  exit_code_ = -1;
  pid_ = fork();
  if (pid_ == 0) {
    ExecChild(argv, log, log);
  }
  return pid_ > 0;
}

void Process::Signal(int signal) const {
  if (pid_ > 0) {
    kill(pid_, signal);
  }
}

int Process::Wait(int64_t timeout_ms) {
  const bool ended = Eventually(timeout_ms, [this] { return !running(); });
  return ended ? exit_code_ : -1;
}

void Process::Kill() {
  if (pid_ > 0) {
    kill(pid_, SIGKILL);
    kill(pid_, SIGCONT);
    Wait(10'000);
  }
}

bool Process::running() {
  if (pid_ <= 0) {
    return false;
  }
  int status = 0;
  const pid_t ended = waitpid(pid_, &status, WNOHANG);
  if (ended == pid_) {
    exit_code_ = WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status);
    pid_ = -1;
    return false;
  }
  return true;
}

int FreePort() {
  const int fd = socket(AF_INET, SOCK_STREAM, 0);
  sockaddr_in address{};
  address.sin_family = AF_INET;
  address.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
  bind(fd, reinterpret_cast<sockaddr*>(&address), sizeof(address));
  socklen_t size = sizeof(address);
  getsockname(fd, reinterpret_cast<sockaddr*>(&address), &size);
  close(fd);
  return ntohs(address.sin_port);
}

Output RunProgram(const std::vector<std::string>& argv, int64_t timeout_ms) {
  TempDir dir;
  Output output;
  const pid_t pid = fork();
  if (pid == 0) {
    ExecChild(argv, dir.File("out"), dir.File("err"));
  }
  int status = 0;
  const bool ended = Eventually(timeout_ms, [&] { return waitpid(pid, &status, WNOHANG) == pid; });
  if (!ended) {
    kill(pid, SIGKILL);
    waitpid(pid, &status, 0);
  }
  output.exit_code =
      !ended ? -1 : (WIFEXITED(status) ? WEXITSTATUS(status) : 128 + WTERMSIG(status));
  output.out = ReadFile(dir.File("out")).value_or("");
  output.err = ReadFile(dir.File("err")).value_or("");
  return output;
}

}  // namespace ronda
