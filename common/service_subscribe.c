/* Handling the events of other services: asking for what came after the last one that was handled, handling each, and
 * writing down how far that is. At least once and in order, whatever dies in between; the publisher's feed only says
 * that it is time to ask. */
#include <stdlib.h>

#include "common/allocate.h"
#include "common/log.h"
#include "common/service_internal.h"

enum { ASK_INTERVAL_MS = 1000, ASK_TIME_MS = 10000 };

struct subscriber {
    struct service *service;
    const struct subscription *subscription;
    struct method method; /* PUBLISHER.events */
    struct feed_subscriber *feed;
    struct loop_watch *watch;
    struct loop_timer *timer;
    bool is_due;        /* there may be events */
    bool is_busy;       /* a fiber handles some */
    enum error failure; /* of the last time: told once, not each second */
    int64_t gap_told;   /* the number behind the gap that was told last: once, too */
    counter handled, failures;
    SLIST_ENTRY(subscriber) link;
};

/* ---- in a fiber: one batch ---- */

static enum error read_passed(struct call *call, const struct subscriber *subscriber, int64_t *number)
{
    struct db_result result;
    TRY(call_query(call, &frame_sql_event_passed, &result, DB_TEXT(str_from(subscriber->subscription->publisher))));
    *number = result.rows > 0 ? db_integer(&result, 0, 0) : 0;
    return OK;
}

static const struct event_handler *find_handler(const struct subscription *subscription, struct str name)
{
    for (size_t i = 0; i < subscription->handler_count; i++)
        if (str_equal(name, str_from(subscription->handlers[i].name)))
            return &subscription->handlers[i];
    return NULL;
}

enum error service_handle_event(struct call *call, const struct subscription *subscription, const struct event *event)
{
    const struct event_handler *handler = find_handler(subscription, event->name);
    if (handler == NULL)
        return OK;
    TRY(handler->handle(call, event));
    log_info("event", LOG_S("event", event->name), LOG_I("number", event->number),
             LOG_Z("publisher", subscription->publisher));
    return OK;
}

/* What became of people meanwhile is found out; what else was told is lost. Where we ask for the first time, there is
 * nothing that we could have missed, but for who lost what we had written down. */
static enum error bridge_gap(struct call *call, struct subscriber *subscriber, int64_t after, int64_t next)
{
    enum log_level level = after > 0 ? LOG_ERROR : LOG_INFO;
    LOG_LINE(subscriber->gap_told == next ? LOG_DEBUG : level, "events were removed before we handled them",
             LOG_Z("publisher", subscriber->subscription->publisher), LOG_I("after", after), LOG_I("next", next));
    subscriber->gap_told = next;
    TRY(service_reconcile(call->service, subscriber->subscription));
    log_info("events that were removed are made up for", LOG_Z("publisher", subscriber->subscription->publisher));
    call->deadline_ms = loop_now_ms() + ASK_TIME_MS; /* it may have taken long */
    return OK;
}

/* Up to the first that fails; *number is the last that was handled. */
static enum error handle_events(struct call *call, struct subscriber *subscriber, const struct call_list *events,
                                int64_t *number)
{
    const struct event *rows = events->rows;
    for (size_t i = 0; i < events->count; i++) {
        const struct event *event = &rows[i];
        if (event->number != *number + 1)
            TRY(bridge_gap(call, subscriber, *number, event->number));
        enum error error = service_handle_event(call, subscriber->subscription, event);
        if (error != OK) {
            log_warn("event is not handled yet", LOG_S("event", event->name), LOG_I("number", event->number),
                     LOG_Z("reason", error_message(error)));
            return error;
        }
        counter_add(&subscriber->handled, 1);
        *number = event->number;
    }
    return OK;
}

static enum error catch_up(struct call *call, struct subscriber *subscriber)
{
    int64_t before, number;
    struct call_list events;
    TRY(read_passed(call, subscriber, &before));
    const struct event_query query = {.subscriber = str_from(call->service->definition->name), .after = before};
    TRY(call_service_list(call, &subscriber->method, &query, &events));
    number = before;
    enum error error = handle_events(call, subscriber, &events, &number);
    struct db_result result;
    if (number > before)
        TRY(call_query(call, &frame_sql_event_pass, &result, DB_TEXT(str_from(subscriber->subscription->publisher)),
                       DB_INTEGER(number)));
    subscriber->is_due |= error == OK && events.count == EVENTS_AT_ONCE;
    return error;
}

static void ask(struct subscriber *subscriber);

