/* Bytes on a TCP connection to the gateway. */
#include "tests/support/raw.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <poll.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/scratch.h"

enum { QUIET_MS = 400, ROOM = 1 << 20 };

int raw_connect(const struct stack *stack)
{
    return raw_connect_with(stack, 0);
}

int raw_connect_with(const struct stack *stack, int receive_buffer)
{
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_true(fd >= 0);
    if (receive_buffer > 0)
        assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_RCVBUF, &receive_buffer, sizeof receive_buffer), 0);
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK), .sin_port = htons(stack->port)};
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    return fd;
}

/* A gateway that refuses early closes while we still send: that is its right. */
static void send_all(int fd, const char *bytes, size_t len)
{
    while (len > 0) {
        ssize_t sent = send(fd, bytes, len, MSG_NOSIGNAL);
        if (sent < 0 && errno == EINTR)
            continue;
        if (sent < 0)
            return;
        bytes += sent;
        len -= (size_t)sent;
    }
}

/* True when there is more to read; false at the end or after wait_ms of silence. */
static bool read_more(int fd, struct raw_reply *reply, int wait_ms)
{
    struct pollfd ready = {.fd = fd, .events = POLLIN};
    if (poll(&ready, 1, wait_ms) <= 0)
        return false;
    ssize_t got = recv(fd, reply->bytes + reply->len, ROOM - 1 - reply->len, 0);
    if (got > 0)
        reply->len += (size_t)got;
    reply->closed = got <= 0;
    return got > 0 && reply->len < ROOM - 1;
}

static void count_replies(struct raw_reply *reply)
{
    for (const char *at = reply->bytes; (at = strstr(at, "HTTP/1.1 ")) != NULL; at += 9) {
        if (reply->replies++ == 0)
            reply->status = atoi(at + 9);
    }
}

struct raw_reply raw_send(const struct stack *stack, const void *bytes, size_t len, int wait_ms)
{
    struct raw_reply reply = {.bytes = scratch_alloc(ROOM)};
    int fd = raw_connect(stack);
    send_all(fd, bytes, len);
    while (read_more(fd, &reply, wait_ms))
        continue;
    close(fd);
    count_replies(&reply);
    return reply;
}

struct raw_reply raw_text(const struct stack *stack, const char *bytes)
{
    return raw_send(stack, bytes, strlen(bytes), QUIET_MS);
}
