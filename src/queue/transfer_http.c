#include "queue/transfer_http.h"

#include <netinet/in.h>
#include <stdlib.h>
#include <sys/epoll.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/log.h"
#include "queue/transfer_pool.h"

#define CONNECT_MS 5000L
#define TOTAL_MS 20000L
#define READ_MAX ((size_t)16 << 10) /* of the answer, and of its headers */
#define LOW_SPEED_SECONDS 10L
#define BUFFER 4096L /* an answer is small; there may be many at once */

/* An address as the filter wants it; false for what is no internet address. */
static bool
address(const struct sockaddr *sa, struct net_addr *out)
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
allowed(struct slot *s, const struct net_addr *addr)
{
	if (s->pool->o.allow(s->pool->o.arg, addr))
		return true;
	s->denied = true;
	return false;
}

/* The socket is made only for an address that passes; see on_request too. */
static curl_socket_t
open_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct net_addr addr;
	struct slot *s = arg;
	int fd;

	(void)purpose;
	if (!address(&to->addr, &addr) || !allowed(s, &addr))
		return CURL_SOCKET_BAD;
	fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);
	if (fd >= 0)
		http_pool_opened(s->pool, fd);
	return fd;
}

/* Connected: the peer once more, before a byte of the request (row WH2). */
static int
on_request(void *arg, char *peer, char *own, int peer_port, int own_port)
{
	struct net_addr addr;

	(void)own, (void)peer_port, (void)own_port;
	return net_parse(str_of(peer), &addr) && allowed(arg, &addr) ?
	    CURL_PREREQFUNC_OK : CURL_PREREQFUNC_ABORT;
}

static size_t
read_body(char *p, size_t size, size_t count, void *arg)
{
	struct slot *s = arg;
	size_t n = size * count, room = HTTP_SHOWN - s->shown;

	if (n < room)
		room = n;
	memcpy(s->text + s->shown, p, room);
	s->shown += room;
	s->body_read += n;
	return s->body_read > READ_MAX ? 0 : n;
}

static size_t
read_header(char *p, size_t size, size_t count, void *arg)
{
	struct slot *s = arg;

	(void)p;
	s->head_read += size * count;
	return s->head_read > READ_MAX ? 0 : size * count;
}

static void
set_safety(CURL *e, struct slot *s)
{
	curl_easy_setopt(e, CURLOPT_PROTOCOLS_STR, "http,https");
	curl_easy_setopt(e, CURLOPT_FOLLOWLOCATION, 0L);
	curl_easy_setopt(e, CURLOPT_PROXY, "");
	curl_easy_setopt(e, CURLOPT_NOPROXY, "*");
	curl_easy_setopt(e, CURLOPT_NETRC, (long)CURL_NETRC_IGNORED);
	curl_easy_setopt(e, CURLOPT_SSLVERSION, (long)CURL_SSLVERSION_TLSv1_2);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYPEER, 1L);
	curl_easy_setopt(e, CURLOPT_SSL_VERIFYHOST, 2L);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETFUNCTION, open_socket);
	curl_easy_setopt(e, CURLOPT_OPENSOCKETDATA, s);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETFUNCTION, http_pool_close);
	curl_easy_setopt(e, CURLOPT_CLOSESOCKETDATA, s->pool);
	curl_easy_setopt(e, CURLOPT_PREREQFUNCTION, on_request);
	curl_easy_setopt(e, CURLOPT_PREREQDATA, s);
	if (*s->pool->o.ca_file) {
		curl_easy_setopt(e, CURLOPT_CAINFO, s->pool->o.ca_file);
		curl_easy_setopt(e, CURLOPT_CAPATH, NULL);
	}
}

static void
set_bounds(CURL *e, struct slot *s)
{
	curl_easy_setopt(e, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(e, CURLOPT_BUFFERSIZE, BUFFER);
	curl_easy_setopt(e, CURLOPT_CONNECTTIMEOUT_MS, CONNECT_MS);
	curl_easy_setopt(e, CURLOPT_TIMEOUT_MS, TOTAL_MS);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_LIMIT, 1L);
	curl_easy_setopt(e, CURLOPT_LOW_SPEED_TIME, LOW_SPEED_SECONDS);
	curl_easy_setopt(e, CURLOPT_WRITEFUNCTION, read_body);
	curl_easy_setopt(e, CURLOPT_WRITEDATA, s);
	curl_easy_setopt(e, CURLOPT_HEADERFUNCTION, read_header);
	curl_easy_setopt(e, CURLOPT_HEADERDATA, s);
	curl_easy_setopt(e, CURLOPT_PRIVATE, s);
}

static _Noreturn void
out_of_memory(const char *what)
{
	log_error("out of memory", log_c("what", what));
	exit(70);
}

static void
slot_make(struct slot *s)
{
	if (s->easy)
		return;
	s->easy = curl_easy_init();
	if (s->easy == NULL)
		out_of_memory("a transfer");
	set_safety(s->easy, s);
	set_bounds(s->easy, s);
}

struct http_pool *
http_pool_new(const struct http_pool_options *o)
{
	struct http_pool *p = calloc(1, sizeof(*p));

	if (p == NULL)
		return NULL;
	p->o = *o;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->multi = curl_multi_init();
	p->slots = calloc((size_t)o->slots, sizeof(*p->slots));
	if (p->epoll < 0 || p->multi == NULL || p->slots == NULL) {
		http_pool_free(&p);
		return NULL;
	}
	for (int i = o->slots - 1; i >= 0; i--) {
		p->slots[i].pool = p;
		p->slots[i].next = p->free;
		p->free = &p->slots[i];
	}
	http_pool_watch(p);
	return p;
}

