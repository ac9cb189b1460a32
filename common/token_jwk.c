/* What a JWK (RFC 7517, RFC 8037) says of a key, and whether the key is one that the algorithm takes. */
#include <assert.h>
#include <openssl/core_names.h>
#include <openssl/err.h>
#include <sodium.h>
#include <string.h>

#include "common/base64url.h"
#include "common/token_internal.h"

enum { BYTES_LEN = 32 };

static void encode(const unsigned char bytes[BYTES_LEN], char text[TOKEN_COORDINATE_LEN + 1])
{
    struct buffer encoded = {0};
    base64url_append(&encoded, (struct str){(const char *)bytes, BYTES_LEN});
    assert(encoded.len == TOKEN_COORDINATE_LEN);
    memcpy(text, encoded.data, encoded.len);
    text[encoded.len] = '\0';
    buffer_free(&encoded);
}

static void encode_coordinate(const EVP_PKEY *pkey, const char *name, char text[TOKEN_COORDINATE_LEN + 1])
{
    BIGNUM *number = NULL;
    unsigned char bytes[BYTES_LEN];
    bool is_there = EVP_PKEY_get_bn_param(pkey, name, &number) == 1 && BN_bn2binpad(number, bytes, BYTES_LEN) > 0;
    assert(is_there);
    BN_free(number);
    encode(bytes, text);
}

/* The members that a key of the kind must have, in the order of the alphabet: nothing else is in the thumbprint. */
static void set_thumbprint(struct token_jwk *jwk)
{
    struct buffer members = {0};
    unsigned char hash[crypto_hash_sha256_BYTES];
    buffer_printf(&members, "{\"crv\":\"%s\",\"kty\":\"%s\",\"x\":\"%s\"", jwk->crv, jwk->kty, jwk->x);
    if (*jwk->y != '\0')
        buffer_printf(&members, ",\"y\":\"%s\"", jwk->y);
    buffer_append_char(&members, '}');
    crypto_hash_sha256(hash, (const unsigned char *)members.data, members.len);
    encode(hash, jwk->kid);
    buffer_free(&members);
}

static bool is_of_curve(const EVP_PKEY *pkey, const char *name)
{
    char group[64];
    return EVP_PKEY_is_a(pkey, "EC") && EVP_PKEY_get_group_name(pkey, group, sizeof group, NULL) == 1 &&
           strcmp(group, name) == 0;
}

static const char *make_ec(const EVP_PKEY *pkey, struct token_jwk *jwk)
{
    if (!is_of_curve(pkey, SN_X9_62_prime256v1))
        return "is no key for ES256, which takes one of the curve P-256: openssl genpkey -algorithm EC -pkeyopt "
               "ec_paramgen_curve:P-256";
    *jwk = (struct token_jwk){.kty = "EC", .crv = "P-256", .alg = "ES256"};
    encode_coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_X, jwk->x);
    encode_coordinate(pkey, OSSL_PKEY_PARAM_EC_PUB_Y, jwk->y);
    return NULL;
}

static const char *make_ed25519(const EVP_PKEY *pkey, struct token_jwk *jwk)
{
    unsigned char bytes[BYTES_LEN];
    size_t len = sizeof bytes;
    if (!EVP_PKEY_is_a(pkey, "ED25519"))
        return "is no key for EdDSA, which takes one of Ed25519: openssl genpkey -algorithm ed25519";
    *jwk = (struct token_jwk){.kty = "OKP", .crv = "Ed25519", .alg = "EdDSA"};
    bool is_there = EVP_PKEY_get_raw_public_key(pkey, bytes, &len) == 1 && len == sizeof bytes;
    assert(is_there);
    encode(bytes, jwk->x);
    return NULL;
}

const char *token_jwk_make(EVP_PKEY *pkey, enum token_algorithm algorithm, struct token_jwk *jwk)
{
    const char *mistake = algorithm == TOKEN_ES256 ? make_ec(pkey, jwk) : make_ed25519(pkey, jwk);
    ERR_clear_error();
    if (mistake == NULL)
        set_thumbprint(jwk);
    return mistake;
}
