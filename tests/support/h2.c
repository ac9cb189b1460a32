/* Frames by hand: HPACK without compression is a byte and a length before each text. */
#include "tests/support/h2.h"

#include <poll.h>
#include <stdio.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/raw.h"

enum { HEAD_LEN = 9, SEND_WAIT_MS = 5000 };

/* ---- bytes ---- */

/* Waits where the gateway does not read, but not for ever. */
static bool send_all(int fd, const void *bytes, size_t len)
{
    for (size_t sent = 0; sent < len;) {
        ssize_t put = send(fd, (const char *)bytes + sent, len - sent, MSG_NOSIGNAL | MSG_DONTWAIT);
        struct pollfd writable = {.fd = fd, .events = POLLOUT};
        if (put > 0)
            sent += (size_t)put;
        else if (poll(&writable, 1, SEND_WAIT_MS) <= 0 || (writable.revents & (POLLERR | POLLHUP)) != 0)
            return false;
    }
    return true;
}

static bool receive_all(int fd, void *bytes, size_t len, int wait_ms)
{
    for (size_t got = 0; got < len;) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        if (poll(&readable, 1, wait_ms) <= 0)
            return false;
        ssize_t more = recv(fd, (char *)bytes + got, len - got, 0);
        if (more <= 0)
            return false;
        got += (size_t)more;
    }
    return true;
}

/* ---- frames ---- */

bool h2_send(int fd, enum h2_type type, unsigned flags, uint32_t stream, const void *payload, size_t len)
{
    unsigned char frame[HEAD_LEN + H2_MAX_PAYLOAD] = {
        (unsigned char)(len >> 16),    (unsigned char)(len >> 8),    (unsigned char)len,
        (unsigned char)type,           (unsigned char)flags,         (unsigned char)(stream >> 24),
        (unsigned char)(stream >> 16), (unsigned char)(stream >> 8), (unsigned char)stream};
    assert_true(len <= H2_MAX_PAYLOAD);
    if (len > 0)
        memcpy(frame + HEAD_LEN, payload, len);
    return send_all(fd, frame, HEAD_LEN + len);
}

bool h2_receive(int fd, struct h2_frame *frame, int wait_ms)
{
    unsigned char head[HEAD_LEN];
    if (!receive_all(fd, head, sizeof head, wait_ms))
        return false;
    frame->len = (size_t)head[0] << 16 | (size_t)head[1] << 8 | head[2];
    frame->type = head[3];
    frame->flags = head[4];
    frame->stream = (uint32_t)(head[5] & 0x7f) << 24 | (uint32_t)head[6] << 16 | (uint32_t)head[7] << 8 | head[8];
    assert_true(frame->len <= H2_MAX_PAYLOAD);
    return receive_all(fd, frame->payload, frame->len, wait_ms);
}

int h2_connect(const struct stack *stack)
{
    static const char preface[] = "PRI * HTTP/2.0\r\n\r\nSM\r\n\r\n";
    int fd = raw_connect(stack);
    assert_true(send_all(fd, preface, sizeof preface - 1));
    assert_true(h2_send(fd, H2_SETTINGS, 0, 0, NULL, 0));
    return fd;
}

/* A field whose name is the table's; texts of up to 126 + 127 bytes. */
static size_t put_text(unsigned char *at, const char *text)
{
    size_t len = strlen(text), used = 1;
    if (len < 127) {
        at[0] = (unsigned char)len;
    } else { /* a length that outgrows its 7 bits goes on by sevens */
        at[0] = 127;
        for (len -= 127; len >= 128; len >>= 7)
            at[used++] = (unsigned char)(len % 128 + 128);
        at[used++] = (unsigned char)len;
    }
    memcpy(at + used, text, strlen(text));
    return used + strlen(text);
}

bool h2_get(int fd, uint32_t stream, const char *path, const char *token)
{
    enum { METHOD_GET = 0x82, SCHEME_HTTP = 0x86, PATH = 0x04, AUTHORITY = 0x01, LITERAL_NAME = 0x00 };
    unsigned char fields[4096] = {METHOD_GET, SCHEME_HTTP};
    char bearer[2048];
    size_t len = 2;
    fields[len++] = PATH;
    len += put_text(fields + len, path);
    fields[len++] = AUTHORITY;
    len += put_text(fields + len, "localhost");
    if (token != NULL) {
        snprintf(bearer, sizeof bearer, "Bearer %s", token);
        fields[len++] = LITERAL_NAME;
        len += put_text(fields + len, "authorization");
        len += put_text(fields + len, bearer);
    }
    return h2_send(fd, H2_HEADERS, H2_END_STREAM | H2_END_HEADERS, stream, fields, len);
}

bool h2_is_closed(int fd, int wait_ms)
{
    char waste[65536];
    for (int64_t deadline = now_ms() + wait_ms; now_ms() < deadline;) {
        struct pollfd readable = {.fd = fd, .events = POLLIN};
        if (poll(&readable, 1, (int)(deadline - now_ms())) > 0 && recv(fd, waste, sizeof waste, 0) <= 0)
            return true;
    }
    return false;
}
