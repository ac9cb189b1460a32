/* The feed over real sockets: order, gaps, silence, publishers that are replaced or killed (this program again, with an
 * argument), and a raw socket that says what no publisher would. */
#include "common/feed.h"

#include <czmq.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "common/envelope.h"
#include "tests/support/cmocka.h"

enum { PATIENCE_MS = 20000, PUBLISHERS = 2 };

struct fixture {
    char folder[64];
    char addresses[PUBLISHERS][128];
    struct feed_publisher *publishers[PUBLISHERS];
    int64_t beat_ms[PUBLISHERS]; /* when the next heartbeat is due */
    bool is_mute;                /* no heartbeats */
    bool says_heard;
    struct feed_subscriber *subscriber;
    pid_t child;
    size_t gaps;
    size_t events, events_at_gap;
    char last_name[64], last_body[64];
    int64_t last_number; /* of bodies that are one */
    bool is_in_order;
};

static void on_event(void *context, struct str name, struct str body)
{
    struct fixture *fixture = context;
    struct pack_reader reader = pack_reader(body);
    int64_t number;
    fixture->events++;
    snprintf(fixture->last_name, sizeof fixture->last_name, "%.*s", STR_ARGS(name));
    if (!pack_read_integer(&reader, &number))
        return;
    fixture->is_in_order = fixture->is_in_order && number == fixture->last_number + 1;
    fixture->last_number = number;
}

static void on_gap(void *context)
{
    struct fixture *fixture = context;
    fixture->gaps++;
    fixture->events_at_gap = fixture->events;
}

static void beat(struct fixture *fixture)
{
    for (size_t i = 0; i < PUBLISHERS; i++) {
        if (fixture->publishers[i] == NULL || fixture->is_mute || clock_now_ms() < fixture->beat_ms[i])
            continue;
        fixture->beat_ms[i] = clock_now_ms() + FEED_HEARTBEAT_MS;
        feed_heartbeat(fixture->publishers[i]);
    }
}

#define WAIT_FOR(fixture, condition)                                                                                   \
    for (int64_t until_ms_ = clock_now_ms() + PATIENCE_MS;;) {                                                         \
        beat(fixture);                                                                                                 \
        feed_turn((fixture)->subscriber);                                                                              \
        if (condition)                                                                                                 \
            break;                                                                                                     \
        if (clock_now_ms() >= until_ms_)                                                                               \
            fail_msg("waited too long for " #condition);                                                               \
        poll(&(struct pollfd){.fd = feed_descriptor((fixture)->subscriber), .events = POLLIN}, 1, 20);                 \
    }

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    fixture->is_in_order = true;
    snprintf(fixture->folder, sizeof fixture->folder, "/tmp/unit_feed.XXXXXX");
    assert_non_null(mkdtemp(fixture->folder));
    for (size_t i = 0; i < PUBLISHERS; i++)
        snprintf(fixture->addresses[i], sizeof fixture->addresses[i], "ipc://%s/%zu.feed", fixture->folder, i);
    *state = fixture;
    return 0;
}

static void kill_child(struct fixture *fixture)
{
    kill(fixture->child, SIGKILL);
    assert_int_equal(waitpid(fixture->child, NULL, 0), fixture->child);
    fixture->child = 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    if (fixture->child != 0)
        kill_child(fixture);
    feed_subscriber_destroy(&fixture->subscriber);
    for (size_t i = 0; i < PUBLISHERS; i++) {
        feed_publisher_destroy(&fixture->publishers[i]);
        unlink(fixture->addresses[i] + strlen("ipc://"));
    }
    /* libzmq's thread unlinks the socket files in its own time. */
    for (int64_t until_ms = clock_now_ms() + PATIENCE_MS; rmdir(fixture->folder) != 0 && errno == ENOTEMPTY;)
        assert_true(clock_now_ms() < until_ms);
    free(fixture);
    return 0;
}

static void subscribe(struct fixture *fixture, const char *endpoints)
{
    const struct feed_handlers handlers = {on_event, on_gap, fixture, fixture->says_heard};
    fixture->subscriber = feed_subscriber_new(&handlers, NULL);
    assert_int_equal(feed_subscribe(fixture->subscriber, "test", endpoints), OK);
}

