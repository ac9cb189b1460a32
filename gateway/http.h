/* The one door to h2o: with epoll, as libh2o-evloop was built. Included before headers that ban functions which h2o's
 * inline code uses. */
#ifndef GATEWAY_HTTP_H
#define GATEWAY_HTTP_H

#define H2O_USE_EPOLL 1
#include <h2o.h>
#include <h2o/http1.h>
#include <h2o/http2.h>

#include "common/str.h"

static inline struct str str_of(h2o_iovec_t bytes)
{
    return (struct str){bytes.len > 0 ? bytes.base : "", bytes.len};
}

static inline h2o_iovec_t iovec_of(struct str s)
{
    return h2o_iovec_init(s.ptr, s.len);
}

/* A copy that lives as long as the request. */
static inline struct str pool_copy(h2o_mem_pool_t *pool, struct str s)
{
    char *copy = h2o_mem_alloc_pool(pool, s.len);
    h2o_memcpy(copy, s.len > 0 ? s.ptr : NULL, s.len);
    return (struct str){copy, s.len};
}

#endif
