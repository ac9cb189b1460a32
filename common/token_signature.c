/* Signatures of tokens (RFC 7518 §3, RFC 8037 §3.1): HMAC by libsodium, ECDSA and Ed25519 by OpenSSL. What a key can do
 * follows from the key; what a token says of itself is not looked at here. */
#include <assert.h>
#include <openssl/ecdsa.h>
#include <openssl/err.h>
#include <sodium.h>

#include "common/token_internal.h"

enum { HMAC_LEN = crypto_auth_hmacsha256_BYTES, COORDINATE_LEN = 32, PAIR_LEN = 2 * COORDINATE_LEN, DER_MAX_LEN = 72 };

/* ---- HS256 ---- */

static void compute_hmac(struct str secret, struct str text, unsigned char hmac[HMAC_LEN])
{
    assert(secret.len > 0);
    crypto_auth_hmacsha256_state state;
    crypto_auth_hmacsha256_init(&state, (const unsigned char *)secret.ptr, secret.len);
    crypto_auth_hmacsha256_update(&state, (const unsigned char *)text.ptr, text.len);
    crypto_auth_hmacsha256_final(&state, hmac);
    sodium_memzero(&state, sizeof state);
}

static bool hmac_is_good(struct str secret, struct str text, struct str signature)
{
    unsigned char computed[HMAC_LEN];
    if (signature.len != sizeof computed)
        return false;
    compute_hmac(secret, text, computed);
    return sodium_memcmp(signature.ptr, computed, sizeof computed) == 0;
}

/* ---- ES256: OpenSSL has the two numbers as DER, a token has them side by side ---- */

static void pair_from_der(const unsigned char *der, size_t len, unsigned char pair[PAIR_LEN])
{
    ECDSA_SIG *numbers = d2i_ECDSA_SIG(NULL, &der, (long)len);
    assert(numbers != NULL);
    int r_len = BN_bn2binpad(ECDSA_SIG_get0_r(numbers), pair, COORDINATE_LEN);
    int s_len = BN_bn2binpad(ECDSA_SIG_get0_s(numbers), pair + COORDINATE_LEN, COORDINATE_LEN);
    assert(r_len == COORDINATE_LEN && s_len == COORDINATE_LEN);
    ECDSA_SIG_free(numbers);
}

static size_t der_from_pair(const unsigned char pair[PAIR_LEN], unsigned char der[DER_MAX_LEN])
{
    ECDSA_SIG *numbers = ECDSA_SIG_new();
    BIGNUM *r = BN_bin2bn(pair, COORDINATE_LEN, NULL), *s = BN_bin2bn(pair + COORDINATE_LEN, COORDINATE_LEN, NULL);
    if (numbers == NULL || r == NULL || s == NULL)
        abort(); /* out of memory */
    ECDSA_SIG_set0(numbers, r, s);
    int len = i2d_ECDSA_SIG(numbers, &der);
    assert(len > 0 && len <= DER_MAX_LEN);
    ECDSA_SIG_free(numbers);
    return (size_t)len;
}

/* ---- ES256 and EdDSA ---- */

static EVP_MD_CTX *new_context(void)
{
    EVP_MD_CTX *context = EVP_MD_CTX_new();
    if (context == NULL)
        abort(); /* out of memory */
    return context;
}

static const EVP_MD *digest_of(const struct token_key *key)
{
    return key->algorithm == TOKEN_ES256 ? EVP_sha256() : NULL; /* Ed25519 hashes by itself */
}

/* In OpenSSL's form. */
static size_t sign(const struct token_key *key, struct str text, unsigned char signature[DER_MAX_LEN])
{
    size_t len = DER_MAX_LEN;
    EVP_MD_CTX *context = new_context();
    bool is_signed = EVP_DigestSignInit(context, NULL, digest_of(key), NULL, key->pkey) == 1 &&
                     EVP_DigestSign(context, signature, &len, (const unsigned char *)text.ptr, text.len) == 1;
    assert(is_signed); /* a private key that was checked when it was read */
    EVP_MD_CTX_free(context);
    return len;
}

static bool is_signed(const struct token_key *key, struct str text, const unsigned char *signature, size_t len)
{
    EVP_MD_CTX *context = new_context();
    bool is_ready = EVP_DigestVerifyInit(context, NULL, digest_of(key), NULL, key->pkey) == 1;
    assert(is_ready);
    bool good = EVP_DigestVerify(context, signature, len, (const unsigned char *)text.ptr, text.len) == 1;
    if (!good)
        ERR_clear_error();
    EVP_MD_CTX_free(context);
    return good;
}

/* ---- whichever it is ---- */

size_t token_signature_make(const struct token_key *key, struct str text,
                            unsigned char signature[TOKEN_SIGNATURE_MAX_LEN])
{
    unsigned char made[DER_MAX_LEN];
    if (key->algorithm == TOKEN_HS256) {
        compute_hmac(key->secret, text, signature);
        return HMAC_LEN;
    }
    size_t len = sign(key, text, made);
    if (key->algorithm == TOKEN_ES256) {
        pair_from_der(made, len, signature);
        return PAIR_LEN;
    }
    assert(len == TOKEN_SIGNATURE_MAX_LEN);
    memcpy(signature, made, len);
    return len;
}

bool token_signature_is_good(const struct token_key *key, struct str text, struct str signature)
{
    const unsigned char *bytes = (const unsigned char *)signature.ptr;
    if (key->algorithm == TOKEN_HS256)
        return hmac_is_good(key->secret, text, signature);
    if (signature.len != PAIR_LEN)
        return false;
    if (key->algorithm == TOKEN_EDDSA)
        return is_signed(key, text, bytes, signature.len);
    unsigned char der[DER_MAX_LEN];
    return is_signed(key, text, der, der_from_pair(bytes, der));
}
