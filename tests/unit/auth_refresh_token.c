/* Refresh tokens as bytes: written and read back, and what follows from what. */
#include <sodium.h>
#include <string.h>

#include "services/auth/refresh_token.h"
#include "tests/support/cmocka.h"

static struct arena *arena;
static const struct str server_key = {"0123456789abcdef0123456789abcdef", 32};

static int make(void **state)
{
    (void)state;
    assert_true(sodium_init() >= 0);
    arena = arena_new();
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    arena_destroy(&arena);
    return 0;
}

static struct refresh_token new_token(void)
{
    struct refresh_token token;
    refresh_token_make(&token);
    token.session_id = 0x0102030405060708;
    token.user_id = INT64_MAX;
    return token;
}

static void what_is_written_is_read_back(void **state)
{
    (void)state;
    struct refresh_token token = new_token(), read;
    struct str text = refresh_token_write(arena, &token);
    assert_true(refresh_token_read(text, &read));
    assert_true(read.session_id == token.session_id && read.user_id == token.user_id);
    assert_memory_equal(read.key, token.key, sizeof token.key);
    assert_memory_equal(read.secret, token.secret, sizeof token.secret);
}

static void anything_else_is_refused(void **state)
{
    (void)state;
    struct refresh_token token = new_token(), read;
    struct str text = refresh_token_write(arena, &token);
    for (size_t len = 0; len < text.len; len++)
        assert_false(refresh_token_read((struct str){text.ptr, len}, &read));
    assert_false(refresh_token_read(arena_printf(arena, "%.*sA", STR_ARGS(text)), &read));
    assert_false(refresh_token_read(arena_printf(arena, "%.*s=", STR_ARGS(text)), &read));
    assert_false(refresh_token_read(arena_printf(arena, " %.*s", STR_ARGS(text)), &read));
    token.session_id = 0;
    assert_false(refresh_token_read(refresh_token_write(arena, &token), &read));
    token.session_id = -1;
    assert_false(refresh_token_read(refresh_token_write(arena, &token), &read));
}

static void the_next_one_is_the_same_for_all_who_ask_and_nobody_elses(void **state)
{
    (void)state;
    struct refresh_token parent = new_token(), next, again, other;
    refresh_token_follow(server_key, &parent, &next);
    refresh_token_follow(server_key, &parent, &again);
    assert_memory_equal(next.secret, again.secret, sizeof next.secret);
    assert_memory_not_equal(next.secret, parent.secret, sizeof next.secret);
    assert_memory_equal(next.key, parent.key, sizeof next.key);
    refresh_token_follow(STR("another key of the server's"), &parent, &other);
    assert_memory_not_equal(next.secret, other.secret, sizeof next.secret);
    parent = new_token();
    refresh_token_follow(server_key, &parent, &other);
    assert_memory_not_equal(next.secret, other.secret, sizeof next.secret);
}

static void hashes_are_sha256_of_the_secrets(void **state)
{
    (void)state;
    struct refresh_token token = {.session_id = 1, .user_id = 1};
    memset(token.key, 'a', sizeof token.key);
    memset(token.secret, 'a', sizeof token.secret);
    static const char key_hash[] = "0c0beacef8877bbf2416eb00f2b5dc96354e26dd1df5517320459b1236860f8c";
    static const char hash[] = "3ba3f5f43b92602683c19aee62a20342b084dd5971ddd33808d81a328879a547";
    assert_true(str_equal(refresh_token_key_hash(arena, &token), str_from(key_hash)));
    assert_true(str_equal(refresh_token_hash(arena, &token), str_from(hash)));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(what_is_written_is_read_back),
        cmocka_unit_test(anything_else_is_refused),
        cmocka_unit_test(the_next_one_is_the_same_for_all_who_ask_and_nobody_elses),
        cmocka_unit_test(hashes_are_sha256_of_the_secrets),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
