/* Bearer tokens (RFC 6750): from an Authorization header to the user it speaks for. Tokens found good are remembered,
 * so that the signature is not computed anew for each request. One thread's own. */
#ifndef GATEWAY_BEARER_H
#define GATEWAY_BEARER_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/str.h"
#include "common/token_keys.h"

struct bearer;

/* keys are borrowed. Returns owned. */
struct bearer *bearer_new(const struct token_keys *keys);
void bearer_destroy(struct bearer **bearer);

/* Whether the header holds a token that is good at now_s (seconds since the epoch); then *user_id, which is not 0. */
bool bearer_check(struct bearer *bearer, struct arena *arena, struct str authorization, int64_t now_s,
                  int64_t *user_id);

#endif
