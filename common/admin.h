/* The operators' port of a service: a few pages over HTTP, apart from everything that clients reach. Runs on the
 * service's loop and holds no more than a few connections, each for a bounded time. Only admin.c includes
 * libmicrohttpd; the gateway has h2o for this. */
#ifndef COMMON_ADMIN_H
#define COMMON_ADMIN_H

#include <stdbool.h>
#include <stdint.h>

#include "common/buffer.h"
#include "common/loop.h"

struct admin_page {
    const char *path; /* "/readyz" */
    const char *type; /* of its content */
    /* Appends the page to *out. Returns whether all is well: else the page comes with a status that says so. */
    bool (*write)(void *context, struct buffer *out);
};

struct admin;

/* Listens and serves GET and HEAD of the pages, an array that a row without a path ends; what pages and context point
 * to must outlive it. Returns owned; NULL, and logged, where it cannot listen there. */
struct admin *admin_open(struct loop *loop, const char *host, int64_t port, const struct admin_page *pages,
                         void *context);
void admin_close(struct admin **admin);

#endif
