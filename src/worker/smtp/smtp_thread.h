#ifndef WORKER_SMTP_SMTP_THREAD_H
#define WORKER_SMTP_SMTP_THREAD_H

#include <curl/curl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

/*
 * Only for the pool: a thread that runs the transfers of one handle, one at a
 * time. It is needed because libcurl waits inside a call for the relay's reply
 * to a message. From smtp_thread_go until smtp_thread_ended, the handle and
 * what its callbacks write belong to the thread, else to the caller. The thread
 * logs nothing and takes no signal.
 */
struct smtp_thread {
	CURL *easy;
	int ends; /* eventfd */
	pthread_t thread;
	bool there;
	bool quit;
	sem_t go;
	CURLcode rc;
	atomic_bool ended;
	atomic_bool cut;
	pthread_mutex_t lock; /* guards what follows */
	int socket; /* of the connection; -1: there is none */
};

/* Opens and closes easy's sockets from now on; adds 1 to ends per transfer. */
void smtp_thread_init(struct smtp_thread *r, CURL *easy, int ends);

/* Nothing may be under way. */
void smtp_thread_free(struct smtp_thread *r);

/* Begin the transfer that the handle is set to; make the thread if need be. */
void smtp_thread_go(struct smtp_thread *r);

/* Did the transfer end, with *rc? True once for each. */
bool smtp_thread_ended(struct smtp_thread *r, CURLcode *rc);

/*
 * End the transfer under way soon, and its connection: no further byte goes
 * out, so that the relay does not take the part sent so far for a mail.
 */
void smtp_thread_cut(struct smtp_thread *r);

/* End the thread, keep the connection. Nothing may be under way. */
void smtp_thread_rest(struct smtp_thread *r);

/* Is there a connection? The other end may have closed it. */
bool smtp_thread_connected(struct smtp_thread *r);

#endif
