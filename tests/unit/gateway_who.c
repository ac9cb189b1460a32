/* Who asks: bearer tokens remembered no longer than they are good, principals no longer than they are true; and how
 * often a connection may reset its requests. */
#include <string.h>

#include "common/token.h"
#include "gateway/bearer.h"
#include "gateway/principals.h"
#include "gateway/reset_budget.h"
#include "tests/support/cmocka.h"

static struct arena *arena;
static struct token_keys *keys, *other_keys;

static struct token_keys *keys_of(const char *secret)
{
    const struct token_settings settings = {TOKEN_HS256, secret, "", "", ""};
    return token_keys_load(&settings, TOKEN_SIGNS, false);
}

static int make(void **state)
{
    (void)state;
    arena = arena_new();
    keys = keys_of("0123456789abcdef0123456789abcdef");
    other_keys = keys_of("another key, 32 bytes long......");
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    token_keys_destroy(&keys);
    token_keys_destroy(&other_keys);
    arena_destroy(&arena);
    return 0;
}

/* ---- tokens ---- */

static struct str bearer_of(const struct token_keys *signer, int64_t sub, struct str username, int64_t expires_at)
{
    struct token_claims claims = {.sub = sub, .username = username, .issued_at = 1000, .expires_at = expires_at};
    struct str token = token_sign(signer, arena, &claims);
    return arena_printf(arena, "Bearer %.*s", STR_ARGS(token));
}

static bool is_good(struct bearer *bearer, struct str header, int64_t now_s, int64_t expected)
{
    struct bearer_subject subject = {-7, -7};
    bool good = bearer_check(bearer, arena, header, now_s, &subject);
    assert_int_equal(subject.user_id, good ? expected : -7);
    return good;
}

static void test_good_until_it_expires(void **state)
{
    (void)state;
    struct bearer *bearer = bearer_new(keys);
    struct str header = bearer_of(keys, 5, STR("ada"), 2000);
    for (int i = 0; i < 3; i++) /* verified, then remembered */
        assert_true(is_good(bearer, header, 1500, 5));
    assert_true(is_good(bearer, header, 1999, 5));
    assert_false(is_good(bearer, header, 2000, 5));
    assert_false(is_good(bearer, header, 3000, 5));
    bearer_destroy(&bearer);
    assert_null(bearer);
}

static void test_long_tokens_are_not_remembered_but_good(void **state)
{
    (void)state;
    struct bearer *bearer = bearer_new(keys);
    char name[600];
    memset(name, 'n', sizeof name);
    struct str header = bearer_of(keys, 6, (struct str){name, sizeof name}, 2000);
    assert_true(is_good(bearer, header, 1500, 6));
    assert_true(is_good(bearer, header, 1500, 6));
    assert_false(is_good(bearer, header, 2500, 6));
    bearer_destroy(&bearer);
}

static void test_a_changed_token_is_not_the_remembered_one(void **state)
{
    (void)state;
    struct bearer *bearer = bearer_new(keys);
    struct str header = bearer_of(keys, 5, STR("ada"), 2000);
    assert_true(is_good(bearer, header, 1500, 5));
    char *copy = arena_alloc(arena, header.len);
    for (size_t i = sizeof("Bearer ") - 1; i < header.len - 1; i++) {
        memcpy(copy, header.ptr, header.len);
        copy[i] = copy[i] == 'A' ? 'B' : 'A';
        assert_false(is_good(bearer, (struct str){copy, header.len}, 1500, 5));
    }
    assert_true(is_good(bearer, header, 1500, 5));
    assert_false(is_good(bearer, bearer_of(other_keys, 5, STR("ada"), 2000), 1500, 5));
    bearer_destroy(&bearer);
}

