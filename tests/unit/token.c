/* Tokens: ours are what they always were, byte for byte; another holder's are good; and no forgery of the usual kinds
 * is. Forgeries are signed here with OpenSSL, independently of the code under test. */
#include "common/token.h"

#include <openssl/evp.h>
#include <openssl/hmac.h>
#include <string.h>

#include "common/buffer.h"
#include "tests/support/cmocka.h"

#define SECRET STR("0123456789abcdef0123456789abcdef")
#define HEADER "{\"alg\":\"HS256\",\"typ\":\"JWT\"}"
#define PAYLOAD "{\"username\":\"joe\",\"sub\":42,\"iat\":1000,\"exp\":2000}"
enum { NOW = 1500 };

/* Made elsewhere with the same secret, of {"username":"zoë","sub":42,"iat":1700000000,"exp":1700086400} and a role. */
static const char known[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
                            "eyJ1c2VybmFtZSI6Inpvw6siLCJzdWIiOjQyLCJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDA4NjQwMH0."
                            "oFKCM3vJdbcGQgUQWDsYS1NrOSSidaVv5dsq934Hn8Y";
static const char known_with_role[] = "eyJhbGciOiJIUzI1NiIsInR5cCI6IkpXVCJ9."
                                      "eyJ1c2VybmFtZSI6Inpvw6siLCJzdWIiOjQyLCJpYXQiOjE3MDAwMDAwMDAsImV4cCI6MTcwMDA4NjQw"
                                      "MCwicm9sZSI6ImFkbWluIn0.-8jPwA-TzNjgU7zJEEsE8DDGUKtrMdDOoPeQl0ekeb8";
static const struct token_claims known_claims = {
    .sub = 42, .username = {"zo\xc3\xab", 4}, .issued_at = 1700000000, .expires_at = 1700086400};

static struct arena *arena;
static struct token_keys *keys;

static int setup(void **state)
{
    (void)state;
    arena = arena_new();
    const struct token_settings settings = {TOKEN_HS256, SECRET.ptr, "", "", ""};
    keys = token_keys_load(&settings, TOKEN_SIGNS, false);
    assert_non_null(keys);
    return 0;
}

static int teardown(void **state)
{
    (void)state;
    token_keys_destroy(&keys);
    arena_destroy(&arena);
    return 0;
}

static void append_base64url(struct buffer *out, struct str bytes)
{
    size_t size = 4 * ((bytes.len + 2) / 3);
    unsigned char *encoded = arena_alloc(arena, size + 1);
    EVP_EncodeBlock(encoded, (const unsigned char *)bytes.ptr, (int)bytes.len);
    for (size_t i = 0; i < size && encoded[i] != '='; i++)
        buffer_append_char(out, encoded[i] == '+' ? '-' : encoded[i] == '/' ? '_' : (char)encoded[i]);
}

/* A token of any header and payload, signed with HMAC-SHA-256. */
static struct str forge_signed(struct str secret, const char *header, const char *payload)
{
    struct buffer token = {0};
    append_base64url(&token, str_from(header));
    buffer_append_char(&token, '.');
    append_base64url(&token, str_from(payload));
    unsigned char signature[EVP_MAX_MD_SIZE];
    unsigned len = 0;
    HMAC(EVP_sha256(), secret.ptr, (int)secret.len, (const unsigned char *)token.data, token.len, signature, &len);
    buffer_append_char(&token, '.');
    append_base64url(&token, (struct str){(const char *)signature, len});
    struct str copy = arena_copy(arena, buffer_str(&token));
    buffer_free(&token);
    return copy;
}

static bool verify(struct str token, int64_t now_s, struct token_claims *claims)
{
    return token_verify(keys, arena, token, now_s, claims);
}

/* Whether it is good at NOW; a refusal must leave the claims alone. */
static bool is_good(struct str token)
{
    struct token_claims claims;
    memset(&claims, 0xAA, sizeof claims);
    struct token_claims before = claims;
    bool good = verify(token, NOW, &claims);
    if (!good)
        assert_memory_equal(&claims, &before, sizeof claims);
    return good;
}

static bool payload_is_good(const char *payload)
{
    return is_good(forge_signed(SECRET, HEADER, payload));
}

static void assert_str(struct str s, const char *expected)
{
    assert_int_equal(s.len, strlen(expected));
    assert_memory_equal(s.ptr, expected, s.len);
}

/* ---- what is good ---- */

static void signs_the_bytes_that_clients_know(void **state)
{
    (void)state;
    assert_str(token_sign(keys, arena, &known_claims), known);
    struct token_claims with_role = known_claims;
    with_role.role = STR("admin");
    assert_str(token_sign(keys, arena, &with_role), known_with_role);
}

static void reads_what_another_holder_signed(void **state)
{
    (void)state;
    struct token_claims claims;
    assert_true(verify(str_from(known), 1700000000, &claims));
    assert_int_equal(claims.sub, 42);
    assert_str(claims.username, "zoë");
    assert_int_equal(claims.issued_at, 1700000000);
    assert_int_equal(claims.expires_at, 1700086400);
    assert_int_equal(claims.role.len, 0);
    assert_true(verify(str_from(known_with_role), 1700000000, &claims));
    assert_str(claims.role, "admin");
}

static void reads_what_it_signed(void **state)
{
    (void)state;
    struct token_claims claims = {.sub = INT64_MAX,
                                  .username = STR("\"\\\n\x01/\xf0\x9f\x98\x80"),
                                  .issued_at = 1,
                                  .expires_at = 2000,
                                  .role = STR("user")};
    struct token_claims read;
    assert_true(verify(token_sign(keys, arena, &claims), NOW, &read));
    assert_int_equal(read.sub, INT64_MAX);
    assert_true(str_equal(read.username, claims.username));
    assert_true(str_equal(read.role, claims.role));
}

static void a_session_stands_between_exp_and_role(void **state)
{
    (void)state;
    struct token_claims claims = {
        .sub = 42, .username = STR("joe"), .issued_at = 1000, .expires_at = 2000, .session_id = 7, .role = STR("user")};
    assert_true(str_equal(
        token_sign(keys, arena, &claims),
        forge_signed(SECRET, HEADER,
                     "{\"username\":\"joe\",\"sub\":42,\"iat\":1000,\"exp\":2000,\"sid\":7,\"role\":\"user\"}")));
    struct token_claims read;
    assert_true(verify(token_sign(keys, arena, &claims), NOW, &read));
    assert_int_equal(read.session_id, 7);
    assert_true(verify(forge_signed(SECRET, HEADER, PAYLOAD), NOW, &read));
    assert_int_equal(read.session_id, 0);
}

/* The longest name that validation lets through, each character escaped: the token must still be one that is accepted.
 */
static void longest_name_fits(void **state)
{
    (void)state;
    char name[255];
    memset(name, 1, sizeof name);
    struct token_claims claims = {.sub = 1, .username = {name, sizeof name}, .issued_at = 1, .expires_at = 2000};
    claims.role = STR("admin");
    assert_true(is_good(token_sign(keys, arena, &claims)));
}

static void foreign_payloads_that_are_good(void **state)
{
    (void)state;
    assert_true(payload_is_good(PAYLOAD));
    assert_true(payload_is_good("{\"sub\":1,\"exp\":1501}"));
    assert_true(payload_is_good("{\"exp\":1501.75,\"iat\":1.5,\"nbf\":1500,\"sub\":1,\"more\":{\"a\":[1,2]}}"));
    assert_true(payload_is_good(" { \"sub\" : 1 , \"exp\" : 15e2 , \"exp2\" : 0 } ") == false); /* 1500 has come */
    assert_true(payload_is_good(" { \"sub\" : 1 , \"exp\" : 16e2 } "));
    assert_true(is_good(forge_signed(SECRET, "{\"typ\":\"JWT\",\"alg\":\"HS256\",\"kid\":\"7\"}", PAYLOAD)));
    assert_true(is_good(forge_signed(SECRET, "{\"alg\":\"HS256\"}", PAYLOAD)));
}

/* ---- time ---- */

static void expires_at_its_second(void **state)
{
    (void)state;
    struct token_claims claims;
    struct str token = forge_signed(SECRET, HEADER, PAYLOAD);
    assert_true(verify(token, 1999, &claims));
    assert_false(verify(token, 2000, &claims));
    assert_false(verify(token, INT64_MAX, &claims));
}

static void bad_times_are_refused(void **state)
{
    (void)state;
    static const char *const payloads[] = {
        "{\"sub\":1}",
        "{\"sub\":1,\"exp\":null}",
        "{\"sub\":1,\"exp\":\"2000\"}",
        "{\"sub\":1,\"exp\":true}",
        "{\"sub\":1,\"exp\":-1}",
        "{\"sub\":1,\"exp\":-2000.5}",
        "{\"sub\":1,\"exp\":1e300}",
        "{\"sub\":1,\"exp\":1e999}",
        "{\"sub\":1,\"exp\":99999999999999999999}",
        "{\"sub\":1,\"exp\":2000,\"nbf\":1501}",
        "{\"sub\":1,\"exp\":2000,\"nbf\":\"1000\"}",
        "{\"sub\":1,\"exp\":2000,\"iat\":\"1000\"}",
        "{\"sub\":1,\"exp\":2000,\"exp\":3000}",
    };
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++)
        if (payload_is_good(payloads[i]))
            fail_msg("accepted: %s", payloads[i]);
}