/* Its socket file may still be the last one's for a moment. */
static void publish_from(struct fixture *fixture, size_t which)
{
    for (int64_t until_ms = clock_now_ms() + PATIENCE_MS;;) {
        if (feed_publisher_new(&fixture->publishers[which], fixture->addresses[which], NULL) == OK)
            return;
        assert_true(clock_now_ms() < until_ms);
        poll(NULL, 0, 10);
    }
}

static void start(struct fixture *fixture)
{
    publish_from(fixture, 0);
    subscribe(fixture, fixture->addresses[0]);
    WAIT_FOR(fixture, feed_is_current(fixture->subscriber));
}

static void publish_number(struct fixture *fixture, size_t which, int64_t number)
{
    struct buffer body = {0};
    pack_integer(&body, number);
    feed_publish(fixture->publishers[which], STR("user.changed"), buffer_str(&body));
    buffer_free(&body);
}

static void the_first_message_is_a_gap_and_then_it_is_current(void **state)
{
    struct fixture *fixture = *state;
    publish_from(fixture, 0);
    subscribe(fixture, fixture->addresses[0]);
    feed_turn(fixture->subscriber);
    assert_false(feed_is_current(fixture->subscriber));
    assert_int_equal(fixture->gaps, 0);
    WAIT_FOR(fixture, feed_is_current(fixture->subscriber));
    assert_int_equal(fixture->gaps, 1);
    assert_int_equal(fixture->events, 0);
}

static void events_come_in_order_and_without_gaps(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    enum { EVENTS = 20000, AT_ONCE = 500 };
    for (int64_t number = 1; number <= EVENTS; number++) {
        publish_number(fixture, 0, number);
        if (number % AT_ONCE == 0)
            WAIT_FOR(fixture, fixture->events == (size_t)number);
    }
    assert_true(fixture->is_in_order);
    assert_string_equal(fixture->last_name, "user.changed");
    assert_int_equal(fixture->gaps, 1);
    WAIT_FOR(fixture, feed_is_current(fixture->subscriber)); /* not at once: it had much to hear */
}

static void what_a_slow_listener_lost_is_a_gap(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    size_t published = 0;
    for (; published < 200000; published++)
        feed_publish(fixture->publishers[0], STR("one of many"), STR("\x01"));
    WAIT_FOR(fixture, fixture->gaps > 1);
    assert_true(fixture->events < published);
    WAIT_FOR(fixture, (publish_number(fixture, 0, 1), fixture->last_number == 1));
    WAIT_FOR(fixture, feed_is_current(fixture->subscriber)); /* not at once: it had much to hear */
    size_t gaps = fixture->gaps;                             /* from here on it keeps up */
    publish_number(fixture, 0, 2);
    WAIT_FOR(fixture, fixture->last_number == 2);
    assert_int_equal(fixture->gaps, gaps);
}

static void silence_is_a_gap_and_ends_currency(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    fixture->is_mute = true;
    int64_t mute_ms = clock_now_ms();
    WAIT_FOR(fixture, !feed_is_current(fixture->subscriber));
    assert_in_range(clock_now_ms() - mute_ms, FEED_SILENCE_MS - FEED_HEARTBEAT_MS - 50, FEED_SILENCE_MS + 1000);
    WAIT_FOR(fixture, fixture->gaps == 2);
    fixture->is_mute = false;
    WAIT_FOR(fixture, feed_is_current(fixture->subscriber));
    assert_int_equal(fixture->gaps, 2);
}

/* Nothing is missing from what waits for it: but it cannot know whether more than could wait was said. */
static void standing_still_is_a_gap(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    WAIT_FOR(fixture, feed_is_current(fixture->subscriber));
    size_t gaps = fixture->gaps;
    for (int64_t until_ms = clock_now_ms() + FEED_PAUSE_MS + 100; clock_now_ms() < until_ms;) {
        beat(fixture);
        poll(NULL, 0, 20);
    }
    int64_t turned_ms = clock_now_ms();
    WAIT_FOR(fixture, feed_is_current(fixture->subscriber));
    assert_int_equal(fixture->gaps, gaps + 1);
    assert_true(clock_now_ms() - turned_ms >= FEED_PAUSE_MS);
}

/* More was said than it had room for, and who said it is gone: libzmq must not end the process for it (common/wire.c).
 */
