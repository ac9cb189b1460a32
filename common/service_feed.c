/* A service's feed: what it tells at once to all who listen. A listener that misses an event, or this process between
 * commit and event, notices by the feed's numbers and forgets what it has cached (common/feed.h). */
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

void service_announce(struct service *service, struct str event, const struct message *message, const void *body)
{
    struct buffer packed = {0};
    schema_encode(message, body, &packed);
    if (service->feed != NULL)
        feed_publish(service->feed, event, buffer_str(&packed));
    buffer_free(&packed);
}
