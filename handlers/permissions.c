/* GET, POST /permissions */
#include "core/access/role_admin.h"
#include "handlers/shared/admin.h"
#include "handlers/shared/handlers.h"

enum { NAME, RESOURCE, ACTION, DESCRIPTION };

static const struct field fields[] = {
	[NAME] = { .name = "name", .type = FIELD_NAME, .min = 1, .max = 100,
		.required = true, .doc = "reviews.read" },
	[RESOURCE] = { .name = "resource", .type = FIELD_NAME, .min = 1,
		.max = 50, .required = true, .doc = "reviews" },
	[ACTION] = { .name = "action", .type = FIELD_NAME, .min = 1, .max = 20,
		.required = true, .doc = "read" },
	[DESCRIPTION] = { .name = "description", .type = FIELD_TEXT, .max = 500,
		.doc = "For people" },
	{ 0 },
};

static cJSON *
permission_record(const struct permission *p)
{
	cJSON *o = json_object();

	json_add_str(o, "id", p->id);
	json_add_str(o, "name", p->name);
	json_add_str(o, "resource", p->resource);
	json_add_str(o, "action", p->action);
	json_add_str(o, "description", p->description);
	json_add_bool(o, "is_active", p->is_active);
	json_add_time(o, "created_at", p->created_at);
	return o;
}

static enum err
list_permissions(struct call *c)
{
	struct permission *p;
	cJSON *array = json_array();
	int64_t total;
	long limit, offset;
	size_t n;
	enum err e = answer_page(c, &limit, &offset);

	if (e == E_OK)
		e = permission_list(c->ctx, limit, offset, &p, &n, &total);
	if (e != E_OK)
		return e;
	for (size_t i = 0; i < n; i++)
		json_push(array, permission_record(&p[i]));
	c->re->page->total = total;
	return answer(c, 200, "Permissions retrieved successfully", array);
}

static enum err
create_permission(struct call *c)
{
	const struct permission wish = {
		.name = given(c, NAME), .resource = given(c, RESOURCE),
		.action = given(c, ACTION),
		.description = given(c, DESCRIPTION),
	};
	struct permission p;
	enum err e = permission_create(c->ctx, admin_actor(c), &wish, &p);

	return e != E_OK ? e : answer(c, 201,
	    "Permission created successfully", permission_record(&p));
}

const struct handler permissions_list = { NULL, list_permissions };
const struct handler permissions_create = { fields, create_permission };
