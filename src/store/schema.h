#ifndef STORE_SCHEMA_H
#define STORE_SCHEMA_H

#include <stddef.h>

/*
 * The migrations this program was built with, from sql/schema, by rising
 * version. Made by sql/gen-schema.awk.
 */
struct migration {
	int version;
	const char *file; /* 0001_account.sql */
	const char *sql;
	size_t n; /* bytes of sql */
};

extern const struct migration schema_table[];
extern const int schema_count;

/* sql/roles.sql: the rights of the application's role, ":app_role" in it. */
extern const char schema_roles[];

#endif
