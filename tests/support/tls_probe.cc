#include "tests/support/tls_probe.h"

#include <openssl/err.h>
#include <openssl/ssl.h>

#include <csignal>

namespace ronda {

std::string NegotiatedTls(const std::string& address, int max_version) {
  std::signal(SIGPIPE, SIG_IGN);
  SSL_CTX* context = SSL_CTX_new(TLS_client_method());
  SSL_CTX_set_max_proto_version(context, max_version);
  const unsigned char alpn[] = {2, 'h', '2'};
  SSL_CTX_set_alpn_protos(context, alpn, sizeof(alpn));
  BIO* bio = BIO_new_ssl_connect(context);
  BIO_set_conn_hostname(bio, address.c_str());
  std::string version;
  if (BIO_do_connect(bio) == 1 && BIO_do_handshake(bio) == 1) {
    SSL* ssl = nullptr;
    BIO_get_ssl(bio, &ssl);
    version = SSL_get_version(ssl);
  }
  ERR_clear_error();
  BIO_free_all(bio);
  SSL_CTX_free(context);
  return version;
}

}  // namespace ronda
