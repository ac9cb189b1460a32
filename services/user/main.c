/* The user service: its settings, its methods and its feed. */
#include "services/user/user.h"

/* ---- settings ---- */

static const struct setting settings[] = {
    {"USER_FEED_LISTEN", SETTING_STRING, "", 0, 0, NULL, offsetof(struct user_config, feed_listen),
     "where it tells of changed users, ipc://PATH or tcp://ADDRESS:PORT (default: a socket in BUS_DIR)"},
};

/* ---- methods ---- */

#define METHOD(name, ...)                                                                                              \
    static enum error handle_##name(struct call *call, const void *in)                                                 \
    {                                                                                                                  \
        return name(call, in);                                                                                         \
    }
#include "proto/methods/user.def"
#undef METHOD

#define OPEN NULL
#define METHOD(name, service, wire, in, out, guard) {&name##_method, handle_##name, guard},
static const struct method_handler handlers[] = {
#include "proto/methods/user.def"
};

/* ---- its life ---- */

static bool start(struct service *service)
{
    const struct user_config *config = service_config(service);
    struct user_feed *feed = user_feed_new(service, service_endpoint(service, config->feed_listen, "user.feed"));
    service_set_state(service, feed);
    return feed != NULL && proto_fits();
}

static void stop(struct service *service)
{
    struct user_feed *feed = service_state(service);
    user_feed_destroy(&feed);
    service_set_state(service, NULL);
}

int main(int argc, char **argv)
{
    static const struct service_definition definition = {
        .name = "user",
        .summary = "who people are",
        .target = SERVICE_user,
        .handlers = handlers,
        .handler_count = sizeof handlers / sizeof *handlers,
        .statements = sql_all,
        .statement_count = SQL_COUNT,
        .settings = settings,
        .setting_count = sizeof settings / sizeof *settings,
        .config_size = sizeof(struct user_config),
        .start = start,
        .stop = stop,
    };
    return service_run(&definition, argc, argv);
}
