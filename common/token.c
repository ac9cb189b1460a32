/* JWTs in the compact form, HS256 only. Nothing of a token is parsed before its signature is found good: what libjwt
 * and the JSON parser get to see was written by a holder of the secret. */
#include "common/token.h"

#include <assert.h>
#include <jansson.h>
#include <jwt.h>
#include <limits.h>
#include <sodium.h>
#include <string.h>

#include "common/banned.h"
#include "common/buffer.h"
#include "common/json.h"

enum { SIGNATURE_LEN = crypto_auth_hmacsha256_BYTES, BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING };

/* Over the first two segments and the dot between them. */
static void compute_signature(struct str secret, struct str signed_part, unsigned char signature[SIGNATURE_LEN])
{
    assert(secret.len > 0); /* libjwt takes an empty key for "do not check" */
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret.ptr, secret.len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)signed_part.ptr, signed_part.len);
    crypto_auth_hmacsha256_final(&state, signature);
    sodium_memzero(&state, sizeof state);
}

/* ---- signing ---- */

static void append_base64(struct buffer *out, struct str bytes)
{
    size_t size = sodium_base64_encoded_len(bytes.len, BASE64); /* counts a NUL */
    char *end = buffer_reserve(out, size);
    sodium_bin2base64(end, size, (const unsigned char *)bytes.ptr, bytes.len, BASE64);
    out->len += size - 1;
}

static void append_payload(struct buffer *out, const struct token_claims *claims)
{
    struct buffer payload = {0};
    buffer_append_str(&payload, STR("{\"username\":"));
    json_append_string(&payload, claims->username);
    buffer_printf(&payload, ",\"sub\":%lld,\"iat\":%lld,\"exp\":%lld", (long long)claims->sub,
                  (long long)claims->issued_at, (long long)claims->expires_at);
    if (claims->role.len > 0) {
        buffer_append_str(&payload, STR(",\"role\":"));
        json_append_string(&payload, claims->role);
    }
    buffer_append_char(&payload, '}');
    append_base64(out, buffer_str(&payload));
    buffer_free(&payload);
}

struct str token_sign(struct arena *arena, struct str secret, const struct token_claims *claims)
{
    struct buffer token = {0};
    append_base64(&token, STR("{\"alg\":\"HS256\",\"typ\":\"JWT\"}"));
    buffer_append_char(&token, '.');
    append_payload(&token, claims);
    unsigned char signature[SIGNATURE_LEN];
    compute_signature(secret, buffer_str(&token), signature);
    buffer_append_char(&token, '.');
    append_base64(&token, (struct str){(const char *)signature, sizeof signature});
    assert(token.len <= TOKEN_MAX_LEN);
    struct str copy = arena_copy(arena, buffer_str(&token));
    buffer_free(&token);
    return copy;
}

/* ---- verifying: the form and the signature ---- */

enum { HEADER, PAYLOAD, SIGNATURE, SEGMENTS };

/* Exactly three segments, none empty. Which characters are good is for the decoding to say. */
static bool split(struct str token, struct str segments[SEGMENTS])
{
    if (token.len == 0 || token.len > TOKEN_MAX_LEN)
        return false;
    const char *end = token.ptr + token.len;
    for (int i = 0; i < SEGMENTS; i++) {
        const char *dot = memchr(token.ptr, '.', (size_t)(end - token.ptr));
        if ((dot != NULL) != (i < SIGNATURE))
            return false;
        const char *segment_end = dot != NULL ? dot : end;
        segments[i] = (struct str){token.ptr, (size_t)(segment_end - token.ptr)};
        if (segments[i].len == 0)
            return false;
        token.ptr = segment_end + (dot != NULL);
    }
    return true;
}

/* Strict: only the alphabet of base64url, no padding, no bits left over. */
static bool decode_base64(struct str segment, unsigned char *bytes, size_t size, size_t *len)
{
    return sodium_base642bin(bytes, size, segment.ptr, segment.len, NULL, len, NULL, BASE64) == 0;
}

