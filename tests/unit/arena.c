/* Arenas: memory that is zeroed, aligned, apart and gone at the reset; destructors in their order. */
#include "common/arena.h"

#include <string.h>

#include "tests/support/cmocka.h"

static int new_arena(void **state)
{
    *state = arena_new();
    return 0;
}

static int destroy_arena(void **state)
{
    arena_destroy((struct arena **)state);
    assert_null(*state);
    return 0;
}

static bool is_zero(const unsigned char *bytes, size_t size)
{
    for (size_t i = 0; i < size; i++)
        if (bytes[i] != 0)
            return false;
    return true;
}

static void test_memory_is_zeroed_aligned_and_apart(void **state)
{
    enum { PIECES = 300 };
    static unsigned char *pieces[PIECES];
    struct arena *arena = *state;
    for (int round = 0; round < 2; round++) {
        for (size_t i = 0; i < PIECES; i++) {
            size_t size = i * 7 % 500 + (i % 50 == 0 ? 20000 : 0);
            pieces[i] = arena_alloc(arena, size);
            assert_int_equal((uintptr_t)pieces[i] % _Alignof(max_align_t), 0);
            assert_true(is_zero(pieces[i], size));
            memset(pieces[i], (int)(i % 255) + 1, size);
        }
        for (size_t i = 0; i < PIECES; i++)
            for (size_t at = 0, size = i * 7 % 500 + (i % 50 == 0 ? 20000 : 0); at < size; at++)
                assert_int_equal(pieces[i][at], i % 255 + 1);
        arena_reset(arena);
    }
}

static void test_big_first_piece(void **state)
{
    unsigned char *big = arena_alloc(*state, 1 << 20);
    assert_true(is_zero(big, 1 << 20));
    unsigned char *small = arena_alloc(*state, 1);
    *small = 1;
    assert_true(is_zero(big, 1 << 20));
}

static void test_first_block_stays(void **state)
{
    void *before = arena_alloc(*state, 16);
    arena_alloc(*state, 100000);
    arena_reset(*state);
    assert_ptr_equal(arena_alloc(*state, 16), before);
}

static void test_copies_end_with_nul(void **state)
{
    struct str copy = arena_copy(*state, STR("a\0b"));
    assert_int_equal(copy.len, 3);
    assert_memory_equal(copy.ptr, "a\0b", 4);
    struct str none = arena_copy(*state, (struct str){NULL, 0});
    assert_int_equal(none.len, 0);
    assert_string_equal(none.ptr, "");
}

static void test_printf(void **state)
{
    struct str text = arena_printf(*state, "%s-%d", "room", 7);
    assert_int_equal(text.len, 6);
    assert_string_equal(text.ptr, "room-7");
    text = arena_printf(*state, "%20000d", 1);
    assert_int_equal(text.len, 20000);
    assert_int_equal(text.ptr[19999], '1');
    assert_int_equal(text.ptr[20000], '\0');
}

static char order[8];

static void note(void *object)
{
    size_t len = strlen(order);
    order[len] = *(const char *)object;
    order[len + 1] = '\0';
}

static void test_destructors_run_newest_first_and_once(void **state)
{
    struct arena *arena = *state;
    order[0] = '\0';
    arena_defer(arena, note, "a");
    arena_defer(arena, note, "b");
    arena_alloc(arena, 50000);
    arena_defer(arena, note, "c");
    arena_reset(arena);
    assert_string_equal(order, "cba");
    arena_reset(arena);
    assert_string_equal(order, "cba");
    arena_defer(arena, note, "d");
    arena_destroy((struct arena **)state);
    assert_string_equal(order, "cbad");
}

/* A destructor may read what the arena holds: memory goes after the last of them. */
static void note_text(void *object)
{
    note((void *)((struct str *)object)->ptr);
}

static void test_memory_outlives_destructors(void **state)
{
    struct arena *arena = *state;
    order[0] = '\0';
    struct str *text = arena_alloc(arena, sizeof *text);
    *text = arena_copy(arena, STR("x"));
    arena_alloc(arena, 50000);
    arena_defer(arena, note_text, text);
    arena_reset(arena);
    assert_string_equal(order, "x");
}

static void test_destroy_of_none(void **state)
{
    (void)state;
    struct arena *none = NULL;
    arena_destroy(&none);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, new_arena, destroy_arena)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_memory_is_zeroed_aligned_and_apart),
        TEST(test_big_first_piece),
        TEST(test_first_block_stays),
        TEST(test_copies_end_with_nul),
        TEST(test_printf),
        TEST(test_destructors_run_newest_first_and_once),
        TEST(test_memory_outlives_destructors),
        TEST(test_destroy_of_none),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
