/* The keys of access tokens: their settings, which the auth service and the gateway share, and the keys themselves,
 * parsed once. One algorithm holds for all of them. The first is the current one, which signs; the others are previous
 * ones, whose tokens are still good. */
#ifndef COMMON_TOKEN_KEYS_H
#define COMMON_TOKEN_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "common/config.h"

enum token_algorithm { TOKEN_HS256, TOKEN_ES256, TOKEN_EDDSA }; /* JWT_ALG's choices */

struct token_settings {
    int algorithm; /* enum token_algorithm */
    const char *secret, *previous_secret;
    const char *key, *previous_keys; /* PEM */
};
/* clang-format off */
#define TOKEN_SETTINGS(type, member)                                                                                   \
    {"JWT_ALG", SETTING_CHOICE, "HS256", 0, 0, "HS256|ES256|EdDSA", offsetof(type, member.algorithm),                  \
     "how access tokens are signed, and the only way that is believed"},                                               \
    {"JWT_SECRET", SETTING_SECRET, "", 1, 4096, NULL, offsetof(type, member.secret),                                   \
     "HS256: the key of the access tokens, 32 bytes or more"},                                                         \
    {"JWT_PREVIOUS_SECRET", SETTING_SECRET, "", 1, 4096, NULL, offsetof(type, member.previous_secret),                 \
     "HS256: the key before it, whose tokens are still good"},                                                         \
    {"JWT_KEY", SETTING_SECRET, "", 1, 16384, NULL, offsetof(type, member.key),                                        \
     "ES256, EdDSA: the key as PEM; private for auth, for the gateway the public one will do"},                        \
    {"JWT_PREVIOUS_KEYS", SETTING_SECRET, "", 1, 65536, NULL, offsetof(type, member.previous_keys),                    \
     "ES256, EdDSA: keys before it, whose tokens are still good: PEMs in a row, private or public"}
/* clang-format on */

struct token_keys;

enum token_use { TOKEN_SIGNS, TOKEN_VERIFIES };

/* From the check of a program's settings: returns owned. What is wrong with the settings is told by config_mistake;
 * then NULL. development lets weak secrets pass. A key that only verifies keeps none of its private part. The settings'
 * texts must outlive it. */
struct token_keys *token_keys_load(const struct token_settings *settings, enum token_use use, bool development);
void token_keys_destroy(struct token_keys **keys);

/* A public key as JWK (RFC 7517) has it, numbers in base64url. */
enum { TOKEN_COORDINATE_LEN = 43 /* of 32 bytes, and of SHA-256 too */ };
struct token_jwk {
    const char *kty, *crv, *alg;
    char x[TOKEN_COORDINATE_LEN + 1], y[TOKEN_COORDINATE_LEN + 1]; /* y is "" of EdDSA */
    char kid[TOKEN_COORDINATE_LEN + 1];                            /* the thumbprint, RFC 7638 */
};

/* The public keys, the current one first; NULL from their number on, and always with HS256. */
const struct token_jwk *token_keys_public(const struct token_keys *keys, size_t index);

#endif
