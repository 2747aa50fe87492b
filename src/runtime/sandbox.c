#include "runtime/sandbox.h"

#include <config.h>

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <termios.h>
#include <unistd.h>

#include <linux/sockios.h>

#include "base/log.h"

void
sandbox_private(void)
{
	const struct rlimit none = { 0, 0 };

	setrlimit(RLIMIT_CORE, &none);
	prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0);
#ifndef SANITIZERS /* LeakSanitizer traces its own process */
	prctl(PR_SET_DUMPABLE, 0);
#endif
}

#if defined(HAVE_SECCOMP) && !defined(SANITIZERS)
#include <seccomp.h>

enum {
	WEB = 1 << SANDBOX_WEB,
	PARENT = 1 << SANDBOX_QUEUE,
	COURIER = 1 << SANDBOX_COURIER,
	EVENTS = 1 << SANDBOX_EVENTS,
	MEDIA = 1 << SANDBOX_MEDIA,
	DECODER = 1 << SANDBOX_DECODER,
	FAMILY = PARENT | COURIER | EVENTS | MEDIA,
	ALL = WEB | FAMILY,
};

static const struct {
	int call;
	unsigned programs;
} calls[] = {
#define CALL(name, programs) { SCMP_SYS(name), (programs) },
#define FORBID(name)
#include "runtime/sandbox.def"
#undef CALL
#undef FORBID
};

static const int forbidden[] = {
#define CALL(name, programs)
#define FORBID(name) SCMP_SYS(name),
#include "runtime/sandbox.def"
#undef CALL
#undef FORBID
};

#define COUNT(list) (sizeof(list) / sizeof((list)[0]))
#define NEW_NAMESPACE (CLONE_NEWNS | CLONE_NEWCGROUP | CLONE_NEWUTS | \
	CLONE_NEWIPC | CLONE_NEWUSER | CLONE_NEWPID | CLONE_NEWNET)
#define WRITES (O_WRONLY | O_RDWR | O_CREAT | O_TRUNC)

struct filter {
	scmp_filter_ctx ctx;
	int rc; /* of the first rule that failed */
};

static void
rule(struct filter *f, uint32_t action, int call, unsigned n,
    const struct scmp_arg_cmp *args)
{
	int rc = seccomp_rule_add_array(f->ctx, action, call, n, args);

	if (rc < 0 && f->rc == 0)
		f->rc = rc;
}

/* Callers give all four fields of a comparison, else clang warns. */
static void
rule_if(struct filter *f, uint32_t action, int call, struct scmp_arg_cmp arg)
{
	rule(f, action, call, 1, &arg);
}

#define ALLOW SCMP_ACT_ALLOW
#define END SCMP_ACT_KILL_PROCESS

/* Forbid all sockets but local, IPv4, IPv6 and netlink's address list. */
static void
other_sockets(struct filter *f)
{
	const struct scmp_arg_cmp netlink[] = {
		SCMP_A0(SCMP_CMP_EQ, AF_NETLINK, 0), SCMP_A2(SCMP_CMP_NE, 0, 0) };

	rule_if(f, END, SCMP_SYS(socket), SCMP_A0(SCMP_CMP_GT, AF_NETLINK, 0));
	for (int i = 0; i < AF_NETLINK; i++)
		if (i != AF_UNIX && i != AF_INET && i != AF_INET6)
			rule_if(f, END, SCMP_SYS(socket),
			    SCMP_A0(SCMP_CMP_EQ, (unsigned)i, 0));
	rule(f, END, SCMP_SYS(socket), 2, netlink);
}

static void
forbid(struct filter *f, enum sandbox which)
{
	for (size_t i = 0; i < COUNT(forbidden); i++)
		rule(f, END, forbidden[i], 0, NULL);
	if (which != SANDBOX_MASTER) {
		rule(f, END, SCMP_SYS(execve), 0, NULL);
		rule(f, END, SCMP_SYS(execveat), 0, NULL);
	}
	rule_if(f, END, SCMP_SYS(clone),
	    SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_NEWUSER, CLONE_NEWUSER));
	other_sockets(f);
}

static bool
writes_files(enum sandbox which)
{
	return which == SANDBOX_QUEUE || which == SANDBOX_MEDIA;
}

/* A program that writes no files may not open one for writing. */
static void
allow_open(struct filter *f, enum sandbox which)
{
	static const uint64_t ways[] = { O_WRONLY, O_RDWR, O_CREAT, O_TRUNC };

	if (writes_files(which)) {
		rule(f, ALLOW, SCMP_SYS(open), 0, NULL);
		rule(f, ALLOW, SCMP_SYS(openat), 0, NULL);
		return;
	}
	rule_if(f, ALLOW, SCMP_SYS(open),
	    SCMP_A1(SCMP_CMP_MASKED_EQ, WRITES, O_RDONLY));
	rule_if(f, ALLOW, SCMP_SYS(openat),
	    SCMP_A2(SCMP_CMP_MASKED_EQ, WRITES, O_RDONLY));
	for (size_t i = 0; i < COUNT(ways); i++) {
		rule_if(f, END, SCMP_SYS(open),
		    SCMP_A1(SCMP_CMP_MASKED_EQ, ways[i], ways[i]));
		rule_if(f, END, SCMP_SYS(openat),
		    SCMP_A2(SCMP_CMP_MASKED_EQ, ways[i], ways[i]));
	}
	rule(f, END, SCMP_SYS(creat), 0, NULL);
}