static void test_header_forms(void **state)
{
    (void)state;
    struct bearer *bearer = bearer_new(keys);
    struct str header = bearer_of(keys, 5, STR("ada"), 2000);
    struct str token = {header.ptr + 7, header.len - 7};
    assert_true(is_good(bearer, arena_printf(arena, "bEaReR   %.*s", STR_ARGS(token)), 1500, 5));
    static const char *const refused[] = {"",          "Bearer",       "Bearer ",    "Bearer  ",
                                          "Bearer ..", "Bearer a.b.c", "Basic YTpi", "Bear"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(is_good(bearer, str_from(refused[i]), 1500, 5));
    assert_false(is_good(bearer, token, 1500, 5));
    assert_false(is_good(bearer, arena_printf(arena, "Bearer%.*s", STR_ARGS(token)), 1500, 5));
    assert_false(is_good(bearer, arena_printf(arena, "Bearer %.*s x", STR_ARGS(token)), 1500, 5));
    assert_false(is_good(bearer, bearer_of(keys, 0, STR("nobody"), 2000), 1500, 0));
    assert_false(is_good(bearer, bearer_of(keys, -3, STR("nobody"), 2000), 1500, 0));
    bearer_destroy(&bearer);
}

/* ---- principals ---- */

static const struct principal_state admin = {true, "admin", 5};

static void test_principals(void **state)
{
    (void)state;
    struct principals *principals = principals_new();
    assert_null(principals_find(principals, 7));
    assert_null(principals_find(principals, 0));
    principals_remember(principals, 7, &admin, principals_epoch(principals));
    principals_remember(principals, 8, &(struct principal_state){0}, principals_epoch(principals));
    assert_string_equal(principals_find(principals, 7)->role, "admin");
    assert_false(principals_find(principals, 8)->exists);
    principals_drop(principals, 7);
    assert_null(principals_find(principals, 7));
    assert_non_null(principals_find(principals, 8));
    principals_drop_all(principals);
    assert_null(principals_find(principals, 8));
    principals_destroy(&principals);
    assert_null(principals);
}

static void test_an_answer_older_than_a_change_is_not_remembered(void **state)
{
    (void)state;
    struct principals *principals = principals_new();
    uint64_t asked = principals_epoch(principals);
    principals_drop(principals, 7);
    principals_remember(principals, 7, &admin, asked);
    assert_null(principals_find(principals, 7));
    asked = principals_epoch(principals);
    principals_drop_all(principals);
    principals_remember(principals, 7, &admin, asked);
    assert_null(principals_find(principals, 7));
    principals_destroy(&principals);
}

static void test_users_of_one_slot(void **state)
{
    (void)state;
    enum { MANY = 20000 };
    struct principals *principals = principals_new();
    for (int64_t id = 1; id <= MANY; id++)
        principals_remember(principals, id, &admin, principals_epoch(principals));
    size_t known = 0;
    for (int64_t id = 1; id <= MANY; id++)
        known += principals_find(principals, id) != NULL;
    assert_in_range(known, 1000, MANY - 1);
    assert_non_null(principals_find(principals, MANY));
    principals_drop(principals, INT64_MIN);
    assert_null(principals_find(principals, INT64_MAX));
    principals_destroy(&principals);
}

/* ---- resets ---- */

static void test_a_polite_client_is_never_ended(void **state)
{
    (void)state;
    struct reset_budget budget = {0};
    for (uint64_t i = 0; i < 100000; i++)
        assert_false(reset_budget_spend(&budget, i % 3 == 0, i * 100));
}

static void test_many_resets_in_a_window(void **state)
{
    (void)state;
    struct reset_budget budget = {0};
    uint64_t resets = 0;
    for (uint64_t i = 0; i < 1000 && resets == 0; i++)
        if (reset_budget_spend(&budget, i % 3 == 0, i))
            resets = budget.resets;
    assert_int_equal(resets, 101);
}

static void test_most_requests_reset(void **state)
{
    (void)state;
    struct reset_budget budget = {0};
    uint64_t requests = 0;
    while (!reset_budget_spend(&budget, true, requests * 1000))
        requests++;
    assert_int_equal(requests + 1, 64);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_until_it_expires),
        cmocka_unit_test(test_long_tokens_are_not_remembered_but_good),
        cmocka_unit_test(test_a_changed_token_is_not_the_remembered_one),
        cmocka_unit_test(test_header_forms),
        cmocka_unit_test(test_principals),
        cmocka_unit_test(test_an_answer_older_than_a_change_is_not_remembered),
        cmocka_unit_test(test_users_of_one_slot),
        cmocka_unit_test(test_a_polite_client_is_never_ended),
        cmocka_unit_test(test_many_resets_in_a_window),
        cmocka_unit_test(test_most_requests_reset),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
