/* Entity tags: a reply's length and hash, the same from every gateway, and what If-None-Match says of them (RFC 9110
 * §13). */
#ifndef GATEWAY_ETAG_H
#define GATEWAY_ETAG_H

#include <stdbool.h>
#include <stddef.h>

#include "common/str.h"

enum { ETAG_MAX_LEN = 40 };

/* Writes the weak tag of a body; returns its length. */
size_t etag_make(struct str body, char tag[ETAG_MAX_LEN]);

/* Whether the list of tags (or `*`) names the tag; compares weakly. */
bool etag_matches(struct str if_none_match, struct str tag);

#endif
