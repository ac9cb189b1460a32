/* Clients that cost more than they ask for: slow ones are cut off, those that throw away what they asked for too.
 * And how a gateway that stops tells the good ones. */
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/factories.h"
#include "tests/support/h2.h"
#include "tests/support/http.h"
#include "tests/support/raw.h"
#include "tests/support/scratch.h"

enum { PATIENCE_MS = 15000, PAUSE_MS = 20, REQUESTS = 5000 };

/* ---- slow ---- */

/* Whether the gateway has ended the connection: nothing is read. */
static bool is_cut(int fd, int wait_ms)
{
    struct pollfd end = {.fd = fd, .events = POLLRDHUP};
    return poll(&end, 1, wait_ms) > 0;
}

/* Sends a byte at a time until the connection is ended. */
static void assert_cut_while_sending(const struct stack *stack, const char *bytes)
{
    int fd = raw_connect(stack);
    int64_t deadline = now_ms() + PATIENCE_MS;
    size_t sent = 0;
    while (!is_cut(fd, PAUSE_MS)) {
        if (now_ms() > deadline)
            fail_msg("%zu bytes one by one, and the connection stands", sent);
        if (bytes[sent] != '\0')
            (void)!send(fd, bytes + sent++, 1, MSG_NOSIGNAL);
    }
    close(fd);
}

static void heads_byte_by_byte_are_cut_off(void **state)
{
    assert_cut_while_sending(*state, text("GET /rooms HTTP/1.1\r\nHost: x\r\n%s", text_repeat("X: y\r\n", 1000)));
}

static void bodies_byte_by_byte_are_cut_off(void **state)
{
    struct stack *stack = *state;
    static const char head[] = "POST /auth/login HTTP/1.1\r\nHost: x\r\nContent-Type: application/json\r\n";
    assert_cut_while_sending(stack, text("%sContent-Length: 9000\r\n\r\n%s", head, text_repeat("{", 9000)));
    assert_cut_while_sending(stack,
                             text("%sTransfer-Encoding: chunked\r\n\r\n%s", head, text_repeat("1\r\n{\r\n", 2000)));
}

static void who_takes_no_reply_is_cut_off(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    for (int i = 0; i < 100; i++)
        make_room(stack, &user, (struct room_options){0});
    char *request = text("GET /rooms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", user.token);
    char *requests = text_repeat(request, 300); /* more than both ends' buffers take of the replies */
    int fd = raw_connect_with(stack, 4096);
    (void)!send(fd, requests, strlen(requests), MSG_NOSIGNAL | MSG_DONTWAIT);
    if (!is_cut(fd, PATIENCE_MS))
        fail_msg("nothing is taken of it, and the connection stands");
    close(fd);
}

/* ---- HTTP/2 ---- */

static void a_request_is_answered(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct h2_frame frame = {.type = H2_SETTINGS};
    int fd = h2_connect(stack);
    assert_true(h2_get(fd, 1, "/auth/profile", user.token));
    while (frame.type != H2_DATA)
        assert_true(h2_receive(fd, &frame, PATIENCE_MS));
    assert_int_equal(frame.stream, 1);
    assert_non_null(memmem(frame.payload, frame.len, user.username, strlen(user.username)));
    close(fd);
}

static void cancel(int fd, uint32_t stream)
{
    static const unsigned char code[] = {0, 0, 0, 8};
    (void)h2_send(fd, H2_RST_STREAM, 0, stream, code, sizeof code);
}

static void grow_by_nothing(int fd, uint32_t stream)
{
    static const unsigned char nothing[] = {0, 0, 0, 0};
    (void)h2_send(fd, H2_WINDOW_UPDATE, 0, stream, nothing, sizeof nothing);
}

static void grow_too_far(int fd, uint32_t stream)
{
    static const unsigned char most[] = {0x7f, 0xff, 0xff, 0xff};
    (void)h2_send(fd, H2_WINDOW_UPDATE, 0, stream, most, sizeof most);
}

static void send_after_the_end(int fd, uint32_t stream)
{
    (void)h2_send(fd, H2_DATA, H2_END_STREAM, stream, "x", 1);
}

static void depend_on_itself(int fd, uint32_t stream)
{
    unsigned char priority[] = {(unsigned char)(stream >> 24), (unsigned char)(stream >> 16),
                                (unsigned char)(stream >> 8), (unsigned char)stream, 0};
    (void)h2_send(fd, H2_PRIORITY, 0, stream, priority, sizeof priority);
}

