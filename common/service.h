/* The frame of a service: configuration, loop, bus, database, signals, health, and the way from a call on the bus to
 * its handler, in a fiber, and back. A service is a struct service_definition and a main that hands it over. */
#ifndef COMMON_SERVICE_H
#define COMMON_SERVICE_H

#include "common/arena.h"
#include "common/bus.h"
#include "common/config.h"
#include "common/db.h"
#include "common/error.h"
#include "common/feed.h"
#include "common/loop.h"
#include "common/metrics.h"
#include "common/schema.h"
#include "common/wire_keys.h"

/* One call while it is handled. Everything it allocates lives in its arena. */
struct call {
    struct service *service;
    struct arena *arena;
    struct caller caller;
    struct client client;
    struct str peer; /* the process that calls, by its key; "" on ipc:// and of what was spawned */
    struct str request_id;
    struct str traceparent;
    int64_t deadline_ms;
    int64_t database_us; /* so far, that it waited for Postgres: here, and where it asked other services */
    const struct method *method;
    struct bus_origin origin;
    /* The reply, written by the functions below */
    struct buffer body;
    int64_t next_after;
    struct rate rate;
    struct str variant;
    int64_t version;
    bool is_for_all;
    enum error failure; /* OK, or the error that body is the text of */
    int64_t announced;  /* the number of the last event, 0 = none: the reply waits until it is heard */
    size_t list_place;  /* while a list is open */
    uint32_t list_count;
};

/* A row of proto/methods.def, and who handles it. */
struct method_handler {
    const struct method *method;
    enum error (*handle)(struct call *call, const void *in);
    enum error (*guard)(struct call *call, const struct path_id *id); /* NULL = open */
};

/* An event of another service; borrowed for the handler. */
struct event {
    int64_t number;
    bool has_number;
    struct str name;
    bool has_name;
    struct str body; /* JSON: what a statement may take as $1::jsonb */
    bool has_body;
};

/* The events of a service that another one handles. Handlers run in a fiber, one at a time, in the events' order; an
 * event comes again until its handler has returned OK, and once more if we die right then: they are idempotent. Events
 * without a handler are passed over. */
struct subscription {
    const char *publisher; /* "user" */
    unsigned target;       /* its number */
    const struct event_handler {
        const char *name;
        enum error (*handle)(struct call *call, const struct event *event);
    } * handlers;
    size_t handler_count;
    /* For where events were removed before we handled them: whom we know, and who of them is there. For each other one
     * the event is handled as if it had come. */
    struct reconciliation {
        const struct statement *known; /* the next $2 ids after $1, in their order */
        const struct method *find; /* takes {"ids"}, answers with a list of those that are there, each with its "id" */
        const char *gone;          /* "user.deleted", with a body {"userId"} */
    } reconciliation;
};

/* Settings every service has; the first member of a service's own configuration struct. */
struct service_config {
    struct config_common common;
    const char *bus_dir; /* folder of the ipc sockets */
    struct wire_key_settings bus_key;
    struct wire_keys *keys;   /* of those settings; NULL = none */
    const char *listen;       /* where it answers: ipc:///run/backend/room or tcp://… */
    const char *feed_listen;  /* where it tells of events: ipc:///run/backend/room.feed or tcp://… */
    const char *database_url; /* ROOM_DATABASE_URL, or else DATABASE_URL, or else built from DB_* */
    const char *own_database_url;
    const char *db_host, *db_port, *db_name, *db_user, *db_password;
    const char *database_role;
    int64_t db_connections;
    int64_t statement_timeout_ms;
    int64_t max_calls;
    int64_t drain_notice_ms;
    int64_t drain_ms;
    int64_t event_retention_s, event_retention_max_s;
};

struct service_definition {
    const char *name;    /* "room" */
    const char *summary; /* one line for --help */
    unsigned target;     /* its own number */
    unsigned needs;      /* bit n: target n, without which it is not ready; others it calls may come and go */
    const char *schema; /* its own in the database, where unqualified names are found; NULL = it has none, nor events */
    bool counts_tries;  /* common/tries.h: the schema has what that needs */
    /* What the tables say of calls between processes: whether the one of that name, as its key proves, may call a
     * method of this service, and whether a method may be asked twice. */
    bool (*may_call)(struct str peer, const struct method *method);
    bool (*is_repeatable)(const struct method *method);
    const struct method_handler *handlers; /* beside NAME.health and NAME.events, which are the frame's */
    size_t handler_count;
    const struct statement *const *statements;
    size_t statement_count;
    const struct setting *settings; /* of its own, after the frame's */
    size_t setting_count;
    size_t config_size;                 /* of its configuration struct, which begins with struct service_config */
    void (*check_config)(void *config); /* may be NULL; see config_program */
    /* In a fiber, every few seconds where somebody may ask for metrics: asks the database for those that only it knows.
     * May be NULL. */
    void (*measure)(struct call *call);
    /* Runs first of all: connects targets (bus_connect on service_bus; not later), starts timers.
     * False ends the process: it has logged why. stop runs when all calls have ended. Both may be NULL. */
    bool (*start)(struct service *service);
    void (*stop)(struct service *service);
};

