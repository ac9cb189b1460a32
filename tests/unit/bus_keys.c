/* The bus and the feed over tcp://: who is let in, who is talked to, whose name is told, and how keys are changed. */
#include <arpa/inet.h>
#include <sys/socket.h>

#include "common/feed.h"
#include "tests/unit/bus_fixture.h"

enum { NAMES = 5, GATEWAY = 0, ROOM, POST, STRANGER, NEW_ROOM };

/* The strangers' key is on nobody's list but their own. */
static struct {
    const char *name;
    char public_key[WIRE_KEY_TEXT + 1], secret_key[WIRE_KEY_TEXT + 1];
} people[NAMES] = {{"gateway", "", ""}, {"room", "", ""}, {"post", "", ""}, {"gateway", "", ""}, {"room", "", ""}};

static void make_people(void)
{
    for (size_t i = 0; i < NAMES; i++)
        assert_int_equal(zmq_curve_keypair(people[i].public_key, people[i].secret_key), 0);
}

static void list(char *peers, size_t size, const size_t *who, size_t count)
{
    int len = snprintf(peers, size, "# who is who\n\n");
    for (size_t i = 0; i < count; i++)
        len += snprintf(peers + len, size - (size_t)len, "%s\t%s\r\n", people[who[i]].name, people[who[i]].public_key);
}

static struct wire_keys *keys_of(size_t who, const size_t *known, size_t count)
{
    char peers[1024];
    struct wire_keys_mistake mistake;
    list(peers, sizeof peers, known, count);
    struct wire_keys *keys = wire_keys_new(people[who].name, people[who].secret_key, peers, &mistake);
    if (keys == NULL)
        fail_msg("%s: %s", mistake.setting, mistake.text);
    return keys;
}

static const size_t all[] = {GATEWAY, ROOM, POST, NEW_ROOM};
static const size_t all_and_stranger[] = {STRANGER, ROOM, POST, NEW_ROOM};

static struct wire_keys *known_keys(size_t who)
{
    return keys_of(who, all, sizeof all / sizeof *all);
}

static struct wire_keys *strange_keys(void)
{
    return keys_of(STRANGER, all_and_stranger, sizeof all_and_stranger / sizeof *all_and_stranger);
}

/* ---- a fixture with keys: they are given back after the sockets ---- */

struct locked {
    struct fixture *fixture;
    struct wire_keys *client, *server;
};

static int setup_locked(void **state)
{
    struct locked *locked = calloc(1, sizeof *locked);
    setup((void **)&locked->fixture);
    *state = locked;
    return 0;
}

static int teardown_locked(void **state)
{
    struct locked *locked = *state;
    teardown((void **)&locked->fixture);
    wire_keys_destroy(&locked->client);
    wire_keys_destroy(&locked->server);
    free(locked);
    return 0;
}

/* On a port that is free. */
static struct service *serve(struct locked *locked, struct wire_keys *keys)
{
    struct service *service = &locked->fixture->services[A];
    locked->server = keys;
    service->bus = bus_new(keys);
    enum error error = ERROR_MALFORMED;
    for (int port = 20000 + getpid() % 20000, tries = 0; error != OK && tries < 100; tries++, port++) {
        snprintf(service->address, sizeof service->address, "tcp://127.0.0.1:%d", port);
        error = bus_bind(service->bus, service->address, on_call, service);
    }
    assert_int_equal(error, OK);
    return service;
}

static void connect_as(struct locked *locked, struct wire_keys *keys, const char *peer)
{
    struct fixture *fixture = locked->fixture;
    bus_destroy(&fixture->client);
    wire_keys_destroy(&locked->client);
    locked->client = keys;
    fixture->client = bus_new(keys);
    assert_int_equal(bus_connect(fixture->client, A, peer, fixture->services[A].address), OK);
}

static void turn_for(struct fixture *fixture, int64_t ms)
{
    for (int64_t until_ms = clock_now_ms() + ms; clock_now_ms() < until_ms;) {
        turn(fixture);
        wait_until(fixture, until_ms);
    }
}

/* ---- who is let in ---- */

