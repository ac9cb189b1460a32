/* JSON: what clients send becomes MessagePack by JavaScript's rules, and what we send is as JSON.stringify writes it.
 */
#include "common/json.h"

#include <float.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/pack.h"
#include "tests/support/cmocka.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

/* ---- in ---- */

/* text, read and written again. */
static void check_reads(const char *text, const char *expected)
{
    struct arena *arena = arena_new();
    struct buffer pack = {0}, json = {0};
    struct str why = {0};
    if (json_to_pack(str_from(text), arena, &pack, &why) != OK)
        fail_msg("%s was refused: %.*s", text, STR_ARGS(why));
    assert_true(json_from_pack(buffer_str(&pack), &json));
    buffer_append_char(&json, '\0');
    assert_string_equal(json.data, expected);
    buffer_free(&pack);
    buffer_free(&json);
    arena_destroy(&arena);
}

static void test_reads_objects(void **state)
{
    (void)state;
    check_reads("{}", "{}");
    check_reads(" \r\n\t{ \"a\" : \"b\" } \n", "{\"a\":\"b\"}");
    check_reads("{\"z\":1,\"a\":true,\"m\":false,\"n\":null}", "{\"z\":1,\"a\":true,\"m\":false,\"n\":null}");
    check_reads("{\"\":\"empty key\"}", "{\"\":\"empty key\"}");
    check_reads("{\"t\":\"\\u00e9\\ud83d\\ude00\\/\"}", "{\"t\":\"\xC3\xA9\xF0\x9F\x98\x80/\"}");
    check_reads("{\"t\":\"a\\u0000b\"}", "{\"t\":\"a\\u0000b\"}");
}

static void test_reads_the_last_of_doubles(void **state)
{
    (void)state;
    check_reads("{\"a\":1,\"b\":2,\"a\":\"x\"}", "{\"a\":\"x\",\"b\":2}");
    check_reads("{\"a\":1,\"a\":null}", "{\"a\":null}");
}

static void test_reads_numbers_as_javascript_does(void **state)
{
    (void)state;
    check_reads("{\"n\":5.0}", "{\"n\":5}");
    check_reads("{\"n\":5e2}", "{\"n\":500}");
    check_reads("{\"n\":-0}", "{\"n\":0}");
    check_reads("{\"n\":1.5}", "{\"n\":1.5}");
    check_reads("{\"n\":-12}", "{\"n\":-12}");
    check_reads("{\"n\":99999999999999999999}", "{\"n\":100000000000000000000}");
    check_reads("{\"n\":1e300}", "{\"n\":1e+300}");
    check_reads("{\"n\":9007199254740991}", "{\"n\":9007199254740991}");
}

static void test_reads_nested_values_as_empty_ones(void **state)
{
    (void)state;
    check_reads("{\"a\":{\"b\":{\"c\":1}},\"d\":[1,[2]],\"e\":3}", "{\"a\":{},\"d\":[],\"e\":3}");
}

static void test_reads_an_array_as_no_keys(void **state)
{
    (void)state;
    check_reads("[]", "{}");
    check_reads("[{\"a\":1},2]", "{}");
}

static void check_refuses(struct str text)
{
    struct arena *arena = arena_new();
    struct buffer pack = {0};
    struct str why = {0};
    char *copy = malloc(text.len + 1);
    if (text.len > 0)
        memcpy(copy, text.ptr, text.len);
    if (json_to_pack((struct str){copy, text.len}, arena, &pack, &why) != ERROR_MALFORMED)
        fail_msg("%.*s was read", STR_ARGS(text));
    assert_true(why.len > 0);
    free(copy);
    buffer_free(&pack);
    arena_destroy(&arena);
}

