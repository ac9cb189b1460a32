/* Request heads: what passes, what is refused and as what, whole or in pieces of any size. */
#include "gateway/head_check.h"

#include <string.h>

#include "common/buffer.h"
#include "tests/support/cmocka.h"

enum { BODY_MAX = 1000 };

static enum head_verdict check_all(struct str bytes, struct head_check *check)
{
    *check = (struct head_check){0};
    return head_check(check, bytes, BODY_MAX);
}

static void assert_good(const char *head)
{
    struct head_check check;
    struct str bytes = str_from(head);
    if (check_all(bytes, &check) != HEAD_GOOD)
        fail_msg("refused (%s): %s", check.why, head);
    assert_int_equal(check.len, bytes.len);
}

static void assert_refused(struct str bytes, enum error error)
{
    struct head_check check;
    enum head_verdict verdict = check_all(bytes, &check);
    if (verdict != HEAD_REFUSED)
        fail_msg("not refused (%d): %.*s", (int)verdict, STR_ARGS(bytes));
    assert_int_equal(check.error, error);
    assert_non_null(check.why);
}
#define assert_malformed(literal) assert_refused(STR(literal), ERROR_MALFORMED)

static void test_good_heads(void **state)
{
    (void)state;
    assert_good("GET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_good("\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_good("GET / HTTP/1.0\r\n\r\n");
    assert_good("GET /\xC3\xA9 HTTP/1.1\r\nhOsT:x\r\nA:\r\nB:\t b\tc \t\r\n\r\n");
    assert_good("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1000\r\nExpect: 100-Continue\r\n\r\n");
    assert_good("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: Chunked\r\n\r\n");
    assert_good("PROPFIND * HTTP/1.1\r\nHost:\r\n!#$%&'*+-.^_`|~: x\r\n\r\n");
}

static void test_where_two_servers_could_disagree(void **state)
{
    (void)state;
    assert_malformed("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_malformed("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nContent-Length: 1\r\n\r\n");
    assert_malformed("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\nContent-Length: 1\r\n\r\n");
    assert_malformed("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1\r\ncontent-length: 2\r\n\r\n");
    assert_malformed("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1, 1\r\n\r\n");
    assert_malformed("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: +1\r\n\r\n");
    assert_malformed("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 0x1\r\n\r\n");
    assert_malformed("POST / HTTP/1.1\r\nHost: x\r\nContent-Length:\r\n\r\n");
    assert_malformed("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 18446744073709551617\r\n\r\n");
    assert_malformed("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: gzip, chunked\r\n\r\n");
    assert_malformed("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked, chunked\r\n\r\n");
    assert_malformed("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: xchunked\r\n\r\n");
    assert_malformed("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: identity\r\n\r\n");
    assert_malformed("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_malformed("POST / HTTP/1.0\r\nTransfer-Encoding: chunked\r\n\r\n");
    assert_malformed("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding : chunked\r\n\r\n");
    assert_malformed("POST / HTTP/1.1\r\nHost: x\r\nTransfer-Encoding\t: chunked\r\n\r\n");
    assert_malformed("GET / HTTP/1.1\r\nHost: x\r\nA: b\r\n c\r\n\r\n");
    assert_malformed("GET / HTTP/1.1\r\n Host: x\r\n\r\n");
    assert_malformed("GET / HTTP/1.1\r\n\r\n");
    assert_malformed("GET / HTTP/1.1\r\nHost: x\r\nHost: y\r\n\r\n");
    assert_malformed("GET / HTTP/1.0\r\nHost: x\r\nHost: x\r\n\r\n");
    assert_malformed("GET / HTTP/1.1\r\nHost: x\r\nExpect: 200-ok\r\n\r\n");
}

static void test_line_ends_and_control_characters(void **state)
{
    (void)state;
    assert_malformed("GET / HTTP/1.1\nHost: x\n\n");
    assert_malformed("GET / HTTP/1.1\r\nHost: x\r\nA: b\rc: d\r\n\r\n");
    assert_malformed("GET / HTTP/1.1\r\nHost: x\r\nA: b\0c\r\n\r\n");
    assert_malformed("GET / HTTP/1.1\r\nHost: x\r\nA: b\x7f\r\n\r\n");
    assert_malformed("GET /\x01 HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_malformed("\x16\x03\x01\x02");
    assert_malformed("\0");
}

static void test_request_lines(void **state)
{
    (void)state;
    assert_malformed("GET  / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_malformed("GET / HTTP/1.1 \r\nHost: x\r\n\r\n");
    assert_malformed("GET /a b HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_malformed("GET\t/ HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_malformed("G@T / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_malformed("GET /\r\n");
    assert_malformed("GET\r\n");
    assert_malformed(" / HTTP/1.1\r\n");
    assert_malformed("GET / HTTP/1.2\r\n");
    assert_malformed("GET / HTTP/2.0\r\n");
    assert_malformed("GET / http/1.1\r\n");
    assert_malformed("\r\n\r\nGET / HTTP/1.1\r\nHost: x\r\n\r\n");
    assert_malformed("GET / HTTP/1.1\r\nHost\r\n\r\n");
    assert_malformed("GET / HTTP/1.1\r\n: x\r\n\r\n");
}

static void test_sizes(void **state)
{
    (void)state;
    assert_refused(STR("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 1001\r\n\r\n"), ERROR_BODY_TOO_LARGE);
    assert_refused(STR("POST / HTTP/1.1\r\nHost: x\r\nContent-Length: 999999999999999999\r\n\r\n"),
                   ERROR_BODY_TOO_LARGE);
    /* Worse than too large */
    assert_malformed("POST / HTTP/1.1\r\nContent-Length: 1001\r\n\r\n");
}

/* A head with so many fields beside Host; where len is not 0, one more makes it that long. */
static struct str long_head(struct buffer *out, size_t fields, size_t len)
{
    buffer_clear(out);
    buffer_append_str(out, STR("GET / HTTP/1.1\r\nHost: x\r\n"));
    for (size_t i = 0; i < fields; i++)
        buffer_append_str(out, STR("A: b\r\n"));
    if (len > 0) {
        buffer_append_str(out, STR("A: "));
        while (out->len < len - 4)
            buffer_append_char(out, 'x');
        buffer_append_str(out, STR("\r\n"));
    }
    buffer_append_str(out, STR("\r\n"));
    return buffer_str(out);
}

static void test_limits(void **state)
{
    (void)state;
    struct buffer text = {0};
    struct head_check check;
    assert_int_equal(check_all(long_head(&text, HEAD_MAX_FIELDS - 1, 0), &check), HEAD_GOOD);
    assert_refused(long_head(&text, HEAD_MAX_FIELDS, 0), ERROR_HEAD_TOO_LARGE);
    assert_int_equal(check_all(long_head(&text, 0, HEAD_MAX_LEN), &check), HEAD_GOOD);
    assert_refused(long_head(&text, 0, HEAD_MAX_LEN + 1), ERROR_HEAD_TOO_LARGE);
    assert_refused((struct str){long_head(&text, 0, 2 * HEAD_MAX_LEN).ptr, HEAD_MAX_LEN}, ERROR_HEAD_TOO_LARGE);
    buffer_free(&text);
}

/* The verdict must not depend on how the bytes arrive. */
static void test_pieces(void **state)
{
    (void)state;
    struct str good = STR("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nA: b\r\n\r\nabc");
    struct str bad = STR("POST /a HTTP/1.1\r\nHost: x\r\nContent-Length: 3\r\nHost: y\r\n\r\n");
    struct head_check check = {0};
    for (size_t len = 0; len < good.len - 3; len++)
        assert_int_equal(head_check(&check, (struct str){good.ptr, len}, BODY_MAX), HEAD_INCOMPLETE);
    assert_int_equal(head_check(&check, (struct str){good.ptr, good.len - 3}, BODY_MAX), HEAD_GOOD);
    assert_int_equal(check.len, good.len - 3);
    assert_int_equal(check_all(good, &check), HEAD_GOOD);
    assert_int_equal(check.len, good.len - 3);
    check = (struct head_check){0};
    size_t len = 0;
    while (head_check(&check, (struct str){bad.ptr, len}, BODY_MAX) == HEAD_INCOMPLETE)
        len++;
    assert_string_equal(check.why, "more than one Host");
    assert_int_equal(len, bad.len - 2);
}

static void test_upgrade_is_found(void **state)
{
    (void)state;
    struct head_check check;
    const char *head = "GET / HTTP/1.1\r\nHost: x\r\nUpgrade:  h2c\r\n\r\n";
    assert_int_equal(check_all(str_from(head), &check), HEAD_GOOD);
    assert_memory_equal(head + check.upgrade_value_at, "h2c\r", 4);
    assert_int_equal(check_all(STR("GET / HTTP/1.1\r\nHost: x\r\n\r\n"), &check), HEAD_GOOD);
    assert_int_equal(check.upgrade_value_at, 0);
}

static void test_field(void **state)
{
    (void)state;
    struct str head = STR("GET / HTTP/1.1\r\nHost: x\r\nORIGIN:  http://a \r\nOrigin: b\r\nAccept: half");
    assert_true(str_equal(head_field(head, STR("origin")), STR("http://a")));
    assert_true(str_equal(head_field(head, STR("host")), STR("x")));
    assert_int_equal(head_field(head, STR("accept")).len, 0);
    assert_int_equal(head_field(head, STR("get")).len, 0);
    assert_int_equal(head_field(STR(""), STR("host")).len, 0);
    assert_int_equal(head_field(STR("\n"), STR("host")).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_good_heads),
        cmocka_unit_test(test_where_two_servers_could_disagree),
        cmocka_unit_test(test_line_ends_and_control_characters),
        cmocka_unit_test(test_request_lines),
        cmocka_unit_test(test_sizes),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_pieces),
        cmocka_unit_test(test_upgrade_is_found),
        cmocka_unit_test(test_field),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
