#include "handlers/shared/upload.h"

#include "core/problem.h"
#include "handlers/shared/handlers.h"
#include "http/multipart.h"

/* The file of a multipart body (row MU1). */
static enum err
take_file(struct call *c, size_t most, struct str *file)
{
	struct part parts[MULTIPART_PARTS];
	const struct part *part;
	size_t n;
	enum err e = multipart_parse(c->ctx->arena,
	    request_param(c->rq, "CONTENT_TYPE"), c->rq->body, parts, &n);

	if (e == E_MEDIA_TYPE)
		return problem_say(c->ctx, e, "The request body must be "
		    "multipart/form-data with a field named file");
	if (e != E_OK)
		return e;
	part = multipart_find(parts, n, "file");
	if (part == NULL || part->data.n == 0)
		return problem_field(c->ctx, "file", part ?
		    "The file is empty" : "The picture must be in a field "
		    "named file");
	if (part->data.n > most)
		return problem_say(c->ctx, E_TOO_LARGE, arena_fmt(
		    c->ctx->arena, "The picture is larger than %zu MB",
		    most >> 20).p);
	*file = part->data;
	return E_OK;
}

enum err
upload_picture(struct call *c, enum picture_kind kind, const char *message)
{
	struct picture p;
	struct str file;
	cJSON *data = json_object();
	enum err e = take_file(c, picture_most(kind), &file);

	if (e == E_OK)
		e = picture_put(c->ctx, kind, c->actor.session->account.id,
		    file, &p);
	if (e != E_OK)
		return e;
	json_add_str(data, "url", p.url);
	json_add_str(data, "content_type", str_of(p.type));
	json_add_int(data, "width", p.width);
	json_add_int(data, "height", p.height);
	return answer(c, 200, message, data);
}

enum err
upload_remove(struct call *c, enum picture_kind kind, const char *message)
{
	cJSON *data = json_object();
	bool had;
	enum err e = picture_remove(c->ctx, kind,
	    c->actor.session->account.id, &had);

	if (e != E_OK)
		return e;
	json_add_bool(data, "removed", had);
	return answer(c, 200, message, data);
}
