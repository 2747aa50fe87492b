/*
 * Argon2id checks a second by libsodium alone, what logins are compared with.
 * usage: hashrate PROCESSES SECONDS; prints one number.
 */
#include <stdio.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <sodium.h>

/* The default of password.argon2_memory_kib and password.argon2_time. */
#define MEMORY ((size_t)19456 << 10)
#define PASSES 2

static const char password[] = "Correct-Horse-7";

static double
now(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC, &t);
	return (double)t.tv_sec + (double)t.tv_nsec / 1e9;
}

/* Checks a second of one process. */
static double
check(const char *hash, double seconds)
{
	double begin = now(), t = begin;
	long n = 0;

	for (; t < begin + seconds; t = now(), n++)
		if (crypto_pwhash_str_verify(hash, password,
			sizeof(password) - 1) != 0)
			abort();
	return (double)n / (t - begin);
}

int
main(int argc, char **argv)
{
	char hash[crypto_pwhash_STRBYTES];
	int n = argc == 3 ? (int)strtol(argv[1], NULL, 10) : 0, fds[2];
	double seconds = argc == 3 ? strtod(argv[2], NULL) : 0, one, sum = 0;

	if (n < 1 || sodium_init() < 0 || pipe(fds) < 0 ||
	    crypto_pwhash_str_alg(hash, password, sizeof(password) - 1,
		PASSES, MEMORY, crypto_pwhash_ALG_ARGON2ID13) != 0)
		return 64;
	for (int i = 0; i < n; i++)
		if (fork() == 0) {
			one = check(hash, seconds);
			_exit(write(fds[1], &one, sizeof(one)) < 0);
		}
	for (int i = 0; i < n; i++)
		if (read(fds[0], &one, sizeof(one)) == (ssize_t)sizeof(one))
			sum += one;
	while (wait(NULL) > 0)
		;
	printf("%.1f\n", sum);
	return 0;
}
