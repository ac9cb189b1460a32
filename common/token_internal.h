/* What the parts of module token share: one key with what it can do, claims as JSON, PEM. */
#ifndef COMMON_TOKEN_INTERNAL_H
#define COMMON_TOKEN_INTERNAL_H

#include <jansson.h>
#include <openssl/evp.h>

#include "common/buffer.h"
#include "common/token.h"

/* ---- keys (token_keys.c) ---- */

struct token_key {
    enum token_algorithm algorithm;
    struct str secret;    /* HS256; borrowed */
    EVP_PKEY *pkey;       /* the others */
    struct token_jwk jwk; /* the others */
};

enum { TOKEN_MAX_KEYS = 8 };

struct token_keys {
    size_t count;
    struct token_key keys[TOKEN_MAX_KEYS];
};

/* ---- signatures (token_signature.c) ---- */

enum { TOKEN_SIGNATURE_MAX_LEN = 64 };

/* Returns its length. */
size_t token_signature_make(const struct token_key *key, struct str text,
                            unsigned char signature[TOKEN_SIGNATURE_MAX_LEN]);
bool token_signature_is_good(const struct token_key *key, struct str text, struct str signature);

/* ---- claims (token_claims.c) ---- */

void token_claims_append(struct buffer *out, const struct token_claims *claims);
/* False, and *claims untouched, for claims that are none or not good at now_s. Strings go to the arena. */
bool token_claims_read(struct arena *arena, const json_t *payload, int64_t now_s, struct token_claims *claims);

/* ---- reading keys (token_pem.c, token_jwk.c, token_secret.c) ---- */

/* NULL, or in words why others could guess the secret: too short, an example's, too plain. */
const char *token_secret_mistake(struct str secret);

struct token_pem {
    const char *at; /* what is left of the text */
    EVP_PKEY *pkey; /* the key that was read; the caller's */
    bool is_private;
};
/* Reads the next key. True for one; false at the end (*mistake is NULL), or for what is none (in words). */
bool token_pem_next(struct token_pem *pem, const char **mistake);

/* The public part of a key that token_pem_next gave. NULL, or in words why the key is not of the algorithm. */
const char *token_jwk_make(EVP_PKEY *pkey, enum token_algorithm algorithm, struct token_jwk *jwk);

#endif
