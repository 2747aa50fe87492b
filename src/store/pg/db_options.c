#include "store/pg/db.h"

struct db_options
db_options_of(struct arena *a, const struct config *c)
{
	return (struct db_options){
		.conninfo = config_conninfo(a, c, false),
		.connect_timeout = c->db_connect_timeout,
		.statement_timeout = c->db_statement_timeout,
		.max_lifetime = c->db_lifetime,
		.prepare = c->db_prepare,
		.unaudited = !c->audit,
	};
}
