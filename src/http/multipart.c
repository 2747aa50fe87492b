#include "http/multipart.h"

#include "base/text.h"

#define BOUNDARY_MAX 70

static bool
is_token_char(char c)
{
	return text_is_alnum(c) || (c && strchr("!#$%&'*+-.^_`|~", c));
}

/* Browsers send C:\x.png raw, so only \" and \\ are escapes. */
static bool
escapes(struct str s, size_t at)
{
	return s.p[at] == '\\' && at + 1 < s.n &&
	    (s.p[at + 1] == '"' || s.p[at + 1] == '\\');
}

/* Read a quoted string, undo its escapes and move *s behind it. */
static bool
take_quoted(struct arena *a, struct str *s, struct str *out)
{
	size_t end = 1, n = 0;
	char *p;

	while (end < s->n && s->p[end] != '"')
		end += escapes(*s, end) ? 2 : 1;
	if (end >= s->n)
		return false;
	/* Room for this string only: a header may hold very many. */
	p = arena_alloc(a, end);
	for (size_t i = 1; i < end; i++)
		p[n++] = escapes(*s, i) ? s->p[++i] : s->p[i];
	*out = (struct str){ p, n };
	*s = str_slice(*s, end + 1, s->n);
	return true;
}

/* Read one ";name=value" of a header's parameters. False: there is none. */
static bool
take_parameter(struct arena *a, struct str *s, struct str *name,
    struct str *value, bool *bad)
{
	size_t at = 0;

	*s = str_trim(*s);
	if (s->n == 0)
		return false;
	*bad = true;
	if (s->p[0] != ';')
		return false;
	*s = str_trim(str_slice(*s, 1, s->n));
	while (at < s->n && is_token_char(s->p[at]))
		at++;
	if (at == 0 || at == s->n || s->p[at] != '=')
		return false;
	*name = str_slice(*s, 0, at);
	*s = str_slice(*s, at + 1, s->n);
	if (s->n && s->p[0] == '"') {
		if (!take_quoted(a, s, value))
			return false;
	} else {
		for (at = 0; at < s->n && s->p[at] != ';' &&
		    s->p[at] != ' '; at++)
			if (!is_token_char(s->p[at]))
				return false;
		*value = str_slice(*s, 0, at);
		*s = str_slice(*s, at, s->n);
	}
	*bad = false;
	return true;
}

/*
 * Find the parameter of that name behind the header's first word. False on bad
 * syntax and when it occurs twice; *value is STR_NONE when absent.
 */
static bool
parameter(struct arena *a, struct str header, const char *want,
    struct str *value)
{
	struct str rest = str_slice(header, str_find(header, ';'), header.n);
	struct str name, text;
	bool bad = false;

	*value = STR_NONE;
	while (take_parameter(a, &rest, &name, &text, &bad)) {
		if (!str_eq_nocase(name, str_of(want)))
			continue;
		if (value->p)
			return false;
		*value = text;
	}
	return !bad;
}

static struct str
first_word(struct str header)
{
	return str_trim(str_slice(header, 0, str_find(header, ';')));
}

static bool
is_boundary(struct str s)
{
	if (s.n == 0 || s.n > BOUNDARY_MAX || s.p[s.n - 1] == ' ')
		return false;
	for (size_t i = 0; i < s.n; i++)
		if (!text_is_alnum(s.p[i]) &&
		    (s.p[i] == '\0' || !strchr("'()+_,-./:=? ", s.p[i])))
			return false;
	return true;
}

static const char *
find_bytes(struct str s, struct str what)
{
	return s.n ? memmem(s.p, s.n, what.p, what.n) : NULL;
}

static struct str
behind_boundary(struct str s, const char *at, size_t n)
{
	return str_slice(s, (size_t)(at - s.p) + n, s.n);
}

/*
 * Read what follows a delimiter: blanks and CRLF (*last false), or "--"
 * (*last true). *rest moves behind the blanks and CRLF.
 */
static bool
delimiter_end(struct str *rest, bool *last)
{
	size_t at = 0;

	*last = str_starts(*rest, STR("--"));
	if (*last)
		return true;
	while (at < rest->n && (rest->p[at] == ' ' || rest->p[at] == '\t'))
		at++;
	*rest = str_slice(*rest, at, rest->n);
	if (!str_starts(*rest, STR("\r\n")))
		return false;
	*rest = str_slice(*rest, 2, rest->n);
	return true;
}

static bool
read_disposition(struct arena *a, struct str value, struct part *part)
{
	if (part->name.p ||
	    !str_eq_nocase(first_word(value), STR("form-data")) ||
	    !parameter(a, value, "name", &part->name) ||
	    !parameter(a, value, "filename", &part->filename))
		return false;
	return part->name.n > 0 && str_utf8(part->name, NULL) &&
	    !str_has_nul(part->name) && str_utf8(part->filename, NULL) &&
	    !str_has_nul(part->filename);
}

