/* The post service: its settings and its methods. */
#include "services/post/post.h"

/* ---- settings ---- */

#define AT(member) offsetof(struct post_config, member)

static const struct setting settings[] = {
    {"USER_ENDPOINTS", SETTING_STRING, "", 0, 0, NULL, AT(user_endpoints),
     "where the user service answers, comma-separated (default: its socket in BUS_DIR)"},
    {"USER_FEED_ENDPOINTS", SETTING_STRING, "", 0, 0, NULL, AT(user_feed_endpoints), "where it tells of events, alike"},
};

static bool start(struct service *service)
{
    const struct post_config *config = service_config(service);
    return proto_fits() && service_connect(service, SERVICE_user, "user", config->user_endpoints) &&
           service_subscribe(service, &user_events, config->user_feed_endpoints);
}

/* ---- methods ---- */

#define METHODS "proto/methods/post.def"
#include "proto/handlers.h"

int main(int argc, char **argv)
{
    static const struct service_definition definition = {
        .name = "post",
        .summary = "posts and their authors",
        .target = SERVICE_post,
        .needs = 1U << SERVICE_user,
        .schema = "posts",
        .may_call = proto_may_call,
        .is_repeatable = proto_is_repeatable,
        .handlers = handlers,
        .handler_count = sizeof handlers / sizeof *handlers,
        .statements = sql_all,
        .statement_count = SQL_COUNT,
        .settings = settings,
        .setting_count = sizeof settings / sizeof *settings,
        .config_size = sizeof(struct post_config),
        .start = start,
    };
    return service_run(&definition, argc, argv);
}
