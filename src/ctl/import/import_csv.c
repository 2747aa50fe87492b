#include "base/buf.h"
#include "ctl/import/import.h"

/* What ended a cell. */
enum end { END_CELL, END_RECORD, END_FILE, END_WRONG };

static int
next_byte(struct import_file *f)
{
	int c = import_byte(f);

	if (c == '\n')
		f->next++;
	return c;
}

/* The first character that can be a separator is the separator. */
static bool
separates(struct import_file *f, int c)
{
	if (f->separator == 0 && (c == ',' || c == ';' || c == '\t'))
		f->separator = (char)c;
	return f->separator && c == f->separator;
}

/* Pass over the rest of a record that went wrong. */
static enum end
skip(struct import_file *f, int c)
{
	while (c != '\n' && c != EOF)
		c = next_byte(f);
	return END_WRONG;
}

static enum end
behind_quote(struct import_file *f, int c)
{
	if (c == '\r')
		c = next_byte(f);
	if (separates(f, c))
		return END_CELL;
	if (c == '\n')
		return END_RECORD;
	return c == EOF ? END_FILE : skip(f, c);
}

static enum end
quoted(struct import_file *f, struct buf *b)
{
	int c;

	while ((c = next_byte(f)) != EOF) {
		if (c != '"') {
			buf_byte(b, (char)c);
			continue;
		}
		c = next_byte(f);
		if (c != '"')
			return behind_quote(f, c);
		buf_byte(b, '"');
	}
	return END_WRONG; /* the quote was never closed */
}

static enum end
plain_byte(struct import_file *f, struct buf *b, int c)
{
	for (; !separates(f, c) && c != '\n' && c != '\r' && c != EOF;
	    c = next_byte(f)) {
		if (c == '"')
			return skip(f, c);
		buf_byte(b, (char)c);
	}
	return behind_quote(f, c);
}

/* One record into cells. False at the end of the file. */
static bool
read_csv_record(struct import_file *f, struct arena *a, struct str *cells,
    size_t *n, const char **wrong)
{
	enum end end = END_CELL;
	size_t size = 0;

	*n = 0;
	*wrong = NULL;
	f->line = f->next;
	while (end == END_CELL) {
		struct buf b = buf_new(a, IMPORT_RECORD_MAX);
		int c = next_byte(f);

		if (c == EOF && *n == 0)
			return false;
		end = c == '"' ? quoted(f, &b) : plain_byte(f, &b, c);
		size += b.n;
		if (*n == IMPORT_CELLS || b.full || size > IMPORT_RECORD_MAX)
			*wrong = "the record is too long";
		else
			cells[(*n)++] = buf_str(&b);
	}
	if (end == END_WRONG)
		*wrong = "a quote is not as RFC 4180 wants it";
	return true;
}

bool
import_csv_begin(struct import_file *f, struct arena *a)
{
	const char *wrong;
	bool names;

	do {
		names = read_csv_record(f, a, f->header, &f->nheader, &wrong) &&
		    wrong == NULL;
	} while (names && ((f->nheader == 1 && f->header[0].n == 0) ||
	    (f->line == 1 && f->nheader == 2 &&
	    str_eq(f->header[0], STR("sep=")))));
	if (!names)
		f->nheader = 0;
	return f->nheader > 0;
}

bool
import_csv(struct import_file *f, struct arena *a, struct import_record *out)
{
	if (f->nheader == 0)
		return false;
	/* An empty line is no person. */
	do {
		if (!read_csv_record(f, a, out->value, &out->n, &out->wrong))
			return false;
	} while (out->n == 1 && out->value[0].n == 0 && out->wrong == NULL);
	if (out->wrong == NULL && out->n != f->nheader)
		out->wrong = "it has another number of cells than the first "
		    "line";
	for (size_t i = 0; out->wrong == NULL && i < out->n; i++)
		out->name[i] = f->header[i];
	return true;
}
