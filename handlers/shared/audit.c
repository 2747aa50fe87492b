#include "handlers/shared/audit.h"

#include <limits.h>

#include "base/clock_text.h"
#include "base/limits.h"
#include "handlers/shared/admin.h"

#define PIECE_ROWS 500
#define PIECE_BYTES ((size_t)8 << 20)
#define PIECE_ARENA ((size_t)32 << 20)

/* A time in RFC 3339, or a day: its start, or its end where `end` is true. */
static enum err
query_time(struct call *c, const char *name, bool end, int64_t *out)
{
	struct str text = admin_query(c, name, NULL);

	if (text.n == 0 || clock_parse_iso(text, out))
		return E_OK;
	text = arena_fmt(c->ctx->arena, "%.*sT%s", STR_FMT(text),
	    end ? "23:59:59.999999Z" : "00:00:00Z");
	if (clock_parse_iso(text, out))
		return E_OK;
	return answer_bad_query(c, name, "a time such as 2026-01-31T12:00:00Z");
}

enum err
audit_query(struct call *c, struct audit_filter *f)
{
	struct str after = admin_query(c, "after", "cursor");
	long long id = 0;
	enum err e = answer_page(c, &f->limit, &f->offset);

	f->user = admin_query(c, "user_id", "userId");
	f->action = admin_query(c, "action", NULL);
	f->result = admin_query(c, "result", "status");
	f->ip_address = admin_query(c, "ip_address", "ipAddress");
	if (e == E_OK)
		e = query_time(c, "from", false, &f->from);
	if (e == E_OK)
		e = query_time(c, "to", true, &f->to);
	if (e == E_OK && f->result.n && !str_eq(f->result, STR("success")) &&
	    !str_eq(f->result, STR("failure")))
		e = answer_bad_query(c, "result", "success or failure");
	if (e == E_OK && after.n && !str_to_int(after, 1, INT64_MAX, &id))
		e = answer_bad_query(c, "after", "the id of a row");
	f->after = id;
	return e;
}

cJSON *
audit_object(const void *row)
{
	const struct audit_row *r = row;
	cJSON *o = json_object();

	json_add_int(o, "id", r->id);
	json_add_time(o, "created_at", r->created_at);
	json_add_str(o, "user_id", r->user_id);
	json_add_str(o, "actor_id", r->actor_id);
	json_add_str(o, "action", r->action);
	json_add_str(o, "resource", r->resource);
	json_add_str(o, "result", r->result);
	json_add_str(o, "reason", r->reason);
	json_add_str(o, "ip_address", r->ip_address);
	json_add_str(o, "user_agent", r->user_agent);
	json_add_str(o, "request_id", r->request_id);
	return o;
}

enum err
audit_answer(struct call *c, const struct audit_filter *f)
{
	struct audit_row *r = NULL;
	struct listing l;
	enum err e = audit_list(c->ctx, f, &r, &l.n, &l.total);

	if (e == E_OK && l.n && (long)l.n == f->limit)
		response_header(c->re, "X-Next-Cursor",
		    arena_int(c->ctx->arena, r[l.n - 1].id));
	return answer_rows(c, e, "Audit logs retrieved successfully", &l, r,
	    sizeof *r, audit_object);
}

/* Write a cell that no spreadsheet takes for a formula (row RB9). */
static void
csv_cell(struct buf *b, struct str s, bool last)
{
	bool risky = s.n && (strchr("=+-@\t\r", s.p[0]) != NULL);

	buf_byte(b, '"');
	if (risky)
		buf_byte(b, '\'');
	for (size_t i = 0; i < s.n; i++) {
		if (s.p[i] == '"')
			buf_byte(b, '"');
		buf_byte(b, s.p[i]);
	}
	buf_add(b, last ? STR("\"\r\n") : STR("\","));
}

static void
csv_row(struct buf *b, const struct audit_row *r)
{
	buf_fmt(b, "%lld,%s,", (long long)r->id,
	    clock_iso(b->arena, r->created_at).p);
	csv_cell(b, r->user_id, false);
	csv_cell(b, r->actor_id, false);
	csv_cell(b, r->action, false);
	csv_cell(b, r->resource, false);
	csv_cell(b, r->result, false);
	csv_cell(b, r->reason, false);
	csv_cell(b, r->ip_address, false);
	csv_cell(b, r->user_agent, false);
	csv_cell(b, r->request_id, true);
}

/* A file that is being sent. */
struct export {
	struct ctx ctx; /* its arena is of one piece */
	struct audit_filter f;
	bool csv;
	bool begun;
	bool ended;
	long left; /* rows still to send */
};

static void
write_row(struct export *x, struct buf *b, const struct audit_row *r)
{
	if (x->csv) {
		csv_row(b, r);
	} else {
		json_write(b, audit_object(r));
		buf_byte(b, '\n');
	}
}

static enum err
export_piece(void *obj, struct str *piece)
{
	struct export *x = obj;
	struct arena *outer = json_use(x->ctx.arena);
	struct buf b;
	struct audit_row *r;
	size_t n = 0;
	enum err e = E_OK;

	arena_reset(x->ctx.arena);
	b = buf_new(x->ctx.arena, PIECE_BYTES);
	if (x->csv && !x->begun)
		buf_add(&b, STR("id,created_at,user_id,actor_id,action,"
		    "resource,result,reason,ip_address,user_agent,"
		    "request_id\r\n"));
	x->begun = true;
	x->f.limit = x->left < PIECE_ROWS ? x->left : PIECE_ROWS;
	if (!x->ended)
		e = audit_page(&x->ctx, &x->f, &r, &n);
	for (size_t i = 0; e == E_OK && i < n; i++)
		write_row(x, &b, &r[i]);
	if (n)
		x->f.after = r[n - 1].id;
	x->f.offset = 0;
	x->left -= (long)n;
	x->ended |= (long)n < x->f.limit || x->left == 0;
	*piece = buf_str(&b);
	json_use(outer);
	return e == E_OK && b.full ? E_INTERNAL : e;
}

static void
export_free(void *obj)
{
	arena_free(&((struct export *)obj)->ctx.arena);
}

/* As many rows as there are, or as limit says. */
static long
export_limit(struct call *c)
{
	struct str text = admin_query(c, "limit", "per_page");
	long long n;

	return str_to_int(text, 1, LONG_MAX, &n) ? (long)n : LONG_MAX;
}

enum err
audit_export(struct call *c, struct audit_filter *f, struct str format)
{
	struct export *x = ARENA_NEW(c->ctx->arena, struct export);
	enum err e = audit_filter_check(c->ctx, f);

	if (e != E_OK)
		return e;
	*x = (struct export){ .ctx = *c->ctx, .f = *f,
		.csv = str_eq(format, STR("csv")), .left = export_limit(c) };
	x->ctx.arena = arena_new(PIECE_ARENA);
	arena_defer(c->ctx->arena, export_free, x);
	e = export_piece(x, &c->re->raw);
	if (e != E_OK)
		return e;
	c->re->page = NULL;
	if (!x->ended)
		c->re->more = export_piece;
	c->re->more_of = x;
	if (x->f.after && x->left == 0)
		response_header(c->re, "X-Next-Cursor",
		    arena_int(c->ctx->arena, x->f.after));
	c->re->content_type = x->csv ? "text/csv; charset=utf-8" :
	    "application/x-ndjson";
	response_header(c->re, "Content-Disposition", x->csv ?
	    STR("attachment; filename=\"audit.csv\"") :
	    STR("attachment; filename=\"audit.ndjson\""));
	c->re->status = 200;
	return E_OK;
}
