/* Heads that two servers in a row could read differently: each refused, the connection closed, nothing behind it run.
 */
#include <string.h>
#include <unistd.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/raw.h"
#include "tests/support/scratch.h"

#define NEXT "GET /smuggled HTTP/1.1\r\nHost: x\r\n\r\n"

/* One reply, an error that closes, and nothing of what stood behind the head was answered. */
static void assert_refused(const struct stack *stack, const char *bytes, size_t len)
{
    struct raw_reply reply = raw_send(stack, bytes, len, 500);
    if (reply.replies > 1 || !reply.closed || (reply.replies == 1 && reply.status != 400 && reply.status != 431))
        fail_msg("%.300s\nwas answered %zu times, %s:\n%.1000s", bytes, reply.replies,
                 reply.closed ? "then closed" : "and left open", reply.bytes);
    assert_null(strstr(reply.bytes, "smuggled"));
}

static void assert_text_refused(const struct stack *stack, const char *bytes)
{
    assert_refused(stack, bytes, strlen(bytes));
}

static char *post_with(const char *headers, const char *body)
{
    return text("POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n%s\r\n%s" NEXT, headers,
                body);
}

static void a_sound_head_is_served(void **state)
{
    struct stack *stack = *state;
    struct raw_reply reply = raw_text(stack, "GET /nope HTTP/1.1\r\nHost: x\r\n\r\n" NEXT);
    assert_int_equal(reply.replies, 2);
    assert_int_equal(reply.status, 404);
    assert_int_equal(raw_text(stack, post_with("Content-Length: 2\r\n", "{}")).replies, 2);
    assert_int_equal(raw_text(stack, post_with("Transfer-Encoding: chunked\r\n", "2\r\n{}\r\n0\r\n\r\n")).replies, 2);
    assert_int_equal(raw_text(stack, "GET /nope HTTP/1.0\r\n\r\n").status, 404); /* 1.0 needs no Host */
    assert_int_equal(raw_text(stack, "GET /nope HTTP/1.1\r\nhOsT:\tx \r\nX:\r\n\r\n").status, 404);
}

