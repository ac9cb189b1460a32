/* Resolving in a thread: glibc's getaddrinfo has no other way to not wait (getaddrinfo_a runs threads too, and can
 * neither be given up nor joined). */
#include "common/resolver.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <pthread.h>
#include <signal.h>
#include <stdint.h>
#include <string.h>
#include <sys/eventfd.h>
#include <unistd.h>

#include "common/allocate.h"
#include "common/log.h"

/* The owner's and the thread's; the last of them frees it. */
struct resolver {
    pthread_mutex_t mutex;
    pthread_cond_t wake;
    int event;
    bool has_thread, is_over, is_hurried;
    size_t host_count;
    struct host {
        char *name; /* does not change once it counts */
        bool has_failed;
        struct resolved resolved;
    } hosts[RESOLVER_MAX_HOSTS];
};

static _Noreturn void give_up(const char *what)
{
    log_error(what, LOG_Z("reason", strerror(errno)));
    abort();
}

static void free_resolver(struct resolver *resolver)
{
    for (size_t i = 0; i < resolver->host_count; i++)
        free(resolver->hosts[i].name);
    close(resolver->event);
    pthread_mutex_destroy(&resolver->mutex);
    pthread_cond_destroy(&resolver->wake);
    free(resolver);
}

/* ---- one host ---- */

static bool has(const struct resolved *resolved, const char *address)
{
    for (size_t i = 0; i < resolved->count; i++)
        if (strcmp(resolved->addresses[i], address) == 0)
            return true;
    return false;
}

