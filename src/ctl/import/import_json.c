#include "base/buf.h"
#include "base/json/json.h"
#include "ctl/import/import.h"

#define DEPTH 4

/* false at the end of the file; \r before \n is not of the line */
bool
import_line(struct import_file *f, struct arena *a, struct str *line,
    const char **wrong)
{
	struct buf b = buf_new(a, IMPORT_RECORD_MAX);
	int c = import_byte(f);

	*wrong = NULL;
	f->line = f->next;
	if (c == EOF)
		return false;
	for (; c != EOF && c != '\n'; c = import_byte(f))
		buf_byte(&b, (char)c);
	f->next++;
	if (b.full)
		*wrong = "the line is too long";
	*line = buf_str(&b);
	if (line->n && line->p[line->n - 1] == '\r')
		line->n--;
	return true;
}

/*
 * A value as a cell of CSV would write it; STR_NONE where there is no such
 * text.
 */
static struct str
text_of(struct arena *a, const cJSON *v)
{
	struct buf b = buf_new(a, IMPORT_RECORD_MAX);

	if (cJSON_IsString(v))
		return json_text(v);
	if (cJSON_IsNumber(v) || cJSON_IsBool(v))
		return json_print(a, v);
	if (!cJSON_IsArray(v))
		return STR_NONE;
	for (const cJSON *e = v->child; e; e = e->next) {
		if (b.n)
			buf_byte(&b, ',');
		buf_add(&b, json_text(e));
	}
	return buf_str(&b);
}

bool
import_json(struct import_file *f, struct arena *a, struct import_record *out)
{
	struct str line;
	cJSON *object;

	do {
		if (!import_line(f, a, &line, &out->wrong))
			return false;
		line = str_trim(line);
	} while (line.n == 0 && out->wrong == NULL);
	out->n = 0;
	if (out->wrong == NULL && str_starts(line, STR("[")))
		out->wrong = "a list begins: one object a line is wanted";
	if (out->wrong)
		return true;
	if (json_parse(a, line, DEPTH, &object, &out->wrong) != E_OK)
		return true;
	if (!cJSON_IsObject(object)) {
		out->wrong = "it is not an object";
		return true;
	}
	for (const cJSON *v = object->child; v && out->n < IMPORT_CELLS;
	    v = v->next) {
		out->name[out->n] = str_of(v->string);
		out->value[out->n++] = text_of(a, v);
	}
	return true;
}
