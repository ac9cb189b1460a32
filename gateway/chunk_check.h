/* The strict reader of chunked bodies (RFC 9112 §7.1), before h2o's: that one takes "0x2" for a chunk of 0 bytes with
 * an extension, bare line feeds, and more, each a way for two servers to disagree on where a request ends. */
#ifndef GATEWAY_CHUNK_CHECK_H
#define GATEWAY_CHUNK_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/str.h"

enum { CHUNK_MAX_OVERHEAD = 4096 }; /* extensions and trailers, in all */

enum chunk_state {
    CHUNK_SIZE,
    CHUNK_EXTENSION,
    CHUNK_SIZE_LF,
    CHUNK_DATA,
    CHUNK_DATA_CR,
    CHUNK_DATA_LF,
    CHUNK_TRAILER_START, /* of a trailer's line, or of the last line */
    CHUNK_TRAILER,
    CHUNK_TRAILER_LF,
    CHUNK_LAST_LF,
    CHUNK_END,
};

/* Zeroed is ready for a body. */
struct chunk_check {
    enum chunk_state state;
    unsigned digits;   /* of the size that is being read */
    uint64_t left;     /* of the chunk */
    uint64_t body_len; /* so far */
    size_t overhead;   /* so far */
    enum error error;  /* once refused */
    const char *why;
};

/* Reads on in bytes that follow those of the calls before; what stands behind the body's end is left alone. False:
 * refused. */
bool chunk_check(struct chunk_check *check, struct str bytes, uint64_t body_max);

#endif
