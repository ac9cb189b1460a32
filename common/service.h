/* The frame of a service: configuration, loop, bus, database, signals, health, and the way from a call on the bus to its
 * handler, in a fiber, and back. A service is a struct service_definition and a main that hands it over. */
#ifndef COMMON_SERVICE_H
#define COMMON_SERVICE_H

#include "common/arena.h"
#include "common/bus.h"
#include "common/config.h"
#include "common/db.h"
#include "common/error.h"
#include "common/feed.h"
#include "common/loop.h"
#include "common/schema.h"

/* One call while it is handled. Everything it allocates lives in its arena. */
struct call {
    struct service *service;
    struct arena *arena;
    struct caller caller;
    struct str request_id;
    struct str traceparent;
    int64_t deadline_ms;
    const struct method *method;
    struct bus_origin origin;
    /* The reply, written by the functions below */
    struct buffer body;
    int64_t next_after;
};

/* A row of proto/methods.def, and who handles it. */
struct method_handler {
    const struct method *method;
    enum error (*handle)(struct call *call, const void *in);
    enum error (*guard)(struct call *call, const struct path_id *id); /* NULL = open */
};

/* Settings every service has; the first member of a service's own configuration struct. */
struct service_config {
    struct config_common common;
    const char *listen;       /* where it answers: ipc:///run/backend/room or tcp://… */
    const char *database_url; /* built from DB_* where DATABASE_URL is not set */
    const char *db_host, *db_port, *db_name, *db_user, *db_password;
    const char *database_role;
    int64_t db_connections;
    int64_t statement_timeout_ms;
    int64_t drain_ms;
};

struct service_definition {
    const char *name;    /* "room" */
    const char *summary; /* one line for --help */
    unsigned target;     /* its own number */
    const struct method_handler *handlers;
    size_t handler_count;
    const struct statement *const *statements;
    size_t statement_count;
    const struct setting *settings; /* of its own, beside the frame's */
    size_t setting_count;
    size_t config_size; /* of its configuration struct, which begins with struct service_config */
    void (*check_config)(void *config);
    /* Runs before the first call is taken: connects targets (service_bus), starts timers. False ends the process. */
    bool (*start)(struct service *service);
    void (*stop)(struct service *service);
};

/* Runs the service until SIGTERM or SIGINT, then drains it: takes no new call, finishes the ones under way within drain_ms,
 * and returns main's exit status. */
int service_run(const struct service_definition *definition, int argc, char **argv);

/* ---- what handlers use ---- */

struct loop *service_loop(struct service *service);
struct bus *service_bus(struct service *service);
struct db *service_db(struct service *service);
/* The service's configuration struct; cast it to its type. */
const void *service_config(const struct service *service);
void *service_state(const struct service *service); /* whatever start() set */
void service_set_state(struct service *service, void *state);

/* Runs entry(call) in a fiber that no request asked for (timers, clean-up): caller nobody, a deadline of timeout_ms. */
void service_spawn(struct service *service, int64_t timeout_ms, void (*entry)(struct call *call));

/* db_query with the call's arena and deadline: call_query(call, &sql_room_get, &result, DB_INTEGER(id)). */
#define call_query(call, statement, result, ...)                                                                       \
    call_query_values((call), (statement), (result), (const struct db_value[]){__VA_ARGS__},                           \
                      sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value))
enum error call_query_values(struct call *call, const struct statement *statement, struct db_result *result,
                             const struct db_value *values, size_t count) MUST_USE;

/* Calls a method of another service, as this call's caller and within its deadline; in and out are the structs of the
 * method's messages (out may be NULL). The other's error comes back as it is, its text with it. */
enum error call_service(struct call *call, const struct method *method, const void *in, void *out) MUST_USE;

/* The reply: the struct of the method's out message. */
enum error call_reply(struct call *call, const void *out);
/* The reply of a LIST_OF method: open it, add each, then end it with the cursor of the next page, 0 = this was the last. */
void call_list_open(struct call *call);
void call_list_add(struct call *call, const void *out);
enum error call_list_end(struct call *call, int64_t next_after);

/* Fails the call with a text of its own in place of the error's default; returns error, for `return call_fail(…)`. */
enum error call_fail(struct call *call, enum error error, const char *format, ...) __attribute__((format(printf, 3, 4)));

#endif
