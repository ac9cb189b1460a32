/* Keys of tokens: the RFCs' own examples, the forms that PEM comes in, signatures of the wrong form, weak secrets, and
 * that no algorithm is taken for another. */
#include "common/token_keys.h"

#include <string.h>

#include "common/base64url.h"
#include "common/token_internal.h"
#include "tests/support/cmocka.h"

/* RFC 7515 appendix A.3 */
#define EC_PKCS8                                                                                                       \
    "-----BEGIN PRIVATE KEY-----\n"                                                                                    \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgjpsQnnGQmL+YBIff\n"                                               \
    "H1136cspYG6+0iY7X1fCE9+E9LKhRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp\n"                                               \
    "7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\n"                                                       \
    "-----END PRIVATE KEY-----\n"
#define EC_SEC1                                                                                                        \
    "-----BEGIN EC PRIVATE KEY-----\n"                                                                                 \
    "MHcCAQEEII6bEJ5xkJi/mASH3x9dd+nLKWBuvtImO19XwhPfhPSyoAoGCCqGSM49\n"                                               \
    "AwEHoUQDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEXH8UTNG72b\n"                                               \
    "focs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"                                                                           \
    "-----END EC PRIVATE KEY-----\n"
#define EC_PARAMETERS "-----BEGIN EC PARAMETERS-----\nBggqhkjOPQMBBw==\n-----END EC PARAMETERS-----\n"
#define EC_PUBLIC                                                                                                      \
    "-----BEGIN PUBLIC KEY-----\n"                                                                                     \
    "MFkwEwYHKoZIzj0CAQYIKoZIzj0DAQcDQgAEf83OJ3D2xF1Bg8vub9tLe1gHMzV7\n"                                               \
    "6e8Tus9uPHvRVEXH8UTNG72bfocs3+257rn0s2ldbqkLJK2KRiMohYjlrQ==\n"                                                   \
    "-----END PUBLIC KEY-----\n"
#define EC_X "f83OJ3D2xF1Bg8vub9tLe1gHMzV76e8Tus9uPHvRVEU"
#define EC_Y "x_FEzRu9m36HLN_tue659LNpXW6pCyStikYjKIWI5a0"
#define EC_KID "oKIywvGUpTVTyxMQ3bwIIeQUudfr_CkLMjCE19ECD-U"
#define EC_TEXT                                                                                                        \
    "eyJhbGciOiJFUzI1NiJ9.eyJpc3MiOiJqb2UiLA0KICJleHAiOjEzMDA4MTkzODAsDQogImh0dHA6Ly9leGFtcGxlLmNvbS9pc19yb290Ijp0cnV" \
    "lfQ"
#define EC_SIGNATURE "DtEhU3ljbEg8L38VWAfUAqOyKAM6-Xx-F4GawxaepmXFCgfTjDxw5djxLa8ISlSApmWQxfKTUJqPP3-Kg6NU1Q"

/* RFC 8037 appendix A */
#define ED_PRIVATE                                                                                                     \
    "-----BEGIN PRIVATE KEY-----\n"                                                                                    \
    "MC4CAQAwBQYDK2VwBCIEIJ1hsZ3v/VpguoRK9JLsLMREScVpezJpGXA7rAMcrn9g\n"                                               \
    "-----END PRIVATE KEY-----\n"
#define ED_PUBLIC                                                                                                      \
    "-----BEGIN PUBLIC KEY-----\n"                                                                                     \
    "MCowBQYDK2VwAyEA11qYAYKxCrfVS/7TyWQHOg7hcvPapiMlrwIaaPcHURo=\n"                                                   \
    "-----END PUBLIC KEY-----\n"