static void run(struct call *call)
{
    struct subscriber *subscriber;
    SLIST_FOREACH(subscriber, &call->service->subscribers, link)
    {
        if (!subscriber->is_due || subscriber->is_busy)
            continue;
        subscriber->is_due = false;
        subscriber->is_busy = true;
        enum error error = catch_up(call, subscriber);
        subscriber->is_busy = false;
        if (error != OK && error != subscriber->failure)
            log_warn("events are asked for again", LOG_Z("publisher", subscriber->subscription->publisher),
                     LOG_Z("reason", error_message(error)));
        counter_add(&subscriber->failures, error != OK);
        subscriber->failure = error;
        if (subscriber->is_due)
            ask(subscriber); /* in a fiber with an arena of its own: however many there are, memory stays */
    }
}

static void ask(struct subscriber *subscriber)
{
    struct service *service = subscriber->service;
    subscriber->is_due = true;
    if (!subscriber->is_busy && !service->is_draining && db_is_ready(service->db, NULL))
        (void)service_spawn(service, ASK_TIME_MS, run);
}

/* ---- when to ask: at the start, when the publisher's feed tells anything or may have lost something, each second ----
 */

static void on_word(void *context, struct str name, struct str body)
{
    (void)name;
    (void)body;
    ask(context);
}

static void on_gap(void *context)
{
    ask(context);
}

static void on_feed_readable(void *context, bool readable, bool writable)
{
    (void)readable;
    (void)writable;
    struct subscriber *subscriber = context;
    feed_turn(subscriber->feed);
}

static void on_time(void *context)
{
    struct subscriber *subscriber = context;
    feed_turn(subscriber->feed);
    ask(subscriber);
}

/* ---- its life ---- */

bool service_subscribe(struct service *service, const struct subscription *subscription, const char *configured_feed)
{
    const char *leaf = arena_printf(service->memory, "%s.feed", subscription->publisher).ptr;
    const char *feed_endpoints = service_endpoint(service, configured_feed, leaf);
    struct subscriber *subscriber = allocate(sizeof *subscriber);
    *subscriber = (struct subscriber){.service = service, .subscription = subscription};
    subscriber->method = (struct method){
        .name = arena_printf(service->memory, "%s.events", subscription->publisher).ptr,
        .target = subscription->target,
        .in = &event_query_message,
        .out = &event_message,
        .out_is_list = true,
    };
    SLIST_INSERT_HEAD(&service->subscribers, subscriber, link);
    const struct feed_handlers handlers = {.on_event = on_word, .on_gap = on_gap, .context = subscriber};
    subscriber->feed = feed_subscriber_new(&handlers, service->config->keys);
    enum error error = feed_subscribe(subscriber->feed, subscription->publisher, feed_endpoints);
    if (error != OK) {
        log_error("cannot listen to a feed", LOG_Z("endpoints", feed_endpoints), LOG_Z("reason", error_message(error)));
        return false;
    }
    subscriber->watch = loop_watch(service->loop, feed_descriptor(subscriber->feed), on_feed_readable, subscriber);
    loop_watch_set(subscriber->watch, true, false);
    subscriber->timer = loop_timer_new(service->loop, on_time, subscriber);
    loop_timer_start(subscriber->timer, 0, ASK_INTERVAL_MS);
    return true;
}

static const char *why_not(const struct subscriber *subscriber)
{
    if (subscriber->failure != OK)
        return error_message(subscriber->failure);
    return feed_is_silent(subscriber->feed) ? "its feed is silent; events are asked for each second" : NULL;
}

bool service_subscription_stats(const struct service *service, size_t n, struct subscription_stats *out)
{
    const struct subscriber *subscriber = SLIST_FIRST(&service->subscribers);
    for (; subscriber != NULL && n > 0; n--)
        subscriber = SLIST_NEXT(subscriber, link);
    if (subscriber == NULL)
        return false;
    out->publisher = subscriber->subscription->publisher;
    out->handled = counter_read(&subscriber->handled);
    out->failures = counter_read(&subscriber->failures);
    out->is_silent = feed_is_silent(subscriber->feed);
    return true;
}

size_t service_subscriptions(const struct service *service, struct dependency *out, size_t max)
{
    size_t count = 0;
    const struct subscriber *subscriber;
    SLIST_FOREACH(subscriber, &service->subscribers, link)
    {
        if (count == max)
            break;
        out[count++] = (struct dependency){.name = str_from(subscriber->method.name), .why_not = why_not(subscriber)};
    }
    return count;
}

void service_close_subscribers(struct service *service)
{
    struct subscriber *subscriber;
    while ((subscriber = SLIST_FIRST(&service->subscribers)) != NULL) {
        SLIST_REMOVE_HEAD(&service->subscribers, link);
        if (subscriber->timer != NULL) {
            loop_timer_destroy(&subscriber->timer);
            loop_watch_destroy(&subscriber->watch);
        }
        feed_subscriber_destroy(&subscriber->feed);
        free(subscriber);
    }
}