static void standing_still_while_the_publisher_ends_is_survived(void **state)
{
    enum { MANY = 20000, STOOD_MS = 2500 };
    struct fixture *fixture = *state;
    start(fixture);
    for (int64_t number = 1; number <= MANY; number++)
        publish_number(fixture, 0, number);
    feed_publisher_destroy(&fixture->publishers[0]);
    poll(NULL, 0, STOOD_MS);
    publish_from(fixture, 0);
    WAIT_FOR(fixture, feed_is_current(fixture->subscriber));
    assert_true(fixture->is_in_order);
}

/* ---- who has heard it ---- */

static int64_t publish(struct fixture *fixture)
{
    return feed_publish(fixture->publishers[0], STR("user.changed"), STR("\x01"));
}

static void who_says_so_is_waited_for_until_it_has_heard(void **state)
{
    struct fixture *fixture = *state;
    fixture->says_heard = true;
    start(fixture);
    struct feed_publisher *publisher = fixture->publishers[0];
    WAIT_FOR(fixture, !feed_is_heard(publisher, INT64_MAX) && feed_is_heard(publisher, 0));
    int64_t number = publish(fixture);
    for (int64_t until_ms = clock_now_ms() + 200; clock_now_ms() < until_ms; poll(NULL, 0, 10))
        assert_false(feed_is_heard(publisher, number));
    assert_int_equal(fixture->events, 0);
    WAIT_FOR(fixture, feed_is_heard(publisher, number));
    assert_int_equal(fixture->events, 1);
    WAIT_FOR(fixture, feed_is_current(fixture->subscriber));
}

static void who_goes_is_not_waited_for(void **state)
{
    struct fixture *fixture = *state;
    fixture->says_heard = true;
    start(fixture);
    WAIT_FOR(fixture, !feed_is_heard(fixture->publishers[0], INT64_MAX));
    int64_t number = publish(fixture);
    assert_false(feed_is_heard(fixture->publishers[0], number));
    feed_subscriber_destroy(&fixture->subscriber);
    for (int64_t until_ms = clock_now_ms() + PATIENCE_MS; !feed_is_heard(fixture->publishers[0], number);)
        assert_true(clock_now_ms() < until_ms);
}

static void who_does_not_hear_is_waited_for_once(void **state)
{
    struct fixture *fixture = *state;
    fixture->says_heard = true;
    start(fixture);
    struct feed_publisher *publisher = fixture->publishers[0];
    WAIT_FOR(fixture, !feed_is_heard(publisher, INT64_MAX));
    int64_t number = publish(fixture);
    assert_false(feed_is_heard(publisher, number));
    feed_wait_no_more(publisher, number);
    assert_true(feed_is_heard(publisher, number));
    number = publish(fixture);
    assert_true(feed_is_heard(publisher, number));
    WAIT_FOR(fixture, !feed_is_heard(publisher, INT64_MAX)); /* it has heard that one */
    number = publish(fixture);
    assert_false(feed_is_heard(publisher, number));
    WAIT_FOR(fixture, feed_is_heard(publisher, number));
}

static void who_says_nothing_is_not_waited_for(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    int64_t number = publish(fixture);
    assert_true(feed_is_heard(fixture->publishers[0], number));
    WAIT_FOR(fixture, fixture->events == 1);
    assert_true(feed_is_heard(fixture->publishers[0], INT64_MAX));
}

/* ---- publishers that are replaced ---- */

static void another_instance_is_a_gap(void **state)
{
    struct fixture *fixture = *state;
    start(fixture);
    publish_number(fixture, 0, 1);
    WAIT_FOR(fixture, fixture->events == 1);
    feed_publisher_destroy(&fixture->publishers[0]);
    publish_from(fixture, 0);
    WAIT_FOR(fixture, fixture->gaps > 1 && feed_is_current(fixture->subscriber));
    publish_number(fixture, 0, 2);
    WAIT_FOR(fixture, fixture->events == 2);
    assert_int_equal(fixture->events_at_gap, 1);
}

