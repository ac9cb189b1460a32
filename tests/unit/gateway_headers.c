/* What stands in header fields: entity tags, links to next pages, allowed origins, request ids and trace context. */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "gateway/cors.h"
#include "gateway/etag.h"
#include "gateway/page_link.h"
#include "gateway/server_timing.h"
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

/* ---- where the time went ---- */

static void assert_timing(int64_t total_us, int64_t waited_us, struct timing timing, bool is_detailed,
                          const char *expected)
{
    char text[SERVER_TIMING_MAX_LEN + 1];
    text[server_timing_write(text, total_us, waited_us, &timing, is_detailed)] = '\0';
    assert_string_equal(text, expected);
}

static void test_server_timing(void **state)
{
    (void)state;
    assert_timing(1722, 1310, (struct timing){1207, 954}, true,
                  "gateway;dur=0.412, queue;dur=0.103, service;dur=0.253, database;dur=0.954");
    assert_timing(1722, 1310, (struct timing){1207, 954}, false,
                  "gateway;dur=0.412, queue;dur=0.103, service;dur=1.207");
    assert_timing(7, 0, (struct timing){0, 0}, true, "gateway;dur=0.007");
    /* a service that claims more than was waited for, and one that tells nothing */
    assert_timing(10, 8, (struct timing){900, 5000}, true,
                  "gateway;dur=0.002, queue;dur=0.000, service;dur=0.000, database;dur=0.008");
    assert_timing(61000000, 60000000, (struct timing){0, 0}, true,
                  "gateway;dur=1000.000, queue;dur=60000.000, service;dur=0.000, database;dur=0.000");
    char longest[SERVER_TIMING_MAX_LEN];
    const struct timing most = {INT64_MAX / 2, INT64_MAX / 4};
    assert_true(server_timing_write(longest, INT64_MAX, INT64_MAX - 1, &most, true) <= SERVER_TIMING_MAX_LEN);
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
        cmocka_unit_test(test_server_timing),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
