/* What stands in header fields: entity tags, links to next pages, allowed origins, request ids and trace context. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cors.h"
#include "gateway/etag.h"
#include "gateway/page_link.h"
#include "gateway/text.h"
#include "gateway/trace.h"
#include "tests/support/cmocka.h"

/* ---- entity tags ---- */

static void test_tags(void **state)
{
    (void)state;
    char a[ETAG_MAX_LEN], b[ETAG_MAX_LEN];
    struct str tag = {a, etag_make(STR("[1,2]"), a)};
    assert_true(str_starts_with(tag, STR("W/\"5-")));
    assert_int_equal(tag.len, sizeof("W/\"5-0123456789abcdef\"") - 1);
    assert_true(str_equal(tag, (struct str){b, etag_make(STR("[1,2]"), b)}));
    assert_false(str_equal(tag, (struct str){b, etag_make(STR("[1,3]"), b)}));
    assert_true(str_starts_with((struct str){b, etag_make(STR(""), b)}, STR("W/\"0-")));
}

static void test_text_is_cut_between_characters(void **state)
{
    (void)state;
    struct str text = STR("a\xC3\xA9\xF0\x9F\x98\x80"); /* of 1, 2 and 4 bytes */
    static const size_t kept[] = {0, 1, 1, 3, 3, 3, 3, 7, 7};
    for (size_t max = 0; max < sizeof kept / sizeof *kept; max++)
        assert_int_equal(text_limit(text, max).len, kept[max]);
    assert_int_equal(text_limit(STR("a\xFF"), 100).len, 0);
}

static void test_matching_tags(void **state)
{
    (void)state;
    struct str tag = STR("W/\"5-ab\"");
    static const char *const matching[] = {"W/\"5-ab\"",        "\"5-ab\"",        "*", " * ", "\"x\", W/\"5-ab\"",
                                           "\"x\",,\t\"5-ab\"", "\"a,b\",\"5-ab\""};
    static const char *const others[] = {"",   "5-ab", "\"5-ab", "w/\"5-ab\"", "\"5-a\"", "\"x\",y,\"5-ab\"",
                                         "\"", "W/",   ", ,",    "\"x, 5-ab\""};
    for (size_t i = 0; i < sizeof matching / sizeof *matching; i++)
        if (!etag_matches(str_from(matching[i]), tag))
            fail_msg("does not match: %s", matching[i]);
    for (size_t i = 0; i < sizeof others / sizeof *others; i++)
        if (etag_matches(str_from(others[i]), tag))
            fail_msg("matches: %s", others[i]);
}

static void test_tags_with_a_version(void **state)
{
    (void)state;
    char a[ETAG_MAX_LEN], b[ETAG_MAX_LEN];
    struct str tag = {a, etag_make_versioned(INT64_MAX, STR("{}"), a)};
    assert_true(str_starts_with(tag, STR("\"9223372036854775807-")));
    assert_int_equal(tag.len, sizeof("\"9223372036854775807-0123456789abcdef\"") - 1);
    assert_false(str_equal(tag, (struct str){b, etag_make_versioned(INT64_MAX, STR("{} "), b)}));
    assert_true(etag_matches(tag, tag));
}

/* "3 7": the versions that the tags name; "*" where any is good. */
static const char *versions_of(const char *tags)
{
    static char text[128];
    struct arena *arena = arena_new();
    struct integers versions = {NULL, 0};
    int len = snprintf(text, sizeof text, "%s", etag_versions(str_from(tags), arena, &versions) ? "" : "*");
    for (size_t i = 0; i < versions.count; i++)
        len += snprintf(text + len, sizeof text - (size_t)len, "%s%" PRId64, i > 0 ? " " : "", versions.values[i]);
    arena_destroy(&arena);
    return text;
}

/* RFC 9110 §13.1.1: tags are compared strongly, so weak ones never match. */
static void test_versions_that_tags_name(void **state)
{
    (void)state;
    static const struct {
        const char *tags, *versions;
    } rows[] = {{"\"7-ab\"", "7"},
                {"\"3-a\", \"x\",\t\"7-b\"", "3 7"},
                {"W/\"7-ab\"", ""},
                {"W/\"7-ab\",\"3-c\"", "3"},
                {"*", "*"},
                {" * ", "*"},
                {"\"7-ab\", *", "*"},
                {"", ""},
                {"7-ab", ""},
                {"\"7\"", ""},
                {"\"-7\"", ""},
                {"\"--7\"", ""},
                {"\"0-a\"", ""},
                {"\"x-a\"", ""},
                {"\"99999999999999999999-a\"", ""},
                {"\"3-a\",7-b,\"8-c\"", "3"},
                {"\"3-a", ""},
                {",,,", ""},
                {"\"\",\"\",\"\"", ""}};
    for (size_t i = 0; i < sizeof rows / sizeof *rows; i++)
        assert_string_equal(versions_of(rows[i].tags), rows[i].versions);
}