static void a_call_tells_who_makes_it(void **state)
{
    struct locked *locked = *state;
    struct fixture *fixture = locked->fixture;
    struct service *service = serve(locked, known_keys(ROOM));
    static const size_t callers[] = {GATEWAY, POST};
    struct outcome *outcome = new_outcome(fixture);
    for (size_t i = 0; i < 2; i++) {
        connect_as(locked, known_keys(callers[i]), "room");
        WAIT_FOR(fixture, bus_is_connected(fixture->client, A));
        call(fixture, A, outcome);
        WAIT_FOR(fixture, outcome->times == i + 1);
        assert_int_equal(outcome->error, OK);
        assert_string_equal(service->last_peer, people[callers[i]].name);
    }
}

static void an_unknown_key_gets_nothing(void **state)
{
    struct locked *locked = *state;
    struct fixture *fixture = locked->fixture;
    struct service *service = serve(locked, known_keys(ROOM));
    connect_as(locked, strange_keys(), "room");
    WAIT_FOR(fixture, wire_keys_refused(locked->server) > 1); /* it tries again, and again */
    assert_false(bus_is_connected(fixture->client, A));
    assert_int_equal(call_with(fixture, A, STR("\x01"), LONG_MS, new_outcome(fixture), NULL), ERROR_UNAVAILABLE);
    assert_int_equal(service->calls, 0);
    connect_as(locked, known_keys(GATEWAY), "room"); /* others are still let in */
    WAIT_FOR(fixture, bus_is_connected(fixture->client, A));
}

/* What the service says to the bytes, until it closes; false where it never does. */
static bool say_raw(struct fixture *fixture, const char *bytes, size_t len, char *reply, size_t size, size_t *reply_len)
{
    struct sockaddr_in address = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    address.sin_port = htons((uint16_t)strtoul(strrchr(fixture->services[A].address, ':') + 1, NULL, 10));
    int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
    assert_int_equal(connect(fd, (struct sockaddr *)&address, sizeof address), 0);
    assert_int_equal(send(fd, bytes, len, MSG_NOSIGNAL), len);
    bool is_closed = false;
    *reply_len = 0;
    for (int64_t until_ms = clock_now_ms() + PATIENCE_MS; !is_closed && clock_now_ms() < until_ms;) {
        turn(fixture);
        ssize_t got = recv(fd, reply + *reply_len, size - *reply_len, MSG_DONTWAIT);
        is_closed = got == 0 || (got == -1 && errno == ECONNRESET);
        *reply_len += got > 0 ? (size_t)got : 0;
        poll(&(struct pollfd){.fd = fd, .events = POLLIN}, 1, 10);
    }
    close(fd);
    return is_closed;
}

static void a_raw_peer_gets_nothing(void **state)
{
    struct locked *locked = *state;
    struct service *service = serve(locked, known_keys(ROOM));
    /* ZMTP 3.0 without security, then a READY command and a batch; HTTP; and noise. */
    static const char null_mechanism[] =
        "\xFF\0\0\0\0\0\0\0\1\x7F\3\0NULL\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0"
        "\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\0\4\x19\5READY\13Socket-Type\0\0\0\6DEALER"
        "\0\12\x01\x96\x05\xA1m\x0A\xC0\x92\xA0\xC0\xC0";
    static const char http[] = "GET / HTTP/1.1\r\nHost: x\r\n\r\n";
    static const struct str said[] = {{null_mechanism, sizeof null_mechanism - 1}, {http, sizeof http - 1}};
    for (size_t i = 0; i < sizeof said / sizeof *said; i++) {
        char reply[512];
        size_t len;
        assert_true(say_raw(locked->fixture, said[i].ptr, said[i].len, reply, sizeof reply, &len));
        assert_in_range(len, 0, 64); /* a greeting, which says CURVE, at most */
    }
    assert_int_equal(service->calls, 0);
    assert_int_equal(bus_stats(service->bus)->garbage, 0);
}

