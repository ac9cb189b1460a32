/* Where connections come in. It stops accepting at the cap on connections, or when descriptors run out, and tries again
 * a little later: what waits meanwhile waits in the kernel. */
#ifndef GATEWAY_LISTENER_H
#define GATEWAY_LISTENER_H

#include "gateway/http.h"

#include <stdbool.h>

struct thread;

struct listener {
    struct thread *thread;
    h2o_socket_t *socket; /* NULL = closed */
    h2o_accept_ctx_t accept;
    h2o_timeout_entry_t pause;
    bool is_full; /* it paused, and has accepted none since */
};

/* Opens a socket that listens on the address (IPv4 or IPv6, in figures), shared with the other threads' (SO_REUSEPORT).
 * Returns the descriptor, or -1, having said why. */
int listener_open(const char *host, int64_t port);

/* Whether nobody listens there yet. With SO_REUSEPORT a second gateway would silently take its share of the clients. */
bool listener_is_free(const char *host, int64_t port);

/* Takes the descriptor. Zeroed before. hosts is borrowed, NULL-terminated. */
void listener_start(struct listener *listener, struct thread *thread, int fd, h2o_hostconf_t **hosts);
void listener_close(struct listener *listener);

#endif
