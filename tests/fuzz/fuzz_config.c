/* fuzz-sources: src/base/arena.c src/base/memory.c src/base/buf.c src/base/clock.c */
/* fuzz-sources: src/config/config.c src/config/config_conninfo.c */
/* fuzz-sources: src/config/config_cross.c */
/* fuzz-sources: src/config/config_print.c src/config/config_rule.c */
/* fuzz-sources: src/config/config_secret.c src/config/config_value.c */
/* fuzz-sources: src/config/config_yaml.c src/base/encoding.c src/base/log.c src/base/pid.c */
/* fuzz-sources: src/base/email.c src/base/str.c */
/* fuzz-libs: libsodium yaml-0.1 */
/* Not a source of its own: it wants the directory above. */
#include "src/config/config_source.c"

#include "tests/fuzz/fuzz.h"

/* Nobody is asked for secrets. */
void
config_manager(struct config_all *all)
{
	(void)all;
}

/* Every list ends, and its pieces are not empty. */
static void
walk(const char *list)
{
	struct str piece;

	while (config_list_next(&list, &piece))
		FUZZ_HOLDS(piece.n > 0);
}

/* A file is refused with sentences, or gives settings within their bounds. */
int
LLVMFuzzerTestOneInput(const uint8_t *data, size_t n)
{
	struct arena *a = fuzz_arena();
	struct config_all *all = ARENA_NEW(a, struct config_all);
	static FILE *null;

	if (null == NULL)
		null = fopen("/dev/null", "w");
	all->arena = a;
	config_yaml(all, fuzz_str(a, data, n), "fuzz.yaml");
	config_values(all, 0, CONFIG_ROWS);
	config_secrets(all);
	config_cross(all);
	for (size_t i = 0; i < all->nfaults && i < CONFIG_FAULTS; i++)
		FUZZ_HOLDS(all->faults[i][0]);
	if (all->nfaults)
		return 0;
	FUZZ_HOLDS(all->c.db_port >= 1 && all->c.db_port <= 65535);
	FUZZ_HOLDS(all->c.password_min <= all->c.password_max);
	FUZZ_HOLDS(strlen(all->c.jwt_secret) >= 32 || all->c.sealing_keys[0]);
	FUZZ_HOLDS(strchr(all->c.name, '\n') == NULL);
	walk(all->c.cors_origins);
	walk(all->c.trusted_proxies);
	config_print(&all->c, null);
	FUZZ_HOLDS(all->c.db_host[0] == '\0' ||
	    config_conninfo(a, &all->c, true)[0]);
	return 0;
}