/* ---- who ---- */

static void sub_is_a_whole_positive_number(void **state)
{
    (void)state;
    static const char *const payloads[] = {
        "{\"exp\":2000}",
        "{\"sub\":\"42\",\"exp\":2000}",
        "{\"sub\":1.5,\"exp\":2000}",
        "{\"sub\":1.0,\"exp\":2000}",
        "{\"sub\":1e2,\"exp\":2000}",
        "{\"sub\":0,\"exp\":2000}",
        "{\"sub\":-1,\"exp\":2000}",
        "{\"sub\":null,\"exp\":2000}",
        "{\"sub\":true,\"exp\":2000}",
        "{\"sub\":[1],\"exp\":2000}",
        "{\"sub\":9223372036854775808,\"exp\":2000}",
        "{\"sub\":1,\"exp\":2000,\"sid\":0}",
        "{\"sub\":1,\"exp\":2000,\"sid\":-7}",
        "{\"sub\":1,\"exp\":2000,\"sid\":7.0}",
        "{\"sub\":1,\"exp\":2000,\"sid\":\"7\"}",
        "{\"sub\":1,\"exp\":2000,\"sid\":null}",
        "{\"sub\":1,\"exp\":2000,\"username\":7}",
        "{\"sub\":1,\"exp\":2000,\"username\":null}",
        "{\"sub\":1,\"exp\":2000,\"username\":\"a\\u0000b\"}",
        "{\"sub\":1,\"exp\":2000,\"username\":\"\xff\"}",
        "{\"sub\":1,\"exp\":2000,\"role\":[\"admin\"]}",
        "[{\"sub\":1,\"exp\":2000}]",
        "{\"sub\":1,\"exp\":2000} x",
        "{\"sub\":1,\"exp\":2000",
        "\"sub\"",
        " ",
    };
    for (size_t i = 0; i < sizeof payloads / sizeof *payloads; i++)
        if (payload_is_good(payloads[i]))
            fail_msg("accepted: %s", payloads[i]);
}