/* How many requests of the stack's gateway were logged. */
static int count_requests(const struct stack *stack)
{
    return atoi(shell("grep -c 'request .*path=/rooms/1 ' %s/gateway.log || true", stack->folder));
}

/* Rapid reset (CVE-2023-44487) and MadeYouReset (CVE-2025-8671): requests that are begun and thrown away, by the client
 * or by the server because of the client, without end. */
static void assert_has_enough(struct stack *stack, void (*throw)(int fd, uint32_t stream))
{
    struct user user = make_user(stack);
    int before = count_requests(stack);
    int fd = h2_connect(stack);
    for (uint32_t i = 0; i < REQUESTS && h2_get(fd, 2 * i + 1, "/rooms/1", user.token); i++)
        throw(fd, 2 * i + 1);
    if (!h2_is_closed(fd, PATIENCE_MS))
        fail_msg("%d requests were thrown away, and the connection stands", REQUESTS);
    close(fd);
    stack_assert_alive(stack);
    assert_in_range(count_requests(stack) - before, 0, REQUESTS / 2); /* some are answered before they are reset */
}

static void rapid_reset_is_ended(void **state)
{
    assert_has_enough(*state, cancel);
}

static void made_you_reset_is_ended(void **state)
{
    assert_has_enough(*state, grow_by_nothing);
    assert_has_enough(*state, grow_too_far);
    assert_has_enough(*state, send_after_the_end);
    assert_has_enough(*state, depend_on_itself);
}

/* ---- the good ones, when it stops ---- */

static void await_stopping(struct stack *stack)
{
    kill(stack->parts[STACK_GATEWAY].pid, SIGTERM);
    for (int64_t deadline = now_ms() + PATIENCE_MS;; sleep_ms(5)) {
        struct reply *reply = http_probe(stack, "/readyz");
        if (reply->status == 503 && strstr(reply->body, "being stopped") != NULL)
            return;
        if (now_ms() > deadline)
            fail_msg("%ld %s", reply->status, reply->body);
    }
}

static void await_end_and_revive(struct stack *stack)
{
    int status = -1;
    assert_true(process_wait(&stack->parts[STACK_GATEWAY], PATIENCE_MS, &status));
    assert_int_equal(status, 0);
    stack_revive(stack, STACK_GATEWAY);
    stack_await_ready(stack, PATIENCE_MS);
}

static void a_gateway_that_stops_serves_and_says_close(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack); /* the connection of this is kept */
    await_stopping(stack);
    struct reply *kept = http_get(stack, user.token, "/auth/profile"), *fresh = http_get(stack, NULL, "/nope");
    assert_status(kept, 200);
    assert_string_equal(reply_header(kept, "Connection"), "close");
    assert_status(fresh, 404);
    assert_string_equal(reply_header(fresh, "Connection"), "close");
    assert_status(http_probe(stack, "/healthz"), 200);
    await_end_and_revive(stack);
}

/* It comes before the end of the connection, and what was begun is answered. */
static void http_2_clients_are_told_to_go_away(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct h2_frame frame;
    bool is_told = false, is_answered = false;
    int fd = h2_connect(stack);
    assert_true(h2_get(fd, 1, "/auth/profile", user.token));
    await_stopping(stack);
    assert_true(h2_get(fd, 3, "/auth/profile", user.token));
    while (h2_receive(fd, &frame, PATIENCE_MS)) {
        is_told = is_told || frame.type == H2_GOAWAY;
        is_answered = is_answered || (frame.type == H2_DATA && frame.stream == 3);
    }
    assert_true(is_told && is_answered);
    close(fd);
    await_end_and_revive(stack);
}

static int check_alive(void **state)
{
    stack_assert_alive(*state);
    return 0;
}

static const struct stack_options options = {
    .environment = {"HTTP2=true", "READ_TIMEOUT_MS=1000", "WRITE_TIMEOUT_MS=1000", "DRAIN_NOTICE_MS=1500",
                    "GATEWAY_THREADS=1"},
};
#define HOSTILE_TEST(test) cmocka_unit_test_teardown(test, check_alive)
SUITE_WITH("hostile", &options, HOSTILE_TEST(heads_byte_by_byte_are_cut_off),
           HOSTILE_TEST(bodies_byte_by_byte_are_cut_off), HOSTILE_TEST(who_takes_no_reply_is_cut_off),
           HOSTILE_TEST(a_request_is_answered), HOSTILE_TEST(rapid_reset_is_ended),
           HOSTILE_TEST(made_you_reset_is_ended), HOSTILE_TEST(a_gateway_that_stops_serves_and_says_close),
           HOSTILE_TEST(http_2_clients_are_told_to_go_away))
