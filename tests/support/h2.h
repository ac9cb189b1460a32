/* HTTP/2 frames on a TCP connection to the gateway, as no client would send them. Blocking, but for a deadline on each
 * read; whoever meets a closed connection is told by false. */
#ifndef TESTS_SUPPORT_H2_H
#define TESTS_SUPPORT_H2_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "tests/support/stack.h"

enum h2_type {
    H2_DATA = 0,
    H2_HEADERS = 1,
    H2_PRIORITY = 2,
    H2_RST_STREAM = 3,
    H2_SETTINGS = 4,
    H2_GOAWAY = 7,
    H2_WINDOW_UPDATE = 8,
};
enum { H2_END_STREAM = 1, H2_ACK = 1, H2_END_HEADERS = 4, H2_MAX_PAYLOAD = 16384 };

struct h2_frame {
    unsigned type, flags;
    uint32_t stream;
    size_t len;
    unsigned char payload[H2_MAX_PAYLOAD];
};

/* Connects and exchanges prefaces. Returns the descriptor; close() it. */
int h2_connect(const struct stack *stack);
/* False where the gateway has closed the connection. */
bool h2_send(int fd, enum h2_type type, unsigned flags, uint32_t stream, const void *payload, size_t len);
/* GET of the path, as a request that is complete; token NULL = none. */
bool h2_get(int fd, uint32_t stream, const char *path, const char *token);
/* The next frame. False where the connection is closed, or nothing comes for wait_ms. */
bool h2_receive(int fd, struct h2_frame *frame, int wait_ms);
/* Whether the gateway has closed the connection: reads all that is there, for wait_ms at most. */
bool h2_is_closed(int fd, int wait_ms);

#endif