static void test_refuses(void **state)
{
    (void)state;
    static const struct str bad[] = {
        STR(""),
        STR(" "),
        STR("{"),
        STR("}"),
        STR("[1,2"),
        STR("{\"a\"}"),
        STR("{\"a\":}"),
        STR("{\"a\":1,}"),
        STR("{a:1}"),
        STR("{'a':1}"),
        STR("{\"a\":1} x"),
        STR("{\"a\":1}{}"),
        STR("{\"a\":01}"),
        STR("{\"a\":+1}"),
        STR("{\"a\":NaN}"),
        STR("{\"a\":tru}"),
        STR("{\"a\":\"\n\"}"),
        STR("{\"a\":\"\\x\"}"),
        STR("{\"a\":\"\\ud83d\"}"),
        STR("{\"a\":\"\xFF\"}"),
        STR("{\"a\":\"\xC0\x80\"}"),
        STR("{\"a\":\"\xED\xA0\x80\"}"),
        STR("{\"\xFF\":1}"),
        STR("{\"a\0\":1}"),
        STR("{\"a\\u0000b\":1}"),
        STR("{}\0"),
        STR("5"),
        STR("\"text\""),
        STR("true"),
        STR("null"),
        STR("\xEF\xBB\xBF{}"),
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        check_refuses(bad[i]);
    check_refuses((struct str){NULL, 0});
}

static void test_refuses_a_depth_bomb(void **state)
{
    (void)state;
    enum { DEPTH = 50000 };
    static char bomb[2 * DEPTH];
    memset(bomb, '[', DEPTH);
    memset(bomb + DEPTH, ']', DEPTH);
    check_refuses((struct str){bomb, sizeof bomb});
}

/* ---- out ---- */

static void check_string(struct str in, const char *expected)
{
    struct buffer out = {0};
    json_append_string(&out, in);
    buffer_append_char(&out, '\0');
    assert_string_equal(out.data, expected);
    buffer_free(&out);
}

static void test_strings(void **state)
{
    (void)state;
    check_string(STR(""), "\"\"");
    check_string((struct str){NULL, 0}, "\"\"");
    check_string(STR("plain text, longer than a word"), "\"plain text, longer than a word\"");
    check_string(STR("\"\\\b\f\n\r\t"), "\"\\\"\\\\\\b\\f\\n\\r\\t\"");
    check_string(STR("\0\x01\x0B\x1F\x7F"), "\"\\u0000\\u0001\\u000b\\u001f\x7F\"");
    check_string(STR("a/b<c>&'"), "\"a/b<c>&'\"");
    check_string(STR("\xC3\xA9\xF0\x9F\x98\x80\xE2\x80\xA8"), "\"\xC3\xA9\xF0\x9F\x98\x80\xE2\x80\xA8\"");
    check_string(STR("end\n"), "\"end\\n\"");
}

static void test_strings_that_are_not_utf8(void **state)
{
    (void)state;
    check_string(STR("\xFF"), "\"\xEF\xBF\xBD\"");
    check_string(STR("a\xC3(\n"), "\"a\xEF\xBF\xBD(\\n\"");
    check_string(STR("\xC3\xA9\xE2\x82"), "\"\xC3\xA9\xEF\xBF\xBD\xEF\xBF\xBD\"");
    check_string(STR("\xED\xA0\x80z"), "\"\xEF\xBF\xBD\xEF\xBF\xBD\xEF\xBF\xBDz\"");
}

static void test_every_control_character(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 0x20; c++) {
        char text = (char)c, expected[16];
        snprintf(expected, sizeof expected, "\"\\u%04x\"", c);
        const char *short_form = c == '\b'   ? "\"\\b\""
                                 : c == '\f' ? "\"\\f\""
                                 : c == '\n' ? "\"\\n\""
                                 : c == '\r' ? "\"\\r\""
                                 : c == '\t' ? "\"\\t\""
                                             : expected;
        check_string((struct str){&text, 1}, short_form);
    }
}

/* What is plain is copied eight bytes at a time: each character must be noticed wherever in the eight it stands. */
static void test_every_character_at_every_place(void **state)
{
    (void)state;
    for (unsigned c = 0; c < 0x80; c++) {
        char text = (char)c;
        struct buffer alone = {0};
        json_append_string(&alone, (struct str){&text, 1});
        struct str escaped = {alone.data + 1, alone.len - 2};
        for (size_t place = 0; place < 17; place++) {
            char in[17];
            struct buffer expected = {0};
            memset(in, '!', sizeof in);
            in[place] = text;
            buffer_append_str(&expected, STR("\"!!!!!!!!!!!!!!!!"));
            expected.len = 1 + place;
            buffer_append_str(&expected, escaped);
            buffer_append(&expected, "!!!!!!!!!!!!!!!!\"", 17);
            expected.len -= place + 1;
            buffer_append(&expected, "\"", 2);
            check_string((struct str){in, sizeof in}, expected.data);
            buffer_free(&expected);
        }
        buffer_free(&alone);
    }
}

