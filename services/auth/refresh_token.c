/* The bytes: session id and user id, big-endian, then the key, then the secret. */
#include "services/auth/refresh_token.h"

#include <sodium.h>
#include <string.h>

#include "services/auth/digest.h"

enum {
    ID_LEN = 8,
    TOKEN_LEN = 2 * ID_LEN + REFRESH_TOKEN_KEY_LEN + REFRESH_TOKEN_SECRET_LEN,
    BASE64 = sodium_base64_VARIANT_URLSAFE_NO_PADDING,
};

_Static_assert(REFRESH_TOKEN_SECRET_LEN == crypto_auth_hmacsha256_BYTES, "a secret is an HMAC's output");

void refresh_token_make(struct refresh_token *token)
{
    *token = (struct refresh_token){0};
    randombytes_buf(token->key, sizeof token->key);
    randombytes_buf(token->secret, sizeof token->secret);
}

void refresh_token_follow(struct str server_key, const struct refresh_token *parent, struct refresh_token *next)
{
    static const unsigned char purpose[] = "refresh token";
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)server_key.ptr, server_key.len);
    crypto_auth_hmacsha256_update(&state, purpose, sizeof purpose);
    crypto_auth_hmacsha256_update(&state, parent->key, sizeof parent->key);
    crypto_auth_hmacsha256_update(&state, parent->secret, sizeof parent->secret);
    *next = *parent;
    crypto_auth_hmacsha256_final(&state, next->secret);
    sodium_memzero(&state, sizeof state);
}

/* ---- bytes ---- */

static unsigned char *put_id(unsigned char *at, int64_t id)
{
    for (int shift = 56; shift >= 0; shift -= 8)
        *at++ = (unsigned char)((uint64_t)id >> shift);
    return at;
}

static int64_t get_id(const unsigned char *at)
{
    uint64_t id = 0;
    for (int i = 0; i < ID_LEN; i++)
        id = id << 8 | at[i];
    return (int64_t)id;
}

struct str refresh_token_write(struct arena *arena, const struct refresh_token *token)
{
    unsigned char bytes[TOKEN_LEN], *at = bytes;
    at = put_id(at, token->session_id);
    at = put_id(at, token->user_id);
    memcpy(at, token->key, sizeof token->key);
    memcpy(at + sizeof token->key, token->secret, sizeof token->secret);
    enum { SIZE = sodium_base64_ENCODED_LEN(TOKEN_LEN, BASE64) }; /* counts a NUL */
    char *text = arena_alloc(arena, SIZE);
    sodium_bin2base64(text, SIZE, bytes, sizeof bytes, BASE64);
    sodium_memzero(bytes, sizeof bytes);
    return (struct str){text, SIZE - 1};
}

bool refresh_token_read(struct str text, struct refresh_token *token)
{
    unsigned char bytes[TOKEN_LEN];
    size_t len;
    if (sodium_base642bin(bytes, sizeof bytes, text.ptr, text.len, NULL, &len, NULL, BASE64) != 0 || len != TOKEN_LEN)
        return false;
    const unsigned char *key = bytes + 2 * ID_LEN;
    *token = (struct refresh_token){.session_id = get_id(bytes), .user_id = get_id(bytes + ID_LEN)};
    memcpy(token->key, key, sizeof token->key);
    memcpy(token->secret, key + sizeof token->key, sizeof token->secret);
    sodium_memzero(bytes, sizeof bytes);
    return token->session_id > 0 && token->user_id > 0;
}

/* ---- hashes ---- */

struct str refresh_token_key_hash(struct arena *arena, const struct refresh_token *token)
{
    return digest_hex(arena, token->key, sizeof token->key);
}

struct str refresh_token_hash(struct arena *arena, const struct refresh_token *token)
{
    return digest_hex(arena, token->secret, sizeof token->secret);
}