static void two_framings_are_refused(void **state)
{
    struct stack *stack = *state;
    static const char *const headers[] = {
        "Content-Length: 2\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nContent-Length: 2\r\n",
        "Transfer-Encoding: chunked\r\ncontent-length: 0\r\n",
        "Content-Length: 2\r\nContent-Length: 2\r\n",
        "Content-Length: 2\r\nContent-Length: 40\r\n",
        "Content-Length: 2, 2\r\n",
        "Content-Length: 2\r\nContent-length : 40\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: chunked\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-Encoding: identity\r\n",
        "Transfer-Encoding: chunked\r\nTransfer-encoding: cow\r\n",
        "Transfer-Encoding: cow\r\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding: xchunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding:\tchunked\r\n",
        "Content-Length: 5\r\nX: y\nTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nX: y\rTransfer-Encoding: chunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding\r\n : chunked\r\n",
        "Content-Length: 5\r\nTransfer-Encoding:\r\n chunked\r\n",
        "Content-Length: 5\r\n Transfer-Encoding: chunked\r\n",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        assert_text_refused(stack, post_with(headers[i], "0\r\n\r\n"));
}

static void strange_framings_are_refused(void **state)
{
    struct stack *stack = *state;
    static const char *const headers[] = {
        "Content-Length: +2\r\n",
        "Content-Length: -2\r\n",
        "Content-Length: 0x2\r\n",
        "Content-Length: 2x\r\n",
        "Content-Length:\r\n",
        "Content-Length: 2 2\r\n",
        "Content-Length: 18446744073709551618\r\n",
        "Content-Length: 99999999999999999999999\r\n",
        "Transfer-Encoding: identity\r\n",
        "Transfer-Encoding: xchunked\r\n",
        "Transfer-Encoding: chunked, identity\r\n",
        "Transfer-Encoding: gzip, chunked\r\n",
        "Transfer-Encoding : chunked\r\n",
        "Transfer-Encoding: \"chunked\"\r\n",
        "Transfer-Encoding:\r\n",
        "Transfer-Encoding: chunked,\r\n",
        "Transfer-Encoding: , chunked\r\n",
        "Transfer-Encoding: chunked, chunked\r\n",
        "Transfer-Encoding: chunked\x0c\r\n",
        "Content-Length: 2\x0b\r\n",
        "Content-Length: 2;\r\n",
        "Content-Length: 2.0\r\n",
        "Content-Length: \"2\"\r\n",
        "Content-Length: 1_0\r\n",
        "Content-Length\x0b: 2\r\n",
        "Content-Length: 2\n\r\n",
        "Expect: 100-continue, x\r\nContent-Length: 2\r\n",
        "Expect: y 100-continue\r\nContent-Length: 2\r\n",
        "Transfer-Encoding: chunked;x=y\r\n",
        "Transfer-Encoding\t: chunked\r\n",
        "Transfer-Encoding: \x0b"
        "chunked\r\n",
    };
    for (size_t i = 0; i < sizeof headers / sizeof *headers; i++)
        assert_text_refused(stack, post_with(headers[i], "{}"));
}

static void strange_chunks_are_refused(void **state)
{
    struct stack *stack = *state;
    static const char *const bodies[] = {
        "x\r\n{}\r\n0\r\n\r\n",
        "-2\r\n{}\r\n0\r\n\r\n",
        "0x2\r\n{}\r\n0\r\n\r\n",
        "ffffffffffffffff2\r\n{}\r\n0\r\n\r\n",
        "2\n{}\n0\n\n",
        "2;\n{}\r\n0\r\n\r\n",
        "2;a=b\rc\r\n{}\r\n0\r\n\r\n",
        "2 \r\n{}\r\n0\r\n\r\n",
        " 2\r\n{}\r\n0\r\n\r\n",
        "+2\r\n{}\r\n0\r\n\r\n",
        "2_\r\n{}\r\n0\r\n\r\n",
        "2\x0b\r\n{}\r\n0\r\n\r\n",
        "000000002\r\n{}\r\n0\r\n\r\n",
        "2\r\n{}0\r\n\r\n",
        "2\r\n{}\n0\r\n\r\n",
        "2\r\n{}\r0\r\n\r\n",
        "2\r\n{}\r\n0\n\r\n",
        "2\r\n{}\r\n0\r\nX: y\nZ: w\r\n\r\n",
        "2\r\n{}\r\n0\r\n X: y\r\n\r\n",
        "2\r\n{}\r\n0\r\n\n",
    };
    for (size_t i = 0; i < sizeof bodies / sizeof *bodies; i++) {
        struct raw_reply reply = raw_text(stack, post_with("Transfer-Encoding: chunked\r\n", bodies[i]));
        if (reply.replies > 1 || strstr(reply.bytes, "smuggled") != NULL)
            fail_msg("%s\nwas answered:\n%s", bodies[i], reply.bytes);
    }
}

/* A body where none is usual is a body all the same, and not the next request. */
static void bodies_of_any_method_are_bodies(void **state)
{
    struct stack *stack = *state;
    static const char *const methods[] = {"GET", "HEAD", "DELETE", "OPTIONS"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        char *begin = text("%s /nope HTTP/1.1\r\nHost: x\r\n", methods[i]);
        struct raw_reply reply = raw_text(stack, text("%sContent-Length: %zu\r\n\r\n%s", begin, strlen(NEXT), NEXT));
        assert_int_equal(reply.replies, 1);
        assert_null(strstr(reply.bytes, "smuggled"));
        reply = raw_text(stack,
                         text("%sTransfer-Encoding: chunked\r\n\r\n%zx\r\n%s\r\n0\r\n\r\n", begin, strlen(NEXT), NEXT));
        assert_int_equal(reply.replies, 1);
        assert_null(strstr(reply.bytes, "smuggled"));
    }
}

static void a_host_is_needed_once(void **state)
{
    struct stack *stack = *state;
    assert_text_refused(stack, "GET /nope HTTP/1.1\r\n\r\n" NEXT);
    assert_text_refused(stack, "GET /nope HTTP/1.1\r\nHost: a\r\nHost: b\r\n\r\n" NEXT);
    assert_text_refused(stack, "GET /nope HTTP/1.1\r\nHost: a\r\nHost: a\r\n\r\n" NEXT);
    assert_text_refused(stack, "GET /nope HTTP/1.1\r\nHost: a\r\nX: y\r\nhost: b\r\n\r\n" NEXT);
}

static void folds_and_bare_line_ends_are_refused(void **state)
{
    struct stack *stack = *state;
    assert_text_refused(stack, "GET /nope HTTP/1.1\r\nHost: x\r\nX: a\r\n b\r\n\r\n" NEXT);
    assert_text_refused(stack, "GET /nope HTTP/1.1\r\nHost: x\r\nX: a\r\n\tb\r\n\r\n" NEXT);
    assert_text_refused(stack, "GET /nope HTTP/1.1\r\n Host: x\r\n\r\n" NEXT);
    assert_text_refused(stack, "GET /nope HTTP/1.1\nHost: x\n\n" NEXT);
    assert_text_refused(stack, "GET /nope HTTP/1.1\r\nHost: x\nX: y\r\n\r\n" NEXT);
    assert_text_refused(stack, "GET /nope HTTP/1.1\r\nHost: x\r\nX: a\rY: b\r\n\r\n" NEXT);
    assert_text_refused(stack, "GET /nope HTTP/1.1\r\nHost: x\r\nno colon\r\n\r\n" NEXT);
    assert_text_refused(stack, "GET /nope HTTP/1.1\r\nHost: x\r\n: no name\r\n\r\n" NEXT);
    assert_text_refused(stack, "GET /nope HTTP/1.1\r\nHost: x\r\nna me: x\r\n\r\n" NEXT);
}

static void nul_characters_are_refused(void **state)
{
    struct stack *stack = *state;
    static const char in_value[] = "GET /nope HTTP/1.1\r\nHost: x\r\nX: a\0b\r\n\r\n" NEXT;
    static const char in_name[] = "GET /nope HTTP/1.1\r\nHost: x\r\nX\0: a\r\n\r\n" NEXT;
    static const char in_path[] = "GET /no\0pe HTTP/1.1\r\nHost: x\r\n\r\n" NEXT;
    assert_refused(stack, in_value, sizeof in_value - 1);
    assert_refused(stack, in_name, sizeof in_name - 1);
    assert_refused(stack, in_path, sizeof in_path - 1);
}

static void large_heads_are_refused(void **state)
{
    struct stack *stack = *state;
    char *many = text("GET /nope HTTP/1.1\r\nHost: x\r\n%s\r\n" NEXT, text_repeat("X-Header: value\r\n", 200));
    assert_text_refused(stack, many);
    assert_text_refused(stack, text("GET /nope HTTP/1.1\r\nHost: x\r\nX: %s\r\n\r\n" NEXT, text_repeat("x", 100000)));
    assert_text_refused(stack, text("GET /%s HTTP/1.1\r\nHost: x\r\n\r\n" NEXT, text_repeat("x", 100000)));
    assert_text_refused(stack,
                        text("GET /nope HTTP/1.1\r\nHost: x\r\n%s", text_repeat("X: y\r\n", 200000))); /* no end */
}

static void what_is_no_http_is_refused(void **state)
{
    struct stack *stack = *state;
    static const char *const bytes[] = {
        "nonsense\r\n\r\n",
        "GET\r\n\r\n",
        "GET /nope\r\n\r\n",
        "GET /nope HTTP/9.9\r\nHost: x\r\n\r\n",
        "GET /no pe HTTP/1.1\r\nHost: x\r\n\r\n",
        "\x16\x03\x01\x02\x00\x01\x00\x01\xfc\x03\x03 is TLS\r\n\r\n",
        "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n",
    };
    for (size_t i = 0; i < sizeof bytes / sizeof *bytes; i++) {
        struct raw_reply reply = raw_text(stack, bytes[i]);
        assert_true(reply.closed);
        assert_true(reply.replies == 0 || reply.status == 400);
    }
}

static void a_slow_head_holds_nothing_up(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    int fds[64];
    for (size_t i = 0; i < 64; i++) {
        fds[i] = raw_connect(stack);
        assert_true(write(fds[i], "GET / HT", 8) == 8);
    }
    assert_status(http_get(stack, user.token, "/auth/profile"), 200);
    for (size_t i = 0; i < 64; i++)
        close(fds[i]);
}

static int check_alive(void **state)
{
    stack_assert_alive(*state);
    return 0;
}

#define SMUGGLING_TEST(test) cmocka_unit_test_teardown(test, check_alive)
SUITE("smuggling", SMUGGLING_TEST(a_sound_head_is_served), SMUGGLING_TEST(two_framings_are_refused),
      SMUGGLING_TEST(strange_framings_are_refused), SMUGGLING_TEST(strange_chunks_are_refused),
      SMUGGLING_TEST(bodies_of_any_method_are_bodies), SMUGGLING_TEST(a_host_is_needed_once),
      SMUGGLING_TEST(folds_and_bare_line_ends_are_refused), SMUGGLING_TEST(nul_characters_are_refused),
      SMUGGLING_TEST(large_heads_are_refused), SMUGGLING_TEST(what_is_no_http_is_refused),
      SMUGGLING_TEST(a_slow_head_holds_nothing_up))
