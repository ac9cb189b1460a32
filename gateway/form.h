/* Text as URLs and HTML forms carry it: percent-escapes, and lists of name=value (application/x-www-form-urlencoded).
 */
#ifndef GATEWAY_FORM_H
#define GATEWAY_FORM_H

#include <stdbool.h>

#include "common/arena.h"
#include "common/buffer.h"
#include "common/error.h"
#include "common/str.h"

enum { FORM_MAX_FIELDS = 1000 };

/* A path segment with its escapes undone, borrowed or the arena's. False, and *out untouched, for a broken escape or
 * what is then no UTF-8. */
bool form_decode_segment(struct str segment, struct arena *arena, struct str *out);

/* Appends the form as a MessagePack map of strings, names in the order sent; of doubles the last value. As the URL
 * standard has it, '+' is a space and a broken escape stands for itself. ERROR_MALFORMED       with *why: not UTF-8
 *   ERROR_BODY_TOO_LARGE  more than FORM_MAX_FIELDS */
enum error form_to_pack(struct str form, struct arena *arena, struct buffer *out, struct str *why) MUST_USE;

/* Whether the form has a field of that name; *value gets its last value, decoded, maybe no UTF-8, in the arena. */
bool form_find(struct str form, struct str name, struct arena *arena, struct str *value);

/* Cuts the next "name=value", undecoded, off the rest of a form; false at its end. */
bool form_next(struct str *rest, struct str *name, struct str *value);

#endif
