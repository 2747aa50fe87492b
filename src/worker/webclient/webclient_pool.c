#include "worker/webclient/webclient.h"

#include <stdlib.h>
#include <sys/epoll.h>
#include <unistd.h>

#include "base/clock.h"
#include "base/memory.h"
#include "worker/webclient/webclient_option.h"
#include "worker/webclient/webclient_private.h"

struct webclient_pool *
webclient_pool_new(const struct webclient_pool_options *o)
{
	struct webclient_pool *p = memory_new("transfers", 1, sizeof(*p));

	p->o = *o;
	p->epoll = epoll_create1(EPOLL_CLOEXEC);
	p->multi = curl_multi_init();
	if (p->epoll < 0 || p->multi == NULL)
		memory_exhausted("transfers", 0);
	p->slots = memory_new("transfers", (size_t)o->slots,
	    sizeof(*p->slots));
	for (int i = o->slots - 1; i >= 0; i--) {
		p->slots[i].pool = p;
		p->slots[i].next = p->free;
		p->free = &p->slots[i];
	}
	webclient_poller_watch(p);
	return p;
}

static void
slot_end(struct webclient_pool *p, struct webclient_request *s)
{
	curl_multi_remove_handle(p->multi, s->easy);
	s->busy = false;
	s->next = p->free;
	p->free = s;
	p->busy--;
}

void
webclient_pool_free(struct webclient_pool **pp)
{
	struct webclient_pool *p = *pp;

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
webclient_pool_busy(const struct webclient_pool *p)
{
	return p->busy;
}

/* libcurl reads the list during the whole transfer, so the slot has a copy. */
static void
set_headers(struct webclient_request *s, const char *const *headers)
{
	size_t room = 0, n;
	char *p;

	for (n = 0; headers[n]; n++)
		room += strlen(headers[n]) + 1;
	if (n > WEBCLIENT_HEADERS)
		abort();
	if (room > s->head_room) {
		s->head = memory_grow("headers", s->head, room, 1);
		s->head_room = room;
	}
	p = s->head;
	for (size_t i = 0; i < n; i++) {
		s->headers[i].data = p;
		s->headers[i].next = i + 1 < n ? &s->headers[i + 1] : NULL;
		p = stpcpy(p, headers[i]) + 1;
	}
}

bool
webclient_pool_start(struct webclient_pool *p,
    const struct webclient_post *post)
{
	struct webclient_request *s = p->free;

	if (s == NULL)
		return false;
	webclient_request_make(s);
	p->free = s->next;
	s->began = clock_mono();
	s->denied = false;
	s->body_read = s->head_read = s->shown = 0;
	s->arg = post->arg;
	set_headers(s, post->headers);
	WEBCLIENT_OPTION(s->easy, CURLOPT_URL, post->url);
	WEBCLIENT_OPTION(s->easy, CURLOPT_HTTPHEADER, s->headers);
	WEBCLIENT_OPTION(s->easy, CURLOPT_POSTFIELDSIZE_LARGE,
	    (curl_off_t)post->body.n);
	WEBCLIENT_OPTION(s->easy, CURLOPT_POSTFIELDS, post->body.p);
	s->busy = true;
	p->busy++;
	if (curl_multi_add_handle(p->multi, s->easy) == CURLM_OK) {
		p->running++;
		return true;
	}
	slot_end(p, s);
	return false;
}

/* A reason in words that tell nothing of our network (row WH12). */
static const char *
reason_of(const struct webclient_request *s, CURLcode rc, long status)
{
	bool cut = rc == CURLE_WRITE_ERROR && s->body_read > WEBCLIENT_READ_MAX;

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

/* Keep only what a text column and JSON may hold. */
static void
show_body(const struct webclient_request *s, char out[WEBCLIENT_SHOWN + 1])
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
webclient_pool_next(struct webclient_pool *p, struct webclient_answer *out)
{
	curl_off_t wait = 0;
	struct webclient_request *s = NULL;
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
	show_body(s, out->body);
	slot_end(p, s);
	return true;
}
