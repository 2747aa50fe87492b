#include "grpc/grpc_params.h"

static char
cgi_letter(char c)
{
	if (c >= 'a' && c <= 'z')
		return (char)(c - 'a' + 'A');
	return c == '-' ? '_' : c;
}

static struct str
cgi_name(struct arena *a, struct str name)
{
	struct str prefix = STR("HTTP_");
	char *p = arena_alloc(a, prefix.n + name.n + 1);

	memcpy(p, prefix.p, prefix.n);
	for (size_t i = 0; i < name.n; i++)
		p[prefix.n + i] = cgi_letter(name.p[i]);
	return (struct str){ p, prefix.n + name.n };
}

/*
 * A name with '_' would be taken for the one with '-', which a proxy may have
 * set with care.
 */
static bool
is_metadata(struct str name)
{
	return name.n && name.p[0] != ':' && !str_eq(name, STR("proxy")) &&
	    str_find(name, '_') == name.n;
}

void
grpc_params(struct request *rq, const struct h2_stream *st,
    struct str client)
{
	size_t n, kept = 0;
	struct param *all = h2_stream_headers(st, rq->arena, &n);
	struct param *out = arena_array(rq->arena, n + 3, sizeof(*out));

	for (size_t i = 0; i < n; i++)
		if (is_metadata(all[i].name))
			out[kept++] = (struct param){
				cgi_name(rq->arena, all[i].name),
				arena_str(rq->arena, all[i].value) };
	out[kept++] = (struct param){ STR("REQUEST_METHOD"), STR("GET") };
	out[kept++] = (struct param){ STR("REQUEST_URI"), STR("/") };
	if (client.n)
		out[kept++] = (struct param){ STR("REMOTE_ADDR"), client };
	rq->params = out;
	rq->nparams = kept;
}