static void every_publisher_must_be_heard(void **state)
{
    struct fixture *fixture = *state;
    char both[300];
    snprintf(both, sizeof both, "%s,%s", fixture->addresses[0], fixture->addresses[1]);
    publish_from(fixture, 0);
    subscribe(fixture, both);
    WAIT_FOR(fixture, fixture->gaps == 1);
    assert_false(feed_is_current(fixture->subscriber));
    publish_from(fixture, 1);
    WAIT_FOR(fixture, feed_is_current(fixture->subscriber));
    assert_int_equal(fixture->gaps, 2);
    publish_number(fixture, 0, 1);
    WAIT_FOR(fixture, fixture->events == 1);
    publish_number(fixture, 1, 2);
    WAIT_FOR(fixture, fixture->events == 2);
    assert_int_equal(fixture->gaps, 2);
    feed_publisher_destroy(&fixture->publishers[1]);
    WAIT_FOR(fixture, !feed_is_current(fixture->subscriber));
}

/* ---- a publisher that is killed ---- */

static void start_child(struct fixture *fixture)
{
    fixture->child = fork();
    assert_true(fixture->child != -1);
    if (fixture->child == 0) {
        execl("/proc/self/exe", "unit_feed", fixture->addresses[0], (char *)NULL);
        _exit(127);
    }
}

static int be_child(const char *address)
{
    struct feed_publisher *publisher;
    if (feed_publisher_new(&publisher, address, NULL) != OK)
        return 1;
    for (int64_t until_ms = clock_now_ms() + 3 * PATIENCE_MS; clock_now_ms() < until_ms;) {
        feed_heartbeat(publisher);
        poll(NULL, 0, FEED_HEARTBEAT_MS);
    }
    return 0;
}

static void a_killed_publisher_that_comes_back_is_a_gap(void **state)
{
    struct fixture *fixture = *state;
    start_child(fixture);
    subscribe(fixture, fixture->addresses[0]);
    WAIT_FOR(fixture, feed_is_current(fixture->subscriber));
    for (int round = 0; round < 3; round++) {
        size_t gaps = fixture->gaps;
        kill_child(fixture);
        start_child(fixture);
        WAIT_FOR(fixture, fixture->gaps > gaps && feed_is_current(fixture->subscriber));
    }
}

/* ---- what no publisher would say ---- */

static zsock_t *fake_publisher(struct fixture *fixture)
{
    subscribe(fixture, fixture->addresses[0]);
    zsock_t *raw = zsock_new(ZMQ_PUB);
    assert_int_equal(zmq_bind(zsock_resolve(raw), fixture->addresses[0]), 0);
    return raw;
}

static void say(zsock_t *raw, int64_t instance, int64_t number, struct str name)
{
    struct buffer message = {0};
    envelope_write_event(&message, &(struct envelope_event){instance, number, name, STR("")});
    assert_true(zmq_send(zsock_resolve(raw), message.data, message.len, 0) != -1);
    buffer_free(&message);
}

static void garbage_is_not_hearing(void **state)
{
    struct fixture *fixture = *state;
    zsock_t *raw = fake_publisher(fixture);
    static const struct str garbage[] = {
        {"", 0},
        {"\x01", 1},
        {"hello", 5},
        {"\x02\x94\x05\x00\xA0\xC0", 6},
        {"\x01\x93\x05\x00\xA0", 5},
        {"\x01\x94\x05\x00\xA0\xC0\xC0", 7},
        {"\x01\x94\xFF\x00\xA0\xC0", 6},
        {"\x01\xDD\xFF\xFF\xFF\xFF", 6},
    };
    struct str name = STR("x");
    for (int64_t until_ms = clock_now_ms() + 500; clock_now_ms() < until_ms;) {
        for (size_t i = 0; i < sizeof garbage / sizeof *garbage; i++)
            zmq_send(zsock_resolve(raw), garbage[i].ptr, garbage[i].len, 0);
        for (int i = 0; i < 100; i++)
            zmq_send(zsock_resolve(raw), name.ptr, name.len, i < 99 ? ZMQ_SNDMORE : 0);
        poll(NULL, 0, 20);
        feed_turn(fixture->subscriber);
        assert_false(feed_is_current(fixture->subscriber));
    }
    assert_int_equal(fixture->gaps + fixture->events, 0);
    WAIT_FOR(fixture, (say(raw, 1, 0, STR("")), feed_is_current(fixture->subscriber)));
    assert_int_equal(fixture->gaps, 1);
    zsock_destroy(&raw);
}