/* ---- links ---- */

static void assert_link(const char *path, const char *query, const char *expected)
{
    struct buffer out = {0};
    page_link(&out, str_from(path), str_from(query), 2, 40);
    buffer_append_char(&out, '\0');
    assert_string_equal(out.data, expected);
    buffer_free(&out);
}

static void test_links(void **state)
{
    (void)state;
    assert_link("/api/rooms", "", "</api/rooms?limit=2&after=40>; rel=\"next\"");
    assert_link("/rooms", "limit=2&after=20", "</rooms?limit=2&after=40>; rel=\"next\"");
    assert_link("/rooms/", "a=b&after=1&c&&d=", "</rooms/?a=b&c&d&limit=2&after=40>; rel=\"next\"");
    assert_link("/rooms", "x=>;a\"\xff", "</rooms?x=%3e;a%22%ff&limit=2&after=40>; rel=\"next\"");
}

/* ---- origins ---- */

static void test_origins(void **state)
{
    (void)state;
    struct cors *cors = cors_new(" https://a.example , http://localhost:8080,,app://x");
    assert_non_null(cors);
    assert_true(cors_allows(cors, STR("https://a.example")));
    assert_true(cors_allows(cors, STR("http://localhost:8080")));
    assert_true(cors_allows(cors, STR("app://x")));
    assert_false(cors_allows(cors, STR("http://a.example")));
    assert_false(cors_allows(cors, STR("http://localhost:80800")));
    assert_false(cors_allows(cors, STR("https://a.example.evil")));
    assert_false(cors_allows(cors, STR("null")));
    assert_false(cors_allows(cors, STR("")));
    cors_destroy(&cors);
    assert_null(cors);
}

static void test_lists_of_origins(void **state)
{
    (void)state;
    static const char *const refused[] = {"*",    "https://*.example", "https://a/b", "https://a/",  "a.example",
                                          "://a", "https://",          "https://a b", "https://a,*", "https://u@a"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_null(cors_new(refused[i]));
    struct cors *none = cors_new("");
    assert_non_null(none);
    assert_false(cors_allows(none, STR("https://a")));
    cors_destroy(&none);
}

/* ---- ids ---- */

static void test_request_ids(void **state)
{
    (void)state;
    char longest[TRACE_MAX_ID_LEN + 1];
    memset(longest, 'a', sizeof longest);
    assert_true(trace_is_request_id(STR("a")));
    assert_true(trace_is_request_id(STR("Az09._-")));
    assert_true(trace_is_request_id((struct str){longest, TRACE_MAX_ID_LEN}));
    assert_false(trace_is_request_id((struct str){longest, TRACE_MAX_ID_LEN + 1}));
    static const char *const refused[] = {"", "a b", "a\n", "a\"", "a@", "a[", "\xC3\xA9", "a/b"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        assert_false(trace_is_request_id(str_from(refused[i])));
    uint64_t generator = 0;
    char a[TRACE_ID_LEN], b[TRACE_ID_LEN];
    trace_make_request_id(&generator, a);
    trace_make_request_id(&generator, b);
    assert_memory_not_equal(a, b, TRACE_ID_LEN);
    assert_true(trace_is_request_id((struct str){a, TRACE_ID_LEN}));
}

static void test_traceparents(void **state)
{
    (void)state;
    assert_true(trace_is_traceparent(STR("00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01")));
    static const char *const refused[] = {"",
                                          "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0",
                                          "00-0AF7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                          "01-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                          "00-00000000000000000000000000000000-b7ad6b7169203331-01",
                                          "00-0af7651916cd43dd8448eb211c80319c-0000000000000000-01",
                                          "00_0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01",
                                          "00-0af7651916cd43dd8448eb211c80319c_b7ad6b7169203331-01",
                                          "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331_01",
                                          "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-0g",
                                          "00-0af7651916cd43dd8448eb211c80319c-b7ad6b7169203331-01-"};
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (trace_is_traceparent(str_from(refused[i])))
            fail_msg("taken: %s", refused[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_tags),
        cmocka_unit_test(test_text_is_cut_between_characters),
        cmocka_unit_test(test_matching_tags),
        cmocka_unit_test(test_links),
        cmocka_unit_test(test_tags_with_a_version),
        cmocka_unit_test(test_versions_that_tags_name),
        cmocka_unit_test(test_origins),
        cmocka_unit_test(test_lists_of_origins),
        cmocka_unit_test(test_request_ids),
        cmocka_unit_test(test_traceparents),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
