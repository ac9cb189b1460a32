/* base64url without padding (RFC 4648 §5), as tokens have it: each sequence of bytes has exactly one text. */
#ifndef COMMON_BASE64URL_H
#define COMMON_BASE64URL_H

#include <stdbool.h>
#include <stddef.h>

#include "common/buffer.h"

/* Characters that len bytes take. */
#define BASE64URL_LEN(len) ((4 * (len) + 2) / 3)

void base64url_append(struct buffer *out, struct str bytes);

/* False for anything but the one text of some bytes (another alphabet, padding, bits left over), and for more than size
 * bytes. */
bool base64url_decode(struct str text, unsigned char *bytes, size_t size, size_t *len);

#endif
