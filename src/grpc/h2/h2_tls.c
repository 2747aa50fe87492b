#include "grpc/h2/h2_tls.h"

#include <errno.h>
#include <limits.h>
#include <stdint.h>
#include <string.h>

#include <openssl/err.h>
#include <openssl/ssl.h>

static SSL *
ssl_of(const struct h2_tls *t)
{
	return (SSL *)(uintptr_t)t;
}

static SSL_CTX *
context_of(struct h2_tls_server *s)
{
	return (SSL_CTX *)s;
}

static int
choose_h2(SSL *ssl, const unsigned char **out, unsigned char *outlen,
    const unsigned char *in, unsigned int inlen, void *arg)
{
	(void)ssl;
	(void)arg;
	for (unsigned i = 0; i < inlen; i += in[i] + 1u)
		if (in[i] == 2 && i + 2 < inlen &&
		    memcmp(in + i + 1, "h2", 2) == 0) {
			*out = in + i + 1;
			*outlen = 2;
			return SSL_TLSEXT_ERR_OK;
		}
	return SSL_TLSEXT_ERR_ALERT_FATAL;
}

/* Without renegotiation and without tickets: nothing is kept of a peer. */
static void
harden(SSL_CTX *c)
{
	SSL_CTX_set_min_proto_version(c, TLS1_2_VERSION);
	SSL_CTX_set_options(c, SSL_OP_NO_RENEGOTIATION | SSL_OP_NO_COMPRESSION |
	    SSL_OP_NO_TICKET | SSL_OP_CIPHER_SERVER_PREFERENCE);
	SSL_CTX_set_session_cache_mode(c, SSL_SESS_CACHE_OFF);
	SSL_CTX_set_num_tickets(c, 0);
	SSL_CTX_set_mode(c, SSL_MODE_ENABLE_PARTIAL_WRITE |
	    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER | SSL_MODE_RELEASE_BUFFERS);
	SSL_CTX_set_alpn_select_cb(c, choose_h2, NULL);
}

static bool
ask_clients(SSL_CTX *c, const char *ca)
{
	if (ca[0] == '\0')
		return true;
	SSL_CTX_set_verify(c, SSL_VERIFY_PEER |
	    SSL_VERIFY_FAIL_IF_NO_PEER_CERT, NULL);
	SSL_CTX_set_client_CA_list(c, SSL_load_client_CA_file(ca));
	return SSL_CTX_load_verify_locations(c, ca, NULL) == 1;
}

static const char *
load(SSL_CTX *c, const char *cert, const char *key, const char *client_ca)
{
	/* HTTP/2 wants ephemeral keys and AEAD (RFC 9113, 9.2.2). */
	if (SSL_CTX_set_cipher_list(c, "ECDHE+AESGCM:ECDHE+CHACHA20") != 1)
		return "OpenSSL lacks the ciphers of HTTP/2";
	if (SSL_CTX_use_certificate_chain_file(c, cert) != 1)
		return "grpc.tls_cert cannot be read as a certificate chain";
	if (SSL_CTX_use_PrivateKey_file(c, key, SSL_FILETYPE_PEM) != 1)
		return "grpc.tls_key cannot be read as the private key of "
		       "grpc.tls_cert";
	if (!ask_clients(c, client_ca))
		return "grpc.tls_client_ca cannot be read as certificates";
	return NULL;
}

struct h2_tls_server *
h2_tls_server_new(const char *cert, const char *key, const char *client_ca,
    const char **why)
{
	SSL_CTX *c = SSL_CTX_new(TLS_server_method());

	if (c == NULL) {
		*why = "OpenSSL cannot start";
		return NULL;
	}
	harden(c);
	*why = load(c, cert, key, client_ca);
	if (*why == NULL)
		return (struct h2_tls_server *)c;
	ERR_clear_error();
	SSL_CTX_free(c);
	return NULL;
}

struct h2_tls *
h2_tls_new(struct h2_tls_server *server, int fd)
{
	SSL *ssl = SSL_new(context_of(server));

	if (ssl && SSL_set_fd(ssl, fd) == 1) {
		SSL_set_accept_state(ssl);
		return (struct h2_tls *)ssl;
	}
	SSL_free(ssl);
	return NULL;
}

void
h2_tls_free(struct h2_tls *t)
{
	SSL_free(ssl_of(t));
}

/* What a call of OpenSSL that gave r means; 0: the peer ended. */
static ssize_t
outcome(SSL *ssl, int r, bool *wants_write)
{
	int e = SSL_get_error(ssl, r);

	ERR_clear_error();
	*wants_write = e == SSL_ERROR_WANT_WRITE;
	if (e == SSL_ERROR_ZERO_RETURN)
		return 0;
	errno = e == SSL_ERROR_WANT_READ || e == SSL_ERROR_WANT_WRITE ?
	    EAGAIN : EPROTO;
	return -1;
}

static int
most(size_t n)
{
	return n > INT_MAX ? INT_MAX : (int)n;
}

ssize_t
h2_tls_read(struct h2_tls *t, void *p, size_t n, bool *wants_write)
{
	int r;

	ERR_clear_error();
	*wants_write = false;
	r = SSL_read(ssl_of(t), p, most(n));
	return r > 0 ? r : outcome(ssl_of(t), r, wants_write);
}

ssize_t
h2_tls_write(struct h2_tls *t, const void *p, size_t n)
{
	bool wants_write;
	int r;

	ERR_clear_error();
	r = SSL_write(ssl_of(t), p, most(n));
	return r > 0 ? r : outcome(ssl_of(t), r, &wants_write);
}

bool
h2_tls_pending(const struct h2_tls *t)
{
	return SSL_has_pending(ssl_of(t)) != 0;
}

void
h2_tls_bye(struct h2_tls *t)
{
	ERR_clear_error();
	(void)SSL_shutdown(ssl_of(t));
	ERR_clear_error();
}
