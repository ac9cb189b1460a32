/* Access tokens: JWTs (RFC 7519) signed with HS256. Signing keeps the payload's order, which clients know; verifying
 * goes through libjwt, behind checks that it leaves out (RFC 8725): algorithm pinned, claims checked, size bounded. */
#ifndef COMMON_TOKEN_H
#define COMMON_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/str.h"

enum { TOKEN_MAX_LEN = 4096, TOKEN_MIN_SECRET_LEN = 32 /* RFC 7518 §3.2: as long as the hash's output */ };

struct token_claims {
    int64_t sub; /* user id */
    struct str username;
    int64_t issued_at, expires_at; /* seconds since the epoch */
    struct str role;               /* empty = not in the token */
};

/* The compact token, in the arena. */
struct str token_sign(struct arena *arena, struct str secret, const struct token_claims *claims);

/* Whether token is one that a holder of the secret signed and that is good at now_s; then *claims, strings in the
 * arena. */
bool token_verify(struct arena *arena, struct str secret, struct str token, int64_t now_s, struct token_claims *claims);

#endif
