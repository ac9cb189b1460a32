/* Fuzzes tokens and PEM. The input is a token as it comes; or header and payload, divided by a NUL, which are signed
 * here so that what is behind the signature is reached; or a text of keys. */
#include <assert.h>
#include <string.h>

#include "common/base64url.h"
#include "common/token_internal.h"

enum { NOW_S = 1500 };

static const struct token_keys keys = {
    1, {{.algorithm = TOKEN_HS256, .secret = {"0123456789abcdef0123456789abcdef", 32}}}};

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* What is good keeps the rules, and comes back the same when we say it. */
static void check_good(struct arena *arena, const struct token_claims *claims)
{
    struct token_claims again;
    assert(claims->sub > 0 && claims->expires_at > NOW_S && claims->session_id >= 0);
    assert(str_is_utf8(claims->username) && str_is_utf8(claims->role));
    if (claims->username.len + claims->role.len > 400) /* too long for a token of ours */
        return;
    assert(token_verify(&keys, arena, token_sign(&keys, arena, claims), NOW_S, &again));
    assert(again.sub == claims->sub && again.session_id == claims->session_id);
    assert(again.issued_at == claims->issued_at && again.expires_at == claims->expires_at);
    assert(str_equal(again.username, claims->username) && str_equal(again.role, claims->role));
}

static struct str forge(struct arena *arena, struct str input)
{
    const char *nul = memchr(input.ptr, '\0', input.len);
    struct str header = {input.ptr, nul != NULL ? (size_t)(nul - input.ptr) : 0};
    struct str payload = {input.ptr + header.len, input.len - header.len};
    if (nul != NULL)
        payload = (struct str){payload.ptr + 1, payload.len - 1};
    struct buffer token = {0};
    unsigned char signature[TOKEN_SIGNATURE_MAX_LEN];
    base64url_append(&token, nul != NULL ? header : STR("{\"alg\":\"HS256\"}"));
    buffer_append_char(&token, '.');
    base64url_append(&token, payload);
    size_t len = token_signature_make(&keys.keys[0], buffer_str(&token), signature);
    buffer_append_char(&token, '.');
    base64url_append(&token, (struct str){(const char *)signature, len});
    struct str copy = arena_copy(arena, buffer_str(&token));
    buffer_free(&token);
    return copy;
}

static void read_keys(const char *text)
{
    struct token_pem pem = {.at = text};
    const char *mistake;
    while (token_pem_next(&pem, &mistake)) {
        struct token_jwk jwk;
        if (token_jwk_make(pem.pkey, TOKEN_ES256, &jwk) != NULL && token_jwk_make(pem.pkey, TOKEN_EDDSA, &jwk) != NULL)
            jwk = (struct token_jwk){.kty = ""};
        assert(*jwk.kty == '\0' || strlen(jwk.kid) == TOKEN_COORDINATE_LEN);
        EVP_PKEY_free(pem.pkey);
    }
    assert(mistake == NULL || *mistake != '\0');
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct str input = {(const char *)data, size};
    struct token_claims claims;
    assert(!token_verify(&keys, arena, input, NOW_S, &claims));
    if (token_verify(&keys, arena, forge(arena, input), NOW_S, &claims))
        check_good(arena, &claims);
    read_keys(arena_copy(arena, input).ptr);
    arena_destroy(&arena);
    return 0;
}
