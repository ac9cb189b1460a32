/* The user service's feed. A listener that misses an event, or this process between commit and event, notices by the
 * feed's numbers and forgets what it has cached (common/feed.h). */
#include <stdlib.h>

#include "common/allocate.h"
#include "common/log.h"
#include "services/user/user.h"

struct user_feed {
    struct feed_publisher *publisher;
    struct loop_timer *heart;
};

static void on_heartbeat(void *context)
{
    struct user_feed *feed = context;
    feed_heartbeat(feed->publisher);
}

struct user_feed *user_feed_new(struct service *service, const char *endpoint)
{
    struct feed_publisher *publisher;
    enum error error = feed_publisher_new(&publisher, endpoint);
    if (error != OK) {
        log_error("cannot bind the feed", LOG_Z("endpoint", endpoint), LOG_Z("reason", error_message(error)));
        return NULL;
    }
    struct user_feed *feed = allocate(sizeof *feed);
    feed->publisher = publisher;
    feed->heart = loop_timer_new(service_loop(service), on_heartbeat, feed);
    loop_timer_start(feed->heart, FEED_HEARTBEAT_MS, FEED_HEARTBEAT_MS);
    return feed;
}

void user_feed_destroy(struct user_feed **feed)
{
    if (*feed == NULL)
        return;
    loop_timer_destroy(&(*feed)->heart);
    feed_publisher_destroy(&(*feed)->publisher);
    free(*feed);
    *feed = NULL;
}

void user_feed_tell_changed(struct user_feed *feed, int64_t user_id)
{
    struct buffer body = {0};
    schema_encode(&user_ref_message, &(struct user_ref){.user_id = user_id}, &body);
    feed_publish(feed->publisher, EVENT_USER_CHANGED, buffer_str(&body));
    buffer_free(&body);
}
