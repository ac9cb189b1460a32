/* The bodies of error replies: the contract's three shapes, and RFC 9457's for who asks for it. */
#ifndef GATEWAY_ERROR_BODY_H
#define GATEWAY_ERROR_BODY_H

#include <stdbool.h>

#include "common/buffer.h"
#include "common/error.h"
#include "common/str.h"

struct failure {
    enum error error;
    struct str text;   /* in place of the error's own; empty = that one */
    struct str packed; /* what a service sent: a MessagePack string, array of strings, or nil; goes before text */
};

/* Appends the body. packed that is malformed counts as absent. */
void error_body(struct buffer *out, const struct failure *failure, bool as_problem, struct str request_id);

#endif
