/* W3C trace context (https://www.w3.org/TR/trace-context/): which trace a request is part of, as whoever asks says. It
 * is passed on as it came and told in log lines; no spans are made of it here. */
#ifndef COMMON_TRACE_PARENT_H
#define COMMON_TRACE_PARENT_H

#include <stdbool.h>

#include "common/str.h"

enum { TRACE_PARENT_LEN = 55 };

/* Reads a traceparent of version 00, or what those of later versions begin with, and writes it as version 00 does.
 * False, and out untouched, for what is none. */
bool trace_parent_read(struct str text, char out[TRACE_PARENT_LEN]);

/* The trace's id of what trace_parent_read wrote: borrowed from it. Empty for anything that is not as long. */
struct str trace_parent_id(struct str parent);

#endif
