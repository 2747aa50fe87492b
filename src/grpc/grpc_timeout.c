#include "grpc/grpc_timeout.h"

#include "base/clock.h"

#define DIGITS 8

bool
grpc_timeout_parse(struct str text, int64_t *us)
{
	static const struct { char unit; int64_t us; } units[] = {
		{ 'H', 3600 * CLOCK_SECOND }, { 'M', 60 * CLOCK_SECOND },
		{ 'S', CLOCK_SECOND }, { 'm', CLOCK_MS }, { 'u', 1 },
	};
	long long n;
	char unit;

	if (text.n < 2 || text.n > DIGITS + 1 || text.p[0] == '-' ||
	    !str_to_int(str_slice(text, 0, text.n - 1), 0, 99999999, &n))
		return false;
	unit = text.p[text.n - 1];
	for (size_t i = 0; i < sizeof(units) / sizeof(*units); i++)
		if (units[i].unit == unit) {
			*us = n * units[i].us;
			return true;
		}
	*us = (n + 999) / 1000;
	return unit == 'n';
}

int64_t
grpc_timeout_of(struct str header, int64_t usual, int64_t most)
{
	int64_t us;

	if (!grpc_timeout_parse(header, &us))
		return usual;
	return us < most ? us : most;
}