#define ED_X "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo"
#define ED_KID "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k"
#define ED_TEXT "eyJhbGciOiJFZERTQSJ9.RXhhbXBsZSBvZiBFZDI1NTE5IHNpZ25pbmc"
#define ED_SIGNATURE "hgyY0il_MGCjP0JzlnLWG1PPOt7-09PGcvMg3AIbQR6dWbhijcNR4ki4iylGjg5BhVsPt9g7sVvpAr_MuM0KAg"

#define SECRET "0123456789abcdef0123456789abcdef"

static struct arena *arena;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    arena_destroy(&arena);
    return 0;
}

static struct token_keys *load(enum token_algorithm algorithm, const char *key, const char *previous,
                               enum token_use use)
{
    const bool is_secret = algorithm == TOKEN_HS256;
    const struct token_settings settings = {algorithm, is_secret ? key : "", is_secret ? previous : "",
                                            is_secret ? "" : key, is_secret ? "" : previous};
    struct token_keys *keys = token_keys_load(&settings, use, false);
    assert_non_null(keys);
    return keys;
}

static struct str decoded(const char *text)
{
    size_t len, size = strlen(text);
    unsigned char *bytes = arena_alloc(arena, size);
    assert_true(base64url_decode(str_from(text), bytes, size, &len));
    return (struct str){(const char *)bytes, len};
}

/* ---- the RFCs' examples ---- */

static void a_key_is_known_by_its_thumbprint(void **state)
{
    (void)state;
    static const struct {
        enum token_algorithm algorithm;
        const char *pem, *kty, *crv, *x, *y, *kid;
    } known[] = {
        {TOKEN_ES256, EC_PKCS8, "EC", "P-256", EC_X, EC_Y, EC_KID},
        {TOKEN_ES256, EC_SEC1, "EC", "P-256", EC_X, EC_Y, EC_KID},
        {TOKEN_ES256, EC_PUBLIC, "EC", "P-256", EC_X, EC_Y, EC_KID},
        {TOKEN_EDDSA, ED_PRIVATE, "OKP", "Ed25519", ED_X, "", ED_KID},
        {TOKEN_EDDSA, ED_PUBLIC, "OKP", "Ed25519", ED_X, "", ED_KID},
    };
    for (size_t i = 0; i < sizeof known / sizeof *known; i++) {
        struct token_keys *keys = load(known[i].algorithm, known[i].pem, "", TOKEN_VERIFIES);
        const struct token_jwk *jwk = token_keys_public(keys, 0);
        assert_string_equal(jwk->kty, known[i].kty);
        assert_string_equal(jwk->crv, known[i].crv);
        assert_string_equal(jwk->x, known[i].x);
        assert_string_equal(jwk->y, known[i].y);
        assert_string_equal(jwk->kid, known[i].kid);
        assert_null(token_keys_public(keys, 1));
        token_keys_destroy(&keys);
        assert_null(keys);
    }
}

static void known_signatures_are_good(void **state)
{
    (void)state;
    struct token_keys *ec = load(TOKEN_ES256, EC_PUBLIC, "", TOKEN_VERIFIES);
    struct token_keys *ed = load(TOKEN_EDDSA, ED_PUBLIC, "", TOKEN_VERIFIES);
    assert_true(token_signature_is_good(&ec->keys[0], STR(EC_TEXT), decoded(EC_SIGNATURE)));
    assert_true(token_signature_is_good(&ed->keys[0], STR(ED_TEXT), decoded(ED_SIGNATURE)));
    assert_false(token_signature_is_good(&ec->keys[0], STR(ED_TEXT), decoded(EC_SIGNATURE)));
    assert_false(token_signature_is_good(&ed->keys[0], STR(EC_TEXT), decoded(ED_SIGNATURE)));
    token_keys_destroy(&ec);
    token_keys_destroy(&ed);
}

