#ifndef WORKER_MESSAGE_TEMPLATE_H
#define WORKER_MESSAGE_TEMPLATE_H

#include "base/arena.h"
#include "base/json/json.h"

/*
 * Logic-less templates, a subset of Mustache: variables, sections, inverted
 * sections, partials, comments; names may be dotted, "." is the item of a
 * list. No lambdas, no change of delimiters, no indentation of partials.
 *
 * What a variable becomes depends on the document, not on its author (row
 * HT4):
 *   {{x}}      TEMPLATE_TEXT    control characters become spaces, so that a
 *                               value can never make a line of its own
 *              TEMPLATE_HEADER  the same, and runs of blanks become one
 *              TEMPLATE_HTML    & < > " ' and ` as entities, control
 *                               characters as spaces
 *   {{url:x}}  percent-encoded as one part of a URL, in every document
 *   {{{x}}}    as it is; only in TEMPLATE_TEXT, elsewhere an error
 * Numbers and booleans print as JSON does; null, lists and objects print
 * nothing.
 */
enum template_kind { TEMPLATE_TEXT, TEMPLATE_HTML, TEMPLATE_HEADER };

/* Bounds: of what a template may cost, whoever wrote it. */
#define TEMPLATE_MAX (256u << 10)     /* bytes of one template */
#define TEMPLATE_OUT_MAX (512u << 10) /* bytes of the result */
#define TEMPLATE_DEPTH 16	      /* sections and partials in each other */
#define TEMPLATE_STEPS 100000	      /* tags executed */

/* The text of partial `name`; false when there is none. */
typedef bool template_partial(void *arg, struct str name, struct str *text);

/*
 * Render text with values (an object; NULL: every section is entered, to see
 * whether all of it is well formed). partial may be NULL: then a partial is an
 * error. The result lives in a. False when the template is malformed or
 * past a bound; *why is then a short English reason.
 */
bool template_render(struct arena *a, enum template_kind kind,
    struct str text, const cJSON *values, template_partial *partial,
    void *arg, struct str *out, const char **why);

#endif