static void numbers_that_do_not_follow_are_gaps(void **state)
{
    struct fixture *fixture = *state;
    zsock_t *raw = fake_publisher(fixture);
    WAIT_FOR(fixture, (say(raw, 9, 5, STR("")), fixture->gaps == 1));
    say(raw, 9, 6, STR("a")); /* the next */
    say(raw, 9, 6, STR(""));  /* a heartbeat after it */
    WAIT_FOR(fixture, fixture->events == 1);
    assert_int_equal(fixture->gaps, 1);
    say(raw, 9, 8, STR("b")); /* one is missing */
    WAIT_FOR(fixture, fixture->events == 2);
    assert_int_equal(fixture->gaps, 2);
    assert_int_equal(fixture->events_at_gap, 1); /* the gap was told before the event */
    say(raw, 9, 9, STR(""));                     /* a heartbeat knows of one more */
    WAIT_FOR(fixture, fixture->gaps == 3);
    say(raw, 9, 3, STR("c")); /* backwards */
    WAIT_FOR(fixture, fixture->gaps == 4);
    say(raw, 8, 4, STR("d")); /* the right number of another instance */
    WAIT_FOR(fixture, fixture->gaps == 5);
    say(raw, 8, 5, STR("e"));
    WAIT_FOR(fixture, fixture->events == 5);
    assert_int_equal(fixture->gaps, 5);
    zsock_destroy(&raw);
}

/* libzmq itself never reconnects after a frame above the limit. */
static void a_connection_that_broke_the_protocol_is_begun_anew(void **state)
{
    struct fixture *fixture = *state;
    zsock_t *raw = fake_publisher(fixture);
    WAIT_FOR(fixture, (say(raw, 1, 0, STR("")), feed_is_current(fixture->subscriber)));
    char *huge = calloc(1, 18 << 20);
    assert_true(zmq_send(zsock_resolve(raw), huge, 18 << 20, 0) != -1);
    free(huge);
    WAIT_FOR(fixture, (say(raw, 1, 0, STR("")), !feed_is_current(fixture->subscriber)));
    WAIT_FOR(fixture, (say(raw, 1, 0, STR("")), feed_is_current(fixture->subscriber)));
    zsock_destroy(&raw);
}

static void addresses_are_checked(void **state)
{
    struct fixture *fixture = *state;
    const struct feed_handlers handlers = {on_event, on_gap, fixture, false};
    struct feed_subscriber *subscriber = feed_subscriber_new(&handlers, NULL);
    struct feed_publisher *publisher = NULL;
    assert_int_equal(feed_subscribe(subscriber, "test", "ipc:///tmp/a,nonsense"), ERROR_MALFORMED);
    assert_int_equal(feed_subscribe(subscriber, "test", ""), ERROR_MALFORMED);
    assert_int_equal(feed_subscribe(subscriber, "test", "tcp://127.0.0.1:1"), ERROR_MALFORMED); /* no keys */
    assert_int_equal(feed_publisher_new(&publisher, "nonsense", NULL), ERROR_MALFORMED);
    assert_int_equal(feed_publisher_new(&publisher, "tcp://127.0.0.1:1", NULL), ERROR_MALFORMED);
    publish_from(fixture, 0);
    assert_int_equal(feed_publisher_new(&publisher, fixture->addresses[0], NULL), ERROR_MALFORMED);
    feed_subscriber_destroy(&subscriber);
    assert_null(publisher);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(int argc, char **argv)
{
    if (argc == 2)
        return be_child(argv[1]);
    const struct CMUnitTest tests[] = {
        TEST(the_first_message_is_a_gap_and_then_it_is_current),
        TEST(events_come_in_order_and_without_gaps),
        TEST(what_a_slow_listener_lost_is_a_gap),
        TEST(silence_is_a_gap_and_ends_currency),
        TEST(standing_still_is_a_gap),
        TEST(standing_still_while_the_publisher_ends_is_survived),
        TEST(who_says_so_is_waited_for_until_it_has_heard),
        TEST(who_goes_is_not_waited_for),
        TEST(who_does_not_hear_is_waited_for_once),
        TEST(who_says_nothing_is_not_waited_for),
        TEST(another_instance_is_a_gap),
        TEST(every_publisher_must_be_heard),
        TEST(a_killed_publisher_that_comes_back_is_a_gap),
        TEST(garbage_is_not_hearing),
        TEST(numbers_that_do_not_follow_are_gaps),
        TEST(a_connection_that_broke_the_protocol_is_begun_anew),
        TEST(addresses_are_checked),
    };
    return cmocka_run_group_tests_name("feed", tests, NULL, NULL);
}