/* Ed25519 signs the same text alike, whoever does it. */
static void our_ed25519_signature_is_the_known_one(void **state)
{
    (void)state;
    unsigned char signature[TOKEN_SIGNATURE_MAX_LEN];
    struct token_keys *keys = load(TOKEN_EDDSA, ED_PRIVATE, "", TOKEN_SIGNS);
    size_t len = token_signature_make(&keys->keys[0], STR(ED_TEXT), signature);
    assert_true(str_equal((struct str){(const char *)signature, len}, decoded(ED_SIGNATURE)));
    token_keys_destroy(&keys);
}

/* ---- signatures ---- */

/* Numbers of ECDSA are shorter than 32 bytes now and then: 600 signatures have some. */
static void what_is_signed_is_good(void **state)
{
    (void)state;
    static const char *const pems[] = {[TOKEN_ES256] = EC_PKCS8, [TOKEN_EDDSA] = ED_PRIVATE};
    for (int algorithm = TOKEN_ES256; algorithm <= TOKEN_EDDSA; algorithm++) {
        struct token_keys *keys = load((enum token_algorithm)algorithm, pems[algorithm], "", TOKEN_SIGNS);
        for (int i = 0; i < 600; i++) {
            unsigned char signature[TOKEN_SIGNATURE_MAX_LEN];
            struct str text = arena_printf(arena, "text %d", i);
            assert_int_equal(token_signature_make(&keys->keys[0], text, signature), 64);
            assert_true(token_signature_is_good(&keys->keys[0], text, (struct str){(const char *)signature, 64}));
        }
        token_keys_destroy(&keys);
    }
}

static void signatures_of_another_form_are_refused(void **state)
{
    (void)state;
    struct token_keys *keys = load(TOKEN_ES256, EC_PUBLIC, "", TOKEN_VERIFIES);
    const struct token_key *key = &keys->keys[0];
    struct str good = decoded(EC_SIGNATURE);
    char bytes[80];
    memset(bytes, 0, sizeof bytes);
    for (size_t len = 0; len <= sizeof bytes; len++)
        assert_false(token_signature_is_good(key, STR(EC_TEXT), (struct str){bytes, len}));
    memset(bytes, 0xff, sizeof bytes);
    assert_false(token_signature_is_good(key, STR(EC_TEXT), (struct str){bytes, 64}));
    for (size_t zeroed = 0; zeroed < 64; zeroed += 32) { /* r, then s is zero */
        memcpy(bytes, good.ptr, 64);
        memset(bytes + zeroed, 0, 32);
        assert_false(token_signature_is_good(key, STR(EC_TEXT), (struct str){bytes, 64}));
    }
    assert_false(token_signature_is_good(key, STR(EC_TEXT), (struct str){good.ptr, 63}));
    memcpy(bytes, good.ptr, 64);
    assert_false(token_signature_is_good(key, STR(EC_TEXT), (struct str){bytes, 65}));
    /* as OpenSSL has it: DER */
    char der[70] = "\x30\x45\x02\x20";
    memcpy(der + 4, good.ptr, 32);
    memcpy(der + 36, "\x02\x21\x00", 3);
    memcpy(der + 39, good.ptr + 32, 31);
    assert_false(token_signature_is_good(key, STR(EC_TEXT), (struct str){der, sizeof der}));
    token_keys_destroy(&keys);
}

/* ---- tokens ---- */

static const struct token_claims claims = {.sub = 42, .username = {"joe", 3}, .issued_at = 1000, .expires_at = 2000};

static bool believes(const struct token_keys *keys, struct str token)
{
    struct token_claims read;
    return token_verify(keys, arena, token, 1500, &read) && read.sub == 42;
}

