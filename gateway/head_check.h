/* The strict reader of an HTTP/1 request head, on its raw bytes, before h2o sees them: h2o 2.2.5 accepts what lets two
 * servers disagree on where a request ends (RFC 9112 §11.2, request smuggling), and drops the evidence from
 * req->headers. */
#ifndef GATEWAY_HEAD_CHECK_H
#define GATEWAY_HEAD_CHECK_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/str.h"

/* HEAD_MAX_FIELDS is what h2o can hold; above it, h2o would answer in words of its own. */
enum { HEAD_MAX_LEN = 16384, HEAD_MAX_FIELDS = 100 };

enum head_verdict { HEAD_INCOMPLETE, HEAD_GOOD, HEAD_REFUSED };

/* Zeroed is ready for a head. */
struct head_check {
    /* HEAD_GOOD */
    size_t len;              /* of the head, its empty line included */
    size_t upgrade_value_at; /* where the value of an Upgrade field begins; 0 = there is none */
    bool is_chunked;
    /* HEAD_REFUSED */
    enum error error;
    const char *why;
    /* What was read so far */
    size_t line_at, scanned;
    bool has_request_line, is_http_1_0;
    unsigned fields, hosts, lengths, encodings;
    uint64_t content_length;
};

/* Reads on in bytes: those of the call before, and more behind them. A body declared longer than body_max is refused.
 */
enum head_verdict head_check(struct head_check *check, struct str bytes, uint64_t body_max);

/* The value of the first field of that name in the lines of a head that are complete; empty where there is none. */
struct str head_field(struct str bytes, struct str name);

#endif
