/* One event loop and all it owns: h2o's context, listeners, the bus to the services, the feed that keeps principals
 * true, and caches. Threads share struct gateway, which none of them changes but for its counter of connections; of
 * each other they see what is atomic. */
#ifndef GATEWAY_THREAD_H
#define GATEWAY_THREAD_H

#include "gateway/http.h"

#include <pthread.h>
#include <stdatomic.h>

#include "common/arena.h"
#include "common/buffer.h"
#include "common/bus.h"
#include "common/feed.h"
#include "gateway/bearer.h"
#include "gateway/config.h"
#include "gateway/cors.h"
#include "gateway/drain.h"
#include "gateway/listener.h"
#include "gateway/metrics.h"
#include "gateway/principals.h"
#include "gateway/proxies.h"
#include "gateway/router.h"
#include "gateway/sessions.h"
#include "gateway/share.h"

struct gateway {
    const struct gateway_config *config;
    struct router *router;
    struct cors *cors;
    struct proxies *proxies;
    h2o_globalconf_t http;
    h2o_hostconf_t *api_hosts[2], *admin_hosts[2]; /* NULL-terminated: whose handlers a listener's connections meet */
    struct thread **threads;
    size_t thread_count;
    atomic_int connections;        /* of the API */
    atomic_bool is_stopping;       /* no thread hands connections to another any more */
    atomic_int listening;          /* threads that do */
    atomic_int busy;               /* threads that serve, or drain and are not done */
    pthread_barrier_t loops_ended; /* of all threads: none hands a connection to one that has gone */
};

struct thread {
    h2o_context_t context; /* first: a request's conn->ctx is its thread */
    struct gateway *gateway;
    struct listener api, admin;
    h2o_socket_t *watches[3]; /* on the bus, the feed and stop_fd */
    size_t watch_count;

    struct bus *bus;
    struct feed_subscriber *feed;
    struct principals *principals;
    struct sessions *sessions;
    struct bearer *bearer;
    struct metrics *metrics;
    struct shares *shares;
    atomic_int connections;       /* of the API, those on their way to us among them */
    atomic_uint connected;        /* bit n: service n's endpoint is connected */
    h2o_timeout_entry_t bus_turn; /* linked while calls wait to be sent, or something to be received */

    h2o_timeout_t read_timeout, write_timeout, idle_timeout, linger_timeout, accept_pause, hold_timeout;
    size_t requests; /* being answered */

    /* Scratch, good while one request is handled */
    struct arena *arena;
    struct buffer body, arguments, reply;
    uint64_t id_generator;

    int api_fd, admin_fd; /* the listeners', until the thread runs; -1 = none */
    int stop_fd;          /* an eventfd: written to from outside when the thread is to stop */
    int64_t began_ms;
    struct drain drain;
};

static inline struct thread *thread_of(const h2o_req_t *req)
{
    return (struct thread *)req->conn->ctx;
}

/* Returns owned. Takes the listeners' descriptors (listener_open); admin_fd -1 = none. NULL, having said why, where an
 * address of the bus is refused. */
struct thread *thread_new(struct gateway *gateway, int api_fd, int admin_fd);
/* Of one that has ended, or never ran. */
void thread_destroy(struct thread **thread);

/* A pthread's entry, with a struct thread: runs until thread_stop and the end of the drain that follows (drain.h), and
 * returns when the loops of all threads have ended. */
void *thread_run(void *thread);
/* From any thread. */
void thread_stop(struct thread *thread);

/* Whether every thread of the gateway listens and is connected to the service: from any thread. */
bool thread_all_connected(const struct gateway *gateway, enum proto_service service);

/* Has the bus turn at the end of this turn of the loop. */
void thread_plan_turn(struct thread *thread);

/* bus_call on the thread's bus, sent at the end of the loop's turn. */
enum error thread_call(struct thread *thread, unsigned target, const struct bus_request *request,
                       void (*on_reply)(void *context, const struct bus_reply *reply), void *context,
                       bus_call_id *id) MUST_USE;

#endif
