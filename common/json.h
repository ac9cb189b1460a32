/* JSON in, by jansson, to MessagePack; MessagePack to JSON out, streamed. */
#ifndef COMMON_JSON_H
#define COMMON_JSON_H

#include "common/arena.h"
#include "common/buffer.h"
#include "common/error.h"

/* Appends the top-level object as a map, keys in the order sent, of doubles the last value. Numbers that are whole and
 * fit become integers (JavaScript knows one kind of number). A nested object or array becomes an empty one: no field of
 * the contract is nested, its type is all that validation asks. A top-level array counts as {}.
 * ERROR_MALFORMED, with *why in the arena in words: not JSON, not UTF-8, a top that is neither object nor array. */
enum error json_to_pack(struct str text, struct arena *arena, struct buffer *out, struct str *why) MUST_USE;

/* Appends one value as compact JSON, as JSON.stringify writes it. False (with whatever was appended) if the bytes are
 * malformed, nested deeper than 16, or more than one value. */
bool json_from_pack(struct str bytes, struct buffer *out) MUST_USE;

/* Appends s as a JSON string with its quotes; invalid UTF-8 is replaced by U+FFFD. */
void json_append_string(struct buffer *out, struct str s);

#endif
