/* Access tokens: JWTs (RFC 7519) in the compact form, signed by the keys of common/token_keys.h. Signing keeps the
 * payload's order, which clients know. Verifying does what RFC 8725 asks for: one algorithm, that of the settings and
 * never the token's; claims checked, size bounded.
 *
 * HS256 tokens are shown to libjwt too, a second opinion behind our own checks. Those of ES256 and EdDSA are not:
 * libjwt 1.10 does not know EdDSA, and parses the PEM at each call, which takes longer than checking the signature.
 * OpenSSL checks them with keys that are parsed once. */
#ifndef COMMON_TOKEN_H
#define COMMON_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/str.h"
#include "common/token_keys.h"

enum { TOKEN_MAX_LEN = 4096 };

struct token_claims {
    int64_t sub; /* user id */
    struct str username;
    int64_t issued_at, expires_at; /* seconds since the epoch */
    int64_t session_id;            /* 0 = not in the token: it is another signer's */
    struct str role;               /* empty = not in the token */
};

/* The compact token, in the arena, signed by the current key, which must be one that can. */
struct str token_sign(const struct token_keys *keys, struct arena *arena, const struct token_claims *claims);

/* Whether token is signed by one of the keys and good at now_s; then *claims, strings in the arena. A token that names
 * a key by kid is that key's or nobody's; one that names none is the current key's. (HS256: secrets have no names. A
 * kid says nothing, and the previous secret is tried too.) Any thread. */
bool token_verify(const struct token_keys *keys, struct arena *arena, struct str token, int64_t now_s,
                  struct token_claims *claims);

#endif
