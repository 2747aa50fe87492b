#ifndef STORE_PG_STATEMENT_H
#define STORE_PG_STATEMENT_H

#include "store/queries.h"

/*
 * A statement of sql/queries and its parameters, for db_run and its kin:
 *
 *	SQL(session_list, .user_id = id, .limit = 20, .offset = 0)
 *
 * It does not compile unless each parameter is named, once. It lives as long
 * as the block in which it is written.
 */
struct statement {
	enum query q;
	const void *params; /* a struct ..._params */
};

#define SQL(name, ...) \
	((struct statement){ .q = STATEMENT_Q(name, __VA_ARGS__), \
		.params = &(const Q_##name##_params){ __VA_ARGS__ } })

/* The same in two steps: for parameters that are kept. */
#define PARAMS(name, ...) \
	((void)STATEMENT_Q(name, __VA_ARGS__), \
	    (Q_##name##_params){ __VA_ARGS__ })
#define SQL_OF(name, p) \
	((struct statement){ .q = Q_##name, \
		.params = 1 ? (p) : (const Q_##name##_params *)NULL })

/* Its number, where as many parameters are given as it has. */
#define STATEMENT_Q(name, ...) \
	(Q_##name + 0 * sizeof(struct { \
		_Static_assert(Q_##name##_PARAMS == (sizeof(#__VA_ARGS__) > 1 ? \
		    STATEMENT_COUNT(__VA_ARGS__) : 0), \
		    "name each parameter of the statement"); \
		char none; \
	}))
#define STATEMENT_COUNT(...) STATEMENT_COUNT_(__VA_ARGS__, \
	64, 63, 62, 61, 60, 59, 58, 57, 56, 55, 54, 53, 52, 51, 50, 49, 48, \
	47, 46, 45, 44, 43, 42, 41, 40, 39, 38, 37, 36, 35, 34, 33, 32, 31, \
	30, 29, 28, 27, 26, 25, 24, 23, 22, 21, 20, 19, 18, 17, 16, 15, 14, \
	13, 12, 11, 10, 9, 8, 7, 6, 5, 4, 3, 2, 1)
#define STATEMENT_COUNT_(_1, _2, _3, _4, _5, _6, _7, _8, _9, _10, _11, \
	_12, _13, _14, _15, _16, _17, _18, _19, _20, _21, _22, _23, _24, _25, \
	_26, _27, _28, _29, _30, _31, _32, _33, _34, _35, _36, _37, _38, _39, \
	_40, _41, _42, _43, _44, _45, _46, _47, _48, _49, _50, _51, _52, _53, \
	_54, _55, _56, _57, _58, _59, _60, _61, _62, _63, _64, n, ...) n

#endif
