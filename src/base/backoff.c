#include "base/backoff.h"

#include <sodium.h>

int64_t
backoff_longer(int64_t pause, int64_t first, int64_t last)
{
	if (pause <= 0)
		return first < last ? first : last;
	return pause < last - pause ? pause * 2 : last;
}

int64_t
backoff_after(int failures, int64_t first, int64_t last)
{
	int64_t pause = backoff_longer(0, first, last);

	for (int i = 0; i < failures && pause < last; i++)
		pause = backoff_longer(pause, first, last);
	return pause;
}

int64_t
backoff_within(int64_t from, int64_t to)
{
	int64_t width = to > from ? to - from : 0;
	int64_t unit = width > UINT32_MAX ? 1000 : 1;

	return from + unit *
	    (int64_t)randombytes_uniform((uint32_t)(width / unit));
}

int64_t
backoff_about(int64_t t)
{
	return backoff_within(t - t / 5, t + t / 5);
}
