/* The compact form: header, payload and signature, made and taken apart. Of a token that is not known to be signed,
 * only the header is parsed, because it names the key: a bounded object without doubled members. */
#include "common/token.h"

#include <assert.h>
#include <jwt.h>
#include <limits.h>
#include <string.h>

#include "common/banned.h"
#include "common/base64url.h"
#include "common/token_internal.h"

enum { HEADER, PAYLOAD, SIGNATURE, SEGMENTS };
enum { HEADER_MAX_LEN = 1024 };

static const char *const algorithm_names[] = {
    [TOKEN_HS256] = "HS256", [TOKEN_ES256] = "ES256", [TOKEN_EDDSA] = "EdDSA"};

/* ---- signing ---- */

static void append_header(struct buffer *token, const struct token_key *key)
{
    struct buffer header = {0};
    buffer_printf(&header, "{\"alg\":\"%s\"", algorithm_names[key->algorithm]);
    if (key->pkey != NULL)
        buffer_printf(&header, ",\"kid\":\"%s\"", key->jwk.kid);
    buffer_append_str(&header, STR(",\"typ\":\"JWT\"}"));
    base64url_append(token, buffer_str(&header));
    buffer_free(&header);
}

static void append_payload(struct buffer *token, const struct token_claims *claims)
{
    struct buffer payload = {0};
    token_claims_append(&payload, claims);
    base64url_append(token, buffer_str(&payload));
    buffer_free(&payload);
}

struct str token_sign(const struct token_keys *keys, struct arena *arena, const struct token_claims *claims)
{
    const struct token_key *key = &keys->keys[0];
    struct buffer token = {0};
    append_header(&token, key);
    buffer_append_char(&token, '.');
    append_payload(&token, claims);
    unsigned char signature[TOKEN_SIGNATURE_MAX_LEN];
    size_t len = token_signature_make(key, buffer_str(&token), signature);
    buffer_append_char(&token, '.');
    base64url_append(&token, (struct str){(const char *)signature, len});
    assert(token.len <= TOKEN_MAX_LEN);
    struct str copy = arena_copy(arena, buffer_str(&token));
    buffer_free(&token);
    return copy;
}

/* ---- verifying: the form ---- */

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
    return segments[HEADER].len <= HEADER_MAX_LEN;
}

/* The segment's JSON object; NULL if it is none, or has a key twice. The caller decrefs. */
static json_t *decode_object(struct str segment)
{
    unsigned char bytes[TOKEN_MAX_LEN];
    size_t len;
    if (!base64url_decode(segment, bytes, sizeof bytes, &len))
        return NULL;
    json_t *value = json_loadb((const char *)bytes, len, JSON_REJECT_DUPLICATES, NULL);
    if (json_is_object(value))
        return value;
    json_decref(value);
    return NULL;
}

/* ---- verifying: the header and the signature ---- */

static bool is_named(const json_t *value, const char *name)
{
    return json_is_string(value) && strcmp(json_string_value(value), name) == 0;
}

/* Whether the header leaves it to this key to have signed the token. */
static bool may_be_of(const json_t *header, const struct token_keys *keys, const struct token_key *key)
{
    const json_t *kid = json_object_get(header, "kid");
    if (key->pkey == NULL)
        return true;
    return kid != NULL ? is_named(kid, key->jwk.kid) : key == &keys->keys[0];
}

static const struct token_key *find_signer(const struct token_keys *keys, const json_t *header, struct str signed_part,
                                           struct str signature_segment)
{
    unsigned char signature[TOKEN_SIGNATURE_MAX_LEN];
    size_t len;
    if (!base64url_decode(signature_segment, signature, sizeof signature, &len))
        return NULL;
    for (const struct token_key *key = keys->keys; key < keys->keys + keys->count; key++)
        if (may_be_of(header, keys, key) &&
            token_signature_is_good(key, signed_part, (struct str){(const char *)signature, len}))
            return key;
    return NULL;
}

/* The key that signed the token, if its header is one that we understand; else NULL. */
static const struct token_key *check_header(const struct token_keys *keys, struct str token,
                                            const struct str segments[SEGMENTS])
{
    json_t *header = decode_object(segments[HEADER]);
    const struct token_key *signer = NULL;
    struct str signed_part = {token.ptr, token.len - segments[SIGNATURE].len - 1};
    /* crit lists extensions that must be understood (RFC 7515 §4.1.11): we know none. */
    if (is_named(json_object_get(header, "alg"), algorithm_names[keys->keys[0].algorithm]) &&
        json_object_get(header, "crit") == NULL)
        signer = find_signer(keys, header, signed_part, segments[SIGNATURE]);
    json_decref(header);
    return signer;
}

/* libjwt's own opinion of the same token, header and signature. */
static bool libjwt_agrees(struct str secret, struct str terminated_token)
{
    assert(secret.len > 0 && secret.len <= INT_MAX); /* it takes an empty key for "do not check" */
    jwt_t *jwt = NULL;
    if (jwt_decode(&jwt, terminated_token.ptr, (const unsigned char *)secret.ptr, (int)secret.len) != 0)
        return false;
    bool is_pinned = jwt_get_alg(jwt) == JWT_ALG_HS256;
    jwt_free(jwt);
    return is_pinned;
}

bool token_verify(const struct token_keys *keys, struct arena *arena, struct str token, int64_t now_s,
                  struct token_claims *claims)
{
    struct str segments[SEGMENTS];
    const struct token_key *signer = split(token, segments) ? check_header(keys, token, segments) : NULL;
    if (signer == NULL ||
        (signer->algorithm == TOKEN_HS256 && !libjwt_agrees(signer->secret, arena_copy(arena, token))))
        return false;
    json_t *payload = decode_object(segments[PAYLOAD]);
    bool good = payload != NULL && token_claims_read(arena, payload, now_s, claims);
    json_decref(payload);
    return good;
}
