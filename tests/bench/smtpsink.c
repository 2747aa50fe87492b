/*
 * An SMTP receiver for tests/bench: takes everything, a process for each
 * connection. With -s each message is written to the file and on the disk
 * before it is answered, as a relay must (RFC 5321 6.1). On SIGTERM it says
 * how many messages came, how long from the first to the last, and their size.
 *
 * usage: smtpsink [-s FILE] PORT
 */
#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/tcp.h>
#include <signal.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/socket.h>
#include <time.h>
#include <unistd.h>

struct counts {
	_Atomic long messages, bytes;
	_Atomic long long first, last; /* ns */
};

static struct counts *counts;
static int file = -1;
static volatile sig_atomic_t over;

static void
on_term(int sig)
{
	over = sig;
}

static long long
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return t.tv_sec * 1000000000LL + t.tv_nsec;
}

static void
say(int fd, const char *text)
{
	if (write(fd, text, strlen(text)) < 0)
		_exit(0);
}

/* From DATA to its lone dot. */
static void
take_data(FILE *in, int fd)
{
	static char line[4096], text[1 << 20];
	size_t n = 0, got;
	long long none = 0;

	say(fd, "354 go on\r\n");
	while (fgets(line, sizeof(line), in) && strcmp(line, ".\r\n") != 0) {
		got = strlen(line);
		if (n + got < sizeof(text))
			memcpy(text + n, line, got);
		n += got;
	}
	if (file >= 0 && (write(file, text, n < sizeof(text) ? n :
	    sizeof(text)) < 0 || fdatasync(file) < 0))
		_exit(1);
	say(fd, "250 taken\r\n");
	atomic_compare_exchange_strong(&counts->first, &none, now());
	counts->last = now();
	counts->messages++;
	counts->bytes += (long)n;
}

static void
serve(int fd)
{
	FILE *in = fdopen(dup(fd), "r");
	char line[4096];

	say(fd, "220 sink ESMTP\r\n");
	while (in && fgets(line, sizeof(line), in)) {
		if (strncmp(line, "EHLO", 4) == 0)
			say(fd, "250-sink\r\n250 8BITMIME\r\n");
		else if (strncmp(line, "DATA", 4) == 0)
			take_data(in, fd);
		else if (strncmp(line, "QUIT", 4) == 0)
			break;
		else
			say(fd, "250 ok\r\n");
	}
	_exit(0);
}

static int
listen_at(int port)
{
	struct sockaddr_in sa = { .sin_family = AF_INET,
		.sin_port = htons((unsigned short)port) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), one = 1;

	sa.sin_addr.s_addr = htonl(INADDR_LOOPBACK);
	setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
	if (bind(fd, (struct sockaddr *)&sa, sizeof(sa)) < 0 ||
	    listen(fd, 64) < 0) {
		perror("smtpsink");
		exit(1);
	}
	return fd;
}

int
main(int argc, char **argv)
{
	struct sigaction term = { .sa_handler = on_term };
	int arg = 1, fd, peer, one = 1;

	if (argc == 4 && strcmp(argv[1], "-s") == 0) {
		file = open(argv[2], O_WRONLY | O_CREAT | O_APPEND, 0600);
		arg = 3;
	}
	counts = mmap(NULL, sizeof(*counts), PROT_READ | PROT_WRITE,
	    MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	if (argc != arg + 1 || counts == MAP_FAILED)
		return 64;
	sigaction(SIGTERM, &term, NULL);
	signal(SIGCHLD, SIG_IGN);
	fd = listen_at((int)strtol(argv[arg], NULL, 10));
	puts("ready");
	fflush(stdout);
	while (!over && (peer = accept(fd, NULL, NULL)) >= 0) {
		setsockopt(peer, IPPROTO_TCP, TCP_NODELAY, &one, sizeof(one));
		if (fork() == 0) {
			signal(SIGTERM, SIG_DFL);
			serve(peer);
		}
		close(peer);
	}
	printf("{\"messages\":%ld,\"seconds\":%.6f,\"bytes\":%ld}\n",
	    counts->messages, (double)(counts->last - counts->first) / 1e9,
	    counts->messages ? counts->bytes / counts->messages : 0);
	return 0;
}
