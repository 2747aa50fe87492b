#include "worker/loop_db.h"

struct db *
loop_db(struct arena *a, const struct config *c)
{
	struct db_options o = db_options_of(a, c);

	return db_new(&o);
}
