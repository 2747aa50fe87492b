#ifndef WEB_START_H
#define WEB_START_H

#include "base/arena.h"
#include "config/config.h"
#include "runtime/sandbox.h"

/*
 * How a program that serves begins, postern and postern-grpc alike: its
 * words, its settings and its log.
 */

/* The words that config_load() takes: pairs of --config or --set and a value. */
struct start_words {
	char **p;
	int n;
};

/* Room for those of argc words; for as long as the process lives. */
struct start_words start_words_of(int argc);

/* option and value are not copied. */
void start_words_add(struct start_words *w, const char *option,
    const char *value);

/*
 * Load the settings into a, and open the log by the program's name. NULL: the
 * log says why; then end with start_refused().
 */
const struct config *start_settings(struct arena *a, const char *program,
    const struct start_words *w);

/*
 * The exit status of a program whose settings are refused: EX_TEMPFAIL while
 * the manager of secrets is away, so that the service manager tries again,
 * else EX_CONFIG, so that it does not.
 */
int start_refused(void);

/* Enter the filter, unless the settings say none. */
void start_confine(const struct config *c, enum sandbox which);

#endif
