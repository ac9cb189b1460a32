/* The user service: its settings and its methods. */
#include "services/user/user.h"

/* ---- settings ---- */

enum { LOOK_AGAIN_MS = 100, LOOK_UP_MS = 5000 };

static const struct setting settings[] = {
    {"ADMIN_EMAIL", SETTING_STRING, "", 0, 254, NULL, offsetof(struct user_config, admin_email),
     "whose account becomes an admin's once this email is verified (default nobody's)"},
};

static void check_config(void *memory)
{
    const struct user_config *config = memory;
    if (*config->admin_email != '\0' && !str_is_email(str_from(config->admin_email)))
        config_mistake("ADMIN_EMAIL", "is no mail address");
}

/* ---- methods ---- */

#define METHODS "proto/methods/user.def"
#include "proto/handlers.h"

/* ---- its life ---- */

/* Once the database is there. */
static void on_look(void *context)
{
    struct service *service = context;
    if (!db_is_ready(service_db(service), NULL))
        return;
    struct loop_timer *timer = service_state(service);
    loop_timer_stop(timer);
    service_spawn(service, LOOK_UP_MS, make_admin_of_email);
}

static bool start(struct service *service)
{
    const struct user_config *config = service_config(service);
    if (*config->admin_email != '\0') {
        struct loop_timer *timer = loop_timer_new(service_loop(service), on_look, service);
        loop_timer_start(timer, 0, LOOK_AGAIN_MS);
        service_set_state(service, timer);
    }
    return proto_fits();
}

static void stop(struct service *service)
{
    struct loop_timer *timer = service_state(service);
    if (timer != NULL)
        loop_timer_destroy(&timer);
    service_set_state(service, NULL);
}

int main(int argc, char **argv)
{
    static const struct service_definition definition = {
        .name = "user",
        .summary = "who people are",
        .target = SERVICE_user,
        .schema = "users",
        .may_call = proto_may_call,
        .is_repeatable = proto_is_repeatable,
        .handlers = handlers,
        .handler_count = sizeof handlers / sizeof *handlers,
        .statements = sql_all,
        .statement_count = SQL_COUNT,
        .settings = settings,
        .setting_count = sizeof settings / sizeof *settings,
        .config_size = sizeof(struct user_config),
        .check_config = check_config,
        .start = start,
        .stop = stop,
    };
    return service_run(&definition, argc, argv);
}
