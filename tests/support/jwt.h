/* Tokens signed by hand, good and bad: written apart from common/token.c, which they test. */
#ifndef TESTS_SUPPORT_JWT_H
#define TESTS_SUPPORT_JWT_H

#include <jansson.h>

#include "tests/support/factories.h"

/* base64url(header).base64url(payload).signature by HMAC of that digest, "SHA256" or "SHA512"; in scratch. */
char *jwt_sign(const char *header, const char *payload, const char *secret, const char *digest);

/* The token of another holder of the secret, who knows neither sid nor role: good from now for lifetime_s. */
char *jwt_of(const struct user *user, const char *secret, long lifetime_s);

/* A token's header, and its payload, owned by the caller. */
json_t *jwt_header(const char *token);
json_t *jwt_payload(const char *token);

#endif
