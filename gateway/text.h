/* Small tools for header fields' text. */
#ifndef GATEWAY_TEXT_H
#define GATEWAY_TEXT_H

#include <stddef.h>
#include <stdint.h>

#include "common/str.h"

/* Without the spaces and tabs around it. */
struct str text_trim(struct str s);

/* As much of the start of well-formed UTF-8 as fits into so many bytes, ending between two characters; of other text
 * nothing. */
struct str text_limit(struct str text, size_t max);

/* Cuts what stands before the separator, or all, off the rest, the separator with it; returns it trimmed. */
struct str text_cut(struct str *rest, char separator);

/* Whether text has the word in it, in either case. */
bool text_contains_nocase(struct str text, struct str word);

/* Writes value in hexadecimal with at least so many digits; returns how many it wrote, at most 16. */
size_t text_put_hex(char *out, uint64_t value, size_t least);

/* Writes value in decimal; returns how many digits it wrote, at most TEXT_MAX_DECIMAL. */
enum { TEXT_MAX_DECIMAL = 20 };
size_t text_put_decimal(char *out, uint64_t value);

#endif
