/* Whose key is it? libzmq asks (ZAP, RFC 27) for each connection to a wire that answers with keys, and lets nobody in
 * before it is told a name. One thread answers for the whole process. */
#include <assert.h>
#include <czmq.h>
#include <errno.h>
#include <pthread.h>
#include <stdio.h>

/* czmq.h brings syslog.h, whose levels are named as ours. */
#undef LOG_DEBUG
#undef LOG_INFO
#include "common/clock.h"
#include "common/log.h"
#include "common/wire_internal.h"

#define ADDRESS "inproc://zeromq.zap.01" /* where libzmq asks */

#define ZAP_KNOWN "200"
#define ZAP_UNKNOWN "400"

enum { REQUEST_FRAMES = 7, COMPLAIN_MS = 1000 };

static struct {
    pthread_mutex_t mutex;
    zactor_t *actor; /* runs while there are keys to be asked about */
    struct wire_keys *keys;
    unsigned last_domain;
    int64_t complained_ms;
} zap = {.mutex = PTHREAD_MUTEX_INITIALIZER};

/* ---- the answer ---- */

/* Of RFC 27's request. */
struct request {
    char *version, *id, *domain, *address, *identity, *mechanism;
    zframe_t *credentials;
};

static struct wire_keys *find_keys(const char *domain)
{
    struct wire_keys *keys = zap.keys;
    while (keys != NULL && strcmp(keys->domain, domain) != 0)
        keys = keys->next;
    return keys;
}

static void complain(struct wire_keys *keys, const char *address)
{
    uint64_t refused = atomic_fetch_add(&keys->refused, 1) + 1;
    int64_t now_ms = clock_now_ms();
    if (zap.complained_ms != 0 && now_ms - zap.complained_ms < COMPLAIN_MS)
        return;
    zap.complained_ms = now_ms;
    log_warn("connection refused: its key is nobody's", LOG_Z("from", address), LOG_I("so_far", refused));
}

/* The name, or "". */
static const char *name_of(const struct request *request)
{
    struct wire_keys *keys = find_keys(request->domain);
    if (keys == NULL || strcmp(request->mechanism, "CURVE") != 0 || zframe_size(request->credentials) != WIRE_KEY_SIZE)
        return "";
    const char *name = wire_keys_name(keys, zframe_data(request->credentials));
    if (name == NULL)
        complain(keys, request->address);
    return name != NULL ? name : "";
}

static void reply(zsock_t *handler, const struct request *request)
{
    pthread_mutex_lock(&zap.mutex);
    char name[WIRE_NAME_MAX + 1];
    snprintf(name, sizeof name, "%s", name_of(request));
    pthread_mutex_unlock(&zap.mutex);
    bool is_known = *name != '\0';
    zstr_sendx(handler, request->version, request->id, is_known ? ZAP_KNOWN : ZAP_UNKNOWN,
               is_known ? "" : "unknown key", name, "", NULL);
}

static void answer(zsock_t *handler)
{
    zmsg_t *message = zmsg_recv(handler);
    if (message == NULL)
        return;
    assert(zmsg_size(message) >= REQUEST_FRAMES); /* libzmq's own words */
    struct request request = {.version = zmsg_popstr(message)};
    char **texts[] = {&request.id, &request.domain, &request.address, &request.identity, &request.mechanism};
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        *texts[i] = zmsg_popstr(message);
    request.credentials = zmsg_pop(message);
    reply(handler, &request);
    free(request.version);
    for (size_t i = 0; i < sizeof texts / sizeof *texts; i++)
        free(*texts[i]);
    zframe_destroy(&request.credentials);
    zmsg_destroy(&message);
}

/* ---- the thread ---- */

static void run(zsock_t *pipe, void *unused)
{
    (void)unused;
    zsock_t *handler = zsock_new(ZMQ_REP);
    if (handler == NULL || zsock_bind(handler, ADDRESS) != 0) {
        log_error("nobody can be let in by key", LOG_Z("reason", zmq_strerror(errno)));
        abort();
    }
    zpoller_t *poller = zpoller_new(pipe, handler, NULL);
    zsock_signal(pipe, 0);
    for (void *which = NULL; which != pipe;) { /* which says when to end */
        which = zpoller_wait(poller, -1);
        if (which == handler)
            answer(handler);
        else if (which == NULL && errno != EINTR)
            break;
    }
    zpoller_destroy(&poller);
    zsock_unbind(handler, ADDRESS); /* at once, where closing takes libzmq's own time */
    zsock_destroy(&handler);
}

void wire_zap_begin(struct wire_keys *keys)
{
    if (*keys->domain != '\0')
        return;
    pthread_mutex_lock(&zap.mutex);
    snprintf(keys->domain, sizeof keys->domain, "%u", ++zap.last_domain);
    keys->next = zap.keys;
    zap.keys = keys;
    if (zap.actor == NULL)
        zap.actor = zactor_new(run, NULL);
    pthread_mutex_unlock(&zap.mutex);
}

static void forget(const struct wire_keys *keys)
{
    struct wire_keys **link = &zap.keys;
    while (*link != keys)
        link = &(*link)->next;
    *link = keys->next;
}

void wire_zap_end(struct wire_keys *keys)
{
    if (*keys->domain == '\0')
        return;
    pthread_mutex_lock(&zap.mutex);
    forget(keys);
    zactor_t *last = zap.keys == NULL ? zap.actor : NULL;
    if (last != NULL)
        zap.actor = NULL;
    pthread_mutex_unlock(&zap.mutex);
    zactor_destroy(&last); /* waits for the thread, which may be waiting for the mutex */
}
