/* Request bodies: types, charsets, encodings, sizes, and bombs. */
#include "gateway/body.h"

#include <string.h>
#include <zlib.h>

#include "common/json.h"
#include "tests/support/cmocka.h"

static struct arena *arena;
static struct str why;

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

/* The body as JSON, or the error's code. */
static const char *read_body(struct str body, const char *type, const char *encoding)
{
    struct buffer packed = {0}, json = {0};
    why = (struct str){0};
    enum error error = body_to_pack(body, str_from(type), str_from(encoding), arena, &packed, &why);
    if (error == OK)
        assert_true(json_from_pack(buffer_str(&packed), &json));
    struct str text = arena_copy(arena, error == OK ? buffer_str(&json) : str_from(error_code(error)));
    buffer_free(&packed);
    buffer_free(&json);
    return text.ptr;
}

enum { ZLIB = 15, GZIP = 15 + 16, RAW = -15 };

static struct str compress_as(struct str text, int window_bits)
{
    z_stream stream = {.next_in = (unsigned char *)(uintptr_t)text.ptr, .avail_in = (unsigned)text.len};
    assert_int_equal(deflateInit2(&stream, 9, Z_DEFLATED, window_bits, 8, Z_DEFAULT_STRATEGY), Z_OK);
    size_t room = deflateBound(&stream, text.len);
    char *out = arena_alloc(arena, room);
    stream.next_out = (unsigned char *)out;
    stream.avail_out = (unsigned)room;
    assert_int_equal(deflate(&stream, Z_FINISH), Z_STREAM_END);
    deflateEnd(&stream);
    return (struct str){out, room - stream.avail_out};
}

/* {"a":"xxx…"} of that many bytes */
static struct str object_of(size_t len)
{
    char *text = arena_alloc(arena, len);
    memset(text, 'x', len);
    memcpy(text, "{\"a\":\"", 6);
    memcpy(text + len - 2, "\"}", 2);
    return (struct str){text, len};
}

static void test_types(void **state)
{
    (void)state;
    struct str body = STR("{\"a\":1}");
    assert_string_equal(read_body(body, "application/json", ""), "{\"a\":1}");
    assert_string_equal(read_body(body, "Application/JSON ; charset=utf-8", ""), "{\"a\":1}");
    assert_string_equal(read_body(STR("a=1"), "application/x-www-form-urlencoded", ""), "{\"a\":\"1\"}");
    assert_string_equal(read_body(body, "", ""), "{}");
    assert_string_equal(read_body(body, "text/plain; charset=latin1", "br"), "{}");
    assert_string_equal(read_body(body, "application/jsonp", ""), "{}");
    assert_string_equal(read_body(STR("\xEF\xBB\xBF{\"a\":1}"), "application/json", ""), "{\"a\":1}");
}

static void test_json(void **state)
{
    (void)state;
    assert_string_equal(read_body(STR(""), "application/json", ""), "{}");
    assert_string_equal(read_body(STR("[1,2]"), "application/json", ""), "{}");
    assert_string_equal(read_body(STR("5"), "application/json", ""), "malformed");
    assert_true(why.len > 0);
    assert_string_equal(read_body(STR("{\"a\":"), "application/json", ""), "malformed");
    assert_true(why.len > 0);
    assert_string_equal(read_body(STR("{\"a\":\"\xff\"}"), "application/json", ""), "malformed");
}

static void test_charsets(void **state)
{
    (void)state;
    struct str body = STR("{}");
    assert_string_equal(read_body(body, "application/json; charset=UTF-8", ""), "{}");
    assert_string_equal(read_body(body, "application/json; x=y; Charset = \"utf-8\" ; z", ""), "{}");
    assert_string_equal(read_body(body, "application/json;charset=latin1", ""), "charset_unsupported");
    assert_true(str_equal(why, STR("unsupported charset \"LATIN1\"")));
    assert_string_equal(read_body(STR("a=b"), "application/x-www-form-urlencoded; charset=utf-16", ""),
                        "charset_unsupported");
    assert_string_equal(read_body(STR(""), "application/json; charset=latin1", ""), "{}");
}

static void test_encodings(void **state)
{
    (void)state;
    struct str text = STR("{\"a\":1}");
    assert_string_equal(read_body(text, "application/json", "identity"), "{\"a\":1}");
    assert_string_equal(read_body(compress_as(text, GZIP), "application/json", "GZip"), "{\"a\":1}");
    assert_string_equal(read_body(compress_as(text, ZLIB), "application/json", " deflate "), "{\"a\":1}");
    assert_string_equal(read_body(compress_as(STR("a=b"), GZIP), "application/x-www-form-urlencoded", "gzip"),
                        "{\"a\":\"b\"}");
    assert_string_equal(read_body(compress_as(STR(""), GZIP), "application/json", "gzip"), "{}");
    assert_string_equal(read_body(text, "application/json", "br"), "encoding_unsupported");
    assert_true(str_equal(why, STR("unsupported content encoding \"br\"")));
    assert_string_equal(read_body(text, "application/json", "gzip, gzip"), "encoding_unsupported");
}

static void test_broken_compression(void **state)
{
    (void)state;
    struct str text = STR("{\"a\":1}"), whole = compress_as(text, GZIP);
    assert_string_equal(read_body(text, "application/json", "gzip"), "malformed");
    assert_string_equal(read_body(compress_as(text, ZLIB), "application/json", "gzip"), "malformed");
    assert_string_equal(read_body(compress_as(text, RAW), "application/json", "deflate"), "malformed");
    for (size_t len = 1; len < whole.len; len++)
        assert_string_equal(read_body((struct str){whole.ptr, len}, "application/json", "gzip"), "malformed");
    char *copy = arena_alloc(arena, whole.len + 1);
    memcpy(copy, whole.ptr, whole.len);
    struct str longer = {copy, whole.len + 1};
    assert_string_equal(read_body(longer, "application/json", "gzip"), "malformed");
}

static void test_sizes(void **state)
{
    (void)state;
    struct str full = object_of(BODY_MAX_LEN), over = object_of(BODY_MAX_LEN + 1);
    assert_int_equal(read_body(full, "application/json", "")[0], '{');
    assert_string_equal(read_body(over, "application/json", ""), "body_too_large");
    assert_string_equal(read_body(over, "text/plain", ""), "body_too_large");
    assert_int_equal(read_body(compress_as(full, GZIP), "application/json", "gzip")[0], '{');
    assert_string_equal(read_body(compress_as(over, GZIP), "application/json", "gzip"), "body_too_large");
    assert_string_equal(read_body(compress_as(object_of(20 << 20), GZIP), "application/json", "gzip"),
                        "body_too_large");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_types),
        cmocka_unit_test(test_json),
        cmocka_unit_test(test_charsets),
        cmocka_unit_test(test_encodings),
        cmocka_unit_test(test_broken_compression),
        cmocka_unit_test(test_sizes),
    };
    return cmocka_run_group_tests(tests, make, unmake);
}