static void zeromq_without_keys_gets_nothing(void **state)
{
    struct locked *locked = *state;
    struct fixture *fixture = locked->fixture;
    struct service *service = serve(locked, known_keys(ROOM));
    void *context = zmq_ctx_new(), *raw = zmq_socket(context, ZMQ_DEALER);
    int linger = 0;
    zmq_setsockopt(raw, ZMQ_LINGER, &linger, sizeof linger);
    assert_int_equal(zmq_connect(raw, service->address), 0);
    static const char batch[] = "\x01\x96\x05\xA1m\x0A\xC0\x92\xA0\xC0\xC0";
    assert_int_equal(zmq_send(raw, batch, sizeof batch - 1, 0), sizeof batch - 1);
    connect_as(locked, known_keys(GATEWAY), "room");
    WAIT_FOR(fixture, bus_is_connected(fixture->client, A));
    turn_for(fixture, 300);
    assert_int_equal(service->calls, 0);
    assert_int_equal(zmq_recv(raw, NULL, 0, ZMQ_DONTWAIT), -1);
    zmq_close(raw);
    zmq_ctx_term(context);
}

/* ---- who is talked to ---- */

static void who_has_another_name_is_not_talked_to(void **state)
{
    struct locked *locked = *state;
    struct fixture *fixture = locked->fixture;
    struct service *service = serve(locked, known_keys(POST));
    connect_as(locked, known_keys(GATEWAY), "room");
    turn_for(fixture, 700);
    assert_false(bus_is_connected(fixture->client, A));
    assert_int_equal(service->calls, 0);
    connect_as(locked, known_keys(GATEWAY), "post");
    WAIT_FOR(fixture, bus_is_connected(fixture->client, A));
}

static void either_of_two_keys_of_a_name_will_do(void **state)
{
    struct locked *locked = *state;
    struct fixture *fixture = locked->fixture;
    struct service *service = serve(locked, known_keys(NEW_ROOM)); /* the second on the list */
    connect_as(locked, known_keys(GATEWAY), "room");
    WAIT_FOR(fixture, bus_is_connected(fixture->client, A));
    static const size_t next[] = {ROOM, NEW_ROOM};
    for (size_t i = 0; i < 2; i++) { /* and when it restarts with the other */
        bus_destroy(&service->bus);
        wire_keys_destroy(&locked->server);
        WAIT_FOR(fixture, !bus_is_connected(fixture->client, A));
        locked->server = known_keys(next[i]);
        service->bus = bus_new(locked->server);
        WAIT_FOR(fixture, bus_bind(service->bus, service->address, on_call, service) == OK);
        WAIT_FOR(fixture, bus_is_connected(fixture->client, A));
        struct outcome *outcome = new_outcome(fixture);
        call(fixture, A, outcome);
        WAIT_FOR(fixture, outcome->times == 1);
        assert_int_equal(outcome->error, OK);
    }
}

static void whose_key_is_not_listed_is_not_connected_to(void **state)
{
    struct locked *locked = *state;
    struct fixture *fixture = locked->fixture;
    bus_destroy(&fixture->client);
    locked->client = known_keys(GATEWAY);
    fixture->client = bus_new(locked->client);
    assert_int_equal(bus_connect(fixture->client, A, "auth", "tcp://auth:7001"), ERROR_MALFORMED);
    assert_int_equal(bus_connect(fixture->client, A, "auth", "ipc:///tmp/unit_bus.nowhere"), OK);
}

/* ---- the feed ---- */

struct heard {
    size_t gaps, events;
};

static void on_event(void *context, struct str name, struct str body)
{
    (void)name;
    (void)body;
    ((struct heard *)context)->events++;
}

static void on_gap(void *context)
{
    ((struct heard *)context)->gaps++;
}

static struct feed_publisher *publish(struct wire_keys *keys, char address[64])
{
    struct feed_publisher *publisher = NULL;
    for (int port = 20000 + getpid() % 20000, tries = 0; publisher == NULL && tries < 100; tries++, port++) {
        snprintf(address, 64, "tcp://127.0.0.1:%d", port);
        if (feed_publisher_new(&publisher, address, keys) != OK)
            publisher = NULL;
    }
    assert_non_null(publisher);
    return publisher;
}

/* Until it is current, or for the time. */
static bool listens(struct feed_subscriber *subscriber, struct feed_publisher *publisher, int64_t ms)
{
    for (int64_t until_ms = clock_now_ms() + ms; clock_now_ms() < until_ms;) {
        feed_heartbeat(publisher);
        poll(&(struct pollfd){.fd = feed_descriptor(subscriber), .events = POLLIN}, 1, 20);
        feed_turn(subscriber);
        if (feed_is_current(subscriber))
            return true;
    }
    return false;
}

