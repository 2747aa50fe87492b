#ifndef WORKER_SMTP_SMTP_THREAD_H
#define WORKER_SMTP_SMTP_THREAD_H

#include <curl/curl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

/*
 * For the pool alone: a thread that runs the transfers of one handle, one at a
 * time, for libcurl waits for the relay's reply to a message inside a call.
 * From smtp_thread_go until smtp_thread_ended the handle and what its callbacks
 * write
 * are the thread's, else the caller's. It logs nothing and takes no signal.
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
	pthread_mutex_t lock; /* of what follows */
	int socket; /* of the connection; -1: there is none */
};

/* Takes over easy's sockets; adds 1 to ends with every transfer that ended. */
void smtp_thread_init(struct smtp_thread *r, CURL *easy, int ends);

/* Nothing may be under way. */
void smtp_thread_free(struct smtp_thread *r);

/* Begin what the handle is set to; the thread is made when there is none. */
void smtp_thread_go(struct smtp_thread *r);

/* Did it end, with *rc? Said once. */
bool smtp_thread_ended(struct smtp_thread *r, CURLcode *rc);

/*
 * What is under way ends soon, with the connection: not a byte of it goes out
 * any more, so that nothing makes a mail of what was sent so far.
 */
void smtp_thread_cut(struct smtp_thread *r);

/* No thread; the connection stays. Nothing may be under way. */
void smtp_thread_rest(struct smtp_thread *r);

/* Has it a connection, which the other end may have closed? */
bool smtp_thread_connected(struct smtp_thread *r);

#endif
