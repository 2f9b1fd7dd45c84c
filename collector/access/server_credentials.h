// What a gRPC server asks of who connects: one check before each call, for all services and all
// ports, whatever API of gRPC they are written with.
//
// Enrolment must be reachable without a certificate while everything else demands one. A second
// port for it would need a second hole in each firewall; so the one port asks for a certificate,
// takes none too, and each call is checked against the table. The certificate is judged here as
// well instead of by the TLS handshake: a client whose handshake fails learns nothing but that it
// failed, while here it is told that its certificate has expired, is revoked, is of another
// authority. That the other side has the certificate's key is proven by the handshake in either
// case.
#pragma once

#include <functional>
#include <memory>
#include <string>

#include "absl/status/statusor.h"
#include "collector/access/peer.h"
#include "common/tls/files.h"

namespace grpc {
class ServerCredentials;
}

namespace ronda::access {

// Who is at the other end of a connection, by the certificates that it presented (PEM, "" is none).
// kUnauthenticated: why the certificate is not believed. Called for each call, from gRPC's threads;
// must not block.
using Identify = std::function<absl::StatusOr<Peer>(const std::string& chain_pem)>;

// The server's own certificate, asked at each connection: a new one is taken up at once. Null: none
// is there, and no connection is taken.
using OwnCertificate = std::function<std::shared_ptr<const tls::Material>()>;

// Plain text: Unix sockets, and TCP where that is allowed.
std::shared_ptr<grpc::ServerCredentials> NewPlainCredentials(Identify identify);
std::shared_ptr<grpc::ServerCredentials> NewTlsCredentials(OwnCertificate own, Identify identify);

}  // namespace ronda::access
