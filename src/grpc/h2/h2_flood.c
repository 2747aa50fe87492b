#include "grpc/h2/h2_flood.h"

#include "base/clock.h"

#define PER_SECOND 50
#define PER_CALL 10

static void
add(struct h2_flood *f, int64_t n)
{
	f->left += n;
	if (f->left > H2_FLOOD_ROOM)
		f->left = H2_FLOOD_ROOM;
}

struct h2_flood
h2_flood_new(int64_t now)
{
	return (struct h2_flood){ .left = H2_FLOOD_ROOM, .at = now };
}

bool
h2_flood_pay(struct h2_flood *f, int64_t cost, int64_t now)
{
	int64_t earned = (now - f->at) * PER_SECOND / CLOCK_SECOND;

	if (earned > 0) {
		add(f, earned);
		f->at = now;
	}
	f->left -= cost;
	return f->left >= 0;
}

void
h2_flood_earn(struct h2_flood *f)
{
	add(f, PER_CALL);
}
