/* Chunked bodies: what passes, what is refused and as what, whole or byte by byte. */
#include "gateway/chunk_check.h"

#include <string.h>

#include "tests/support/cmocka.h"

enum { BODY_MAX = 1000 };

/* The check after all bytes, given at once and one by one: both must agree. */
static struct chunk_check run(struct str bytes)
{
    struct chunk_check whole = {0}, pieces = {0};
    bool good = chunk_check(&whole, bytes, BODY_MAX), all_good = true;
    for (size_t i = 0; i < bytes.len && all_good; i++)
        all_good = chunk_check(&pieces, (struct str){bytes.ptr + i, 1}, BODY_MAX);
    assert_int_equal(good, all_good);
    assert_int_equal(good, whole.why == NULL);
    assert_int_equal(whole.state, pieces.state);
    return whole;
}

static void assert_whole(struct str bytes, uint64_t body_len)
{
    struct chunk_check check = run(bytes);
    if (check.state != CHUNK_END)
        fail_msg("not the end (%s): %.*s", check.why, STR_ARGS(bytes));
    assert_int_equal(check.body_len, body_len);
}

static void assert_refused(struct str bytes, enum error error)
{
    struct chunk_check check = run(bytes);
    if (check.why == NULL)
        fail_msg("not refused: %.*s", STR_ARGS(bytes));
    assert_int_equal(check.error, error);
}

static void test_good_bodies(void **state)
{
    (void)state;
    assert_whole(STR("0\r\n\r\n"), 0);
    assert_whole(STR("2\r\n{}\r\n0\r\n\r\n"), 2);
    assert_whole(STR("00000002\r\n{}\r\n1\r\n \r\n000\r\n\r\n"), 3);
    assert_whole(STR("A;x=\"y\"\r\n0123456789\r\n0;z\r\nTrailer: a\tb\r\nB:\r\n\r\n"), 10);
    assert_whole(STR("4\r\n\r\n\r\n\r\n0\r\n\r\n"), 4);
    assert_whole(STR("0\r\n\r\nGET / HTTP/1.1\r\n\r\n"), 0); /* the next request */
}

static void test_bad_sizes(void **state)
{
    (void)state;
    static const char *const bodies[] = {"x\r\n",
                                         "0x2\r\n",
                                         "-2\r\n",
                                         "+2\r\n",
                                         " 2\r\n",
                                         "2 \r\n",
                                         "\r\n",
                                         ";x\r\n",
                                         "2\n",
                                         "000000002\r\n",
                                         "ffffffffffffffff2\r\n",
                                         "2\rx"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_refused(str_from(bodies[i]), ERROR_MALFORMED);
}

static void test_bad_lines(void **state)
{
    (void)state;
    static const char *const bodies[] = {"2\r\n{}0\r\n",     "2\r\n{}\n0\r\n", "2\r\n{}\r\r\n0\r\n", "2;a\nb\r\n",
                                         "0;\x01\r\n",       "0\r\n\n",        "0\r\nA: b\n\r\n",    "0\r\n A: b\r\n",
                                         "0\r\nA: \x7f\r\n", "0\r\n\rx"};
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++)
        assert_refused(str_from(bodies[i]), ERROR_MALFORMED);
    assert_refused(STR("0;a\0b\r\n"), ERROR_MALFORMED);
}

static void test_sizes(void **state)
{
    (void)state;
    assert_int_equal(run(STR("3e8\r\n")).state, CHUNK_DATA); /* 1000 */
    assert_refused(STR("3e9\r\n"), ERROR_BODY_TOO_LARGE);
    assert_refused(STR("ffffffff\r\n"), ERROR_BODY_TOO_LARGE);
    assert_refused(STR("1\r\nx\r\n3e8\r\n"), ERROR_BODY_TOO_LARGE);
}

static void test_overhead(void **state)
{
    (void)state;
    static char text[2 * CHUNK_MAX_OVERHEAD];
    memset(text, 'x', sizeof text);
    memcpy(text, "0;", 2);
    assert_null(run((struct str){text, CHUNK_MAX_OVERHEAD + 2}).why);
    assert_refused((struct str){text, CHUNK_MAX_OVERHEAD + 3}, ERROR_MALFORMED);
    memcpy(text, "0\r\n", 3);
    assert_refused((struct str){text, sizeof text}, ERROR_MALFORMED);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_bodies), cmocka_unit_test(test_bad_sizes), cmocka_unit_test(test_bad_lines),
        cmocka_unit_test(test_sizes),       cmocka_unit_test(test_overhead),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
