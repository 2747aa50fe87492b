#include "core/outgoing/media_url.h"

#include <config.h>

bool
media_url_in_s3(const struct config *c)
{
	return c->s3_key[0] != '\0';
}

bool
media_url_offered(const struct config *c)
{
#ifdef HAVE_IMAGES
	return media_url_in_s3(c) || c->media_dir[0] != '\0';
#else
	(void)c;
	return false;
#endif
}

/* A base URL without the slashes at its end. */
static struct str
bare(const char *url)
{
	struct str s = str_of(url);

	while (s.n && s.p[s.n - 1] == '/')
		s.n--;
	return s;
}

/* The service's own address, where none is set: Amazon's for the region. */
static struct str
endpoint(struct arena *a, const struct config *c)
{
	if (c->s3_endpoint[0])
		return bare(c->s3_endpoint);
	return ARENA_JOIN(a, STR("https://s3."), str_of(c->s3_region),
	    STR(".amazonaws.com"));
}

struct media_place
media_url_place(struct arena *a, const struct config *c, struct str key)
{
	struct str url = endpoint(a, c), bucket = str_of(c->s3_bucket);
	size_t scheme = str_find(url, '/') + 2;
	struct str rest = str_slice(url, scheme, url.n);
	size_t slash = str_find(rest, '/');
	struct str host = str_slice(rest, 0, slash);
	struct str below = str_slice(rest, slash, rest.n);

	if (c->s3_path_style)
		below = ARENA_JOIN(a, below, STR("/"), bucket);
	else
		host = ARENA_JOIN(a, bucket, STR("."), host);
	return (struct media_place){ .host = host,
		.base = ARENA_JOIN(a, str_slice(url, 0, scheme), host),
		.path = ARENA_JOIN(a, below, STR("/"), key) };
}

struct str
media_url_public(struct arena *a, const struct config *c, struct str key)
{
	struct media_place p;

	if (c->s3_cdn[0])
		return ARENA_JOIN(a, bare(c->s3_cdn), STR("/"), key);
	if (media_url_in_s3(c)) {
		p = media_url_place(a, c, key);
		return ARENA_JOIN(a, p.base, p.path);
	}
	if (c->media_url[0])
		return ARENA_JOIN(a, bare(c->media_url), STR("/"), key);
	return ARENA_JOIN(a, bare(c->public_url), STR("/media/"), key);
}
