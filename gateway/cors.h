/* Which web pages may read replies (CORS): those of the listed origins. */
#ifndef GATEWAY_CORS_H
#define GATEWAY_CORS_H

#include <stdbool.h>

#include "common/str.h"

struct cors;

/* origins: a comma-separated list, borrowed. Returns owned; NULL for a list that names `*` or something that is no
 * origin. */
struct cors *cors_new(const char *origins);
void cors_destroy(struct cors **cors);

bool cors_allows(const struct cors *cors, struct str origin);

#endif
