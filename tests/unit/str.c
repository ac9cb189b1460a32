/* Strings: comparing, UTF-8, numbers, mail addresses, at their edges. */
#include "common/str.h"

#include <string.h>

#include "tests/support/cmocka.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static void test_from(void **state)
{
    (void)state;
    assert_int_equal(str_from("abc").len, 3);
    assert_int_equal(str_from("").len, 0);
    assert_int_equal(str_from(NULL).len, 0);
}

static void test_comparing(void **state)
{
    (void)state;
    struct str none = {NULL, 0};
    assert_true(str_equal(STR("room"), STR("room")));
    assert_false(str_equal(STR("room"), STR("Room")));
    assert_false(str_equal(STR("room"), STR("rooms")));
    assert_false(str_equal(STR("a\0b"), STR("a\0c")));
    assert_true(str_equal(none, STR("")));
    assert_true(str_equal_nocase(STR("RoOm-1_"), STR("rOoM-1_")));
    assert_false(str_equal_nocase(STR("@"), STR("`")));
    assert_false(str_equal_nocase(STR("["), STR("{")));
    assert_false(str_equal_nocase(STR("\xC3\x89"), STR("\xC3\xA9"))); /* É, é: only ASCII folds */
    assert_true(str_starts_with(STR("/api/rooms"), STR("/api")));
    assert_true(str_starts_with(none, STR("")));
    assert_false(str_starts_with(STR("/ap"), STR("/api")));
}

static void test_utf8(void **state)
{
    (void)state;
    static const struct str good[] = {
        STR(""),
        STR("a plain text that is longer than eight bytes"),
        STR("\0"),
        STR("\x7F"),
        STR("\xC2\x80"),         /* U+0080 */
        STR("\xDF\xBF"),         /* U+07FF */
        STR("\xE0\xA0\x80"),     /* U+0800 */
        STR("\xED\x9F\xBF"),     /* U+D7FF */
        STR("\xEE\x80\x80"),     /* U+E000 */
        STR("\xEF\xBF\xBF"),     /* U+FFFF */
        STR("\xF0\x90\x80\x80"), /* U+10000 */
        STR("\xF4\x8F\xBF\xBF"), /* U+10FFFF */
        STR("12345678\xC3\xA9"),
    };
    static const struct str bad[] = {
        STR("\x80"),             /* a continuation alone */
        STR("\xC0\x80"),         /* overlong NUL */
        STR("\xC1\xBF"),         /* overlong U+007F */
        STR("\xC3"),             /* cut */
        STR("\xC3("),            /* no continuation */
        STR("\xE0\x9F\xBF"),     /* overlong U+07FF */
        STR("\xE2\x82"),         /* cut */
        STR("\xE2\x82("),        /* no continuation */
        STR("\xED\xA0\x80"),     /* the surrogate U+D800 */
        STR("\xED\xBF\xBF"),     /* the surrogate U+DFFF */
        STR("\xF0\x8F\xBF\xBF"), /* overlong U+FFFF */
        STR("\xF0\x9F\x98"),     /* cut */
        STR("\xF4\x90\x80\x80"), /* U+110000 */
        STR("\xF5\x80\x80\x80"),
        STR("\xFF"),
        STR("12345678\xC3"),
        STR("1234567\xFF"),
    };
    for (size_t i = 0; i < COUNT(good); i++)
        if (!str_is_utf8(good[i]))
            fail_msg("good[%zu] was refused", i);
    for (size_t i = 0; i < COUNT(bad); i++)
        if (str_is_utf8(bad[i]))
            fail_msg("bad[%zu] was accepted", i);
    assert_true(str_is_utf8((struct str){NULL, 0}));
}

static void test_utf8_step(void **state)
{
    (void)state;
    assert_int_equal(str_utf8_step(STR("")), 0);
    assert_int_equal(str_utf8_step(STR("ab")), 1);
    assert_int_equal(str_utf8_step(STR("\xC3\xA9!")), 2);
    assert_int_equal(str_utf8_step(STR("\xE2\x82\xAC\xFF")), 3);
    assert_int_equal(str_utf8_step(STR("\xF0\x9F\x98\x80")), 4);
    assert_int_equal(str_utf8_step(STR("\xA9")), 0);
}

static void test_utf16_len(void **state)
{
    (void)state;
    assert_int_equal(str_utf16_len(STR("")), 0);
    assert_int_equal(str_utf16_len(STR("abc")), 3);
    assert_int_equal(str_utf16_len(STR("h\xC3\xA9")), 2);
    assert_int_equal(str_utf16_len(STR("\xE2\x82\xAC")), 1);     /* € */
    assert_int_equal(str_utf16_len(STR("\xF0\x9F\x98\x80")), 2); /* 😀 */
    assert_int_equal(str_utf16_len(STR("a\xF0\x9F\x98\x80z")), 4);
    assert_int_equal(str_utf16_len(STR("\xF0\x9F\x91\xA9\xE2\x80\x8D\xF0\x9F\x94\xAC")), 5); /* 👩‍🔬 */
}

static void test_to_int64(void **state)
{
    (void)state;
    static const struct {
        struct str text;
        int64_t value;
    } good[] = {
        {STR("0"), 0},
        {STR("-0"), 0},
        {STR("+5"), 5},
        {STR("-1"), -1},
        {STR("0099"), 99},
        {STR("9223372036854775807"), INT64_MAX},
        {STR("-9223372036854775808"), INT64_MIN},
        {STR("0000000000000000000000000000007"), 7},
    };
    for (size_t i = 0; i < COUNT(good); i++) {
        int64_t value = 12345;
        assert_true(str_to_int64(good[i].text, &value));
        assert_true(value == good[i].value);
    }
}

