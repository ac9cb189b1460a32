/* Forms and escapes: decoding, doubles, and what is not well-formed. */
#include "gateway/form.h"

#include <string.h>

#include "common/json.h"
#include "tests/support/cmocka.h"

static struct arena *arena;

static int make(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int unmake(void **state)
{
    (void)state;
    arena_destroy(&arena);
    return 0;
}

/* The form as JSON, or the error's code. */
static const char *parse(struct str form)
{
    struct buffer packed = {0}, json = {0};
    struct str why;
    enum error error = form_to_pack(form, arena, &packed, &why);
    if (error == OK)
        assert_true(json_from_pack(buffer_str(&packed), &json));
    struct str text = arena_copy(arena, error == OK ? buffer_str(&json) : str_from(error_code(error)));
    buffer_free(&packed);
    buffer_free(&json);
    return text.ptr;
}

static void test_forms(void **state)
{
    (void)state;
    assert_string_equal(parse(STR("")), "{}");
    assert_string_equal(parse(STR("a=1&b=two")), "{\"a\":\"1\",\"b\":\"two\"}");
    assert_string_equal(parse(STR("a=x+y%20z%2B&%62=%C3%A9")), "{\"a\":\"x y z+\",\"b\":\"é\"}");
    assert_string_equal(parse(STR("&&a&=b&c==&&")), "{\"a\":\"\",\"\":\"b\",\"c\":\"=\"}");
    assert_string_equal(parse(STR("a=1&b=2&a=3")), "{\"a\":\"3\",\"b\":\"2\"}");
    assert_string_equal(parse(STR("a=%zz%4&b=%")), "{\"a\":\"%zz%4\",\"b\":\"%\"}");
    assert_string_equal(parse(STR("a=%00")), "{\"a\":\"\\u0000\"}");
}

static void test_what_is_no_utf8(void **state)
{
    (void)state;
    assert_string_equal(parse(STR("a=%ff")), "malformed");
    assert_string_equal(parse(STR("%c3=1")), "malformed");
    assert_string_equal(parse(STR("a=\xff")), "malformed");
    assert_string_equal(parse(STR("a=%ed%a0%80")), "malformed");
}

static void test_too_many_fields(void **state)
{
    (void)state;
    struct buffer form = {0};
    for (int i = 0; i < FORM_MAX_FIELDS; i++)
        buffer_printf(&form, "f%d=&", i);
    assert_int_equal(parse(buffer_str(&form))[0], '{');
    buffer_append_str(&form, STR("f1=again"));
    assert_int_equal(parse(buffer_str(&form))[0], '{');
    buffer_append_str(&form, STR("&one=more"));
    assert_string_equal(parse(buffer_str(&form)), "body_too_large");
    buffer_free(&form);
}

static void test_finding(void **state)
{
    (void)state;
    struct str value = {"untouched", 9};
    assert_true(form_find(STR("limit=1&%6cimit=2+3&x"), STR("limit"), arena, &value));
    assert_true(str_equal(value, STR("2 3")));
    assert_false(form_find(STR("limits=1&Limit=2"), STR("limit"), arena, &value));
    assert_true(str_equal(value, STR("2 3")));
    assert_true(form_find(STR("limit"), STR("limit"), arena, &value));
    assert_int_equal(value.len, 0);
    assert_false(form_find(STR(""), STR("limit"), arena, &value));
}

static void test_segments(void **state)
{
    (void)state;
    struct str out = {0};
    assert_true(form_decode_segment(STR("a+b"), arena, &out));
    assert_true(str_equal(out, STR("a+b")));
    assert_true(form_decode_segment(STR("%31%32"), arena, &out));
    assert_true(str_equal(out, STR("12")));
    assert_false(form_decode_segment(STR("%zz"), arena, &out));
    assert_false(form_decode_segment(STR("%3"), arena, &out));
    assert_false(form_decode_segment(STR("%ff"), arena, &out));
    assert_false(form_decode_segment(STR("\xff"), arena, &out));
    assert_true(str_equal(out, STR("12")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_forms),   cmocka_unit_test(test_what_is_no_utf8), cmocka_unit_test(test_too_many_fields),
        cmocka_unit_test(test_finding), cmocka_unit_test(test_segments),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
