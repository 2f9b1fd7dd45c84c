#include "common/tls/files.h"

#include <fcntl.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cerrno>
#include <cstdlib>

#include "common/base/files.h"
#include "common/base/status.h"

namespace ronda::tls {
namespace {

constexpr size_t kMaxPemBytes = 1 << 20;

absl::StatusOr<std::string> ReadPem(const std::string& path, std::string_view what) {
  auto text = ReadFile(path, kMaxPemBytes);
  if (!text.ok()) {
    return Annotate(text.status(), what);
  }
  return text;
}

// A credential that systemd passed is let through: its group bits are an access list's mask.
bool IsSystemdCredential(const std::string& path) {
  const char* folder = std::getenv("CREDENTIALS_DIRECTORY");
  return folder != nullptr && *folder != '\0' && path.find("..") == std::string::npos &&
         path.starts_with(std::string(folder) + "/");
}

absl::Status CheckMode(const std::string& path) {
  struct stat info {};
  if (stat(path.c_str(), &info) != 0) {
    return ErrnoStatus(errno, "the key: reading " + path);
  }
  const mode_t forbidden = IsSystemdCredential(path) ? 007 : 077;
  if (S_ISREG(info.st_mode) && (info.st_mode & forbidden) != 0) {
    return Fail(absl::StatusCode::kPermissionDenied,
                "the key in {} is open to others (mode {:04o}); run: chmod 600 {}", path,
                info.st_mode & 07777, path);
  }
  return absl::OkStatus();
}

absl::Status CheckTimes(const std::string& path, const CertificateInfo& info, int64_t now_ms) {
  if (now_ms >= info.not_after_ms) {
    return Fail(absl::StatusCode::kFailedPrecondition, "the certificate in {} expired on {}", path,
                FormatInstant(info.not_after_ms));
  }
  if (now_ms < info.not_before_ms) {
    return Fail(absl::StatusCode::kFailedPrecondition,
                "the certificate in {} is not valid before {}; it is {} here: is the clock wrong?",
                path, FormatInstant(info.not_before_ms), FormatInstant(now_ms));
  }
  return absl::OkStatus();
}

}  // namespace

absl::StatusOr<Material> Load(const Files& files, int64_t now_ms) {
  Material material;
  RONDA_ASSIGN_OR_RETURN(material.ca, ReadPem(files.ca, "the authority's certificate"));
  if (const auto ca = ReadCertificate(material.ca); !ca.ok()) {
    return Annotate(ca.status(), files.ca);
  }
  if (files.certificate.empty() != files.key.empty()) {
    return Fail(absl::StatusCode::kInvalidArgument,
                "a certificate and its key go together: {} is given alone",
                files.certificate.empty() ? files.key : files.certificate);
  }
  if (files.certificate.empty()) {
    return material;
  }
  RONDA_ASSIGN_OR_RETURN(material.certificate, ReadPem(files.certificate, "the certificate"));
  auto info = ReadCertificate(material.certificate);
  if (!info.ok()) {
    return Annotate(info.status(), files.certificate);
  }
  material.info = *std::move(info);
  RONDA_RETURN_IF_ERROR(CheckMode(files.key));
  RONDA_ASSIGN_OR_RETURN(material.key, ReadPem(files.key, "the key"));
  if (absl::Status pair = CheckPair(material.certificate, material.key); !pair.ok()) {
    return Annotate(pair, files.certificate + " and " + files.key);
  }
  RONDA_RETURN_IF_ERROR(CheckTimes(files.certificate, material.info, now_ms));
  return material;
}

absl::Status WriteKeyFile(const std::string& path, std::string_view key_pem) {
  const std::string temporary = path + ".new";
  unlink(temporary.c_str());
  const int fd = open(temporary.c_str(), O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC, 0600);
  if (fd < 0) {
    return ErrnoStatus(errno, "writing " + temporary);
  }
  const bool written =
      write(fd, key_pem.data(), key_pem.size()) == static_cast<ssize_t>(key_pem.size()) &&
      fsync(fd) == 0;
  const int error = errno;
  close(fd);
  if (!written) {
    unlink(temporary.c_str());
    return ErrnoStatus(error, "writing " + temporary);
  }
  if (rename(temporary.c_str(), path.c_str()) != 0) {
    return ErrnoStatus(errno, "writing " + path);
  }
  const size_t slash = path.rfind('/');
  return SyncFolder(slash == std::string::npos ? "." : path.substr(0, slash + 1));
}

}  // namespace ronda::tls