static void test_to_int64_refuses(void **state)
{
    (void)state;
    static const struct str bad[] = {STR(""),
                                     STR("+"),
                                     STR("-"),
                                     STR("+-1"),
                                     STR("5x"),
                                     STR("x5"),
                                     STR(" 5"),
                                     STR("5 "),
                                     STR("1.0"),
                                     STR("1e3"),
                                     STR("0x10"),
                                     STR("5\0"),
                                     STR("9223372036854775808"),
                                     STR("-9223372036854775809"),
                                     STR("99999999999999999999")};
    for (size_t i = 0; i < COUNT(bad); i++) {
        int64_t value = 12345;
        if (str_to_int64(bad[i], &value))
            fail_msg("%.*s was read", STR_ARGS(bad[i]));
        assert_true(value == 12345);
    }
    assert_false(str_to_int64((struct str){NULL, 0}, &(int64_t){0}));
}

static void test_is_integer(void **state)
{
    (void)state;
    assert_true(str_is_integer(STR("99999999999999999999")));
    assert_true(str_is_integer(STR("+0")));
    assert_true(str_is_integer(STR("-7")));
    assert_false(str_is_integer(STR("")));
    assert_false(str_is_integer(STR("-")));
    assert_false(str_is_integer(STR("5x")));
    assert_false(str_is_integer(STR("\xD9\xA5"))); /* ٥ */
}

#define A10 "aaaaaaaaaa"
#define A60 A10 A10 A10 A10 A10 A10

static void test_email_accepts(void **state)
{
    (void)state;
    static const struct str good[] = {
        STR("a@b.co"),
        STR("foo@bar.com"),
        STR("x@x.au"),
        STR("foo@bar.com.au"),
        STR("foo+bar@bar.com"),
        STR("first.last@sub.domain.example"),
        STR("o'reilly_#$%&*/=?^`{|}~!-@example.org"),
        STR("UPPER@EXAMPLE.COM"),
        STR("123@456.com"),
        STR("a@1-2.example"),
        STR("h\xC3\xA4ns@example.com"),
        STR("test@m\xC3\xBCnchen.de"),
        STR("test@xn--mnchen-3ya.xn--p1ai"),
        STR(A60 "aaaa@example.com"),                       /* 64 before the @ */
        STR("a@" A60 "aaa.com"),                           /* a label of 63 */
        STR("a@" A60 "." A60 "." A60 "." A60 ".aaaaaaaa"), /* 254 in all */
    };
    for (size_t i = 0; i < COUNT(good); i++)
        if (!str_is_email(good[i]))
            fail_msg("%.*s was refused", STR_ARGS(good[i]));
    assert_int_equal(good[COUNT(good) - 1].len, 254);
}

static void test_email_refuses(void **state)
{
    (void)state;
    static const struct str bad[] = {
        STR(""),
        STR("@"),
        STR("plain"),
        STR("@example.com"),
        STR("user@"),
        STR("user@host"),
        STR("user@.com"),
        STR("user@example."),
        STR("user@example..com"),
        STR("user@-example.com"),
        STR("user@example-.com"),
        STR("user@exam_ple.com"),
        STR("user@example.c"),
        STR("user@example.123"),
        STR("user@example.c0m"),
        STR("user@127.0.0.1"),
        STR("user@[127.0.0.1]"),
        STR("a@b@example.com"),
        STR(".user@example.com"),
        STR("user.@example.com"),
        STR("us..er@example.com"),
        STR("us er@example.com"),
        STR("user@exa mple.com"),
        STR(" user@example.com"),
        STR("user@example.com "),
        STR("user@example.com\n"),
        STR("us\0er@example.com"),
        STR("user@example.com\0"),
        STR("us(er)@example.com"),
        STR("\"user\"@example.com"),
        STR("Name <user@example.com>"),
        STR("user\xC2\xA0@example.com"),       /* no-break space */
        STR("us\xF0\x9F\x98\x80@example.com"), /* 😀 */
        STR("user@ex\xE2\x80\x83"
            "ample.com"),                                   /* em space */
        STR("us\xFF@example.com"),                          /* not UTF-8 */
        STR(A60 "aaaaa@example.com"),                       /* 65 before the @ */
        STR("a@" A60 "aaaa.com"),                           /* a label of 64 */
        STR("a@" A60 "." A60 "." A60 "." A60 ".aaaaaaaaa"), /* 255 in all */
    };
    for (size_t i = 0; i < COUNT(bad); i++)
        if (str_is_email(bad[i]))
            fail_msg("bad[%zu], %.*s, was accepted", i, STR_ARGS(bad[i]));
    assert_false(str_is_email((struct str){NULL, 0}));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_from),
        cmocka_unit_test(test_comparing),
        cmocka_unit_test(test_utf8),
        cmocka_unit_test(test_utf8_step),
        cmocka_unit_test(test_utf16_len),
        cmocka_unit_test(test_to_int64),
        cmocka_unit_test(test_to_int64_refuses),
        cmocka_unit_test(test_is_integer),
        cmocka_unit_test(test_email_accepts),
        cmocka_unit_test(test_email_refuses),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
