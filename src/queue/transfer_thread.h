#ifndef QUEUE_TRANSFER_THREAD_H
#define QUEUE_TRANSFER_THREAD_H

#include <curl/curl.h>
#include <pthread.h>
#include <semaphore.h>
#include <stdatomic.h>
#include <stdbool.h>

/*
 * For the pool alone: a thread that runs the transfers of one handle, one at a
 * time, for libcurl waits for the relay's reply to a message inside a call.
 * From runner_go until runner_ended the handle and what its callbacks write
 * are the thread's, else the caller's. It logs nothing and takes no signal.
 */
struct runner {
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
void runner_init(struct runner *r, CURL *easy, int ends);

/* Nothing may be under way. */
void runner_free(struct runner *r);

/* Begin what the handle is set to; the thread is made when there is none. */
void runner_go(struct runner *r);

/* Did it end, with *rc? Said once. */
bool runner_ended(struct runner *r, CURLcode *rc);

/*
 * What is under way ends soon, with the connection: not a byte of it goes out
 * any more, so that nothing makes a mail of what was sent so far.
 */
void runner_cut(struct runner *r);

/* No thread; the connection stays. Nothing may be under way. */
void runner_rest(struct runner *r);

/* Has it a connection, which the other end may have closed? */
bool runner_connected(struct runner *r);

#endif
