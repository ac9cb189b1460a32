/* MessagePack: every form is read, every value survives the way there and back, no bytes make the reader overrun. */
#include "common/pack.h"

#include <math.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/cmocka.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct pack_value read_one(struct str bytes)
{
    struct pack_reader reader = pack_reader(bytes);
    struct pack_value value;
    assert_true(pack_read(&reader, &value));
    if (value.type != PACK_ARRAY && value.type != PACK_MAP)
        assert_true(pack_at_end(&reader));
    return value;
}

/* ---- reading ---- */

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        struct str bytes;
        int64_t value;
    } rows[] = {
        {STR("\x00"), 0},
        {STR("\x7F"), 127},
        {STR("\xFF"), -1},
        {STR("\xE0"), -32},
        {STR("\xCC\xFF"), 255},
        {STR("\xCD\xFF\xFE"), 65534},
        {STR("\xCE\xFF\xFF\xFF\xFF"), UINT32_MAX},
        {STR("\xCF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), INT64_MAX},
        {STR("\xD0\x80"), INT8_MIN},
        {STR("\xD0\x05"), 5},
        {STR("\xD1\x80\x00"), INT16_MIN},
        {STR("\xD2\x80\x00\x00\x00"), INT32_MIN},
        {STR("\xD3\x80\x00\x00\x00\x00\x00\x00\x00"), INT64_MIN},
        {STR("\xD3\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFE"), -2},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pack_value value = read_one(rows[i].bytes);
        assert_int_equal(value.type, PACK_INTEGER);
        assert_true(value.integer == rows[i].value);
    }
}

static void test_reals(void **state)
{
    (void)state;
    static const struct {
        struct str bytes;
        double value;
    } rows[] = {
        {STR("\xCA\x3F\xC0\x00\x00"), 1.5},
        {STR("\xCB\xC0\x04\x00\x00\x00\x00\x00\x00"), -2.5},
        {STR("\xCF\x80\x00\x00\x00\x00\x00\x00\x00"), 0x1p63}, /* beyond int64_t */
        {STR("\xCF\xFF\xFF\xFF\xFF\xFF\xFF\xFF\xFF"), 0x1p64},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pack_value value = read_one(rows[i].bytes);
        assert_int_equal(value.type, PACK_REAL);
        assert_true(value.real == rows[i].value);
    }
}

static void test_texts(void **state)
{
    (void)state;
    static const struct {
        struct str bytes;
        enum pack_type type;
        struct str text;
    } rows[] = {
        {STR("\xA0"), PACK_STRING, STR("")},
        {STR("\xA3"
             "abc"),
         PACK_STRING, STR("abc")},
        {STR("\xD9\x03"
             "abc"),
         PACK_STRING, STR("abc")},
        {STR("\xDA\x00\x03"
             "abc"),
         PACK_STRING, STR("abc")},
        {STR("\xDB\x00\x00\x00\x03"
             "abc"),
         PACK_STRING, STR("abc")},
        {STR("\xC4\x02\x00\xFF"), PACK_BINARY, STR("\x00\xFF")},
        {STR("\xC5\x00\x01x"), PACK_BINARY, STR("x")},
        {STR("\xC6\x00\x00\x00\x01x"), PACK_BINARY, STR("x")},
        {STR("\xC7\x02\x05xy"), PACK_EXTENSION, STR("xy")},
        {STR("\xC8\x00\x01\x05x"), PACK_EXTENSION, STR("x")},
        {STR("\xC9\x00\x00\x00\x00\x05"), PACK_EXTENSION, STR("")},
        {STR("\xD4\x01x"), PACK_EXTENSION, STR("x")},
        {STR("\xD5\x01xy"), PACK_EXTENSION, STR("xy")},
        {STR("\xD6\x01wxyz"), PACK_EXTENSION, STR("wxyz")},
        {STR("\xD7\x01stuvwxyz"), PACK_EXTENSION, STR("stuvwxyz")},
        {STR("\xD8\x01stuvwxyzstuvwxyz"), PACK_EXTENSION, STR("stuvwxyzstuvwxyz")},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct pack_value value = read_one(rows[i].bytes);
        assert_int_equal(value.type, rows[i].type);
        assert_true(str_equal(value.text, rows[i].text));
    }
}

static void test_nil_booleans_and_heads(void **state)
{
    (void)state;
    assert_int_equal(read_one(STR("\xC0")).type, PACK_NIL);
    assert_int_equal(read_one(STR("\xC2")).type, PACK_BOOLEAN);
    assert_false(read_one(STR("\xC2")).boolean);
    assert_true(read_one(STR("\xC3")).boolean);
    assert_int_equal(read_one(STR("\x92\x01\x02")).count, 2);
    assert_int_equal(read_one(STR("\xDC\x00\x02\x01\x02")).count, 2);
    assert_int_equal(read_one(STR("\xDD\x00\x00\x00\x02\x01\x02")).type, PACK_ARRAY);
    assert_int_equal(read_one(STR("\x81\x01\x02")).count, 1);
    assert_int_equal(read_one(STR("\xDE\x00\x01\x01\x02")).count, 1);
    assert_int_equal(read_one(STR("\xDF\x00\x00\x00\x01\x01\x02")).type, PACK_MAP);
}

/* Counts and lengths that the bytes cannot hold, and values that are cut: refused, and the reader stays. */
static void test_refuses(void **state)
{
    (void)state;
    static const struct str bad[] = {
        STR(""),
        STR("\xC1"),
        STR("\x91"),
        STR("\x93\x01\x02"),
        STR("\x81\x01"),
        STR("\x82\x01\x02\x03"),
        STR("\xDC\x00"),
        STR("\xDC\xFF\xFF\x01"),
        STR("\xDD\xFF\xFF\xFF\xFF"),
        STR("\xDE\x00\x01\xA0"),
        STR("\xDF\xFF\xFF\xFF\xFF\x01\x02"),
        STR("\xDF\x80\x00\x00\x00"), /* twice this wraps in 32 bits */
        STR("\xA1"),
        STR("\xD9"),
        STR("\xD9\x02x"),
        STR("\xDB\xFF\xFF\xFF\xFFx"),
        STR("\xC6\xFF\xFF\xFF\xFFx"),
        STR("\xC7\x00"),
        STR("\xC9\xFF\xFF\xFF\xFF\x01x"),
        STR("\xD4"),
        STR("\xD4\x01"),
        STR("\xD8\x01stuvwxyzstuvwxy"),
        STR("\xCA\x00\x00\x00"),
        STR("\xCB\x00\x00\x00\x00\x00\x00\x00"),
        STR("\xCC"),
        STR("\xCF\x00\x00\x00\x00\x00\x00\x00"),
        STR("\xD3\x00"),
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        char *copy = malloc(bad[i].len + 1); /* so that ASan sees a byte too many */
        memcpy(copy + 1, bad[i].ptr, bad[i].len);
        struct pack_reader reader = pack_reader((struct str){copy + 1, bad[i].len});
        struct pack_value value;
        if (pack_read(&reader, &value))
            fail_msg("bad[%zu] was read", i);
        assert_false(pack_skip(&reader, NULL));
        assert_ptr_equal(reader.at, copy + 1);
        free(copy);
    }
    struct pack_reader none = pack_reader((struct str){NULL, 0});
    assert_true(pack_at_end(&none));
    assert_false(pack_skip(&none, NULL));
}

static void test_reads_only_the_type_asked_for(void **state)
{
    (void)state;
    struct pack_reader reader = pack_reader(STR("\xA1x\x05\x91\x81\xA0\xC0"));
    const char *start = reader.at;
    struct str text = STR("before");
    int64_t integer = 77;
    uint32_t count = 77;
    assert_false(pack_read_integer(&reader, &integer));
    assert_false(pack_read_array(&reader, &count));
    assert_false(pack_read_map(&reader, &count));
    assert_ptr_equal(reader.at, start);
    assert_true(pack_read_string(&reader, &text));
    assert_true(str_equal(text, STR("x")));
    assert_false(pack_read_string(&reader, &text));
    assert_true(str_equal(text, STR("x")));
    assert_int_equal(integer, 77);
    assert_int_equal(count, 77);
    assert_true(pack_read_integer(&reader, &integer));
    assert_int_equal(integer, 5);
    assert_true(pack_read_array(&reader, &count));
    assert_int_equal(count, 1);
    assert_true(pack_read_map(&reader, &count));
    assert_int_equal(count, 1);
    assert_true(pack_read_string(&reader, &text));
    assert_false(pack_read_string(&reader, &text)); /* nil is no string */
}

static void test_skip(void **state)
{
    (void)state;
    struct str bytes = STR("\x93\x01\x82\xA1k\x90\xA1l\x80\xC0\x07");
    struct pack_reader reader = pack_reader(bytes);
    struct str first, second;
    assert_true(pack_skip(&reader, &first));
    assert_int_equal(first.len, bytes.len - 1);
    assert_ptr_equal(first.ptr, bytes.ptr);
    assert_true(pack_skip(&reader, &second));
    assert_true(str_equal(second, STR("\x07")));
    assert_true(pack_at_end(&reader));
}

static void test_skip_of_cut_containers(void **state)
{
    (void)state;
    struct str whole = STR("\x92\x82\xA1k\x91\x01\xA1l\xCD\x01\x02\xA2xy");
    for (size_t len = 0; len < whole.len; len++) {
        struct pack_reader reader = pack_reader((struct str){whole.ptr, len});
        struct str out = STR("before");
        assert_false(pack_skip(&reader, &out));
        assert_ptr_equal(reader.at, whole.ptr);
        assert_true(str_equal(out, STR("before")));
    }
}

/* Every count is within the bytes left, and yet the whole cannot be. */
static void test_skip_of_counts_that_overlap(void **state)
{
    (void)state;
    struct pack_reader reader = pack_reader(STR("\x95\x94\x93\x92\x91\x01"));
    assert_false(pack_skip(&reader, NULL));
}

static void test_skip_depth(void **state)
{
    (void)state;
    char nested[100001];
    memset(nested, '\x91', sizeof nested);
    nested[16] = '\x01';
    struct pack_reader reader = pack_reader((struct str){nested, 17}); /* 16 arrays */
    assert_true(pack_skip(&reader, NULL));
    nested[16] = '\x90';
    reader = pack_reader((struct str){nested, 17}); /* 17 */
    assert_false(pack_skip(&reader, NULL));
    nested[16] = '\x91';
    nested[100000] = '\x01';
    reader = pack_reader((struct str){nested, sizeof nested});
    assert_false(pack_skip(&reader, NULL));
}

/* ---- writing ---- */

static void test_integers_round_trip_in_their_shortest_form(void **state)
{
    (void)state;
    static const struct {
        int64_t value;
        size_t len;
    } rows[] = {
        {0, 1},         {127, 1},       {128, 2},        {255, 2},           {256, 3},
        {65535, 3},     {65536, 5},     {UINT32_MAX, 5}, {1LL << 32, 9},     {INT64_MAX, 9},
        {-1, 1},        {-32, 1},       {-33, 2},        {-128, 2},          {-129, 3},
        {INT16_MIN, 3}, {INT32_MIN, 5}, {INT64_MIN, 9},  {INT16_MIN - 1, 5}, {(int64_t)INT32_MIN - 1, 9},
    };
    struct buffer buffer = {0};
    for (size_t i = 0; i < COUNT(rows); i++) {
        buffer_clear(&buffer);
        pack_integer(&buffer, rows[i].value);
        assert_int_equal(buffer.len, rows[i].len);
        struct pack_value value = read_one(buffer_str(&buffer));
        assert_int_equal(value.type, PACK_INTEGER);
        assert_true(value.integer == rows[i].value);
    }
    buffer_free(&buffer);
}

static void test_values_round_trip(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    struct pack_value value;
    pack_nil(&buffer);
    pack_boolean(&buffer, true);
    pack_boolean(&buffer, false);
    pack_real(&buffer, -0.1);
    pack_array(&buffer, 1);
    pack_map(&buffer, 0);
    pack_raw(&buffer, STR("\xA1z"));
    struct pack_reader reader = pack_reader(buffer_str(&buffer));
    assert_true(pack_read(&reader, &value) && value.type == PACK_NIL);
    assert_true(pack_read(&reader, &value) && value.type == PACK_BOOLEAN && value.boolean);
    assert_true(pack_read(&reader, &value) && value.type == PACK_BOOLEAN && !value.boolean);
    assert_true(pack_read(&reader, &value) && value.type == PACK_REAL && value.real == -0.1);
    assert_true(pack_read(&reader, &value) && value.type == PACK_ARRAY && value.count == 1);
    assert_true(pack_read(&reader, &value) && value.type == PACK_MAP && value.count == 0);
    assert_true(pack_read(&reader, &value) && str_equal(value.text, STR("z")));
    assert_true(pack_at_end(&reader));
    buffer_free(&buffer);
}

static void test_strings_round_trip_at_every_head(void **state)
{
    (void)state;
    static const size_t lengths[] = {0, 1, 31, 32, 255, 256, 65535, 65536};
    static char text[65536];
    struct buffer buffer = {0};
    memset(text, 'x', sizeof text);
    for (size_t i = 0; i < COUNT(lengths); i++) {
        struct str in = {text, lengths[i]};
        buffer_clear(&buffer);
        pack_string(&buffer, in);
        assert_true(str_equal(read_one(buffer_str(&buffer)).text, in));
    }
    buffer_clear(&buffer);
    pack_string(&buffer, (struct str){NULL, 0});
    assert_true(str_equal(buffer_str(&buffer), STR("\xA0")));
    buffer_free(&buffer);
}

static void test_open_containers(void **state)
{
    (void)state;
    struct buffer buffer = {0};
    pack_nil(&buffer);
    size_t list = pack_open_array(&buffer);
    for (uint32_t i = 0; i < 300; i++) {
        size_t map = pack_open_map(&buffer);
        pack_string(&buffer, STR("n"));
        pack_integer(&buffer, i);
        pack_close(&buffer, map, 1);
    }
    pack_close(&buffer, list, 300);

    struct pack_reader reader = pack_reader(buffer_str(&buffer));
    uint32_t count, pairs;
    struct str key;
    int64_t n;
    assert_true(pack_skip(&reader, NULL));
    assert_true(pack_read_array(&reader, &count));
    assert_int_equal(count, 300);
    for (int64_t i = 0; i < 300; i++) {
        assert_true(pack_read_map(&reader, &pairs) && pairs == 1);
        assert_true(pack_read_string(&reader, &key) && str_equal(key, STR("n")));
        assert_true(pack_read_integer(&reader, &n) && n == i);
    }
    assert_true(pack_at_end(&reader));
    buffer_free(&buffer);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_integers),
        cmocka_unit_test(test_reals),
        cmocka_unit_test(test_texts),
        cmocka_unit_test(test_nil_booleans_and_heads),
        cmocka_unit_test(test_refuses),
        cmocka_unit_test(test_reads_only_the_type_asked_for),
        cmocka_unit_test(test_skip),
        cmocka_unit_test(test_skip_of_cut_containers),
        cmocka_unit_test(test_skip_of_counts_that_overlap),
        cmocka_unit_test(test_skip_depth),
        cmocka_unit_test(test_integers_round_trip_in_their_shortest_form),
        cmocka_unit_test(test_values_round_trip),
        cmocka_unit_test(test_strings_round_trip_at_every_head),
        cmocka_unit_test(test_open_containers),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
