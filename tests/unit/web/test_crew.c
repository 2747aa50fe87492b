/* How many workers: settings, cores and the connections of the database. */
#include "tests/unit/unit.h"

#include "web/crew.h"

static void
is(struct config c, int cores, int light, int heavy)
{
	struct crew k = crew_of(&c, cores);

	ck_assert_int_eq(k.light, light);
	ck_assert_int_eq(k.heavy, heavy);
}

START_TEST(workers_are_by_the_cores_unless_they_are_set)
{
	struct config c = { .db_max_connections = 100 };

	is(c, 1, 1, 2);
	is(c, 8, 8, 16);
	c.workers = 3;
	is(c, 8, 3, 16);
	c.heavy_workers = 5;
	is(c, 8, 3, 5);
}
END_TEST

START_TEST(no_more_workers_than_connections)
{
	struct config c = { .db_max_connections = 100 };

	is(c, 64, 33, 67);
	c.workers = 900;
	c.heavy_workers = 100;
	is(c, 2, 90, 10);
	c.db_max_connections = 2;
	c.heavy_workers = 1000;
	c.workers = 1;
	is(c, 2, 1, 1);
	c.db_max_connections = 1;
	is(c, 2, 1, 0);
	/* Nor than the master has room for. */
	c.db_max_connections = 10000;
	c.workers = c.heavy_workers = 1024;
	is(c, 2, 256, 256);
}
END_TEST

UNIT("app/crew",
    workers_are_by_the_cores_unless_they_are_set,
    no_more_workers_than_connections)