static void a_feed_is_heard_by_known_keys_only(void **state)
{
    struct locked *locked = *state;
    char address[64];
    struct heard heard = {0};
    const struct feed_handlers handlers = {on_event, on_gap, &heard, .says_heard = true};
    locked->server = known_keys(NEW_ROOM);
    struct feed_publisher *publisher = publish(locked->server, address);

    locked->client = strange_keys();
    struct feed_subscriber *subscriber = feed_subscriber_new(&handlers, locked->client);
    assert_int_equal(feed_subscribe(subscriber, "room", address), OK);
    assert_false(listens(subscriber, publisher, 500));
    feed_subscriber_destroy(&subscriber);
    wire_keys_destroy(&locked->client);
    assert_int_equal(heard.gaps, 0);

    locked->client = known_keys(GATEWAY);
    subscriber = feed_subscriber_new(&handlers, locked->client);
    assert_int_equal(feed_subscribe(subscriber, "room", address), OK);
    assert_true(listens(subscriber, publisher, PATIENCE_MS)); /* by the second key it tries */
    feed_publish(publisher, STR("x"), STR("\xC0"));
    for (int64_t until_ms = clock_now_ms() + PATIENCE_MS; heard.events == 0 && clock_now_ms() < until_ms;)
        feed_turn(subscriber);
    assert_int_equal(heard.events, 1);
    feed_subscriber_destroy(&subscriber);
    feed_publisher_destroy(&publisher);
}

/* ---- settings ---- */

static void assert_mistake(const char *secret, const char *peers, const char *setting, const char *words)
{
    struct wire_keys_mistake mistake = {0};
    struct wire_keys *keys = wire_keys_new("room", secret, peers, &mistake);
    assert_null(keys);
    assert_string_equal(mistake.setting, setting);
    if (strstr(mistake.text, words) == NULL)
        fail_msg("'%s' does not say '%s'", mistake.text, words);
}

static void mistakes_in_keys_are_told(void **state)
{
    (void)state;
    char peers[1024], doubled[2048];
    const char *room = people[ROOM].secret_key;
    list(peers, sizeof peers, all, 3);
    assert_mistake("", peers, "BUS_KEY", "is no key");
    assert_mistake("0123456789", peers, "BUS_KEY", "is no key");
    assert_mistake("\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"\"", peers, "BUS_KEY",
                   "is no key");
    assert_mistake(people[GATEWAY].secret_key, peers, "BUS_KEY", "is the key of 'gateway'");
    assert_mistake(people[STRANGER].secret_key, peers, "BUS_KEY", "does not list");
    assert_mistake(room, "", "BUS_KEY", "does not list");
    assert_mistake(room, "room", "BUS_PEERS", "line 1");
    assert_mistake(room, "# fine\nroom short\n", "BUS_PEERS", "line 2");
    snprintf(doubled, sizeof doubled, "%sauth %s\n", peers, people[ROOM].public_key);
    assert_mistake(room, doubled, "BUS_PEERS", "repeats a key");
    snprintf(doubled, sizeof doubled, "Room %s", people[ROOM].public_key);
    assert_mistake(room, doubled, "BUS_PEERS", "line 1");
    snprintf(doubled, sizeof doubled, "room %s x", people[ROOM].public_key);
    assert_mistake(room, doubled, "BUS_PEERS", "line 1");
}

#define LOCKED(name) cmocka_unit_test_setup_teardown(name, setup_locked, teardown_locked)

int main(void)
{
    make_people();
    const struct CMUnitTest tests[] = {
        LOCKED(a_call_tells_who_makes_it),
        LOCKED(an_unknown_key_gets_nothing),
        LOCKED(a_raw_peer_gets_nothing),
        LOCKED(zeromq_without_keys_gets_nothing),
        LOCKED(who_has_another_name_is_not_talked_to),
        LOCKED(either_of_two_keys_of_a_name_will_do),
        LOCKED(whose_key_is_not_listed_is_not_connected_to),
        LOCKED(a_feed_is_heard_by_known_keys_only),
        cmocka_unit_test(mistakes_in_keys_are_told),
    };
    return cmocka_run_group_tests_name("bus_keys", tests, NULL, NULL);
}
