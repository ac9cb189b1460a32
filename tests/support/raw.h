/* Bytes on a TCP connection to the gateway, for HTTP that no client would send. Not recorded. */
#ifndef TESTS_SUPPORT_RAW_H
#define TESTS_SUPPORT_RAW_H

#include <stdbool.h>
#include <stddef.h>

#include "tests/support/stack.h"

struct raw_reply {
    char *bytes; /* all that came, terminated */
    size_t len;
    bool closed;    /* by the gateway, before wait_ms passed */
    size_t replies; /* status lines among them */
    int status;     /* of the first; 0 = none */
};

/* Connects, sends, and reads until the gateway closes or is silent for wait_ms. */
struct raw_reply raw_send(const struct stack *stack, const void *bytes, size_t len, int wait_ms);

/* The same of a text. */
struct raw_reply raw_text(const struct stack *stack, const char *bytes);

/* A connection to hold open; close() it. */
int raw_connect(const struct stack *stack);
/* The same, of a client that has room for so many bytes. */
int raw_connect_with(const struct stack *stack, int receive_buffer);

#endif
