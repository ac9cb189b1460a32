/* A string with its length: bytes somebody else owns, not terminated. And the questions asked of text from outside. */
#ifndef COMMON_STR_H
#define COMMON_STR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct str {
    const char *ptr;
    size_t len;
};

#define STR(literal) ((struct str){(literal), sizeof(literal) - 1})
/* For printf's "%.*s". */
#define STR_ARGS(s) (int)(s).len, (s).ptr

/* Borrows a terminated string; NULL gives the empty string. */
struct str str_from(const char *text);

bool str_equal(struct str a, struct str b);
/* ASCII letters alike in either case. */
bool str_equal_nocase(struct str a, struct str b);
bool str_starts_with(struct str s, struct str prefix);

/* Whether s is well-formed UTF-8 (RFC 3629: no overlong forms, no surrogates, nothing above U+10FFFF). */
bool str_is_utf8(struct str s);

/* How many bytes the well-formed UTF-8 sequence at the start of s has; 0 if there is none. */
size_t str_utf8_step(struct str s);

/* Length of well-formed UTF-8 in UTF-16 code units: what JavaScript's `length` counts. */
size_t str_utf16_len(struct str s);

/* Reads an optional sign and digits that make up all of s. False, and *out untouched, for anything else, or too big. */
bool str_to_int64(struct str s, int64_t *out);

/* Whether s is an optional sign and one digit or more, of any size. */
bool str_is_integer(struct str s);

/* Whether s looks like a mail address: local@domain.tld, RFC 5321 lengths (64 before the @, 254 in all), dot-atom local
 * part, letter-digit-hyphen labels, at least two of them. As strict as class-validator's isEmail on what people use. */
bool str_is_email(struct str s);

#endif
