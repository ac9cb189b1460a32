/* What the files of service share. Private to common/service*.c.
 *   service.c          its life: start, turns, health, signals, drain
 *   service_call.c     a call's way to its handler and back
 *   service_feed.c     events that are told at once
 *   service_events.c   events that are never lost: telling ours
 *   service_subscribe.c  and handling others'
 *   service_admin.c    the admin port: health, and what the service depends on
 *   service_reconcile.c  where others' were lost
 *   service_metrics.c  what it measures
 *   service_handler.c  what handlers use: queries, replies, calls of other services
 *   service_config.c   the settings every service has, and what follows from them */
#ifndef COMMON_SERVICE_INTERNAL_H
#define COMMON_SERVICE_INTERNAL_H

#include <sys/queue.h>

#include "common/admin.h"
#include "common/admission.h"
#include "common/metrics.h"
#include "common/service.h"
#include "common/sql.h"

enum { EXIT_CONFIG = 78 /* EX_CONFIG of sysexits.h */, EVENTS_AT_ONCE = 100 };

enum { MAX_LABELED = 16, MAX_LABEL = 64, MAX_GROUPS = 4 };

/* Numbers of what is known by a name only: found by it, and no more of them than there is room for. */
struct labeled {
    char label[MAX_LABEL];
    counter value, other;
};

struct measured {
    struct loop_timer *timer;
    bool is_under_way;
    struct labeled throttled[MAX_LABELED];         /* refusals, by kind */
    struct labeled lags[MAX_LABELED];              /* of subscribers: events, and seconds */
    const struct metric_group *groups[MAX_GROUPS]; /* the service's own */
    const void *group_structs[MAX_GROUPS];
    size_t group_count;
};

SLIST_HEAD(task_list, task);
SLIST_HEAD(subscriber_list, subscriber);

struct service {
    const struct service_definition *definition;
    struct service_config *config;  /* config_size bytes, of which these are the first */
    const struct setting *settings; /* the frame's and its own */
    size_t setting_count;
    struct arena *memory; /* as long as the service */
    struct loop *loop;
    struct bus *bus;
    struct feed_publisher *feed; /* NULL until it takes calls */
    struct loop_timer *feed_heart;
    struct admin *admin; /* NULL = it has no admin port */
    struct db *db;       /* NULL once it is being stopped */
    void *state;

    /* services that this one calls */
    struct connection_to {
        unsigned target;
        const char *name;
    } connections[BUS_MAX_TARGETS];
    size_t connection_count;

    /* calls */
    const struct method_handler **handlers; /* by name */
    struct method_stats *method_stats;      /* of each */
    size_t handler_count;
    struct str health_method;
    struct task_list idle; /* for reuse */
    size_t idle_count;
    size_t active; /* calls, and what was spawned, under way */
    struct admission admission;
    struct call_stats stats;
    struct buffer scratch;

    /* events */
    struct method events_method;
    struct method_handler events_handler;
    struct loop_timer *prune_timer;
    struct subscriber_list subscribers;

    /* what is measured beside the above */
    struct measured measured;

    /* life */
    struct loop_watch *bus_watch;
    struct loop_timer *bus_timer;
    int64_t bus_wakes_ms; /* when it fires; INT64_MAX = it does not run */
    struct loop_timer *notice_timer, *drain_timer;
    struct loop_timer *patience_timer;
    bool is_out_of_patience;
    bool is_open;      /* it takes calls */
    bool is_announced; /* that it is ready */
    bool has_failed;   /* to open */
    bool is_draining;  /* the callers were told */
    bool is_refusing;  /* they have had the time to hear it */
};

/* ---- service_config.c ---- */

/* Reads the environment into service->config; serves the command line, and ends the process, as config_load does. */
void service_load_config(struct service *service, int argc, char **argv);
/* Ensures that the folder of an ipc:// endpoint is there and closed to others; false, and logged, where it cannot be.
 */
bool service_prepare_folder(const char *endpoint);

/* ---- service_feed.c ---- */

/* False, and logged, where its address cannot be bound. */
bool service_open_feed(struct service *service);
void service_close_feed(struct service *service);
/* In a fiber: waits until all who say what they have heard have heard the event, or FEED_PATIENCE_MS. */
void service_await_heard(struct service *service, int64_t number);

/* ---- service_events.c ---- */

/* What PUBLISHER.events is asked, and answers a list of. */
struct event_query {
    struct str subscriber;
    bool has_subscriber;
    int64_t after;
    bool has_after;
};
extern const struct message event_query_message, event_message;

void service_open_events(struct service *service);
void service_close_events(struct service *service);

/* ---- service_subscribe.c ---- */

void service_close_subscribers(struct service *service);
/* Runs the handler of an event, where there is one. */
enum error service_handle_event(struct call *call, const struct subscription *subscription,
                                const struct event *event) MUST_USE;

/* How a subscription fares. */
struct subscription_stats {
    const char *publisher;
    uint64_t handled, failures;
    bool is_silent;
};
/* Of the n-th subscription, from 0; false where there are no more. */
bool service_subscription_stats(const struct service *service, size_t n, struct subscription_stats *out);
struct dependency;
/* Fills in a dependency for each subscription, at most max; returns how many. */
size_t service_subscriptions(const struct service *service, struct dependency *out, size_t max);

/* ---- service_reconcile.c ---- */

/* In a fiber: handles the event of who is gone for each that is, however long it takes. OK where the subscription does
 * not say how to find them. */
enum error service_reconcile(struct service *service, const struct subscription *subscription) MUST_USE;
/* ---- service_admin.c ---- */

/* What the service works with. */
struct dependency {
    struct str name;
    bool is_needed;      /* without it the service is not ready; else it makes do */
    const char *why_not; /* in words, until the next turn; NULL = it is there */
};

/* Whether it can serve; else *why_not says why not, until the next turn. */
bool service_is_ready(const struct service *service, const char **why_not);
/* False, and logged, where it cannot listen; true too where it is to have no admin port. */
bool service_open_admin(struct service *service);

/* ---- service_metrics.c ---- */

/* What became of a method's calls. */
struct method_stats {
    struct histogram duration;
    counter outcomes[ERROR_COUNT];
};
/* A page of all that this process measures. */
bool service_write_metrics(void *service, struct buffer *page);
/* Begins to ask the database, now and then, for what only it knows. */
void service_open_measures(struct service *service);
void service_close_measures(struct service *service);

/* ---- service_call.c ---- */

/* Sorts the definition's handlers into service->handlers; asserts that they are consistent. */
void service_index_handlers(struct service *service);
void service_on_call(void *context, const struct bus_incoming *incoming);
void service_free_tasks(struct service *service);

/* ---- service.c ---- */

/* The last task of a service that drains has ended. */
void service_end_drain(struct service *service);

#endif