/* ---- forgeries ---- */

static void another_key_is_refused(void **state)
{
    (void)state;
    assert_false(is_good(forge_signed(STR("0123456789abcdef0123456789abcdeg"), HEADER, PAYLOAD)));
    assert_false(is_good(forge_signed(STR("0"), HEADER, PAYLOAD)));
}

/* Even when the HMAC is right, the header must name the one algorithm. */
static void another_algorithm_is_refused(void **state)
{
    (void)state;
    static const char *const headers[] = {
        "{\"alg\":\"none\",\"typ\":\"JWT\"}",
        "{\"alg\":\"None\"}",
        "{\"alg\":\"RS256\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS384\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS512\",\"typ\":\"JWT\"}",
        "{\"alg\":\"hs256\",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256 \",\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\\u0000\",\"typ\":\"JWT\"}",
        "{\"alg\":[\"HS256\"],\"typ\":\"JWT\"}",
        "{\"alg\":null,\"typ\":\"JWT\"}",
        "{\"typ\":\"JWT\"}",
        "{\"alg\":\"HS256\",\"alg\":\"none\"}",
        "{\"alg\":\"none\",\"alg\":\"HS256\"}",
        "{\"alg\":\"HS256\",\"crit\":[\"b64\"],\"b64\":false}",
        "{}",
        "[]",
        "x",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        if (is_good(forge_signed(SECRET, headers[i], PAYLOAD)))
            fail_msg("accepted: %s", headers[i]);
}

static void unsigned_none_is_refused(void **state)
{
    (void)state;
    struct buffer token = {0};
    append_base64url(&token, STR("{\"alg\":\"none\"}"));
    buffer_append_char(&token, '.');
    append_base64url(&token, str_from(PAYLOAD));
    buffer_append_char(&token, '.');
    assert_false(is_good(buffer_str(&token)));
    buffer_append_str(&token, STR("AAAA"));
    assert_false(is_good(buffer_str(&token)));
    buffer_free(&token);
}

/* Every single change of a character, and every cut, breaks the token: also in the bits that base64 does not use. */
static void any_change_is_refused(void **state)
{
    (void)state;
    struct str token = forge_signed(SECRET, HEADER, PAYLOAD);
    static const char replacements[] = "ABab01-_.=+/ \n\x7f\xff";
    char *copy = arena_alloc(arena, token.len);
    for (size_t i = 0; i < token.len; i++) {
        assert_false(is_good((struct str){token.ptr, i}));
        for (const char *with = replacements; with < replacements + sizeof replacements; with++) { /* NUL, too */
            if (token.ptr[i] == *with)
                continue;
            memcpy(copy, token.ptr, token.len);
            copy[i] = *with;
            assert_false(is_good((struct str){copy, token.len}));
        }
    }
    assert_true(is_good(token));
}

static void append_to(struct str token, const char *suffix, struct buffer *out)
{
    buffer_clear(out);
    buffer_append_str(out, token);
    buffer_append_str(out, str_from(suffix));
}

static void any_addition_is_refused(void **state)
{
    (void)state;
    static const char *const suffixes[] = {"=", "==", ".", ".e30", " ", "\n", "A", "AAAA", "%3D", "\x80"};
    struct str token = forge_signed(SECRET, HEADER, PAYLOAD);
    struct buffer changed = {0};
    for (size_t i = 0; i < sizeof suffixes / sizeof *suffixes; i++) {
        append_to(token, suffixes[i], &changed);
        assert_false(is_good(buffer_str(&changed)));
    }
    append_to(STR(" "), "", &changed);
    buffer_append_str(&changed, token);
    assert_false(is_good(buffer_str(&changed)));
    buffer_free(&changed);
}

static void malformed_ones_are_refused(void **state)
{
    (void)state;
    static const char *const tokens[] = {"",      ".",       "..",   "...",         "a",           "a.b",
                                         "a..",   ".b.",     "..c",  "a.b.",        ".b.c",        "a..c",
                                         "a.b.c", "a.b.c.d", "null", "e30.e30.e30", "Bearer a.b.c"};
    for (size_t i = 0; i < sizeof tokens / sizeof *tokens; i++)
        assert_false(is_good(str_from(tokens[i])));
    assert_false(is_good((struct str){0}));
    assert_false(is_good((struct str){"\0.\0.\0", 5}));
}

/* 4096 bytes are looked at, one more is not; 100 KB of anything cost nothing. */
static void size_is_bounded(void **state)
{
    (void)state;
    enum { LARGE = 100 * 1000 };
    char *text = arena_alloc(arena, LARGE);
    static const char fillings[] = {'a', '.', '=', '\0', '{'};
    for (size_t i = 0; i < sizeof fillings; i++) {
        memset(text, fillings[i], LARGE);
        assert_false(is_good((struct str){text, LARGE}));
    }
    size_t longest = 0;
    for (int padding = 2900; padding < 3100; padding++) {
        struct buffer payload = {0};
        buffer_printf(&payload, "{\"sub\":1,\"exp\":2000,\"pad\":\"%0*d\"}", padding, 0);
        buffer_append_char(&payload, '\0');
        struct str token = forge_signed(SECRET, HEADER, payload.data);
        assert_int_equal(is_good(token), token.len <= TOKEN_MAX_LEN);
        if (token.len <= TOKEN_MAX_LEN)
            longest = token.len;
        buffer_free(&payload);
    }
    assert_in_range(longest, TOKEN_MAX_LEN - 1, TOKEN_MAX_LEN);
}

/* Deep nesting that a holder of the secret signed must not exhaust the stack. */
static void deep_nesting_does_no_harm(void **state)
{
    (void)state;
    struct buffer payload = {0};
    buffer_append_str(&payload, STR("{\"sub\":1,\"exp\":2000,\"deep\":"));
    for (int i = 0; i < 2800; i++)
        buffer_append_char(&payload, '[');
    buffer_append_char(&payload, '\0');
    assert_false(payload_is_good(payload.data));
    buffer_free(&payload);
}

#define TOKEN_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TOKEN_TEST(signs_the_bytes_that_clients_know),
        TOKEN_TEST(reads_what_another_holder_signed),
        TOKEN_TEST(reads_what_it_signed),
        TOKEN_TEST(a_session_stands_between_exp_and_role),
        TOKEN_TEST(longest_name_fits),
        TOKEN_TEST(foreign_payloads_that_are_good),
        TOKEN_TEST(expires_at_its_second),
        TOKEN_TEST(bad_times_are_refused),
        TOKEN_TEST(sub_is_a_whole_positive_number),
        TOKEN_TEST(another_key_is_refused),
        TOKEN_TEST(another_algorithm_is_refused),
        TOKEN_TEST(unsigned_none_is_refused),
        TOKEN_TEST(any_change_is_refused),
        TOKEN_TEST(any_addition_is_refused),
        TOKEN_TEST(malformed_ones_are_refused),
        TOKEN_TEST(size_is_bounded),
        TOKEN_TEST(deep_nesting_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
