#include <stdlib.h>

#include "base/encoding.h"
#include "base/log.h"
#include "store/pg/db_private.h"

static size_t
bytes_of(const PGresult *r, int rows, int columns)
{
	size_t n = 0;

	for (int i = 0; i < rows; i++)
		for (int j = 0; j < columns; j++)
			n += (size_t)PQgetlength(r, i, j) + 1;
	return n;
}

/* One block for all cells: a NUL behind each, as in an arena's strings. */
struct rows *
rows_copy(struct arena *a, enum query q, const PGresult *r)
{
	struct rows *out = ARENA_NEW(a, struct rows);
	int n = PQntuples(r), columns = PQnfields(r);
	/* PQcmdTuples takes no const, but only reads */
	struct str count = str_of(PQcmdTuples((PGresult *)(uintptr_t)r));
	struct str *cell;
	char *p;

	if (!str_to_int(count, 0, INT64_MAX, &out->affected))
		out->affected = 0;
	out->n = (size_t)n;
	out->columns = columns;
	out->q = q;
	out->arena = a;
	if (n == 0)
		return out;
	cell = out->cells = arena_array(a, (size_t)n * (size_t)columns,
	    sizeof *cell);
	p = arena_alloc(a, bytes_of(r, n, columns));
	for (int i = 0; i < n; i++)
		for (int j = 0; j < columns; j++, cell++) {
			size_t len = (size_t)PQgetlength(r, i, j);

			if (PQgetisnull(r, i, j))
				continue;
			memcpy(p, PQgetvalue(r, i, j), len);
			*cell = (struct str){ p, len };
			p += len + 1;
		}
	return out;
}

/* A column that is not there is a fault in the program: stop loudly. */
struct str
row_str(const struct rows *r, size_t row, int col)
{
	if (!r || row >= r->n || col < 0 || col >= r->columns) {
		log_error("cell outside of its result", log_i("row",
		    (int64_t)row), log_i("column", col));
		abort();
	}
	return r->cells[row * (size_t)r->columns + (size_t)col];
}

bool
row_null(const struct rows *r, size_t row, int col)
{
	return row_str(r, row, col).p == NULL;
}

static int64_t
int_of(struct str cell, int col)
{
	long long v = 0;

	if (cell.p && !str_to_int(cell, INT64_MIN, INT64_MAX, &v)) {
		log_error("cell is not an integer", log_i("column", col));
		abort();
	}
	return v;
}

int64_t
row_int(const struct rows *r, size_t row, int col)
{
	return int_of(row_str(r, row, col), col);
}

bool
row_bool(const struct rows *r, size_t row, int col)
{
	return str_eq(row_str(r, row, col), STR("t"));
}

/* Of a database with bytea_output = escape, where no value begins with \x. */
static struct str
unescape(struct arena *a, const char *text)
{
	size_t n;
	unsigned char *bytes = PQunescapeBytea((const unsigned char *)text,
	    &n);
	struct str out = STR_NONE;

	if (bytes) {
		out = arena_str(a, (struct str){ (const char *)bytes, n });
		explicit_bzero(bytes, n);
		PQfreemem(bytes);
	}
	return out;
}

/* bytea in text format: \x and hexadecimal. */
struct str
row_bytes(struct arena *a, const struct rows *r, size_t row, int col)
{
	struct str s = row_str(r, row, col), out;

	if (!s.p)
		return STR_NONE;
	if (!str_starts(s, STR("\\x"))) {
		out = unescape(a, s.p);
	} else if (!hex_decode(a, str_slice(s, 2, s.n), &out)) {
		log_error("cell is not a bytea", log_i("column", col));
		abort();
	}
	/* an empty value is not NULL */
	return out.p ? out : STR("");
}

static void
read_cell(const struct rows *r, size_t row, int col,
    const struct query_field *f, void *at)
{
	struct str cell = r->cells[row * (size_t)r->columns + (size_t)col];

	switch (f->kind) {
	case QUERY_TEXT:
		*(struct str *)at = cell;
		break;
	case QUERY_BYTES:
		*(struct str *)at = row_bytes(r->arena, r, row, col);
		break;
	case QUERY_INT:
		*(int64_t *)at = int_of(cell, col);
		break;
	case QUERY_BOOL:
		*(bool *)at = str_eq(cell, STR("t"));
		break;
	case QUERY_MAYBE_INT:
	case QUERY_MAYBE_BOOL: /* of parameters alone */
		break;
	}
}

void
row_read(const struct rows *r, size_t row,
    const struct query_row *shape, void *out)
{
	if (!r || query_table[r->q].row != shape ||
	    r->columns != shape->ncells) {
		log_error("rows of another shape", log_c("wanted",
		    shape->name));
		abort();
	}
	(void)row_str(r, row, 0); /* is there such a row? */
	for (int i = 0; i < shape->ncells; i++)
		read_cell(r, row, i, &shape->cells[i],
		    (char *)out + shape->cells[i].offset);
}
