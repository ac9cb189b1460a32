/* The room service: its settings and its methods. */
#include "services/room/room.h"
#include "services/room/sweep.h"

/* ---- settings ---- */

#define AT(member) offsetof(struct room_config, member)

static const struct setting settings[] = {
    {"PASSWORD_MEMORY_KIB", SETTING_INTEGER, "19456", 8, 1048576, NULL, AT(password_cost.memory_kib),
     "memory that hashing one room password takes"},
    {"PASSWORD_ITERATIONS", SETTING_INTEGER, "2", 1, 100, NULL, AT(password_cost.iterations),
     "passes over that memory"},
    {"HASH_QUEUE", SETTING_INTEGER, "256", 1, 100000, NULL, AT(hash_queue),
     "passwords that may wait to be hashed; more are refused"},
    {"ROOM_PASSWORD_FAILURES_LIMIT", SETTING_INTEGER, "10", 0, 1000000, NULL, AT(password_failures),
     "wrong passwords of somebody for a room before they wait; 0 = no limit"},
    {"ROOM_PASSWORD_FAILURES_WINDOW_S", SETTING_INTEGER, "900", 1, 86400, NULL, AT(password_window_s),
     "seconds that wrong passwords of rooms count"},
    {"SWEEP_INTERVAL_MS", SETTING_INTEGER, "1000", 10, 3600000, NULL, AT(sweep_interval_ms),
     "how often to look for rooms whose start or end has come, and tell of it; and for what is over"},
    {"USER_ENDPOINTS", SETTING_STRING, "", 0, 0, NULL, AT(user_endpoints),
     "where the user service answers, comma-separated (default: its socket in BUS_DIR)"},
    {"USER_FEED_ENDPOINTS", SETTING_STRING, "", 0, 0, NULL, AT(user_feed_endpoints), "where it tells of events, alike"},
};

static bool start(struct service *service)
{
    const struct room_config *config = service_config(service);
    loop_set_work_limit(service_loop(service), (size_t)config->hash_queue);
    service_set_state(service, sweep_new(service, config->sweep_interval_ms));
    return proto_fits() && service_connect(service, SERVICE_user, "user", config->user_endpoints) &&
           service_subscribe(service, &user_events, config->user_feed_endpoints);
}

static void stop(struct service *service)
{
    struct sweep *sweep = service_state(service);
    sweep_destroy(&sweep);
}

/* ---- methods ---- */

#define METHODS "proto/methods/room.def"
#include "proto/handlers.h"

int main(int argc, char **argv)
{
    static const struct service_definition definition = {
        .name = "room",
        .summary = "rooms, and who is in them",
        .target = SERVICE_room,
        .schema = "rooms",
        .counts_tries = true,
        .may_call = proto_may_call,
        .is_repeatable = proto_is_repeatable,
        .handlers = handlers,
        .handler_count = sizeof handlers / sizeof *handlers,
        .statements = sql_all,
        .statement_count = SQL_COUNT,
        .settings = settings,
        .setting_count = sizeof settings / sizeof *settings,
        .config_size = sizeof(struct room_config),
        .start = start,
        .stop = stop,
    };
    return service_run(&definition, argc, argv);
}
