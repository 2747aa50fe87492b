#include "ctl/doctor/doctor_templates.h"

#include <dirent.h>
#include <sys/stat.h>
#include <unistd.h>

#include "worker/mail/mail_template.h"
#include "worker/message/message.h"

#define SAID 10 /* broken ones that are named */

/* One walk through a folder (mail, sms) and its languages. */
struct walk {
	struct arena *arena;
	const struct template_dir *dir;
	const char *folder;
	const char *below; /* the one of the two directories */
	struct str language;
	struct str broken; /* with the reasons */
	int nbroken;
};

static void
note_broken(struct walk *w, const char *file, const char *why)
{
	if (w->nbroken++ < SAID)
		w->broken = arena_fmt(w->arena, "%.*s%s%s/%.*s%s%s: %s",
		    STR_FMT(w->broken), w->broken.n ? "; " : "", w->folder,
		    STR_FMT(w->language), w->language.n ? "/" : "", file,
		    why);
}

/* The words that it includes, and what they include, are looked at with it. */
static bool
is_whole(struct walk *w, struct str name, const char *suffix,
    const char **why)
{
	struct template_source s = { w->arena, w->dir, w->folder, suffix,
		w->language };
	struct mail_text mail;
	struct str text, out;

	if (strcmp(w->folder, "mail") == 0 && name.p[0] != '_')
		return mail_template_render(w->arena, w->dir, name,
		    w->language, NULL, &mail, why);
	*why = "cannot be read";
	return template_dir_find(&s, name, &text) &&
	    template_dir_render(&s, strcmp(suffix, "html") == 0 ?
	    TEMPLATE_HTML : TEMPLATE_TEXT, text, NULL, &out, why);
}

/* The HTML of a mail is looked at with its text. */
static void
look_at_file(struct walk *w, const char *path, const char *file)
{
	struct str name = str_of(file);
	bool html = str_ends(name, STR(".html"));
	const char *why = "";
	struct stat st;

	if (!html && !str_ends(name, STR(".txt")))
		return;
	if (stat(path, &st) != 0 || access(path, R_OK) != 0 ||
	    st.st_size > TEMPLATE_MAX) {
		note_broken(w, file, "cannot be read, or is over 256 KiB");
		return;
	}
	name.n -= html ? 5 : 4;
	if (name.n && (!html || file[0] == '_') &&
	    !is_whole(w, name, html ? "html" : "txt", &why))
		note_broken(w, file, why);
}

/* In the folder itself, whose folders are languages. */
static void
look_into(struct walk *w, const char *path)
{
	DIR *d = opendir(path);
	const struct dirent *e;
	struct stat st;

	while (d && (e = readdir(d)) != NULL) {
		const char *at = arena_fmt(w->arena, "%s/%s", path,
		    e->d_name).p;

		if (e->d_name[0] == '.' || stat(at, &st) != 0)
			continue;
		if (!S_ISDIR(st.st_mode)) {
			look_at_file(w, at, e->d_name);
		} else if (w->language.n == 0) {
			w->language = arena_str(w->arena, str_of(e->d_name));
			look_into(w, at);
			w->language = STR("");
		}
	}
	if (d)
		closedir(d);
}

/* Is the text of a mail that every service sends found at all? */
static bool
is_there(struct arena *a, const struct template_dir *dir)
{
	struct template_source s = { a, dir, "mail", "txt", STR_NONE };
	struct str text;

	return template_dir_open(&s, STR("verify"), STR_NONE, &text);
}

enum finding
doctor_templates(struct arena *a, const struct config *c, struct str *detail)
{
	const struct message_source source = message_source(c);
	const struct template_dir *dir = &source.templates;
	const char *places[] = { dir->override, dir->installed };
	const char *at = dir->override[0] ? dir->override : dir->installed;
	struct walk w = { .arena = a, .dir = dir, .language = STR(""),
		.broken = STR("") };

	if (!is_there(a, dir)) {
		*detail = arena_fmt(a, "%s/mail/verify.txt cannot be read; "
		    "look at service.template_dir", at);
		return FAULT;
	}
	for (int i = 0; i < 2; i++)
		for (int k = 0; k < 2 && places[i][0]; k++) {
			w.folder = k ? "sms" : "mail";
			look_into(&w, arena_fmt(a, "%s/%s", places[i],
			    w.folder).p);
		}
	*detail = w.nbroken == 0 ? arena_fmt(a, "%s", at) : arena_fmt(a,
	    "below %s, %d broken, and what they are for is not sent: %.*s", at,
	    w.nbroken, STR_FMT(w.broken));
	return w.nbroken ? FAULT : FINE;
}
