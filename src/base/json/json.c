#include "base/json/json.h"

#include <stdlib.h>

#include "base/clock_text.h"
#include "base/log.h"

#define EXACT (INT64_C(1) << 53)

static struct arena *current;

static void *
allocate(size_t n)
{
	if (current == NULL) {
		log_error("JSON without an arena");
		abort();
	}
	return arena_alloc(current, n);
}

static void
delete_node(void *p)
{
	(void)p; /* the arena frees it */
}

struct arena *
json_use(struct arena *a)
{
	static bool hooked;
	struct arena *before = current;

	if (!hooked) {
		cJSON_InitHooks(&(cJSON_Hooks){ allocate, delete_node });
		hooked = true;
	}
	current = a;
	return before;
}

/* s as UTF-8 without NUL: a NUL or an invalid byte becomes U+FFFD. */
static struct str
clean(struct str s)
{
	struct buf b = buf_new(current, s.n * 3 + 1);

	for (size_t i = 0; i < s.n;) {
		size_t n = 1;

		while (n < 4 && n < s.n - i &&
		    !str_utf8(str_slice(s, i, i + n), NULL))
			n++;
		if (s.p[i] != '\0' && str_utf8(str_slice(s, i, i + n), NULL)) {
			buf_add(&b, str_slice(s, i, i + n));
			i += n;
		} else {
			buf_add(&b, STR("\xef\xbf\xbd"));
			i++;
		}
	}
	return buf_str(&b);
}

cJSON *
json_object(void)
{
	return cJSON_CreateObject();
}

cJSON *
json_array(void)
{
	return cJSON_CreateArray();
}

cJSON *
json_str(struct str s)
{
	cJSON *v = cJSON_CreateNull();
	char *p;

	if (s.p == NULL)
		return v;
	if (str_has_nul(s) || !str_utf8(s, NULL))
		s = clean(s);
	/* Not cJSON_CreateString: s need not end in a NUL. */
	p = arena_alloc(current, s.n + 1);
	if (s.n)
		memcpy(p, s.p, s.n);
	v->type = cJSON_String;
	v->valuestring = p;
	return v;
}

cJSON *
json_int(int64_t n)
{
	if (n > EXACT || n < -EXACT)
		return json_str(arena_int(current, n));
	return cJSON_CreateNumber((double)n);
}

cJSON *
json_bool(bool b)
{
	return cJSON_CreateBool(b);
}

void
json_add(cJSON *o, const char *key, cJSON *v)
{
	cJSON_AddItemToObjectCS(o, key, v ? v : cJSON_CreateNull());
}

void
json_add_str(cJSON *o, const char *key, struct str s)
{
	json_add(o, key, json_str(s));
}

void
json_add_int(cJSON *o, const char *key, int64_t n)
{
	json_add(o, key, json_int(n));
}

void
json_add_bool(cJSON *o, const char *key, bool b)
{
	json_add(o, key, json_bool(b));
}

void
json_add_time(cJSON *o, const char *key, int64_t wall_us)
{
	json_add(o, key, wall_us == 0 ? NULL :
	    json_str(clock_iso(current, wall_us)));
}

void
json_push(cJSON *array, cJSON *v)
{
	cJSON_AddItemToArray(array, v ? v : cJSON_CreateNull());
}

void
json_push_str(cJSON *array, struct str s)
{
	json_push(array, json_str(s));
}

const cJSON *
json_get(const cJSON *o, const char *key)
{
	return cJSON_GetObjectItemCaseSensitive(o, key);
}

struct str
json_text(const cJSON *v)
{
	if (!cJSON_IsString(v))
		return STR_NONE;
	return str_of(v->valuestring);
}
