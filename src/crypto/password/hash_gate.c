#include "crypto/password/hash_gate.h"

#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdatomic.h>
#include <stdio.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

#include "base/clock.h"
#include "base/limits.h"
#include "base/log.h"
#include "base/pid.h"

#define QUEUE_AT 4096 /* first byte of the queue; slots lie below */
#define SHARES_AT 8192
#define OWNERS (1u << 20) /* so many that two owners rarely share one */
#define LATELY (20 * CLOCK_MS)

static struct {
	char path[512];
	pid_t pid; /* that opened fd */
	int fd;
	int slots;
	int held;  /* the slot we hold, or -1 */
	off_t share; /* first byte of the current owner's share, or 0 */
	off_t taken; /* the byte of that share we hold, or 0 */
	bool borrowed; /* path is in /tmp: others may have made the file */
	const _Atomic int64_t *yield_to;
} lock = { .fd = -1, .held = -1 };

static int
count_cores(void)
{
	cpu_set_t set;
	int n;

	CPU_ZERO(&set);
	if (sched_getaffinity(0, sizeof(set), &set) == 0)
		n = CPU_COUNT(&set);
	else
		n = (int)sysconf(_SC_NPROCESSORS_ONLN);
	return n < 1 ? 1 : n > QUEUE_AT ? QUEUE_AT : n;
}

/* Is it a regular file and, in a shared directory, ours alone? */
static bool
is_ours(int fd, bool shared_dir)
{
	struct stat st;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode))
		return false;
	return !shared_dir || (st.st_uid == geteuid() && st.st_nlink == 1 &&
	    (st.st_mode & (S_IWGRP | S_IWOTH)) == 0);
}

/* If root (posternctl) made the file, give it to the service's user. */
static void
give_to_owner_of(const char *dir, int fd)
{
	struct stat st;

	if (geteuid() == 0 && stat(dir, &st) == 0 && st.st_uid != 0 &&
	    fchown(fd, st.st_uid, st.st_gid) != 0)
		log_warn("hash lock keeps its owner", log_i("errno", errno));
}

static int
open_lock(const char *path, bool shared_dir)
{
	int fd = open(path, O_RDWR | O_CREAT | O_NOFOLLOW | O_CLOEXEC |
	    O_NOCTTY | O_NONBLOCK, 0600);

	if (fd >= 0 && !is_ours(fd, shared_dir)) {
		close(fd);
		errno = EPERM;
		return -1;
	}
	return fd;
}

static enum err
use_slot(int fd)
{
	lock.fd = fd;
	lock.pid = pid_self();
	lock.held = -1;
	lock.taken = 0;
	return E_OK;
}

static enum err
open_first(const char *dir)
{
	int fd = open_lock(lock.path, false);

	if (fd >= 0) {
		give_to_owner_of(dir, fd);
		return use_slot(fd);
	}
	log_warn("hash lock is not in runtime_dir, using /tmp",
	    log_c("path", lock.path), log_c("why", strerror(errno)));
	snprintf(lock.path, sizeof(lock.path), "/tmp/postern-hash-%u.lock",
	    (unsigned)geteuid());
	lock.borrowed = true;
	if ((fd = open_lock(lock.path, true)) >= 0)
		return use_slot(fd);
	log_error("no hash lock: passwords cannot be checked",
	    log_c("path", lock.path), log_c("why", strerror(errno)));
	return E_UNAVAILABLE;
}

enum err
hash_gate_init(struct str dir)
{
	char name[480];
	int n = snprintf(name, sizeof(name), "%.*s", STR_FMT(dir));

	if (lock.fd >= 0)
		close(lock.fd);
	lock.fd = -1;
	lock.slots = count_cores();
	if (n < 0 || (size_t)n >= sizeof(name))
		return E_UNAVAILABLE;
	snprintf(lock.path, sizeof(lock.path), "%s/hash.lock", name);
	lock.borrowed = false;
	return open_first(name);
}

/*
 * These locks belong to the open file, which a fork shares: every process
 * opens its own.
 */
static bool
have_own_fd(void)
{
	int fd;

	if (lock.fd < 0)
		return false;
	if (lock.pid == pid_self())
		return true;
	fd = open_lock(lock.path, lock.borrowed);
	if (fd < 0) {
		log_error("hash lock cannot be opened",
		    log_c("path", lock.path), log_c("why", strerror(errno)));
		return false;
	}
	close(lock.fd);
	return use_slot(fd) == E_OK;
}

void
hash_gate_own(void)
{
	(void)have_own_fd();
}