/* Runs the service until SIGTERM or SIGINT, then drains it: tells its callers, takes calls until they must have heard
 * it, refuses what comes later (ERROR_UNAVAILABLE), and finishes what is under way within drain_ms. Returns main's exit
 * status: 0 = drained, 78 = the configuration is at fault, 1 = anything else. */
int service_run(const struct service_definition *definition, int argc, char **argv);

/* ---- what handlers use ---- */

struct loop *service_loop(struct service *service);
struct bus *service_bus(struct service *service);
struct db *service_db(struct service *service);
/* The service's configuration struct; cast it to its type. */
const void *service_config(const struct service *service);
void *service_state(const struct service *service); /* whatever start() set */
void service_set_state(struct service *service, void *state);

/* Where to bind or connect: configured, or where that is empty "ipc://BUS_DIR/leaf". Lives as long as the service. */
const char *service_endpoint(const struct service *service, const char *configured, const char *leaf);

/* For start(): connects a service that this one calls, where it is configured to answer ('' = at its socket in
 * BUS_DIR). False, and logged, where that is no address. */
bool service_connect(struct service *service, unsigned target, const char *name, const char *configured);

/* For start(): handles another service's events, of which it tells on its feed, configured as above. The service must
 * be connected; subscription outlives this one. False, and logged, where that is no address. */
bool service_subscribe(struct service *service, const struct subscription *subscription, const char *configured_feed);

/* For start(): a group of numbers of the service's own (common/metrics.h), which outlives it, in /metrics. */
void service_add_metrics(struct service *service, const struct metric_group *group, const void *numbers);
/* Counts a try that was refused because there were too many of its kind. */
void service_note_refusal(struct service *service, const char *kind);

/* Whether it drains: work that nobody waits for should be put off. */
bool service_is_stopping(const struct service *service);

/* Runs entry(call) in a fiber that no request asked for (timers, clean-up): caller nobody, a deadline of timeout_ms.
 * Returns false, having logged it, while the service is overloaded or drains: then it does not run. */
bool service_spawn(struct service *service, int64_t timeout_ms, void (*entry)(struct call *call));

/* db_query with the call's arena and deadline: call_query(call, &sql_room_get, &result, DB_INTEGER(id)). */
#define call_query(call, statement, result, ...)                                                                       \
    call_query_values((call), (statement), (result), (const struct db_value[]){__VA_ARGS__},                           \
                      sizeof((const struct db_value[]){__VA_ARGS__}) / sizeof(struct db_value))
enum error call_query_values(struct call *call, const struct statement *statement, struct db_result *result,
                             const struct db_value *values, size_t count) MUST_USE;

/* db_find, alike: the row of a key, read together with what other calls of this turn look for. */
enum error call_find(struct call *call, const struct statement *statement, int64_t key,
                     struct db_result *result) MUST_USE;

/* Calls a method of another service, as this call's caller and client and within its deadline; in and out are the
 * structs of the method's messages (out may be NULL). The other's error comes back as it is, its text with it. */
enum error call_service(struct call *call, const struct method *method, const void *in, void *out) MUST_USE;

/* The same of a LIST_OF method: its rows are an array of the struct of the method's out message, in the call's arena.
 */
struct call_list {
    void *rows;
    size_t count;
};
enum error call_service_list(struct call *call, const struct method *method, const void *in,
                             struct call_list *out) MUST_USE;

/* The reply: the struct of the method's out message. */
enum error call_reply(struct call *call, const void *out);
/* The reply as another message, which a VARIANT of proto/routes.def names. */
enum error call_reply_variant(struct call *call, const struct message *message, const void *out);
/* The reply of a LIST_OF method: open it, add each, then end it with the cursor of the next page, 0 = this was the
 * last. */
void call_list_open(struct call *call);
void call_list_add(struct call *call, const void *out);
enum error call_list_end(struct call *call, int64_t next_after);

/* Tells, with the reply, which version of it this is: what the client may name when it changes it (VERSIONS in
 * proto/messages.def). After call_reply. */
void call_set_version(struct call *call, int64_t version);

/* Tells that whoever makes the same call, with the same arguments, would be given this reply: the gateway may answer
 * others with it who ask at the same time. After call_reply. */
void call_set_for_all(struct call *call);

/* Tells the client, with the reply or the error, how much more of this it may ask for. */
void call_set_rate(struct call *call, struct rate rate);

/* Fails the call with ERROR_VALIDATION and a text, as the rules of its message do (CONTRACT §1); returns that error. */
enum error call_fail_validation(struct call *call, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* Tells an event (proto/events.def) to all who listen to the service's feed, at once. What it says must be committed.
 * The call is answered once who may have cached otherwise has heard: who has the reply does not meet it any more. */
void call_announce(struct call *call, struct str event, const struct message *message, const void *body);

/* Fails the call with a text of its own in place of the error's default; returns error, for `return call_fail(…)`. */
enum error call_fail(struct call *call, enum error error, const char *format, ...)
    __attribute__((format(printf, 3, 4)));

#endif