/* Each ring's token with each ring: only its own believes it. The HMAC's secret is the public key's PEM. */
static void no_algorithm_is_taken_for_another(void **state)
{
    (void)state;
    struct token_keys *rings[] = {
        load(TOKEN_HS256, SECRET, "", TOKEN_SIGNS),     load(TOKEN_ES256, EC_PKCS8, "", TOKEN_SIGNS),
        load(TOKEN_EDDSA, ED_PRIVATE, "", TOKEN_SIGNS), load(TOKEN_HS256, EC_PUBLIC, "", TOKEN_SIGNS),
        load(TOKEN_HS256, ED_PUBLIC, "", TOKEN_SIGNS),
    };
    enum { RINGS = sizeof rings / sizeof *rings };
    for (size_t signer = 0; signer < RINGS; signer++)
        for (size_t verifier = 0; verifier < RINGS; verifier++)
            assert_int_equal(believes(rings[verifier], token_sign(rings[signer], arena, &claims)), signer == verifier);
    for (size_t i = 0; i < RINGS; i++)
        token_keys_destroy(&rings[i]);
}

static void previous_keys_are_believed(void **state)
{
    (void)state;
    struct token_keys *old = load(TOKEN_EDDSA, ED_PRIVATE, "", TOKEN_SIGNS);
    struct token_keys *secret = load(TOKEN_HS256, SECRET, "", TOKEN_SIGNS);
    struct token_keys *new_secret = load(TOKEN_HS256, "another " SECRET, SECRET, TOKEN_VERIFIES);
    assert_true(believes(new_secret, token_sign(secret, arena, &claims)));
    assert_null(token_keys_public(new_secret, 0));
    struct token_keys *same = load(TOKEN_EDDSA, ED_PRIVATE, "\r\n" ED_PUBLIC "\n\n" ED_PRIVATE "\n", TOKEN_SIGNS);
    assert_non_null(token_keys_public(same, 0)); /* one key, however often it is given */
    assert_null(token_keys_public(same, 1));
    assert_true(believes(same, token_sign(old, arena, &claims)));
    token_keys_destroy(&old);
    token_keys_destroy(&secret);
    token_keys_destroy(&new_secret);
    token_keys_destroy(&same);
}

static bool is_private(const struct token_key *key)
{
    return i2d_PrivateKey(key->pkey, NULL) > 0;
}

/* What the gateway, or a change of keys, leaves in memory can sign nothing. */
static void keys_that_only_verify_have_no_private_part(void **state)
{
    (void)state;
    static const char *const pems[] = {[TOKEN_ES256] = EC_PKCS8, [TOKEN_EDDSA] = ED_PRIVATE};
    for (int algorithm = TOKEN_ES256; algorithm <= TOKEN_EDDSA; algorithm++) {
        struct token_keys *signer = load((enum token_algorithm)algorithm, pems[algorithm], "", TOKEN_SIGNS);
        struct token_keys *verifier = load((enum token_algorithm)algorithm, pems[algorithm], "", TOKEN_VERIFIES);
        assert_true(is_private(&signer->keys[0]));
        assert_false(is_private(&verifier->keys[0]));
        assert_true(believes(verifier, token_sign(signer, arena, &claims)));
        token_keys_destroy(&signer);
        token_keys_destroy(&verifier);
    }
}

/* ---- PEM ---- */

/* How many keys a text holds; -1 where it holds something else too, and then *mistake. */
static int count_keys(const char *text, const char **mistake)
{
    struct token_pem pem = {.at = text};
    int count = 0;
    for (; token_pem_next(&pem, mistake); count++)
        EVP_PKEY_free(pem.pkey);
    return *mistake == NULL ? count : -1;
}

static void keys_come_in_a_row(void **state)
{
    (void)state;
    const char *mistake;
    assert_int_equal(count_keys("", &mistake), 0);
    assert_int_equal(count_keys(" \r\n\t\n", &mistake), 0);
    assert_int_equal(count_keys(EC_PUBLIC, &mistake), 1);
    assert_int_equal(count_keys(EC_PARAMETERS EC_SEC1, &mistake), 1);
    assert_int_equal(count_keys(EC_PARAMETERS, &mistake), 0);
    assert_int_equal(count_keys("of 2024:\n" EC_PUBLIC "\nof 2025:\n" EC_PKCS8 ED_PUBLIC EC_SEC1, &mistake), 4);
    char windows[512] = "";
    for (const char *at = EC_PUBLIC; *at != '\0'; at++)
        snprintf(windows + strlen(windows), 3, *at == '\n' ? "\r\n" : "%c", *at);
    assert_int_equal(count_keys(windows, &mistake), 1);
    char cut[512];
    snprintf(cut, sizeof cut, "%.*s", (int)strlen(EC_PUBLIC) - 1, EC_PUBLIC); /* as config leaves a file's end */
    assert_int_equal(count_keys(cut, &mistake), 1);
}

