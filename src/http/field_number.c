#include "http/field.h"

#include "base/clock.h"

static const char *
check_range(struct arena *a, const struct field *row, int64_t n,
    const char *unit)
{
	if (row->min == 0 && row->max == 0)
		return NULL;
	if (n < row->min)
		return arena_fmt(a, "must be at least %lld%s", row->min,
		    unit).p;
	if (n > row->max && row->max >= row->min)
		return arena_fmt(a, "must be at most %lld%s", row->max,
		    unit).p;
	return NULL;
}

/* json_parse has refused every number that a double cannot hold exactly. */
static bool
is_whole(const cJSON *v)
{
	return cJSON_IsNumber(v) && v->valuedouble >= -9e15 &&
	    v->valuedouble <= 9e15 &&
	    v->valuedouble == (double)(int64_t)v->valuedouble;
}

const char *
field_read_int(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	if (!is_whole(v))
		return "must be a whole number";
	out->number = (int64_t)v->valuedouble;
	return check_range(a, row, out->number, "");
}

const char *
field_read_bool(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	(void)a;
	(void)row;
	if (!cJSON_IsBool(v))
		return "must be true or false";
	out->number = cJSON_IsTrue(v);
	return NULL;
}

const char *
field_read_duration(struct arena *a, const struct field *row, const cJSON *v,
    struct value *out)
{
	static const char wrong[] =
	    "must be a number of seconds, or a duration such as 15m";

	if (cJSON_IsString(v)) {
		out->text = json_text(v);
		if (!clock_parse_duration(out->text, &out->number))
			return wrong;
	} else if (!is_whole(v) || v->valuedouble < 0 ||
	    __builtin_mul_overflow((int64_t)v->valuedouble, CLOCK_SECOND,
	    &out->number)) {
		return wrong;
	}
	return check_range(a, row, out->number / CLOCK_SECOND, " seconds");
}
