/*
 * Libraries that fail on demand: the linker leads the program's own calls of
 * what functions.def names through here (--wrap; configure --enable-failures).
 * A file in the runtime directory, mapped by program and test, says which call
 * fails, and counts.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/epoll.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <unistd.h>

#ifdef FAIL_CURL
#include <curl/curl.h>
#endif
#include <libpq-fe.h>
#ifdef FAIL_KAFKA
#include <librdkafka/rdkafka.h>
#endif
#include <read.h>
#include <sodium.h>

#define FUNCTIONS_MAX 64
#define NAME_MAX_ 32

/* As tests/failures/control.py reads it. */
struct control {
	_Atomic uint32_t on;	 /* count, in children alone if it is 2 */
	_Atomic uint32_t which;	 /* the function that fails */
	_Atomic uint32_t nth;	 /* which of its calls; 0: none */
	_Atomic uint32_t failed; /* how many did */
	_Atomic uint64_t where;	 /* the failed call, from the program's start */
	_Atomic uint32_t pid;	 /* of the process whose call failed */
	_Atomic uint32_t calls[FUNCTIONS_MAX];
	char names[FUNCTIONS_MAX][NAME_MAX_];
};

enum {
#define FAIL(type, name, parameters, arguments, failure) FAIL_##name,
#define FAIL_BY_HAND(name) FAIL_##name,
#include "functions.def"
#undef FAIL
#undef FAIL_BY_HAND
	FUNCTIONS
};

static const char *const names[] = {
#define FAIL(type, name, parameters, arguments, failure) #name,
#define FAIL_BY_HAND(name) #name,
#include "functions.def"
#undef FAIL
#undef FAIL_BY_HAND
};

_Static_assert(FUNCTIONS <= FUNCTIONS_MAX, "room in the file");

static struct control *control;
static pid_t first; /* the process that the program began as */

extern const char __executable_start;

static void __attribute__((constructor))
open_control(void)
{
	const char *dir = getenv("RUNTIME_DIR");
	char path[4096];
	void *p;
	int fd;

	first = getpid();
	snprintf(path, sizeof(path), "%s/%s.failures", dir ? dir : "",
	    program_invocation_short_name);
	fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0600);
	if (fd < 0 || ftruncate(fd, sizeof(*control)) < 0)
		return;
	p = mmap(NULL, sizeof(*control), PROT_READ | PROT_WRITE, MAP_SHARED,
	    fd, 0);
	close(fd);
	if (p == MAP_FAILED)
		return;
	control = p;
	for (int i = 0; i < FUNCTIONS; i++)
		snprintf(control->names[i], NAME_MAX_, "%s", names[i]);
}

/* Count the call; is it the one to fail? */
static bool
fails(uint32_t function, const void *where)
{
	uint32_t on = control ? atomic_load(&control->on) : 0;

	if (on == 0 || (on == 2 && getpid() == first) ||
	    atomic_fetch_add(&control->calls[function], 1) + 1 !=
		atomic_load(&control->nth) ||
	    atomic_load(&control->which) != function)
		return false;
	atomic_store(&control->pid, (uint32_t)getpid());
	atomic_fetch_add(&control->failed, 1);
	atomic_store(&control->where, (uint64_t)((uintptr_t)where -
	    (uintptr_t)&__executable_start));
	return true;
}

#define NO_MEMORY (errno = ENOMEM, NULL)
#define WITH_ERRNO(e) (errno = (e), -1)
/* As when the connection broke: what is sent and read from now on fails. */
#define LOST(conn, result) (shutdown(PQsocket(conn), SHUT_RDWR), (result))

#define FAIL(type, name, parameters, arguments, failure)		\
	type __real_##name parameters;					\
	type __wrap_##name parameters;					\
	type __wrap_##name parameters					\
	{								\
		if (fails(FAIL_##name, __builtin_return_address(0)))	\
			return failure;					\
		return __real_##name arguments;				\
	}
#define FAIL_BY_HAND(name)
#include "functions.def"

/* Those that take what the compiler cannot hand on. */

int __real_open(const char *path, int flags, ...);
int __wrap_open(const char *path, int flags, ...);
int
__wrap_open(const char *path, int flags, ...)
{
	va_list ap;
	int mode;

	va_start(ap, flags);
	mode = flags & (O_CREAT | O_TMPFILE) ? va_arg(ap, int) : 0;
	va_end(ap);
	if (fails(FAIL_open, __builtin_return_address(0)))
		return WITH_ERRNO(EMFILE);
	return __real_open(path, flags, mode);
}

#ifdef FAIL_CURL
#undef curl_easy_setopt
#undef curl_multi_setopt

CURLcode __real_curl_easy_setopt(CURL *e, CURLoption option, ...);
CURLcode __wrap_curl_easy_setopt(CURL *e, CURLoption option, ...);
CURLcode
__wrap_curl_easy_setopt(CURL *e, CURLoption option, ...)
{
	va_list ap;
	void *value;

	va_start(ap, option);
	value = va_arg(ap, void *); /* as wide as a long */
	va_end(ap);
	if (fails(FAIL_curl_easy_setopt, __builtin_return_address(0)))
		return CURLE_OUT_OF_MEMORY;
	return __real_curl_easy_setopt(e, option, value);
}
#endif

#ifdef FAIL_KAFKA
#define PARTS_MAX 16

/* One part of a message, of those that our programs give. */
static rd_kafka_vu_t
next_part(rd_kafka_vtype_t type, va_list *ap)
{
	rd_kafka_vu_t p = { .vtype = type };

	switch (type) {
	case RD_KAFKA_VTYPE_TOPIC:
		p.u.cstr = va_arg(*ap, const char *);
		break;
	case RD_KAFKA_VTYPE_KEY:
	case RD_KAFKA_VTYPE_VALUE:
		p.u.mem.ptr = va_arg(*ap, void *);
		p.u.mem.size = va_arg(*ap, size_t);
		break;
	case RD_KAFKA_VTYPE_HEADER:
		p.u.header.name = va_arg(*ap, const char *);
		p.u.header.val = va_arg(*ap, const void *);
		p.u.header.size = va_arg(*ap, ssize_t);
		break;
	case RD_KAFKA_VTYPE_MSGFLAGS:
		p.u.i = va_arg(*ap, int);
		break;
	case RD_KAFKA_VTYPE_OPAQUE:
		p.u.ptr = va_arg(*ap, void *);
		break;
	default:
		abort();
	}
	return p;
}

static rd_kafka_resp_err_t
code_of(rd_kafka_error_t *e)
{
	rd_kafka_resp_err_t code = e ? rd_kafka_error_code(e) :
	    RD_KAFKA_RESP_ERR_NO_ERROR;

	if (e)
		rd_kafka_error_destroy(e);
	return code;
}

rd_kafka_resp_err_t __wrap_rd_kafka_producev(rd_kafka_t *k, ...);
rd_kafka_resp_err_t
__wrap_rd_kafka_producev(rd_kafka_t *k, ...)
{
	rd_kafka_vu_t parts[PARTS_MAX];
	rd_kafka_vtype_t type;
	size_t n = 0;
	va_list ap;

	if (fails(FAIL_rd_kafka_producev, __builtin_return_address(0)))
		return RD_KAFKA_RESP_ERR__QUEUE_FULL;
	va_start(ap, k);
	while ((type = va_arg(ap, rd_kafka_vtype_t)) != RD_KAFKA_VTYPE_END &&
	    n < PARTS_MAX)
		parts[n++] = next_part(type, &ap);
	va_end(ap);
	return code_of(rd_kafka_produceva(k, parts, n));
}
#endif