static bool
set_lock(short type, off_t at)
{
	struct flock l = { .l_type = type, .l_whence = SEEK_SET,
		.l_start = at, .l_len = 1 };

	return fcntl(lock.fd, F_OFD_SETLK, &l) == 0;
}

/* Does another process hold one of the n bytes from at on? */
static bool
is_locked(off_t at, off_t n)
{
	struct flock l = { .l_type = F_WRLCK, .l_whence = SEEK_SET,
		.l_start = at, .l_len = n };

	return fcntl(lock.fd, F_OFD_GETLK, &l) == 0 && l.l_type != F_UNLCK;
}

/*
 * Hashes on all cores flush every cache: whatever else runs between them runs
 * from memory, and its requests take two to three times as long. So one core is
 * kept free of hashes while cheap requests come.
 */
static int
slots_now(void)
{
	int64_t at = lock.yield_to ? atomic_load_explicit(lock.yield_to,
	    memory_order_relaxed) : 0;

	/* A time from an earlier boot may be ahead: as unsigned, far off. */
	bool lately = (uint64_t)(clock_mono() - at) < LATELY;

	return lock.slots > 1 && at && lately ? lock.slots - 1 : lock.slots;
}

void
hash_gate_yield_to(const _Atomic int64_t *at)
{
	lock.yield_to = at;
}

/* How many slots one owner may hold. */
static int
share_size(void)
{
	return lock.slots > 3 ? lock.slots / 2 : 1;
}

void
hash_gate_share(struct str who)
{
	static const unsigned char same[crypto_shorthash_KEYBYTES];
	uint64_t h;

	if (lock.taken && lock.pid == pid_self())
		set_lock(F_UNLCK, lock.taken);
	lock.share = lock.taken = 0;
	if (who.n == 0)
		return;
	crypto_shorthash((unsigned char *)&h, (const unsigned char *)who.p,
	    who.n, same);
	lock.share = SHARES_AT + (off_t)(h % OWNERS) * share_size();
}

static bool
take_share(void)
{
	if (lock.share == 0 || lock.taken)
		return true;
	for (int i = 0; i < share_size(); i++) {
		if (set_lock(F_WRLCK, lock.share + i)) {
			lock.taken = lock.share + i;
			return true;
		}
	}
	return false;
}

static bool
take_slot(void)
{
	int n = slots_now();

	for (int i = 0; i < n; i++) {
		if (set_lock(F_WRLCK, i)) {
			lock.held = i;
			return true;
		}
	}
	return false;
}

static int
enter_queue(void)
{
	for (int i = 0; i < LIMIT_HASH_QUEUE; i++)
		if (set_lock(F_WRLCK, QUEUE_AT + i))
			return i;
	return -1;
}

/* Sleep 5 ms at first, down to 1 ms: who waited longest asks most often. */
static void
sleep_a_little(int64_t waited)
{
	int64_t us = 5000 - waited / 100;
	struct timespec ts = { 0, 0 };

	if (us < 1000)
		us = 1000;
	us += randombytes_uniform(500);
	ts.tv_nsec = (long)us * 1000;
	nanosleep(&ts, NULL);
}

static enum err
wait_in_queue(int wait_ms)
{
	int64_t start = clock_mono(), waited = 0;
	int place = enter_queue();
	bool got = false;

	if (place < 0)
		return E_BUSY;
	while (!(got = take_slot()) && waited < wait_ms * CLOCK_MS) {
		sleep_a_little(waited);
		waited = clock_mono() - start;
	}
	set_lock(F_UNLCK, QUEUE_AT + place);
	return got ? E_OK : E_BUSY;
}

enum err
hash_gate_take(int wait_ms)
{
	if (!have_own_fd())
		return E_UNAVAILABLE;
	if (!take_share())
		return E_BUSY;
	/* A newcomer does not overtake those in the queue. */
	if (!is_locked(QUEUE_AT, LIMIT_HASH_QUEUE) && take_slot())
		return E_OK;
	return wait_in_queue(wait_ms);
}

void
hash_gate_release(void)
{
	if (lock.held >= 0)
		set_lock(F_UNLCK, lock.held);
	lock.held = -1;
}

bool
hash_gate_full(void)
{
	if (!have_own_fd())
		return true;
	for (int i = 0; i < LIMIT_HASH_QUEUE; i++)
		if (!is_locked(QUEUE_AT + i, 1))
			return false;
	return true;
}

int
hash_gate_count(void)
{
	return lock.slots;
}