/* No memory is both writable and executable; a library's is executable. */
static void
allow_memory(struct filter *f)
{
	rule_if(f, ALLOW, SCMP_SYS(mmap),
	    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	rule_if(f, ALLOW, SCMP_SYS(mmap), SCMP_A2(SCMP_CMP_MASKED_EQ,
	    PROT_EXEC | PROT_WRITE, PROT_EXEC));
	rule_if(f, ALLOW, SCMP_SYS(mprotect),
	    SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
}

static void
allow_by_word(struct filter *f)
{
	static const unsigned long requests[] = { FIONREAD, FIONBIO, TCGETS,
		SIOCOUTQ };
	static const int options[] = { PR_SET_NAME, PR_GET_NAME,
		PR_SET_PDEATHSIG, PR_SET_NO_NEW_PRIVS };

	for (size_t i = 0; i < COUNT(requests); i++)
		rule_if(f, ALLOW, SCMP_SYS(ioctl),
		    SCMP_A1(SCMP_CMP_EQ, requests[i], 0));
	for (size_t i = 0; i < COUNT(options); i++)
		rule_if(f, ALLOW, SCMP_SYS(prctl),
		    SCMP_A0(SCMP_CMP_EQ, (unsigned)options[i], 0));
	rule_if(f, ALLOW, SCMP_SYS(clone),
	    SCMP_A0(SCMP_CMP_MASKED_EQ, NEW_NAMESPACE, 0));
	/* a filter cannot see clone3's flags; libc falls back on clone */
	rule(f, SCMP_ACT_ERRNO(ENOSYS), SCMP_SYS(clone3), 0, NULL);
	for (unsigned i = AF_UNIX; i <= AF_NETLINK; i++)
		if (i == AF_UNIX || i == AF_INET || i == AF_INET6)
			rule_if(f, ALLOW, SCMP_SYS(socket),
			    SCMP_A0(SCMP_CMP_EQ, i, 0));
	rule(f, ALLOW, SCMP_SYS(socket), 2, (const struct scmp_arg_cmp[]){
	    SCMP_A0(SCMP_CMP_EQ, AF_NETLINK, 0), SCMP_A2(SCMP_CMP_EQ, 0, 0) });
}

/* Limits may only be read; the courier raises its own before this. */
static void
allow_limits(struct filter *f, enum sandbox which)
{
	rule(f, ALLOW, SCMP_SYS(getrlimit), 0, NULL);
	if (which == SANDBOX_QUEUE)
		rule(f, ALLOW, SCMP_SYS(prlimit64), 0, NULL);
	else
		rule_if(f, ALLOW, SCMP_SYS(prlimit64),
		    SCMP_A2(SCMP_CMP_EQ, 0, 0));
}

/* abort() and threads signal their own process; a parent ends its children. */
static void
allow_signals(struct filter *f, enum sandbox which)
{
	if (which == SANDBOX_QUEUE)
		rule(f, ALLOW, SCMP_SYS(tgkill), 0, NULL);
	else
		rule_if(f, ALLOW, SCMP_SYS(tgkill),
		    SCMP_A0(SCMP_CMP_EQ, (scmp_datum_t)getpid(), 0));
}

static void
allow_calls(struct filter *f, enum sandbox which)
{
	for (size_t i = 0; i < COUNT(calls); i++)
		if (calls[i].programs & 1u << which)
			rule(f, ALLOW, calls[i].call, 0, NULL);
	allow_memory(f);
	if (which == SANDBOX_DECODER)
		return;
	allow_open(f, which);
	allow_by_word(f);
	allow_limits(f, which);
	allow_signals(f, which);
}

static int
install(enum sandbox which)
{
	struct filter f = { .ctx = seccomp_init(which == SANDBOX_MASTER ?
	    ALLOW : SCMP_ACT_ERRNO(EPERM)) };

	if (f.ctx == NULL)
		return -ENOMEM;
	(void)seccomp_attr_set(f.ctx, SCMP_FLTATR_CTL_OPTIMIZE, 2);
	forbid(&f, which);
	if (which != SANDBOX_MASTER)
		allow_calls(&f, which);
	if (f.rc == 0)
		f.rc = seccomp_load(f.ctx);
	seccomp_release(f.ctx);
	return f.rc;
}

void
sandbox_enter(enum sandbox which)
{
	static unsigned entered;
	int rc;

	if (entered & 1u << which)
		return;
	entered |= 1u << which;
	rc = install(which);
	if (rc < 0)
		log_warn("system calls are not filtered",
		    log_c("error", strerror(-rc)));
}

bool
sandbox_built(void)
{
	return true;
}

#else

void
sandbox_enter(enum sandbox which)
{
	(void)which;
}

bool
sandbox_built(void)
{
	return false;
}

#endif