static void add(struct resolved *resolved, const struct sockaddr *address, socklen_t len)
{
    char text[INET6_ADDRSTRLEN] = "";
    if (resolved->count == RESOLVER_MAX_ADDRESSES ||
        getnameinfo(address, len, text, sizeof text, NULL, 0, NI_NUMERICHOST) != 0 || has(resolved, text))
        return;
    memcpy(resolved->addresses[resolved->count++], text, sizeof text);
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

/* 0, or getaddrinfo's error. */
static int resolve(const char *host, struct resolved *out)
{
    const struct addrinfo hints = {.ai_family = AF_UNSPEC, .ai_socktype = SOCK_STREAM, .ai_flags = AI_ADDRCONFIG};
    struct addrinfo *found;
    int error = getaddrinfo(host, NULL, &hints, &found);
    if (error != 0)
        return error;
    for (const struct addrinfo *at = found; at != NULL; at = at->ai_next)
        add(out, at->ai_addr, at->ai_addrlen);
    freeaddrinfo(found);
    qsort(out->addresses, out->count, sizeof *out->addresses, compare);
    return 0;
}

/* ---- the thread ---- */

static bool is_same(const struct resolved *a, const struct resolved *b)
{
    return a->count == b->count && memcmp(a->addresses, b->addresses, a->count * sizeof *a->addresses) == 0;
}

/* Told once, until it is well again. */
static void note_failure(struct host *host, int error)
{
    if (error != 0 && !host->has_failed)
        log_warn("cannot resolve", LOG_Z("host", host->name), LOG_Z("reason", gai_strerror(error)));
    host->has_failed = error != 0;
}

static void resolve_host(struct resolver *resolver, struct host *host)
{
    static const uint64_t one = 1;
    struct resolved resolved = {0};
    int error = resolve(host->name, &resolved);
    note_failure(host, error);
    if (error != 0 || resolved.count == 0)
        return;
    pthread_mutex_lock(&resolver->mutex);
    bool is_news = !is_same(&resolved, &host->resolved);
    host->resolved = resolved;
    pthread_mutex_unlock(&resolver->mutex);
    if (is_news && write(resolver->event, &one, sizeof one) != sizeof one)
        give_up("cannot tell of addresses");
}

static void add_ms(struct timespec *time, int64_t ms)
{
    time->tv_sec += ms / 1000;
    time->tv_nsec += ms % 1000 * 1000000;
    if (time->tv_nsec >= 1000000000) {
        time->tv_sec++;
        time->tv_nsec -= 1000000000;
    }
}

/* Until the next round is due; with the mutex, which it gives up meanwhile. */
static void rest(struct resolver *resolver)
{
    struct timespec soonest, latest;
    clock_gettime(CLOCK_MONOTONIC, &soonest);
    latest = soonest;
    add_ms(&soonest, RESOLVER_HURRY_MS);
    add_ms(&latest, RESOLVER_INTERVAL_MS);
    int result = 0;
    while (!resolver->is_over && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&resolver->wake, &resolver->mutex, &soonest);
    result = 0;
    while (!resolver->is_over && !resolver->is_hurried && result != ETIMEDOUT)
        result = pthread_cond_timedwait(&resolver->wake, &resolver->mutex, &latest);
    resolver->is_hurried = false;
}

static void *run(void *memory)
{
    struct resolver *resolver = memory;
    pthread_mutex_lock(&resolver->mutex);
    while (!resolver->is_over) {
        size_t count = resolver->host_count;
        pthread_mutex_unlock(&resolver->mutex);
        for (size_t i = 0; i < count; i++)
            resolve_host(resolver, &resolver->hosts[i]);
        pthread_mutex_lock(&resolver->mutex);
        if (count == resolver->host_count)
            rest(resolver);
    }
    pthread_mutex_unlock(&resolver->mutex);
    free_resolver(resolver);
    return NULL;
}

/* Signals are the other threads'. */
static void start_thread(struct resolver *resolver)
{
    sigset_t all, before;
    pthread_t thread;
    sigfillset(&all);
    pthread_sigmask(SIG_SETMASK, &all, &before);
    errno = pthread_create(&thread, NULL, run, resolver);
    if (errno != 0)
        give_up("no thread to resolve names");
    pthread_sigmask(SIG_SETMASK, &before, NULL);
    pthread_detach(thread); /* it may be in the middle of a question that takes DNS long */
    resolver->has_thread = true;
}

/* ---- for its owner ---- */

struct resolver *resolver_new(void)
{
    struct resolver *resolver = allocate(sizeof *resolver);
    pthread_condattr_t monotonic;
    pthread_condattr_init(&monotonic);
    pthread_condattr_setclock(&monotonic, CLOCK_MONOTONIC);
    pthread_cond_init(&resolver->wake, &monotonic);
    pthread_condattr_destroy(&monotonic);
    pthread_mutex_init(&resolver->mutex, NULL);
    resolver->event = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (resolver->event < 0)
        give_up("no descriptor to tell of addresses");
    return resolver;
}

void resolver_destroy(struct resolver **owner)
{
    struct resolver *resolver = *owner;
    *owner = NULL;
    if (resolver == NULL)
        return;
    if (!resolver->has_thread) {
        free_resolver(resolver);
        return;
    }
    pthread_mutex_lock(&resolver->mutex);
    resolver->is_over = true;
    pthread_cond_signal(&resolver->wake);
    pthread_mutex_unlock(&resolver->mutex);
}

size_t resolver_add(struct resolver *resolver, const char *host)
{
    pthread_mutex_lock(&resolver->mutex);
    assert(resolver->host_count < RESOLVER_MAX_HOSTS);
    resolver->hosts[resolver->host_count].name = allocate_copy(host);
    size_t number = resolver->host_count++;
    resolver->is_hurried = true;
    pthread_cond_signal(&resolver->wake);
    pthread_mutex_unlock(&resolver->mutex);
    if (!resolver->has_thread)
        start_thread(resolver);
    return number;
}

int resolver_descriptor(const struct resolver *resolver)
{
    return resolver->event;
}

void resolver_heed(struct resolver *resolver)
{
    uint64_t times;
    ssize_t got = read(resolver->event, &times, sizeof times);
    assert(got == sizeof times || errno == EAGAIN);
}

void resolver_get(struct resolver *resolver, size_t host, struct resolved *out)
{
    pthread_mutex_lock(&resolver->mutex);
    assert(host < resolver->host_count);
    *out = resolver->hosts[host].resolved;
    pthread_mutex_unlock(&resolver->mutex);
}

void resolver_hurry(struct resolver *resolver)
{
    pthread_mutex_lock(&resolver->mutex);
    resolver->is_hurried = true;
    pthread_cond_signal(&resolver->wake);
    pthread_mutex_unlock(&resolver->mutex);
}
