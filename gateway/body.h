/* Request bodies, of whatever type and encoding, to the one MessagePack map that methods take. */
#ifndef GATEWAY_BODY_H
#define GATEWAY_BODY_H

#include "common/arena.h"
#include "common/buffer.h"
#include "common/error.h"

enum { BODY_MAX_LEN = 100 * 1024 };

/* Appends one map. Empty bodies and types other than JSON and forms count as {}.
 *   ERROR_MALFORMED             with *why in words
 *   ERROR_BODY_TOO_LARGE        as sent, or inflated
 *   ERROR_CHARSET_UNSUPPORTED, ERROR_ENCODING_UNSUPPORTED  with *why
 * *why is the arena's, and untouched where the error's own text says it. */
enum error body_to_pack(struct str body, struct str content_type, struct str content_encoding, struct arena *arena,
                        struct buffer *out, struct str *why) MUST_USE;

#endif