static bool is_signed(struct str secret, struct str token, struct str signature_segment)
{
    unsigned char given[SIGNATURE_LEN], computed[SIGNATURE_LEN];
    size_t len;
    if (!decode_base64(signature_segment, given, sizeof given, &len) || len != sizeof given)
        return false;
    compute_signature(secret, (struct str){token.ptr, token.len - signature_segment.len - 1}, computed);
    return sodium_memcmp(given, computed, sizeof computed) == 0;
}

/* libjwt's own opinion of the same token, header and signature. */
static bool libjwt_agrees(struct str secret, struct str terminated_token)
{
    assert(secret.len <= INT_MAX);
    jwt_t *jwt = NULL;
    if (jwt_decode(&jwt, terminated_token.ptr, (const unsigned char *)secret.ptr, (int)secret.len) != 0)
        return false;
    bool is_pinned = jwt_get_alg(jwt) == JWT_ALG_HS256;
    jwt_free(jwt);
    return is_pinned;
}

/* ---- verifying: what it says ---- */

/* The segment's JSON object; NULL if it is none, or has a key twice. The caller decrefs. */
static json_t *decode_object(struct str segment)
{
    unsigned char bytes[TOKEN_MAX_LEN];
    size_t len;
    if (!decode_base64(segment, bytes, sizeof bytes, &len))
        return NULL;
    json_t *value = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(value))
        return value;
    json_decref(value);
    return NULL;
}

static bool header_is_good(struct str segment)
{
    json_t *header = decode_object(segment);
    const char *algorithm = json_string_value(json_object_get(header, "alg"));
    /* crit lists extensions that must be understood (RFC 7515 §4.1.11): we know none. */
    bool good = algorithm != NULL && strcmp(algorithm, "HS256") == 0 && json_object_get(header, "crit") == NULL;
    json_decref(header);
    return good;
}

/* A NumericDate (RFC 7519 §2), fractions cut. False for a claim that is there and is not one; *out stays if it is
 * absent. */
static bool read_time(const json_t *payload, const char *name, int64_t *out)
{
    const json_t *value = json_object_get(payload, name);
    if (value == NULL)
        return true;
    if (!json_is_number(value))
        return false;
    double real = json_number_value(value);
    if (json_is_integer(value))
        *out = json_integer_value(value);
    else if (real >= 0 && real < 9e18)
        *out = (int64_t)real;
    else
        return false;
    return true;
}

static bool read_string(struct arena *arena, const json_t *payload, const char *name, struct str *out)
{
    const json_t *value = json_object_get(payload, name);
    if (value == NULL)
        return true;
    if (!json_is_string(value))
        return false;
    *out = arena_copy(arena, (struct str){json_string_value(value), json_string_length(value)});
    return true;
}

static bool read_claims(struct arena *arena, const json_t *payload, int64_t now_s, struct token_claims *claims)
{
    struct token_claims read = {0};
    int64_t not_before = INT64_MIN;
    read.expires_at = INT64_MIN; /* a token without exp has ended long ago */
    const json_t *sub = json_object_get(payload, "sub");
    if (!json_is_integer(sub) || json_integer_value(sub) <= 0)
        return false;
    read.sub = json_integer_value(sub);
    if (!read_time(payload, "exp", &read.expires_at) || !read_time(payload, "iat", &read.issued_at) ||
        !read_time(payload, "nbf", &not_before) || read.expires_at <= now_s || not_before > now_s)
        return false;
    if (!read_string(arena, payload, "username", &read.username) || !read_string(arena, payload, "role", &read.role))
        return false;
    *claims = read;
    return true;
}

bool token_verify(struct arena *arena, struct str secret, struct str token, int64_t now_s, struct token_claims *claims)
{
    struct str segments[SEGMENTS];
    if (!split(token, segments) || !is_signed(secret, token, segments[SIGNATURE]) ||
        !header_is_good(segments[HEADER]) || !libjwt_agrees(secret, arena_copy(arena, token)))
        return false;
    json_t *payload = decode_object(segments[PAYLOAD]);
    bool good = payload != NULL && read_claims(arena, payload, now_s, claims);
    json_decref(payload);
    return good;
}
