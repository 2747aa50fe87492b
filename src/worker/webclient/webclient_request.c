#include "worker/webclient/webclient_private.h"

#include <netinet/in.h>
#include <sys/socket.h>

#include "base/memory.h"
#include "worker/webclient/webclient_option.h"
#include "worker/webclient/webclient_trust.h"

#define CONNECT_MS 5000L
#define TOTAL_MS 20000L
#define LOW_SPEED_SECONDS 10L
#define BUFFER 4096L /* an answer is small; there may be many at once */

/* Turn an address into the filter's form; false if it is not IPv4 or IPv6. */
static bool
address_of(const struct sockaddr *sa, struct net_addr *out)
{
	if (sa->sa_family == AF_INET6) {
		memcpy(out->b, &((const struct sockaddr_in6 *)
		    (const void *)sa)->sin6_addr, 16);
		return true;
	}
	if (sa->sa_family != AF_INET)
		return false;
	memset(out->b, 0, 10);
	memset(out->b + 10, 0xff, 2);
	memcpy(out->b + 12, &((const struct sockaddr_in *)
	    (const void *)sa)->sin_addr, 4);
	return true;
}

static bool
address_allowed(struct webclient_request *s, const struct net_addr *addr)
{
	if (s->pool->o.allow(s->pool->o.arg, addr))
		return true;
	s->denied = true;
	return false;
}

/* Make the socket only for an address that passes; see on_connected too. */
static curl_socket_t
open_allowed_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct net_addr addr;
	struct webclient_request *s = arg;
	int fd;

	(void)purpose;
	if (!address_of(&to->addr, &addr) || !address_allowed(s, &addr))
		return CURL_SOCKET_BAD;
	fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	if (fd >= 0)
		webclient_poller_opened(s->pool, fd);
	return fd;
}

/* Once connected, check the peer again before any byte is sent (row WH2). */
static int
on_connected(void *arg, char *peer, char *own, int peer_port, int own_port)
{
	struct net_addr addr;

	(void)own, (void)peer_port, (void)own_port;
	return net_parse(str_of(peer), &addr) && address_allowed(arg, &addr) ?
	    CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static size_t
read_answer_body(char *p, size_t size, size_t count, void *arg)
{
	struct webclient_request *s = arg;
	size_t n = size * count, room = WEBCLIENT_SHOWN - s->shown;

	if (n < room)
		room = n;
	memcpy(s->text + s->shown, p, room);
	s->shown += room;
	s->body_read += n;
	return s->body_read > WEBCLIENT_READ_MAX ? 0 : n;
}

static size_t
read_answer_header(char *p, size_t size, size_t count, void *arg)
{
	struct webclient_request *s = arg;

	(void)p;
	s->head_read += size * count;
	return s->head_read > WEBCLIENT_READ_MAX ? 0 : size * count;
}

static void
set_safety(CURL *e, struct webclient_request *s)
{
	WEBCLIENT_OPTION(e, CURLOPT_PROTOCOLS_STR, "http,https");
	WEBCLIENT_OPTION(e, CURLOPT_FOLLOWLOCATION, 0L);
	WEBCLIENT_OPTION(e, CURLOPT_PROXY, "");
	WEBCLIENT_OPTION(e, CURLOPT_NOPROXY, "*");
	WEBCLIENT_OPTION(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	webclient_trust(e, s->pool->o.ca_file);
	WEBCLIENT_OPTION(e, CURLOPT_OPENSOCKETFUNCTION, open_allowed_socket);
	WEBCLIENT_OPTION(e, CURLOPT_OPENSOCKETDATA, s);
	WEBCLIENT_OPTION(e, CURLOPT_CLOSESOCKETFUNCTION,
	    webclient_poller_close);
	WEBCLIENT_OPTION(e, CURLOPT_CLOSESOCKETDATA, s->pool);
	WEBCLIENT_OPTION(e, CURLOPT_PREREQFUNCTION, on_connected);
	WEBCLIENT_OPTION(e, CURLOPT_PREREQDATA, s);
}

static void
set_bounds(CURL *e, struct webclient_request *s)
{
	WEBCLIENT_OPTION(e, CURLOPT_NOSIGNAL, 1L);
	WEBCLIENT_OPTION(e, CURLOPT_BUFFERSIZE, BUFFER);
	WEBCLIENT_OPTION(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	WEBCLIENT_OPTION(e, CURLOPT_TIMEOUT_MS, TOTAL_MS);
	WEBCLIENT_OPTION(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
	WEBCLIENT_OPTION(e, CURLOPT_LOW_SPEED_TIME, LOW_SPEED_SECONDS);
	WEBCLIENT_OPTION(e, CURLOPT_WRITEFUNCTION, read_answer_body);
	WEBCLIENT_OPTION(e, CURLOPT_WRITEDATA, s);
	WEBCLIENT_OPTION(e, CURLOPT_HEADERFUNCTION, read_answer_header);
	WEBCLIENT_OPTION(e, CURLOPT_HEADERDATA, s);
	WEBCLIENT_OPTION(e, CURLOPT_PRIVATE, s);
}

void
webclient_request_make(struct webclient_request *s)
{
	if (s->easy)
		return;
	s->easy = curl_easy_init();
	if (s->easy == NULL)
		memory_exhausted("a transfer", 0);
	set_safety(s->easy, s);
	set_bounds(s->easy, s);
}
