#include "web/start.h"

#include <errno.h>
#include <stdint.h>
#include <string.h>
#include <sysexits.h>

#include "base/log.h"
#include "base/memory.h"
#include "store/pg/db.h"

struct start_words
start_words_of(int argc)
{
	return (struct start_words){ .p = memory_new("arguments",
	    (size_t)argc * 2 + 2, sizeof(char *)) };
}

void
start_words_add(struct start_words *w, const char *option, const char *value)
{
	w->p[w->n++] = (char *)(uintptr_t)option;
	w->p[w->n++] = (char *)(uintptr_t)value;
}

const struct config *
start_settings(struct arena *a, const char *program,
    const struct start_words *w)
{
	enum log_level level = LOG_INFO_;
	const struct config *c;
	const char *why = "";

	config_use_conninfo(db_conninfo_fault);
	c = config_load(a, w->n, w->p, &why);
	if (c == NULL) {
		log_fatal("configuration refused", log_c("why", why));
		return NULL;
	}
	log_level_parse(str_of(c->log_level), &level);
	if (!log_open(program, c->log_file, level)) {
		log_fatal("log.file cannot be opened",
		    log_c("path", c->log_file),
		    log_c("error", strerror(errno)));
		return NULL;
	}
	return c;
}

int
start_refused(void)
{
	return config_may_pass() ? EX_TEMPFAIL : EX_CONFIG;
}

void
start_confine(const struct config *c, enum sandbox which)
{
	if (c->seccomp)
		sandbox_enter(which);
}
