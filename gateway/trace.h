/* How a request is followed through the processes: its request id (and common/trace_parent.h). */
#ifndef GATEWAY_TRACE_H
#define GATEWAY_TRACE_H

#include <stdbool.h>
#include <stdint.h>

#include "common/str.h"

enum { TRACE_ID_LEN = 16, TRACE_MAX_ID_LEN = 64 };

/* Whether a client's X-Request-Id may be used as it is: 1 to 64 of letters, digits, '.', '_', '-'. */
bool trace_is_request_id(struct str text);

/* Makes one of TRACE_ID_LEN hexadecimal digits; state is the caller's generator, seeded once with anything. */
void trace_make_request_id(uint64_t *state, char out[TRACE_ID_LEN]);

#endif
