/* From settings to keys: which are wanted by the algorithm, whether they fit it, and what to say where they do not. */
#include "common/token_keys.h"

#include <assert.h>
#include <openssl/err.h>
#include <openssl/x509.h>
#include <string.h>

#include "common/allocate.h"
#include "common/token_internal.h"

/* One loading. */
struct loading {
    const struct token_settings *settings;
    enum token_use use;
    bool development;
    bool has_mistake;
    struct token_keys *keys;
};

static void tell(struct loading *loading, const char *name, const char *mistake)
{
    config_mistake(name, "%s", mistake);
    loading->has_mistake = true;
}

static bool is_given(const char *text)
{
    return *text != '\0';
}

/* ---- HS256 ---- */

static void check_secret(struct loading *loading, const char *name, const char *secret)
{
    const char *mistake = token_secret_mistake(str_from(secret));
    if (mistake == NULL || loading->development)
        return;
    config_mistake(name, "%s; make one with: openssl rand -base64 48", mistake);
    loading->has_mistake = true;
}

static void add_secret(struct loading *loading, const char *name, const char *secret)
{
    check_secret(loading, name, secret);
    loading->keys->keys[loading->keys->count++] =
        (struct token_key){.algorithm = TOKEN_HS256, .secret = str_from(secret)};
}

static void load_secrets(struct loading *loading)
{
    const struct token_settings *settings = loading->settings;
    if (is_given(settings->secret))
        add_secret(loading, "JWT_SECRET", settings->secret);
    else
        tell(loading, "JWT_SECRET", "is not set, and it must be; make one with: openssl rand -base64 48");
    if (is_given(settings->previous_secret))
        add_secret(loading, "JWT_PREVIOUS_SECRET", settings->previous_secret);
    if (is_given(settings->key) || is_given(settings->previous_keys))
        tell(loading, is_given(settings->key) ? "JWT_KEY" : "JWT_PREVIOUS_KEYS",
             "is set, but JWT_ALG is HS256, which has no such keys: set JWT_ALG to ES256 or EdDSA");
}

/* ---- ES256, EdDSA ---- */

/* The same key without its private part. Takes pkey. */
static EVP_PKEY *make_public(EVP_PKEY *pkey)
{
    unsigned char *der = NULL;
    int len = i2d_PUBKEY(pkey, &der);
    const unsigned char *at = der;
    EVP_PKEY *public = len > 0 ? d2i_PUBKEY(NULL, &at, len) : NULL;
    assert(public != NULL);
    OPENSSL_free(der);
    EVP_PKEY_free(pkey);
    return public;
}

/* Whether its numbers make a key at all; of a private one, whether the public part belongs to it. */
static bool is_sound(EVP_PKEY *pkey, bool is_private)
{
    EVP_PKEY_CTX *context = EVP_PKEY_CTX_new_from_pkey(NULL, pkey, NULL);
    if (context == NULL)
        abort(); /* out of memory */
    bool sound = (is_private ? EVP_PKEY_check(context) : EVP_PKEY_public_check(context)) == 1;
    EVP_PKEY_CTX_free(context);
    ERR_clear_error();
    return sound;
}

static bool is_known(const struct token_keys *keys, const char *kid)
{
    for (size_t i = 0; i < keys->count; i++)
        if (strcmp(keys->keys[i].jwk.kid, kid) == 0)
            return true;
    return false;
}

/* Takes pem->pkey. A key that is there already is one key. */
static const char *add_key(struct loading *loading, struct token_pem *pem)
{
    struct token_keys *keys = loading->keys;
    struct token_key key = {.algorithm = (enum token_algorithm)loading->settings->algorithm, .pkey = pem->pkey};
    bool signs = keys->count == 0 && loading->use == TOKEN_SIGNS;
    const char *mistake = token_jwk_make(key.pkey, key.algorithm, &key.jwk);
    if (mistake == NULL && !is_sound(key.pkey, pem->is_private))
        mistake = "holds a key whose numbers do not belong together";
    else if (mistake == NULL && signs && !pem->is_private)
        mistake = "holds only the public key; to sign, the private one is needed";
    else if (mistake == NULL && keys->count == TOKEN_MAX_KEYS)
        mistake = "holds too many keys: 7 beside the current one are the most";
    if (mistake != NULL || is_known(keys, key.jwk.kid)) {
        EVP_PKEY_free(key.pkey);
        return mistake;
    }
    if (!signs)
        key.pkey = make_public(key.pkey);
    keys->keys[keys->count++] = key;
    return NULL;
}

/* At most most keys of a PEM text. */
static void add_keys(struct loading *loading, const char *name, const char *text, size_t most)
{
    struct token_pem pem = {.at = text};
    const char *mistake = NULL;
    size_t count = 0;
    while (mistake == NULL && token_pem_next(&pem, &mistake)) {
        mistake = add_key(loading, &pem);
        if (mistake == NULL && ++count > most)
            mistake = "holds more than one key; those before it belong to JWT_PREVIOUS_KEYS";
    }
    if (mistake == NULL && count == 0)
        mistake = "holds no key";
    if (mistake != NULL)
        tell(loading, name, mistake);
}

static void load_pairs(struct loading *loading)
{
    const struct token_settings *settings = loading->settings;
    if (is_given(settings->key))
        add_keys(loading, "JWT_KEY", settings->key, 1);
    else
        tell(loading, "JWT_KEY",
             "is not set, and with this JWT_ALG it must be: the key as PEM; JWT_KEY_FILE names a file that holds it");
    if (is_given(settings->previous_keys) && loading->keys->count > 0)
        add_keys(loading, "JWT_PREVIOUS_KEYS", settings->previous_keys, TOKEN_MAX_KEYS);
    if (is_given(settings->previous_secret))
        tell(loading, "JWT_PREVIOUS_SECRET", "is set, but only JWT_ALG=HS256 has secrets: unset it");
}

/* ---- all of them ---- */

struct token_keys *token_keys_load(const struct token_settings *settings, enum token_use use, bool development)
{
    struct loading loading = {.settings = settings, .use = use, .development = development};
    loading.keys = allocate(sizeof *loading.keys);
    if (settings->algorithm == TOKEN_HS256)
        load_secrets(&loading);
    else
        load_pairs(&loading);
    if (loading.has_mistake)
        token_keys_destroy(&loading.keys);
    return loading.keys;
}

void token_keys_destroy(struct token_keys **keys)
{
    if (*keys == NULL)
        return;
    for (size_t i = 0; i < (*keys)->count; i++)
        EVP_PKEY_free((*keys)->keys[i].pkey);
    free(*keys);
    *keys = NULL;
}

const struct token_jwk *token_keys_public(const struct token_keys *keys, size_t index)
{
    return index < keys->count && keys->keys[index].pkey != NULL ? &keys->keys[index].jwk : NULL;
}
