#include <arpa/inet.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include <openssl/err.h>
#include <openssl/ssl.h>
#include <openssl/x509v3.h>

#include "runtime/wait.h"
#include "store/redis/cache_private.h"

struct tls {
	SSL_CTX *context;
	SSL *ssl;
};

/* An address is compared with the certificate's addresses, a name with names */
static bool
expect_host(SSL *ssl, const char *host)
{
	unsigned char address[16];

	if (inet_pton(AF_INET, host, address) == 1 ||
	    inet_pton(AF_INET6, host, address) == 1)
		return X509_VERIFY_PARAM_set1_ip_asc(SSL_get0_param(ssl),
		    host) == 1;
	SSL_set_hostflags(ssl, X509_CHECK_FLAG_NO_PARTIAL_WILDCARDS);
	/* What SSL_set_tlsext_host_name() is, without its cast from const. */
	return SSL_set1_host(ssl, host) == 1 &&
	    SSL_ctrl(ssl, SSL_CTRL_SET_TLSEXT_HOSTNAME,
	    TLSEXT_NAMETYPE_host_name, (void *)(uintptr_t)host) == 1;
}

static struct tls *
make_tls(int fd, const char *host)
{
	struct tls *t = calloc(1, sizeof *t);

	if (!t)
		return NULL;
	t->context = SSL_CTX_new(TLS_client_method());
	if (t->context &&
	    SSL_CTX_set_min_proto_version(t->context, TLS1_2_VERSION) &&
	    SSL_CTX_set_default_verify_paths(t->context)) {
		SSL_CTX_set_verify(t->context, SSL_VERIFY_PEER, NULL);
		SSL_CTX_set_mode(t->context, SSL_MODE_ENABLE_PARTIAL_WRITE |
		    SSL_MODE_ACCEPT_MOVING_WRITE_BUFFER);
		t->ssl = SSL_new(t->context);
	}
	if (t->ssl && expect_host(t->ssl, host) && SSL_set_fd(t->ssl, fd))
		return t;
	cache_tls_close(t, false);
	return NULL;
}

/* What a call waits for; 0 when it has failed. */
static short
poll_events(const struct tls *t, int result)
{
	switch (SSL_get_error(t->ssl, result)) {
	case SSL_ERROR_WANT_READ:
		return POLLIN;
	case SSL_ERROR_WANT_WRITE:
		return POLLOUT;
	default:
		return 0;
	}
}

struct tls *
cache_tls_open(int fd, const char *host, int64_t deadline, const char **why)
{
	struct tls *t = make_tls(fd, host);
	int done = -1;

	*why = "TLS could not be set up";
	if (!t)
		return NULL;
	/* SSL_write has no MSG_NOSIGNAL */
	signal(SIGPIPE, SIG_IGN);
	for (;;) {
		short events;

		ERR_clear_error();
		if ((done = SSL_connect(t->ssl)) == 1)
			return t;
		events = poll_events(t, done);
		if (events == 0 || !wait_fd(fd, events, deadline))
			break;
	}
	*why = "TLS handshake failed";
	if (SSL_get_verify_result(t->ssl) != X509_V_OK)
		*why = X509_verify_cert_error_string(
		    SSL_get_verify_result(t->ssl));
	cache_tls_close(t, false);
	return NULL;
}

long
cache_tls_read(struct tls *t, void *p, size_t n, short *wants)
{
	size_t got = 0;
	int r;

	ERR_clear_error();
	r = SSL_read_ex(t->ssl, p, n, &got);
	*wants = r == 1 ? 0 : poll_events(t, r);
	return r == 1 ? (long)got : *wants ? 0 : -1;
}

long
cache_tls_write(struct tls *t, const void *p, size_t n, short *wants)
{
	size_t put = 0;
	int r;

	ERR_clear_error();
	r = SSL_write_ex(t->ssl, p, n, &put);
	*wants = r == 1 ? 0 : poll_events(t, r);
	return r == 1 ? (long)put : *wants ? 0 : -1;
}

void
cache_tls_close(struct tls *t, bool polite)
{
	if (!t)
		return;
	if (t->ssl && polite)
		SSL_shutdown(t->ssl);
	SSL_free(t->ssl);
	SSL_CTX_free(t->context);
	free(t);
}
