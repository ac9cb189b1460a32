/* Compressed bodies, inflated no further than a limit: a few bytes can stand for gigabytes. */
#ifndef GATEWAY_INFLATE_H
#define GATEWAY_INFLATE_H

#include <stddef.h>

#include "common/buffer.h"
#include "common/error.h"

enum compression { COMPRESSION_GZIP, COMPRESSION_DEFLATE };

/* Appends the inflated bytes. ERROR_MALFORMED: not of that format, cut short, or followed by more.
 * ERROR_BODY_TOO_LARGE: more than max come out. */
enum error inflate_bounded(struct str compressed, enum compression compression, size_t max,
                           struct buffer *out) MUST_USE;

#endif
