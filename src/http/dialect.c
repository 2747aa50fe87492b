#include "http/dialect.h"

#include "base/text.h"

/* Irregular names that documented clients write (row AP6). */
static const struct {
	struct str snake, camel;
} odd[] = {
	{ { "requires_mfa", 12 }, { "requiresMFA", 11 } }
};

/* What a documented client reads under /api/v1, beside the snake_case name. */
static const struct {
	struct str snake, camel;
} documented[] = {
	{ { "requires_mfa", 12 }, { "requiresMFA", 11 } },
	{ { "user_id", 7 }, { "userId", 6 } },
	{ { "qr_code", 7 }, { "qrCode", 6 } },
	{ { "backup_codes", 12 }, { "backupCodes", 11 } }
};

#define KEY_MAX 63 /* a longer one is data, not a name of ours */
#define COUNT(array) (sizeof(array) / sizeof(*(array)))

static bool
is_lower(char c)
{
	return text_is_lower(c) || text_is_digit(c);
}

/* Write snake as camelCase into p, which has room for snake.n + 1 bytes. */
static struct str
camelise(char *p, struct str snake)
{
	size_t n = 0;

	for (size_t i = 0; i < COUNT(odd); i++)
		if (str_eq(snake, odd[i].snake))
			return odd[i].camel;
	for (size_t i = 0; i < snake.n; i++) {
		char c = snake.p[i];

		if (c == '_' && i > 0 && i + 1 < snake.n &&
		    is_lower(snake.p[i + 1]))
			c = text_upper(snake.p[++i]);
		p[n++] = c;
	}
	p[n] = '\0';
	return (struct str){ p, n };
}

struct str
dialect_camel(struct arena *a, struct str snake)
{
	return camelise(arena_alloc(a, snake.n + 1), snake);
}

struct str
dialect_snake(struct arena *a, struct str camel)
{
	char *p = arena_array(a, camel.n + 1, 2);
	size_t n = 0;

	for (size_t i = 0; i < camel.n; i++) {
		char c = camel.p[i];
		bool next_lower = i + 1 < camel.n && is_lower(camel.p[i + 1]);

		if (!text_is_upper(c)) {
			p[n++] = c;
			continue;
		}
		/* A word begins at I of userId and userID, at C of MFACode. */
		if (i > 0 && (is_lower(camel.p[i - 1]) ||
		    (text_is_upper(camel.p[i - 1]) && next_lower)))
			p[n++] = '_';
		p[n++] = text_lower(c);
	}
	return (struct str){ p, n };
}

static void
write_key(struct buf *b, struct str key)
{
	if (b->p[b->n - 1] != '{')
		buf_byte(b, ',');
	json_write_str(b, key);
	buf_byte(b, ':');
}

/* Add the documented names beside ours, at the top level of data only. */
static void
write_v1(struct buf *b, const cJSON *data)
{
	const cJSON *m;

	buf_byte(b, '{');
	for (m = data->child; m; m = m->next) {
		struct str key = str_of(m->string);

		write_key(b, key);
		json_write(b, m);
		for (size_t i = 0; i < COUNT(documented); i++) {
			if (!str_eq(key, documented[i].snake) ||
			    json_get(data, documented[i].camel.p))
				continue;
			write_key(b, documented[i].camel);
			json_write(b, m);
		}
	}
	buf_byte(b, '}');
}

static void write_api(struct buf *b, const cJSON *v);

/* Write one member under both its names. */
static void
write_both(struct buf *b, const cJSON *o, const cJSON *m)
{
	struct str key = str_of(m->string), camel;
	char room[KEY_MAX + 1];

	write_key(b, key);
	write_api(b, m);
	/* Each level doubles all below it, until the buffer is full. */
	if (b->full || key.n > KEY_MAX || str_find(key, '_') == key.n)
		return;
	camel = camelise(room, key);
	if (str_eq(camel, key) || json_get(o, camel.p))
		return;
	write_key(b, camel);
	write_api(b, m);
}

/* Write v with every key in both spellings, at every depth. */
static void
write_api(struct buf *b, const cJSON *v)
{
	const cJSON *m;

	if (cJSON_IsObject(v)) {
		buf_byte(b, '{');
		for (m = v->child; m; m = m->next)
			write_both(b, v, m);
		buf_byte(b, '}');
	} else if (cJSON_IsArray(v)) {
		buf_byte(b, '[');
		for (m = v->child; m; m = m->next) {
			if (m != v->child)
				buf_byte(b, ',');
			write_api(b, m);
		}
		buf_byte(b, ']');
	} else {
		json_write(b, v);
	}
}

static bool
is_reserved(const char *key)
{
	static const char *const names[] = { "success", "message", "error",
		"code", "data", "meta", "pagination" };

	for (size_t i = 0; i < COUNT(names); i++)
		if (strcmp(key, names[i]) == 0)
			return true;
	return false;
}

static void
hoist(struct buf *b, const cJSON *data)
{
	const cJSON *m;

	for (m = data->child; m; m = m->next)
		if (!is_reserved(m->string))
			write_both(b, data, m);
}

void
dialect_write_data(struct buf *b, enum dialect d, const cJSON *data)
{
	buf_add(b, STR(",\"data\":"));
	if (data == NULL) {
		buf_add(b, STR("null"));
	} else if (d == DIALECT_API) {
		write_api(b, data);
		if (cJSON_IsObject(data))
			hoist(b, data);
	} else if (cJSON_IsObject(data)) {
		write_v1(b, data);
	} else {
		json_write(b, data);
	}
}