static void what_is_no_key_is_told_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *text, *word;
    } cases[] = {
        {"hello", "no PEM"},
        {EC_PUBLIC "hello", "no PEM"},
        {"-----BEGIN PUBLIC KEY-----\n", "no PEM"},
        {"-----BEGIN PUBLIC KEY-----\nMCow\n-----END PRIVATE KEY-----\n", "no PEM"},
        {"-----BEGIN PUBLIC KEY-----\n!!!!\n-----END PUBLIC KEY-----\n", "no PEM"},
        {"-----BEGIN PUBLIC KEY-----\nMCow\n-----END PUBLIC KEY-----\n", "damaged"},
        {"-----BEGIN PRIVATE KEY-----\nMCow\n-----END PRIVATE KEY-----\n", "damaged"},
        {"-----BEGIN EC PRIVATE KEY-----\nMCow\n-----END EC PRIVATE KEY-----\n", "damaged"},
        {"-----BEGIN CERTIFICATE-----\nMCow\n-----END CERTIFICATE-----\n", "no key"},
        {"-----BEGIN ENCRYPTED PRIVATE KEY-----\nMCow\n-----END ENCRYPTED PRIVATE KEY-----\n", "encrypted"},
        {"-----BEGIN EC PRIVATE KEY-----\nProc-Type: 4,ENCRYPTED\nDEK-Info: AES-128-CBC,00\n\nMCow\n"
         "-----END EC PRIVATE KEY-----\n",
         "encrypted"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        const char *mistake;
        assert_int_equal(count_keys(cases[i].text, &mistake), -1);
        if (strstr(mistake, cases[i].word) == NULL)
            fail_msg("%s: %s", cases[i].text, mistake);
    }
}

/* ---- secrets ---- */

static void secrets_that_can_be_guessed_are_told(void **state)
{
    (void)state;
    static const char *const weak[] = {
        "",
        "secret",
        "0123456789abcdef0123456789abcde",
        "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa",
        "abcabcabcabcabcabcabcabcabcabcabcabcabcabcabc",
        "a-string-secret-at-least-256-bits-long",
        "your-256-bit-secret-your-256-bit-secret",
        "This is MY-SECRET and nobody else knows it",
    };
    for (size_t i = 0; i < sizeof weak / sizeof *weak; i++)
        assert_non_null(token_secret_mistake(str_from(weak[i])));
    assert_null(token_secret_mistake(STR(SECRET)));
    assert_null(token_secret_mistake(STR("6b1f0c9e7a2d4853b1f0c9e7a2d48536")));
}

#define KEYS_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        KEYS_TEST(a_key_is_known_by_its_thumbprint),
        KEYS_TEST(known_signatures_are_good),
        KEYS_TEST(our_ed25519_signature_is_the_known_one),
        KEYS_TEST(what_is_signed_is_good),
        KEYS_TEST(signatures_of_another_form_are_refused),
        KEYS_TEST(no_algorithm_is_taken_for_another),
        KEYS_TEST(previous_keys_are_believed),
        KEYS_TEST(keys_that_only_verify_have_no_private_part),
        KEYS_TEST(keys_come_in_a_row),
        KEYS_TEST(what_is_no_key_is_told_in_words),
        KEYS_TEST(secrets_that_can_be_guessed_are_told),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