static void
slot_end(struct http_pool *p, struct slot *s)
{
	curl_multi_remove_handle(p->multi, s->easy);
	s->busy = false;
	s->next = p->free;
	p->free = s;
	p->busy--;
}

void
http_pool_free(struct http_pool **pp)
{
	struct http_pool *p = *pp;

	if (p == NULL)
		return;
	for (int i = 0; p->slots && i < p->o.slots; i++) {
		if (p->slots[i].busy)
			slot_end(p, &p->slots[i]);
		curl_easy_cleanup(p->slots[i].easy);
		free(p->slots[i].head);
	}
	curl_multi_cleanup(p->multi);
	if (p->epoll >= 0)
		close(p->epoll);
	free(p->watches);
	free(p->slots);
	free(p);
	*pp = NULL;
}

int
http_pool_busy(const struct http_pool *p)
{
	return p->busy;
}

/* libcurl reads the list while the transfer lasts: the slot has a copy. */
static void
set_headers(struct slot *s, const char *const *headers)
{
	size_t room = 0, n;
	char *p;

	for (n = 0; headers[n]; n++)
		room += strlen(headers[n]) + 1;
	if (n > HTTP_HEADERS)
		abort();
	if (room > s->head_room) {
		s->head = realloc(s->head, room);
		s->head_room = room;
		if (s->head == NULL)
			out_of_memory("headers");
	}
	p = s->head;
	for (size_t i = 0; i < n; i++) {
		s->headers[i].data = p;
		s->headers[i].next = i + 1 < n ? &s->headers[i + 1] : NULL;
		p = stpcpy(p, headers[i]) + 1;
	}
}

bool
http_pool_start(struct http_pool *p, const struct http_post *post)
{
	struct slot *s = p->free;

	if (s == NULL)
		return false;
	slot_make(s);
	p->free = s->next;
	s->began = clock_mono();
	s->denied = false;
	s->body_read = s->head_read = s->shown = 0;
	s->arg = post->arg;
	set_headers(s, post->headers);
	curl_easy_setopt(s->easy, CURLOPT_URL, post->url);
	curl_easy_setopt(s->easy, CURLOPT_HTTPHEADER, s->headers);
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)post->body.n);
	curl_easy_setopt(s->easy, CURLOPT_POSTFIELDS, post->body.p);
	s->busy = true;
	p->busy++;
	if (curl_multi_add_handle(p->multi, s->easy) == CURLM_OK) {
		p->running++;
		return true;
	}
	slot_end(p, s);
	return false;
}

/* In words that tell nothing of the network we stand in (row WH12). */
static const char *
reason_of(const struct slot *s, CURLcode rc, long status)
{
	bool cut = rc == CURLE_WRITE_ERROR && s->body_read > READ_MAX;

	if (s->denied)
		return "not reachable";
	if (rc == CURLE_OK || cut) {
		if (status >= 200 && status < 300)
			return NULL;
		return status >= 300 && status < 400 ?
		    "answered with a redirect" : "answered with an error";
	}
	switch (rc) {
	case CURLE_COULDNT_RESOLVE_HOST:
	case CURLE_COULDNT_CONNECT:
		return "not reachable";
	case CURLE_OPERATION_TIMEDOUT:
		return "timed out";
	case CURLE_PEER_FAILED_VERIFICATION:
	case CURLE_SSL_CONNECT_ERROR:
		return "its certificate or TLS was not accepted";
	case CURLE_WRITE_ERROR:
		return "answered with too many headers";
	default:
		return "the connection was lost";
	}
}

/* Only what may stand in a text column and in JSON. */
static void
show(const struct slot *s, char out[HTTP_SHOWN + 1])
{
	size_t n = s->shown;

	while (n > 0 && s->shown - n < 4 &&
	    !str_utf8((struct str){ s->text, n }, NULL))
		n--;
	memcpy(out, s->text, n);
	out[n] = '\0';
	if (!str_utf8((struct str){ s->text, n }, NULL) ||
	    memchr(s->text, '\0', n))
		for (size_t i = 0; i < n; i++)
			if ((unsigned char)out[i] < 0x20 ||
			    (unsigned char)out[i] >= 0x7f)
				out[i] = '?';
}

bool
http_pool_next(struct http_pool *p, struct http_answer *out)
{
	curl_off_t wait = 0;
	struct slot *s = NULL;
	CURLMsg *m;
	CURLcode rc;
	int left;

	do {
		m = curl_multi_info_read(p->multi, &left);
		if (m == NULL)
			return false;
	} while (m->msg != CURLMSG_DONE);
	rc = m->data.result;
	curl_easy_getinfo(m->easy_handle, CURLINFO_PRIVATE, &s);
	out->arg = s->arg;
	out->took = clock_mono() - s->began;
	out->status = 0;
	curl_easy_getinfo(s->easy, CURLINFO_RESPONSE_CODE, &out->status);
	curl_easy_getinfo(s->easy, CURLINFO_RETRY_AFTER, &wait);
	out->retry_after = wait > 0 && wait < 86400 ? wait * CLOCK_SECOND :
	    wait > 0 ? 86400 * CLOCK_SECOND : 0;
	out->reason = reason_of(s, rc, out->status);
	show(s, out->body);
	slot_end(p, s);
	return true;
}
