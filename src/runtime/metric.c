#include "runtime/metric.h"

static const struct {
	const char *family, *label, *value, *help;
} rows[METRIC_COUNT] = {
#define COUNTER(name, family, label, value, help) \
	[METRIC_##name] = { family, label, value, help },
#include "runtime/metric.def"
#undef COUNTER
};

/* µs */
static const uint32_t bounds[METRIC_BOUNDS] = { 100, 250, 500, 1000, 2500,
	5000, 10000, 25000, 50000, 100000, 250000, 500000, 1000000, 2500000 };

static const struct {
	const char *family, *help;
} times[METRIC_TIMES] = {
	[METRIC_TIME_REQUEST] = { "http_request_duration_seconds",
	    "Time to answer a request" },
	[METRIC_TIME_DATABASE] = { "db_query_duration_seconds",
	    "Time of a statement or batch in Postgres" },
	[METRIC_TIME_REDIS] = { "redis_command_duration_seconds",
	    "Time of a round trip to Redis" },
};

static struct metrics *here;

void
metric_use(struct metrics *m)
{
	here = m;
}

static void
add_relaxed(_Atomic uint64_t *to, uint64_t n)
{
	atomic_fetch_add_explicit(to, n, memory_order_relaxed);
}

static uint64_t
get_relaxed(_Atomic uint64_t *from)
{
	return atomic_load_explicit(from, memory_order_relaxed);
}

void
metric_add(enum metric which)
{
	if (here)
		add_relaxed(&here->counter[which], 1);
}

void
metric_pair(enum metric success, bool good)
{
	metric_add(good ? success : success + 1);
}

void
metric_limit(const char *name)
{
	int m = METRIC_LIMIT_LOGIN;

	while (m < METRIC_LIMIT_OTHER && strcmp(rows[m].value, name) != 0)
		m++;
	metric_add((enum metric)m);
}

void
metric_took(enum metric_time which, int64_t us)
{
	size_t i = 0;

	if (here == NULL || us < 0)
		return;
	while (i < METRIC_BOUNDS && us > bounds[i])
		i++;
	add_relaxed(&here->time[which].bucket[i], 1);
	add_relaxed(&here->time[which].sum, (uint64_t)us);
}

static void
print_head(struct buf *b, const char *family, const char *type,
    const char *help)
{
	buf_fmt(b, "# HELP %s %s\n# TYPE %s %s\n", family, help, family,
	    type);
}

static void
print_time(struct buf *b, int t)
{
	const char *f = times[t].family;
	uint64_t n = 0;

	print_head(b, f, "histogram", times[t].help);
	for (size_t i = 0; i < METRIC_BOUNDS; i++) {
		n += get_relaxed(&here->time[t].bucket[i]);
		buf_fmt(b, "%s_bucket{le=\"%g\"} %llu\n", f,
		    bounds[i] / 1e6, (unsigned long long)n);
	}
	n += get_relaxed(&here->time[t].bucket[METRIC_BOUNDS]);
	buf_fmt(b, "%s_bucket{le=\"+Inf\"} %llu\n", f,
	    (unsigned long long)n);
	buf_fmt(b, "%s_sum %.6f\n%s_count %llu\n", f,
	    (double)get_relaxed(&here->time[t].sum) / 1e6, f,
	    (unsigned long long)n);
}

void
metric_print(struct buf *b)
{
	if (here == NULL)
		return;
	for (int i = 0; i < METRIC_COUNT; i++) {
		if (i == 0 || strcmp(rows[i].family, rows[i - 1].family) != 0)
			print_head(b, rows[i].family, "counter", rows[i].help);
		buf_fmt(b, rows[i].label[0] ? "%s{%s=\"%s\"} %llu\n" :
		    "%s%s%s %llu\n", rows[i].family, rows[i].label,
		    rows[i].value,
		    (unsigned long long)get_relaxed(&here->counter[i]));
	}
	for (int t = 0; t < METRIC_TIMES; t++)
		print_time(b, t);
}
