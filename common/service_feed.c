/* A service's feed: what it tells at once to all who listen. A listener that misses an event, or this process between
 * commit and event, notices by the feed's numbers and forgets what it has cached (common/feed.h). A call that told
 * something is answered when all who may have cached it have heard. */
#include "common/log.h"
#include "common/service_internal.h"

static void on_heartbeat(void *context)
{
    struct service *service = context;
    feed_heartbeat(service->feed);
}

bool service_open_feed(struct service *service)
{
    const char *endpoint = service->config->feed_listen;
    enum error error = feed_publisher_new(&service->feed, endpoint, service->config->keys);
    if (error != OK) {
        log_error("cannot bind the feed", LOG_Z("endpoint", endpoint), LOG_Z("reason", error_message(error)));
        return false;
    }
    service->feed_heart = loop_timer_new(service->loop, on_heartbeat, service);
    loop_timer_start(service->feed_heart, FEED_HEARTBEAT_MS, FEED_HEARTBEAT_MS);
    return true;
}

void service_close_feed(struct service *service)
{
    if (service->feed == NULL)
        return;
    loop_timer_destroy(&service->feed_heart);
    feed_publisher_destroy(&service->feed);
}

void call_announce(struct call *call, struct str event, const struct message *message, const void *body)
{
    struct feed_publisher *feed = call->service->feed;
    struct buffer packed = {0};
    schema_encode(message, body, &packed);
    if (feed != NULL)
        call->announced = feed_publish(feed, event, buffer_str(&packed));
    buffer_free(&packed);
}

/* Mostly a millisecond, while the others' threads take turns. */
void service_await_heard(struct service *service, int64_t number)
{
    enum { LOOK_MS = 1 };
    int64_t until_ms = loop_now_ms() + FEED_PATIENCE_MS;
    while (service->feed != NULL && !feed_is_heard(service->feed, number)) {
        if (loop_now_ms() >= until_ms)
            feed_wait_no_more(service->feed, number);
        else
            loop_sleep(service->loop, LOOK_MS);
    }
}
