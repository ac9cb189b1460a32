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

/* Whom a token speaks for. */
struct bearer_subject {
    int64_t user_id;    /* not 0 */
    int64_t session_id; /* 0 = none: another holder of the secret signed it */
};

/* Whether the header holds a token that is good at now_s (seconds since the epoch); then *subject. Whether user and
 * session are still there is another question. */
bool bearer_check(struct bearer *bearer, struct arena *arena, struct str authorization, int64_t now_s,
                  struct bearer_subject *subject);

#endif
