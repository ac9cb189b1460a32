/* Where connections come in. At the cap on connections those that lie idle give way. Where none does, or descriptors
 * run out, it stops accepting and tries again a little later: what waits meanwhile waits in the kernel.
 *
 * Whichever thread the kernel lets accept one, a connection goes to the first thread that has few of them, so that
 * those of few clients stay together: what one thread's turn holds travels together and is asked once. Where all have
 * some, it goes to the one with the fewest. */
#ifndef GATEWAY_LISTENER_H
#define GATEWAY_LISTENER_H

#include "gateway/http.h"

#include <stdbool.h>

enum listener_role {
    LISTENER_API,
    LISTENER_ADMIN, /* whose connections do not count: an operator is let in where the API is full */
};

struct thread;

struct listener {
    struct thread *thread;
    h2o_socket_t *socket; /* NULL = closed */
    h2o_accept_ctx_t accept;
    enum listener_role role;
    h2o_linklist_t guards; /* of its connections */
    h2o_timeout_entry_t pause;
    h2o_multithread_receiver_t handed; /* connections that another thread has accepted */
    bool is_listening;
    bool is_full; /* it paused, and has accepted none since */
};

/* Opens a socket on the address (IPv4 or IPv6, in figures), shared with the other threads' (SO_REUSEPORT), that does
 * not listen yet. Returns the descriptor, or -1, having said why. */
int listener_open(const char *host, int64_t port);

/* Whether nobody listens there yet. With SO_REUSEPORT a second gateway would silently take its share of the clients
 * (which SHARE_PORT allows). */
bool listener_is_free(const char *host, int64_t port);

/* Takes the descriptor. Zeroed before but for guards. hosts is borrowed, NULL-terminated. */
void listener_start(struct listener *listener, enum listener_role role, struct thread *thread, int fd,
                    h2o_hostconf_t **hosts);
/* From now on it listens and accepts. False, having said why, where it cannot. */
bool listener_listen(struct listener *listener);
/* It accepts no more; what other threads hand over still comes. */
void listener_close(struct listener *listener);
/* The end, also of one that never started. */
void listener_dispose(struct listener *listener);

/* Closing a listener resets what waits in its queue, though other processes may listen on the port. So first the kernel
 * is told to begin no more handshakes with it (their clients try again a second later, and meet another listener), and
 * when those under way have ended, all that waits is accepted, whatever the cap. */
void listener_refuse_more(struct listener *listener);
void listener_accept_rest(struct listener *listener);

#endif
