/* libmicrohttpd in its external epoll mode: the loop watches its one descriptor and keeps its one timer. */
#include "common/admin.h"

#include <errno.h>
#include <microhttpd.h>
#include <stdlib.h>
#include <string.h>

#include "common/address.h"
#include "common/allocate.h"
#include "common/log.h"

enum { MAX_CONNECTIONS = 16, CONNECTION_TIMEOUT_S = 10, CONNECTION_MEMORY = 8 * 1024 };

struct admin {
    struct loop *loop;
    struct MHD_Daemon *daemon;
    struct loop_watch *watch;
    struct loop_timer *timer;
    const struct admin_page *pages;
    void *context;
};

/* ---- answering ---- */

/* Takes what is in the body. */
static enum MHD_Result respond(struct MHD_Connection *connection, unsigned status, const char *type,
                               struct buffer *body)
{
    struct MHD_Response *response = MHD_create_response_from_buffer(
        body->len, body->data, body->len > 0 ? MHD_RESPMEM_MUST_FREE : MHD_RESPMEM_PERSISTENT);
    if (response == NULL) {
        buffer_free(body);
        return MHD_NO;
    }
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CONTENT_TYPE, type);
    (void)MHD_add_response_header(response, MHD_HTTP_HEADER_CACHE_CONTROL, "no-store");
    enum MHD_Result result = MHD_queue_response(connection, status, response);
    MHD_destroy_response(response);
    return result;
}

static enum MHD_Result refuse(struct MHD_Connection *connection, unsigned status, const char *words)
{
    struct buffer body = {0};
    buffer_append_str(&body, str_from(words));
    return respond(connection, status, "text/plain; charset=utf-8", &body);
}

static const struct admin_page *find_page(const struct admin *admin, const char *path)
{
    for (const struct admin_page *page = admin->pages; page->path != NULL; page++)
        if (strcmp(page->path, path) == 0)
            return page;
    return NULL;
}

/* Called when the head was read, then for each piece of a body, then at its end. */
static enum MHD_Result on_request(void *context, struct MHD_Connection *connection, const char *path, const char *verb,
                                  const char *version, const char *body_piece, size_t *body_len, void **state)
{
    (void)version, (void)body_piece;
    const struct admin *admin = context;
    if (strcmp(verb, MHD_HTTP_METHOD_GET) != 0 && strcmp(verb, MHD_HTTP_METHOD_HEAD) != 0)
        return refuse(connection, MHD_HTTP_METHOD_NOT_ALLOWED, "only GET and HEAD\n");
    if (*state == NULL || *body_len > 0) {
        *state = context; /* anything but NULL */
        *body_len = 0;
        return MHD_YES;
    }
    const struct admin_page *page = find_page(admin, path);
    if (page == NULL)
        return refuse(connection, MHD_HTTP_NOT_FOUND, "no such page\n");
    struct buffer body = {0};
    bool is_well = page->write(admin->context, &body);
    return respond(connection, is_well ? MHD_HTTP_OK : MHD_HTTP_SERVICE_UNAVAILABLE, page->type, &body);
}

/* ---- the loop's side ---- */

static void run(struct admin *admin)
{
    MHD_UNSIGNED_LONG_LONG wait_ms;
    (void)MHD_run(admin->daemon);
    if (MHD_get_timeout(admin->daemon, &wait_ms) == MHD_YES)
        loop_timer_start(admin->timer, (int64_t)wait_ms, 0);
    else
        loop_timer_stop(admin->timer);
}

static void on_readable(void *context, bool readable, bool writable)
{
    (void)readable, (void)writable;
    run(context);
}

static void on_time(void *context)
{
    run(context);
}

/* ---- its life ---- */

__attribute__((format(printf, 2, 0))) static void on_words(void *context, const char *format, va_list arguments)
{
    (void)context, (void)format, (void)arguments; /* of what clients do wrong, which is theirs to see */
}

struct admin *admin_open(struct loop *loop, const char *host, int64_t port, const struct admin_page *pages,
                         void *context)
{
    struct sockaddr_storage address;
    struct admin *admin = allocate(sizeof *admin);
    *admin = (struct admin){.loop = loop, .pages = pages, .context = context};
    errno = EINVAL;
    if (address_to_socket(host, port, &address) > 0)
        admin->daemon =
            MHD_start_daemon(MHD_USE_EPOLL | MHD_USE_ERROR_LOG | (address.ss_family == AF_INET6 ? MHD_USE_IPv6 : 0), 0,
                             NULL, NULL, on_request, admin, MHD_OPTION_EXTERNAL_LOGGER, on_words, NULL,
                             MHD_OPTION_SOCK_ADDR, &address, MHD_OPTION_CONNECTION_LIMIT, (unsigned)MAX_CONNECTIONS,
                             MHD_OPTION_CONNECTION_TIMEOUT, (unsigned)CONNECTION_TIMEOUT_S,
                             MHD_OPTION_CONNECTION_MEMORY_LIMIT, (size_t)CONNECTION_MEMORY, MHD_OPTION_END);
    if (admin->daemon == NULL) {
        log_error("cannot listen on the admin port", LOG_Z("host", host), LOG_I("port", port),
                  LOG_Z("reason", strerror(errno)));
        free(admin);
        return NULL;
    }
    int epoll = MHD_get_daemon_info(admin->daemon, MHD_DAEMON_INFO_EPOLL_FD)->epoll_fd;
    admin->timer = loop_timer_new(loop, on_time, admin);
    admin->watch = loop_watch(loop, epoll, on_readable, admin);
    loop_watch_set(admin->watch, true, false);
    return admin;
}

void admin_close(struct admin **admin_)
{
    struct admin *admin = *admin_;
    if (admin == NULL)
        return;
    loop_watch_destroy(&admin->watch);
    loop_timer_destroy(&admin->timer);
    MHD_stop_daemon(admin->daemon);
    free(admin);
    *admin_ = NULL;
}
