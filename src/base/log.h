#ifndef BASE_LOG_H
#define BASE_LOG_H

#include <stdint.h>

#include "base/str.h"

/*
 * Structured logs: one JSON object a line, to the descriptor chosen at start
 * (standard error, a file, or syslog), in one write(2) so lines of several
 * processes never mix. Values are escaped (security row LO3: no log
 * injection). There is no way to log a struct secret.
 */
enum log_level { LOG_DEBUG_, LOG_INFO_, LOG_WARN_, LOG_ERROR_ };

/*
 * Open the sink. program names the process ("postern", "postern-worker").
 * file is a path, or NULL for standard error. False, with errno, when the
 * file cannot be opened for appending.
 */
bool log_open(const char *program, const char *file, enum log_level level);

/* The descriptor that lines are written to. */
int log_fd(void);

/* "debug", "info", "warn" or "error"; false for any other word. */
bool log_level_parse(struct str s, enum log_level *out);

/* Lines carry this request id from now on; STR_NONE: none. */
void log_request(struct str request_id);

/* One member of a line, made by the helpers below. */
struct log_field {
	const char *key;
	enum { LOG_END, LOG_TEXT, LOG_INT } kind;
	struct str text;
	int64_t number;
};

#define log_s(k, s) ((struct log_field){ (k), LOG_TEXT, (s), 0 })
#define log_c(k, c) ((struct log_field){ (k), LOG_TEXT, str_of(c), 0 })
#define log_i(k, i) ((struct log_field){ (k), LOG_INT, STR_NONE, (i) })

/*
 * Write one line: ts (RFC 3339, µs, UTC), level, program, pid, request_id
 * when set, msg, then the fields. msg is a constant; what varies is a field.
 */
void log_write(enum log_level level, const char *msg,
    const struct log_field *fields);

#define LOG_FIELDS(...) \
	((const struct log_field[]){ __VA_ARGS__ __VA_OPT__(,) { 0 } })
#define log_debug(msg, ...) \
	log_write(LOG_DEBUG_, (msg), LOG_FIELDS(__VA_ARGS__))
#define log_info(msg, ...) log_write(LOG_INFO_, (msg), LOG_FIELDS(__VA_ARGS__))
#define log_warn(msg, ...) log_write(LOG_WARN_, (msg), LOG_FIELDS(__VA_ARGS__))
#define log_error(msg, ...) \
	log_write(LOG_ERROR_, (msg), LOG_FIELDS(__VA_ARGS__))

/*
 * The same, for what the operator must see: why the program does not start, or
 * refuses new settings. The line also goes to standard error when that is not
 * the sink.
 */
#define log_fatal(msg, ...) log_write_loud((msg), LOG_FIELDS(__VA_ARGS__))
void log_write_loud(const char *msg, const struct log_field *fields);

/* Are lines of this level written? */
bool log_wants(enum log_level level);

#endif
