/* Buffers: growth, clearing, and the empty ones. */
#include "common/buffer.h"

#include <string.h>

#include "tests/support/cmocka.h"

static void test_empty(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    assert_int_equal(buffer_str(&buffer).len, 0);
    assert_non_null(buffer_str(&buffer).ptr);
    buffer_append(&buffer, NULL, 0);
    buffer_append_str(&buffer, (struct str){NULL, 0});
    buffer_clear(&buffer);
    assert_non_null(buffer_reserve(&buffer, 0));
    buffer_free(&buffer);
    buffer_free(&buffer);
}

static void test_appending(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_append(&buffer, "ab\0", 3);
    buffer_append_str(&buffer, STR("cd"));
    buffer_append_char(&buffer, 'e');
    buffer_printf(&buffer, "%d/%s", 42, "x");
    memcpy(buffer_reserve(&buffer, 2), "yz", 2);
    buffer.len += 2;
    assert_true(str_equal(buffer_str(&buffer), STR("ab\0cde42/xyz")));
    buffer_free(&buffer);
}

static void test_growth_keeps_content(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    for (unsigned i = 0; i < 100000; i++)
        buffer_append_char(&buffer, (char)(i % 251));
    buffer_printf(&buffer, "%5000d", 7);
    assert_int_equal(buffer.len, 105000);
    for (unsigned i = 0; i < 100000; i++)
        assert_int_equal((unsigned char)buffer.data[i], i % 251);
    assert_int_equal(buffer.data[104999], '7');
    buffer_free(&buffer);
}

static void test_clear_keeps_memory_up_to_a_point(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    buffer_append_str(&buffer, STR("abc"));
    char *data = buffer.data;
    buffer_clear(&buffer);
    assert_int_equal(buffer.len, 0);
    assert_ptr_equal(buffer.data, data);
    buffer_reserve(&buffer, (1 << 20) + 1);
    buffer_clear(&buffer);
    assert_null(buffer.data);
    assert_int_equal(buffer.capacity, 0);
    buffer_append_char(&buffer, 'x');
    assert_true(str_equal(buffer_str(&buffer), STR("x")));
    buffer_free(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_empty),
        cmocka_unit_test(test_appending),
        cmocka_unit_test(test_growth_keeps_content),
        cmocka_unit_test(test_clear_keeps_memory_up_to_a_point),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
