#include <stddef.h>

#include "base/buf.h"
#include "config/config_private.h"

#define CONNINFO_MAX (64u << 10)

static const struct config_all *
all_of(const struct config *c)
{
	return (const struct config_all *)(const void *)((const char *)c -
	    offsetof(struct config_all, c));
}

/* Add key='value' with libpq's escapes; empty: libpq uses its default. */
static void
add_parameter(struct buf *b, const char *key, const char *value)
{
	if (value[0] == '\0')
		return;
	if (b->n)
		buf_byte(b, ' ');
	buf_fmt(b, "%s='", key);
	for (; *value; value++) {
		if (*value == '\'' || *value == '\\')
			buf_byte(b, '\\');
		buf_byte(b, *value);
	}
	buf_byte(b, '\'');
}

/* Did a single setting come from a stronger source than the URL? */
static bool
is_overruled(const struct config_all *all)
{
	static const int singles[] = { CONFIG_ROW_db_host, CONFIG_ROW_db_name,
		CONFIG_ROW_db_user };

	for (size_t i = 0; i < sizeof(singles) / sizeof(singles[0]); i++)
		if (all->given[singles[i]].text[0] &&
		    all->given[singles[i]].from >
		    all->given[CONFIG_ROW_db_url].from)
			return true;
	return false;
}

const char *
config_conninfo(struct arena *a, const struct config *c, bool owner)
{
	struct buf b = buf_new(a, CONNINFO_MAX);
	const struct config_all *all = all_of(c);

	if (owner && c->db_owner_url[0])
		return arena_cstr(a, str_of(c->db_owner_url));
	if (c->db_url[0] && !is_overruled(all))
		return arena_cstr(a, str_of(c->db_url));
	add_parameter(&b, "host", c->db_host);
	/* Without a host our default must not overrule libpq's PGPORT. */
	if (c->db_host[0] ||
	    all->given[CONFIG_ROW_db_port].from > CONFIG_FROM_PROFILE)
		add_parameter(&b, "port", arena_fmt(a, "%ld", c->db_port).p);
	add_parameter(&b, "user", c->db_user);
	add_parameter(&b, "password", c->db_password);
	add_parameter(&b, "dbname", c->db_name);
	add_parameter(&b, "sslmode", c->db_sslmode);
	return buf_str(&b).p;
}
