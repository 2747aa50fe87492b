/*
 * What the bench compares with: the program libfcgi's manual would have one
 * write, prefork, a constant answer. usage: trivial N, socket on descriptor 0;
 * N is the number of processes, 0: serve in this one.
 */
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include <fcgiapp.h>

static int
serve(void)
{
	FCGX_Request r;

	FCGX_Init();
	FCGX_InitRequest(&r, 0, 0);
	while (FCGX_Accept_r(&r) == 0) {
		FCGX_PutS("Status: 200 OK\r\n"
			  "Content-Type: application/json\r\n"
			  "Content-Length: 16\r\n\r\n"
			  "{\"hello\":\"you\"}\n",
		    r.out);
		FCGX_Finish_r(&r);
	}
	return 0;
}

int
main(int argc, char **argv)
{
	long n = argc > 1 ? strtol(argv[1], NULL, 10) : 2;

	if (n == 0)
		return serve();
	for (long i = 0; i < n; i++)
		if (fork() == 0)
			return serve();
	while (wait(NULL) > 0)
		;
	return 0;
}
