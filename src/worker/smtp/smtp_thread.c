#include "worker/smtp/smtp_thread.h"

#include <signal.h>
#include <stdint.h>
#include <stdlib.h>
#include <sys/socket.h>
#include <unistd.h>

#include "base/log.h"
#include "worker/webclient/webclient_option.h"

#define STACK ((size_t)256 << 10) /* libcurl, TLS, getaddrinfo */

/* Shut the connection down: its thread finds out, asleep in poll or not. */
static void
hang_up(struct smtp_thread *r)
{
	pthread_mutex_lock(&r->lock);
	if (r->socket >= 0)
		shutdown(r->socket, SHUT_RDWR);
	pthread_mutex_unlock(&r->lock);
}

static curl_socket_t
open_relay_socket(void *arg, curlsocktype purpose, struct curl_sockaddr *to)
{
	struct smtp_thread *r = arg;
	int fd = socket(to->family, to->socktype | SOCK_CLOEXEC, to->protocol);

	(void)purpose;
	pthread_mutex_lock(&r->lock);
	if (fd >= 0)
		r->socket = fd;
	pthread_mutex_unlock(&r->lock);
	return fd >= 0 ? fd : CURL_SOCKET_BAD;
}

static int
close_socket(void *arg, curl_socket_t fd)
{
	struct smtp_thread *r = arg;

	pthread_mutex_lock(&r->lock);
	if (r->socket == fd)
		r->socket = -1;
	pthread_mutex_unlock(&r->lock);
	return close(fd);
}

/* Called at every turn, and every second of the wait for a reply. */
static int
on_progress(void *arg, curl_off_t down, curl_off_t down_now, curl_off_t up,
    curl_off_t up_now)
{
	struct smtp_thread *r = arg;

	(void)down, (void)down_now, (void)up, (void)up_now;
	if (!atomic_load(&r->cut))
		return 0;
#if LIBCURL_VERSION_NUM >= 0x075700
	/* Do not wait for a name that is being looked up. */
	WEBCLIENT_OPTION(r->easy, CURLOPT_QUICK_EXIT, 1L);
#endif
	return 1;
}

void
smtp_thread_init(struct smtp_thread *r, CURL *easy, int ends)
{
	*r = (struct smtp_thread){ .easy = easy, .ends = ends, .socket = -1 };
	sem_init(&r->go, 0, 0);
	pthread_mutex_init(&r->lock, NULL);
	WEBCLIENT_OPTION(easy, CURLOPT_MAXCONNECTS, 1L);
	WEBCLIENT_OPTION(easy, CURLOPT_OPENSOCKETFUNCTION, open_relay_socket);
	WEBCLIENT_OPTION(easy, CURLOPT_OPENSOCKETDATA, r);
	WEBCLIENT_OPTION(easy, CURLOPT_CLOSESOCKETFUNCTION, close_socket);
	WEBCLIENT_OPTION(easy, CURLOPT_CLOSESOCKETDATA, r);
	WEBCLIENT_OPTION(easy, CURLOPT_NOPROGRESS, 0L);
	WEBCLIENT_OPTION(easy, CURLOPT_XFERINFOFUNCTION, on_progress);
	WEBCLIENT_OPTION(easy, CURLOPT_XFERINFODATA, r);
}

void
smtp_thread_free(struct smtp_thread *r)
{
	smtp_thread_rest(r);
	curl_easy_cleanup(r->easy);
	pthread_mutex_destroy(&r->lock);
	sem_destroy(&r->go);
}

static void *
thread_main(void *arg)
{
	const uint64_t one = 1;
	struct smtp_thread *r = arg;

	for (;;) {
		while (sem_wait(&r->go) < 0)
			continue;
		if (r->quit)
			return NULL;
		r->rc = curl_easy_perform(r->easy);
		atomic_store(&r->ended, true);
		(void)!write(r->ends, &one, sizeof(one));
	}
}

/* The new thread blocks all signals; the thread that makes it takes them. */
static bool
make_thread(struct smtp_thread *r)
{
	sigset_t all, old;
	pthread_attr_t attr;
	bool ok;

	sigfillset(&all);
	pthread_attr_init(&attr);
	pthread_attr_setstacksize(&attr, STACK);
	pthread_sigmask(SIG_SETMASK, &all, &old);
	ok = pthread_create(&r->thread, &attr, thread_main, r) == 0;
	pthread_sigmask(SIG_SETMASK, &old, NULL);
	pthread_attr_destroy(&attr);
	return ok;
}

void
smtp_thread_go(struct smtp_thread *r)
{
	atomic_store(&r->cut, false);
	if (!r->there && !make_thread(r)) {
		log_error("no thread for a transfer");
		exit(70);
	}
	r->there = true;
	sem_post(&r->go);
}

bool
smtp_thread_ended(struct smtp_thread *r, CURLcode *rc)
{
	if (!atomic_exchange(&r->ended, false))
		return false;
	*rc = r->rc;
	return true;
}

void
smtp_thread_cut(struct smtp_thread *r)
{
	atomic_store(&r->cut, true);
	hang_up(r);
}

void
smtp_thread_rest(struct smtp_thread *r)
{
	if (!r->there)
		return;
	r->quit = true;
	sem_post(&r->go);
	pthread_join(r->thread, NULL);
	r->quit = r->there = false;
}

bool
smtp_thread_connected(struct smtp_thread *r)
{
	bool is;

	pthread_mutex_lock(&r->lock);
	is = r->socket >= 0;
	pthread_mutex_unlock(&r->lock);
	return is;
}