static void check_value(struct str bytes, const char *expected)
{
    struct buffer out = {0};
    assert_true(json_from_pack(bytes, &out));
    buffer_append_char(&out, '\0');
    assert_string_equal(out.data, expected);
    buffer_free(&out);
}

static void check_real(double number, const char *expected)
{
    struct buffer pack = {0};
    pack_real(&pack, number);
    check_value(buffer_str(&pack), expected);
    buffer_free(&pack);
}

/* Expected texts are those of node: String(n). */
static void test_reals(void **state)
{
    (void)state;
    check_real(0, "0");
    check_real(-0.0, "0");
    check_real(0.1, "0.1");
    check_real(-1.5, "-1.5");
    check_real(5, "5");
    check_real(1.0 / 3, "0.3333333333333333");
    check_real(123456.789, "123456.789");
    check_real(100, "100");
    check_real(1e20, "100000000000000000000");
    check_real(123456789012345680000.0, "123456789012345680000");
    check_real(1e21, "1e+21");
    check_real(1.25e25, "1.25e+25");
    check_real(0.000001, "0.000001");
    check_real(0.00000123, "0.00000123");
    check_real(0.0000001, "1e-7");
    check_real(1.5e-10, "1.5e-10");
    check_real(DBL_MAX, "1.7976931348623157e+308");
    check_real(5e-324, "5e-324");
    check_real(0x1p63, "9223372036854776000");
    check_real((double)NAN, "null");
    check_real((double)INFINITY, "null");
    check_real((double)-INFINITY, "null");
}

static void test_values(void **state)
{
    (void)state;
    check_value(STR("\xC0"), "null");
    check_value(STR("\xC2"), "false");
    check_value(STR("\x00"), "0");
    check_value(STR("\xFF"), "-1");
    check_value(STR("\xCF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), "9223372036854775807");
    check_value(STR("\xD3\x80\x00\x00\x00\x00\x00\x00\x00"), "-9223372036854775808");
    check_value(STR("\x90"), "[]");
    check_value(STR("\x80"), "{}");
    check_value(STR("\x93\x01\xA1\"\x91\xC3"), "[1,\"\\\"\",[true]]");
    check_value(STR("\x82\xA1"
                    "a\x01\xA1\n\x81\xA0\xC0"),
                "{\"a\":1,\"\\n\":{\"\":null}}");
}

static void test_refuses_pack(void **state)
{
    (void)state;
    static const struct str bad[] = {
        STR(""),
        STR("\xC1"),
        STR("\x01\x01"), /* two values */
        STR("\x92\x01"), /* cut */
        STR("\xDD\xFF\xFF\xFF\xFF"),
        STR("\x81\x01\x01"),  /* a key that is no string */
        STR("\xC4\x01x"),     /* binary */
        STR("\x91\xD4\x01x"), /* extension */
        STR("\x81\xA1k"),
    };
    struct buffer out = {0};
    for (size_t i = 0; i < COUNT(bad); i++)
        if (json_from_pack(bad[i], &out))
            fail_msg("bad[%zu] was written", i);
    buffer_free(&out);
}

static void test_depth(void **state)
{
    (void)state;
    char nested[20000];
    struct buffer out = {0};
    memset(nested, '\x91', sizeof nested);
    nested[15] = '\x90';
    assert_true(json_from_pack((struct str){nested, 16}, &out));
    assert_true(str_equal(buffer_str(&out), STR("[[[[[[[[[[[[[[[[]]]]]]]]]]]]]]]]")));
    nested[15] = '\x91';
    nested[16] = '\x80';
    assert_false(json_from_pack((struct str){nested, 17}, &out));
    nested[16] = '\x91';
    assert_false(json_from_pack((struct str){nested, sizeof nested}, &out));
    buffer_free(&out);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_reads_objects),
        cmocka_unit_test(test_reads_the_last_of_doubles),
        cmocka_unit_test(test_reads_numbers_as_javascript_does),
        cmocka_unit_test(test_reads_nested_values_as_empty_ones),
        cmocka_unit_test(test_reads_an_array_as_no_keys),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_refuses_a_depth_bomb),
        cmocka_unit_test(test_strings),
        cmocka_unit_test(test_strings_that_are_not_utf8),
        cmocka_unit_test(test_every_control_character),
        cmocka_unit_test(test_every_character_at_every_place),
        cmocka_unit_test(test_reals),
        cmocka_unit_test(test_values),
        cmocka_unit_test(test_refuses_pack),
        cmocka_unit_test(test_depth),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