static bool
read_part_header(struct arena *a, struct str line, struct part *part)
{
	size_t colon = str_find(line, ':');
	struct str name = str_slice(line, 0, colon);
	struct str value = str_trim(str_slice(line, colon + 1, line.n));

	if (colon == 0 || colon == line.n || str_find(line, '\r') < line.n)
		return false;
	for (size_t i = 0; i < name.n; i++)
		if (!is_token_char(name.p[i]))
			return false;
	if (str_eq_nocase(name, STR("Content-Disposition")))
		return read_disposition(a, value, part);
	if (str_eq_nocase(name, STR("Content-Type"))) {
		if (part->content_type.p)
			return false;
		part->content_type = value;
	}
	if (str_eq_nocase(name, STR("Content-Transfer-Encoding")))
		return str_eq_nocase(value, STR("binary")) ||
		    str_eq_nocase(value, STR("7bit")) ||
		    str_eq_nocase(value, STR("8bit"));
	return true;
}

/* Read the part's headers up to the empty line; *rest moves behind that. */
static enum err
read_headers(struct arena *a, struct str *rest, struct part *part)
{
	size_t used = 0;

	for (;;) {
		const char *end = find_bytes(str_slice(*rest, 0,
		    MULTIPART_HEADERS - used + 2), STR("\r\n"));
		size_t n;

		if (end == NULL)
			return rest->n > MULTIPART_HEADERS - used ?
			    E_TOO_LARGE : E_BAD_REQUEST;
		n = (size_t)(end - rest->p);
		if (n && !read_part_header(a, str_slice(*rest, 0, n), part))
			return E_BAD_REQUEST;
		*rest = str_slice(*rest, n + 2, rest->n);
		used += n + 2;
		if (n == 0)
			return part->name.p ? E_OK : E_BAD_REQUEST;
		if (used > MULTIPART_HEADERS)
			return E_TOO_LARGE;
	}
}

/* Make "\r\n--boundary"; only the one that opens the body may lack "\r\n". */
static bool
make_delimiter(struct arena *a, struct str content_type,
    struct str *delimiter)
{
	struct str boundary;

	if (!parameter(a, content_type, "boundary", &boundary) ||
	    !is_boundary(boundary))
		return false;
	*delimiter = arena_fmt(a, "\r\n--%.*s", STR_FMT(boundary));
	return true;
}

/* Move *rest over the preamble to the end of the first delimiter. */
static bool
skip_preamble(struct str *rest, struct str delimiter)
{
	struct str bare = str_slice(delimiter, 2, delimiter.n);
	const char *at;

	if (str_starts(*rest, bare)) {
		*rest = str_slice(*rest, bare.n, rest->n);
		return true;
	}
	at = find_bytes(*rest, delimiter);
	if (at)
		*rest = behind_boundary(*rest, at, delimiter.n);
	return at != NULL;
}

static enum err
read_part(struct arena *a, struct str *rest, struct str delimiter,
    struct part *part)
{
	const char *end;
	enum err e;

	*part = (struct part){ 0 };
	e = read_headers(a, rest, part);
	if (e != E_OK)
		return e;
	/* An empty part's delimiter begins with the headers' last CRLF. */
	*rest = (struct str){ rest->p - 2, rest->n + 2 };
	end = find_bytes(*rest, delimiter);
	if (end == NULL)
		return E_BAD_REQUEST;
	part->data = end == rest->p ? STR("") :
	    str_slice(*rest, 2, (size_t)(end - rest->p));
	*rest = behind_boundary(*rest, end, delimiter.n);
	return E_OK;
}

static bool
part_has_name(const struct part *parts, size_t n, struct str name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(parts[i].name, name))
			return true;
	return false;
}

enum err
multipart_parse(struct arena *a, struct str content_type, struct str body,
    struct part *parts, size_t *n)
{
	struct str delimiter, rest = body;
	bool last = false;
	enum err e;

	*n = 0;
	if (!str_eq_nocase(first_word(content_type),
	    STR("multipart/form-data")))
		return E_MEDIA_TYPE;
	if (!make_delimiter(a, content_type, &delimiter) ||
	    !skip_preamble(&rest, delimiter))
		return E_BAD_REQUEST;
	for (;;) {
		if (!delimiter_end(&rest, &last))
			return E_BAD_REQUEST;
		if (last)
			return *n ? E_OK : E_BAD_REQUEST;
		if (*n == MULTIPART_PARTS)
			return E_TOO_LARGE;
		e = read_part(a, &rest, delimiter, &parts[*n]);
		if (e != E_OK)
			return e;
		if (part_has_name(parts, *n, parts[*n].name))
			return E_BAD_REQUEST;
		++*n;
	}
}

const struct part *
multipart_find(const struct part *parts, size_t n, const char *name)
{
	for (size_t i = 0; i < n; i++)
		if (str_eq(parts[i].name, str_of(name)))
			return &parts[i];
	return NULL;
}
