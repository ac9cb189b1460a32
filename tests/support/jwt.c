/* Tokens signed by hand: base64url and HMAC, and nothing that checks. */
#include "tests/support/jwt.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>
#include <time.h>

#include "tests/support/scratch.h"

static char *base64url(const void *bytes, size_t len)
{
    char *encoded = scratch_alloc(4 * (len + 2) / 3 + 5);
    EVP_EncodeBlock((unsigned char *)encoded, bytes, (int)len);
    encoded[strcspn(encoded, "=")] = '\0';
    for (char *c = encoded; *c != '\0'; c++)
        *c = *c == '+' ? '-' : *c == '/' ? '_' : *c;
    return encoded;
}

char *jwt_sign(const char *header, const char *payload, const char *secret, const char *digest)
{
    char *head = base64url(header, strlen(header)), *body = base64url(payload, strlen(payload));
    char *signed_part = text("%s.%s", head, body);
    unsigned char signature[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    HMAC(EVP_get_digestbyname(digest), secret, (int)strlen(secret), (const unsigned char *)signed_part,
         strlen(signed_part), signature, &len);
    return text("%s.%s", signed_part, base64url(signature, len));
}

char *jwt_of(const struct user *user, const char *secret, long lifetime_s)
{
    long long now = (long long)time(NULL);
    char *payload = text("{\"username\":\"%s\",\"sub\":%lld,\"iat\":%lld,\"exp\":%lld}", user->username,
                         (long long)user->id, now, now + lifetime_s);
    return jwt_sign("{\"alg\":\"HS256\",\"typ\":\"JWT\"}", payload, secret, "SHA256");
}

/* The JSON in base64url at the begin of a text. */
static json_t *decode(const char *segment)
{
    char *encoded = text("%.*s===", (int)strcspn(segment, "."), segment);
    encoded[strlen(encoded) / 4 * 4] = '\0';
    for (char *c = encoded; *c != '\0'; c++)
        *c = *c == '-' ? '+' : *c == '_' ? '/' : *c;
    unsigned char *decoded = scratch_alloc(strlen(encoded) + 1);
    assert_true(EVP_DecodeBlock(decoded, (const unsigned char *)encoded, (int)strlen(encoded)) > 0);
    json_t *value = json_loads((const char *)decoded, 0, NULL);
    assert_non_null(value);
    return value;
}

json_t *jwt_header(const char *token)
{
    return decode(token);
}

json_t *jwt_payload(const char *token)
{
    const char *dot = strchr(token, '.');
    assert_non_null(dot);
    return decode(dot + 1);
}
