#include "handlers/shared/handlers.h"

const struct route routes[] = {
#define ROUTE(method, path, aliases, h, who, need, bucket, lane, flags, \
    doc) \
	{ METHOD_##method, path, aliases, &h, WHO_##who, need, \
	    BUCKET_##bucket, LANE_##lane, ROUTE_##flags, doc },
#include "handlers/routes.def"
#undef ROUTE
};

const size_t routes_count = sizeof(routes) / sizeof(routes[0]);
