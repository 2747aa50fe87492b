#include "store/pg/db_private.h"

#include <netdb.h>
#include <stdlib.h>
#include <sys/socket.h>

#include "base/memory.h"

/*
 * libpq's message about a bad string quotes parts of it, so we pass none of it
 * on.
 */
static PQconninfoOption *
read_conninfo(const char *conninfo)
{
	char *words = NULL;
	PQconninfoOption *all = PQconninfoParse(conninfo, &words);

	if (words) {
		explicit_bzero(words, strlen(words));
		PQfreemem(words);
	}
	return all;
}

static void
forget_options(PQconninfoOption *all)
{
	for (PQconninfoOption *o = all; o && o->keyword; o++)
		if (o->val)
			explicit_bzero(o->val, strlen(o->val));
	PQconninfoFree(all);
}

const char *
db_target_option(const PQconninfoOption *all, const char *keyword)
{
	for (; all && all->keyword; all++)
		if (strcmp(all->keyword, keyword) == 0)
			return all->val;
	return NULL;
}

static const char *
option(const PQconninfoOption *all, const char *keyword)
{
	const char *value = db_target_option(all, keyword);

	return value ? value : "";
}

static size_t
pieces(const char *list)
{
	size_t n = 1;

	for (; *list; list++)
		n += *list == ',';
	return n;
}

static bool
are_ports(const char *list)
{
	struct str rest = str_of(list), piece;
	long long port;

	while (str_split(&rest, ',', &piece))
		if (piece.n && !str_to_int(piece, 1, 65535, &port))
			return false;
	return true;
}

/*
 * What stands behind "://", "" where there is none before the first '='. A
 * driver's name such as +asyncpg is none of libpq's.
 */
static struct str
behind_scheme(const char *conninfo, bool *ours)
{
	struct str s = str_of(conninfo);
	struct str key = str_slice(s, 0, str_find(s, '='));
	const char *p = strstr(conninfo, "://");

	*ours = str_starts(s, STR("postgresql://")) ||
	    str_starts(s, STR("postgres://"));
	if (p == NULL || p >= key.p + key.n)
		return STR("");
	return str_of(p + 3);
}

/*
 * An @ that libpq takes for a part of host or database name: the text before it
 * is a password that was not encoded, and would be printed as a name.
 */
static bool
has_stray_at(struct str s)
{
	size_t at = str_find(s, '@');

	if (at < str_find(s, '/'))
		s = str_slice(s, at + 1, s.n);
	s = str_slice(s, 0, str_find(s, '?'));
	return str_find(s, '@') < s.n;
}

/* A host name that contains a password, and would be printed as not found. */
static bool
holds_a_password(const char *host, const char *database)
{
	for (const char *p = host; (p = strchr(p, '@')) != NULL; p++)
		if (p > host && p[-1] != ',')
			return true;
	return strstr(database, "://") != NULL;
}

static const char *
fault_of_options(const PQconninfoOption *all)
{
	const char *host = option(all, "host");
	const char *address = option(all, "hostaddr");
	size_t n = pieces(*host ? host : address);
	size_t ports = pieces(option(all, "port"));

	if (holds_a_password(host, option(all, "dbname")))
		return "has a user or a URL where host or dbname is meant";
	if (!are_ports(option(all, "port")))
		return "names a port that is no number from 1 to 65535; a : "
		    "or / in the password must be written as %3A or %2F";
	if (n > DB_HOSTS)
		return "names more than 8 hosts";
	if ((*address && pieces(address) != n) || (ports > 1 && ports != n))
		return "names more or fewer ports or addresses than hosts";
	return db_words_fault(all);
}

const char *
db_conninfo_fault(const char *conninfo)
{
	bool ours;
	struct str rest = behind_scheme(conninfo, &ours);
	PQconninfoOption *all;
	const char *fault;

	if (rest.n && !ours)
		return "must begin with postgresql://, without the name of a "
		    "driver";
	if (ours && has_stray_at(rest))
		return "has an @ or / in user or password that must be "
		    "written as %40 or %2F";
	all = read_conninfo(conninfo);
	if (all == NULL)
		return "must be postgresql://USER:PASSWORD@HOST/DATABASE, "
		    "with %, @, / and : of the password written as %25, %40, "
		    "%2F and %3A, or pairs such as host='...' dbname='...'";
	fault = fault_of_options(all);
	forget_options(all);
	return fault;
}

struct str
db_target_role(struct arena *a, const char *conninfo)
{
	PQconninfoOption *all = read_conninfo(conninfo);
	const char *role = option(all, "user");
	struct str copy = *role ? arena_str(a, str_of(role)) : STR_NONE;

	forget_options(all);
	return copy;
}

static char *
copy_of(const char *text)
{
	return memory_copy("a part of a conninfo", text);
}

void
db_targets_read(struct db_targets *t, const char *conninfo)
{
	PQconninfoOption *all = read_conninfo(conninfo);
	char *host = t->text[0] = copy_of(option(all, "host"));
	char *address = t->text[1] = copy_of(option(all, "hostaddr"));
	char *port = t->text[2] = copy_of(option(all, "port"));
	bool one_port = strchr(port, ',') == NULL;
	size_t n = pieces(*host ? host : address);

	t->application = t->text[3] = copy_of(option(all, "application_name"));
	t->n = n > DB_HOSTS ? DB_HOSTS : (int)n;
	for (int i = 0; i < t->n; i++)
		t->at[i] = (struct db_target){
			.host = strsep(&host, ","),
			.address = strsep(&address, ","),
			.port = one_port ? port : strsep(&port, ","),
		};
	forget_options(all);
}

void
db_targets_free(struct db_targets *t)
{
	for (size_t i = 0; i < sizeof t->text / sizeof *t->text; i++)
		free(t->text[i]);
}

/* Swap the address that served last with the first, or the last. */
static void
place(char (*list)[DB_ADDRESS], int n, const char *last, int to)
{
	char other[DB_ADDRESS];

	for (int i = 0; i < n; i++)
		if (i != to && strcmp(list[i], last) == 0) {
			memcpy(other, list[to], sizeof other);
			memcpy(list[to], list[i], sizeof other);
			memcpy(list[i], other, sizeof other);
			return;
		}
}

int
db_target_addresses(const struct db_target *t, char (*out)[DB_ADDRESS])
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM };
	struct addrinfo *all = NULL;
	int n = 0, rc;

	/* None, a path or an abstract name; or the address is given. */
	if (!t->host || !*t->host || strchr("/@", t->host[0]) ||
	    (t->address && *t->address))
		return 0;
	if ((rc = getaddrinfo(t->host, NULL, &hints, &all)) != 0)
		return rc;
	for (const struct addrinfo *ai = all; ai && n < DB_ADDRESSES;
	    ai = ai->ai_next)
		n += getnameinfo(ai->ai_addr, ai->ai_addrlen, out[n],
		    DB_ADDRESS, NULL, 0, NI_NUMERICHOST) == 0;
	freeaddrinfo(all);
	place(out, n, t->last, t->doubted ? n - 1 : 0);
	return n;
}

void
db_target_move(struct db_targets *t, int from, int to)
{
	const struct db_target moved = t->at[from];

	for (; from < to; from++)
		t->at[from] = t->at[from + 1];
	for (; from > to; from--)
		t->at[from] = t->at[from - 1];
	t->at[to] = moved;
}
