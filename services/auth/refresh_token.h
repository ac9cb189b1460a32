/* Refresh tokens: opaque to clients; to us a session, its user, and two secrets. One is the session's as long as it
 * lives, so that an old token is known from a guess; the other is new with each rotation. Kept are only their hashes.
 */
#ifndef SERVICES_AUTH_REFRESH_TOKEN_H
#define SERVICES_AUTH_REFRESH_TOKEN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/str.h"

/* 128 and 256 random bits: OWASP ASVS 5.0 asks for 128 at least (V7.2.3) */
enum { REFRESH_TOKEN_KEY_LEN = 16, REFRESH_TOKEN_SECRET_LEN = 32 };

struct refresh_token {
    int64_t session_id, user_id;
    unsigned char key[REFRESH_TOKEN_KEY_LEN];
    unsigned char secret[REFRESH_TOKEN_SECRET_LEN];
};

/* New secrets, for a session that is yet to be named. */
void refresh_token_make(struct refresh_token *token);

/* The one that follows: the same for all who ask, and none that a holder of the parent can compute, who does not know
 * the server's key. */
void refresh_token_follow(struct str server_key, const struct refresh_token *parent, struct refresh_token *next);

/* As clients get it: base64url, in the arena. */
struct str refresh_token_write(struct arena *arena, const struct refresh_token *token);
/* False for what was not written so. */
bool refresh_token_read(struct str text, struct refresh_token *token);

/* SHA-256 in hexadecimal digits, in the arena: of the session's secret, and of the token's own. */
struct str refresh_token_key_hash(struct arena *arena, const struct refresh_token *token);
struct str refresh_token_hash(struct arena *arena, const struct refresh_token *token);

#endif
