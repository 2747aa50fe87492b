#ifndef CORE_ACCESS_AUDIT_H
#define CORE_ACCESS_AUDIT_H

#include "core/access/admin.h"

/* One row of the audit log; what it does not say is STR_NONE. */
struct audit_row {
	int64_t id;
	int64_t created_at; /* wall µs */
	struct str user_id;
	struct str actor_id;
	struct str action;
	struct str resource;
	struct str result;
	struct str reason;
	struct str ip_address;
	struct str user_agent;
	struct str request_id;
};

/* Which rows; STR_NONE and 0 do not narrow. */
struct audit_filter {
	struct str user;       /* id or numeric id */
	struct str action;
	struct str result;
	int64_t from;	 /* wall µs, both included */
	int64_t to;
	struct str ip_address; /* or a network (CIDR) */
	int64_t after;	 /* only rows below this id: the next page */
	long limit;
	long offset;
};

/*
 * Make the filter canonical: the user's id, an address as rows have it.
 * E_NOT_FOUND: no such user. E_VALIDATION with the field: an address or
 * network, or an action, that cannot be one.
 */
enum err audit_filter_check(struct ctx *x, struct audit_filter *f);

/* Of a filter that was checked: the next rows below f->after, no total. */
enum err audit_page(struct ctx *x, const struct audit_filter *f,
    struct audit_row **out, size_t *n);

/* Newest first. total is exact to ten thousand. As audit_filter_check. */
enum err audit_list(struct ctx *x, const struct audit_filter *f,
    struct audit_row **out, size_t *n, int64_t *total);

#endif
