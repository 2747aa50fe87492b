#ifndef GRPC_GRPC_TIMEOUT_H
#define GRPC_GRPC_TIMEOUT_H

#include <stdint.h>

#include "base/str.h"

/*
 * The value of grpc-timeout in µs: at most eight digits and one of H M S m u
 * n. Less than a µs is one. False when it is not of that form.
 */
bool grpc_timeout_parse(struct str text, int64_t *us);

/*
 * How long a call may take: what it asks for, at most most; usual where it asks
 * for nothing (row GR3).
 */
int64_t grpc_timeout_of(struct str header, int64_t usual, int64_t most);

#endif
