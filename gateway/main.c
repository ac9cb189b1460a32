/* The gateway's process: configuration, listeners, threads, and an orderly stop. */
#include "gateway/thread.h"

#include <malloc.h>
#include <pthread.h>
#include <signal.h>
#include <sodium.h>
#include <systemd/sd-daemon.h>

#include "common/log.h"
#include "common/scheduling.h"
#include "gateway/admin.h"
#include "gateway/api.h"
#include "gateway/body.h"
#include "gateway/own_answer.h"
#include "gateway/reply_headers.h"

enum { MAX_THREADS = 64, DAY_MS = 86400000 };

#ifdef __SANITIZE_ADDRESS__
/* What h2o 2.2.5 never gives back: each thread's recycled blocks, and the queue of a disposed context. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
    return "leak:h2o_mem_alloc_recycle\nleak:h2o_multithread_create_queue\n";
}
#endif

static struct gateway gateway;
static struct gateway_config config;
static struct thread *threads[MAX_THREADS];
static pthread_t handles[MAX_THREADS];

static h2o_hostconf_t *add_host(const char *name)
{
    h2o_hostconf_t *host = h2o_config_register_host(&gateway.http, h2o_iovec_init(name, strlen(name)), 65535);
    own_answer_register(host);
    return host;
}

static void configure_http(void)
{
    h2o_config_init(&gateway.http);
    gateway.http.server_name = h2o_iovec_init(H2O_STRLIT(SERVER_NAME));
    /* Twice ours, so that a body that outgrows ours still gets our answer. */
    gateway.http.max_request_entity_size = 2 * BODY_MAX_LEN;
    gateway.http.http1.upgrade_to_http2 = config.http2;
    gateway.http.http1.req_timeout = DAY_MS; /* the guard has timers of its own */
    gateway.http.http2.idle_timeout = (uint64_t)config.keep_alive_ms;
    gateway.api_hosts[0] = add_host("api");
    gateway.admin_hosts[0] = add_host("admin");
    api_register(gateway.api_hosts[0]);
    admin_register(gateway.admin_hosts[0]);
}

static bool make_threads(void)
{
    if (!config.share_port && !listener_is_free(config.host, config.port))
        return false;
    for (int64_t i = 0; i < config.threads; i++) {
        int admin_fd = -1;
        if (i == 0 && config.common.admin_port != 0) {
            if (!listener_is_free(config.common.admin_host, config.common.admin_port))
                return false;
            admin_fd = listener_open(config.common.admin_host, config.common.admin_port);
            if (admin_fd < 0)
                return false;
        }
        int api_fd = listener_open(config.host, config.port);
        if (api_fd < 0)
            return false;
        threads[i] = thread_new(&gateway, api_fd, admin_fd);
        if (threads[i] == NULL)
            return false;
        gateway.thread_count++;
        atomic_fetch_add(&gateway.busy, 1);
    }
    return true;
}

/* Signals are the main thread's: the loops are never interrupted by one. */
static void block_signals(sigset_t *signals)
{
    sigemptyset(signals);
    sigaddset(signals, SIGTERM);
    sigaddset(signals, SIGINT);
    pthread_sigmask(SIG_BLOCK, signals, NULL);
    signal(SIGPIPE, SIG_IGN);
}

static void start_threads(void)
{
    pthread_barrier_init(&gateway.loops_ended, NULL, (unsigned)config.threads);
    for (int64_t i = 0; i < config.threads; i++)
        if (pthread_create(&handles[i], NULL, thread_run, threads[i]) != 0) {
            log_error("cannot start a thread");
            abort();
        }
}

static void stop_threads(void)
{
    atomic_store(&gateway.is_stopping, true);
    for (int64_t i = 0; i < config.threads; i++)
        thread_stop(threads[i]);
    for (int64_t i = 0; i < config.threads; i++)
        pthread_join(handles[i], NULL);
    pthread_barrier_destroy(&gateway.loops_ended);
}

static void destroy_all(void)
{
    for (int64_t i = 0; i < config.threads; i++)
        thread_destroy(&threads[i]);
    h2o_config_dispose(&gateway.http);
    router_destroy(&gateway.router);
    cors_destroy(&gateway.cors);
    token_keys_destroy(&config.keys);
    wire_keys_destroy(&config.bus_keys);
    proxies_destroy(&gateway.proxies);
}

static int run(void)
{
    sigset_t signals;
    int number = 0;
    block_signals(&signals);
    scheduling_take_turns();
    configure_http();
    gateway.config = &config;
    gateway.threads = threads;
    gateway.router = router_new(proto_routes, proto_route_count);
    gateway.cors = cors_new(config.cors_origin);
    gateway.proxies = proxies_new(config.trusted_proxies, &(struct str){0});
    bool is_made = make_threads();
    if (is_made) {
        start_threads();
        sigwait(&signals, &number);
        log_info("stopping", LOG_I("signal", number));
        sd_notify(0, "STOPPING=1");
        log_flush();
        stop_threads();
    }
    destroy_all();
    if (is_made)
        log_info("stopped");
    log_flush();
    return is_made ? 0 : 1;
}

/* The replies of a turn come and go together. Giving their memory back each time, to fault it in again page by page,
 * costs as much as writing them. */
static void keep_freed_memory(void)
{
    enum { KEPT = 8 << 20, MAPPED_FROM = 1 << 20 };
    mallopt(M_TRIM_THRESHOLD, KEPT);
    mallopt(M_MMAP_THRESHOLD, MAPPED_FROM); /* setting the one ends glibc's own care of the other */
}

int main(int argc, char **argv)
{
    keep_freed_memory();
    gateway_config_load(argc, argv, &config);
    log_init("gateway", config.common.log_level, config.common.log_format);
    if (sodium_init() < 0) {
        log_error("libsodium cannot start");
        return 1;
    }
    return proto_fits() ? run() : 1;
}
