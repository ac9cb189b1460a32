/* Entity tags: what a reply shows, the same from every gateway, and what If-None-Match and If-Match say of them (RFC
 * 9110 §13). Of what has a version, the tag is strong and begins with that; else it is weak. */
#ifndef GATEWAY_ETAG_H
#define GATEWAY_ETAG_H

#include <stdbool.h>
#include <stddef.h>

#include "common/arena.h"
#include "common/schema.h"
#include "common/str.h"

enum { ETAG_MAX_LEN = 40 };

/* Writes the weak tag of a body; returns its length. */
size_t etag_make(struct str body, char tag[ETAG_MAX_LEN]);

/* The same of a body that shows that version: the version and the body's hash. */
size_t etag_make_versioned(int64_t version, struct str body, char tag[ETAG_MAX_LEN]);

/* Whether the list of tags (or `*`) names the tag; compares weakly. */
bool etag_matches(struct str if_none_match, struct str tag);

/* The versions that the tags of an If-Match name, in the arena; what is no tag of ours, or weak, names none. False for
 * `*`, which any version fits. */
bool etag_versions(struct str if_match, struct arena *arena, struct integers *versions);

#endif
