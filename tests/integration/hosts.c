/* Three hosts: two gateways on one, a copy of every service on each of the others, tcp:// with keys between them and
 * names with two addresses. One host is cut off and comes back, one leaves DNS, and keys get their holders no further
 * than they may go. */
#include <poll.h>
#include <string.h>

#include "common/buffer.h"
#include "common/bus.h"
#include "common/pack.h"
#include "common/wire_keys.h"
#include "tests/support/factories.h"
#include "tests/support/hosts.h"
#include "tests/support/http.h"
#include "tests/support/load.h"
#include "tests/support/scratch.h"

enum {
    PORT = 7000, /* of the first service; its feed's is the next, and so on */
    SKIPPED = 77,
    BOUND_MS = 8000,  /* after which a host that is cut off troubles nobody: heartbeats end its connections in four */
    BACK_MS = 20000,  /* and within which it is back in use */
    PROMPT_MS = 2000, /* a reply that waited for nobody who is not there */
};

static char *keys; /* the folder that deploy/keys made */

/* ---- who is where ---- */

static enum host host_of(int part)
{
    if (part % STACK_PARTS == STACK_GATEWAY)
        return HOST_GATEWAY;
    return part < STACK_PARTS ? HOST_FIRST : HOST_SECOND;
}

static int port_of(int part)
{
    return PORT + 2 * (part % STACK_PARTS);
}

static void enter(struct stack *stack, int part, char *environment[STACK_SETTINGS])
{
    static const char *const upper[STACK_GATEWAY] = {
#define SERVICE(name, NAME) #NAME,
#include "proto/services.def"
#undef SERVICE
    };
    (void)stack;
    int kind = part % STACK_PARTS;
    stack_set_in(environment, text("BUS_KEY_FILE=%s/%s.key", keys, stack_part_name(kind)));
    stack_set_in(environment, text("BUS_PEERS_FILE=%s/peers", keys));
    for (int service = 0; service < STACK_GATEWAY; service++) {
        const char *name = stack_part_name(service);
        stack_set_in(environment, text("%s_ENDPOINTS=tcp://%s.test:%d", upper[service], name, port_of(service)));
        stack_set_in(environment,
                     text("%s_FEED_ENDPOINTS=tcp://%s.test:%d", upper[service], name, port_of(service) + 1));
    }
    if (kind != STACK_GATEWAY) {
        stack_set_in(environment, text("%s_LISTEN=tcp://0.0.0.0:%d", upper[kind], port_of(kind)));
        stack_set_in(environment, text("%s_FEED_LISTEN=tcp://0.0.0.0:%d", upper[kind], port_of(kind) + 1));
    }
    host_enter(host_of(part));
}

static void leave(void)
{
    host_enter(HOST_GATEWAY);
}

/* Which hosts have the services' names. */
static void name_hosts(bool first, bool second)
{
    char *lines = text("# made by the test\n");
    for (int service = 0; service < STACK_GATEWAY; service++) {
        if (first)
            lines = text("%s%s %s.test\n", lines, host_address(HOST_FIRST), stack_part_name(service));
        if (second)
            lines = text("%s%s %s.test\n", lines, host_address(HOST_SECOND), stack_part_name(service));
    }
    hosts_write(lines);
}

/* ---- what is seen from outside ---- */

/* The lines of a part's log that have the words. */
static long count_lines(const struct stack *stack, int part, const char *words)
{
    return strtol(shell("grep -c '%s' %s/%s.log || true", words, stack->folder, stack_part_name(part)), NULL, 10);
}

/* What both gateways have let go of. */
static long count_gone(const struct stack *stack)
{
    return count_lines(stack, STACK_GATEWAY, "endpoint gone") +
           count_lines(stack, STACK_PARTS + STACK_GATEWAY, "endpoint gone");
}

static long calls_of(const struct stack *stack, int part)
{
    return count_lines(stack, part, "call .*method=room.get");
}

/* Asks until both copies of room have had calls since. */
static void await_both(struct stack *stack, const struct user *user, const struct room *room, int64_t timeout_ms)
{
    enum { SECOND_ROOM = STACK_PARTS + STACK_ROOM };
    long first = calls_of(stack, STACK_ROOM), second = calls_of(stack, SECOND_ROOM);
    for (int64_t until_ms = now_ms() + timeout_ms;
         calls_of(stack, STACK_ROOM) == first || calls_of(stack, SECOND_ROOM) == second;) {
        if (now_ms() > until_ms)
            fail_msg("calls: %ld before and %ld now on the first host, %ld and %ld on the second", first,
                     calls_of(stack, STACK_ROOM), second, calls_of(stack, SECOND_ROOM));
        for (int i = 0; i < 10; i++)
            assert_status(http_get(stack, user->token, "/api/rooms/%lld", (long long)room->id), 200);
    }
}

/* ---- tests ---- */

static void copies_on_both_hosts_are_found_and_used(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct room room = make_room(stack, &user, (struct room_options){0});
    await_both(stack, &user, &room, BACK_MS);
    make_post(stack, &user);
    log_in(stack, &user);
}

/* While it goes on, reads are asked again on the other host: none fails. What changes something may fail as long as it
 * is not known that the host is away, and not a moment longer. */
static void watch_cut(struct stack *stack, const struct user *user, const struct room *room)
{
    int64_t cut_ms = now_ms(), slowest_ms = 0, last_slow_ms = cut_ms, last_failed_ms = cut_ms;
    size_t reads = 0, failures = 0;
    while (now_ms() - cut_ms < 2 * BOUND_MS) {
        int64_t begun_ms = now_ms();
        assert_status(http_get(stack, user->token, "/api/rooms/%lld", (long long)room->id), 200);
        int64_t took_ms = now_ms() - begun_ms;
        reads++;
        slowest_ms = took_ms > slowest_ms ? took_ms : slowest_ms;
        if (took_ms > PROMPT_MS)
            last_slow_ms = now_ms();
        struct reply *made = http_post(stack, user->token, text("{\"name\":\"%s\"}", unique("cut")), "/api/rooms");
        if (made->status != 201) {
            last_failed_ms = now_ms();
            failures++;
        }
    }
    print_message(
        "cut off: %zu reads, none failed, the slowest took %lld ms; %zu writes failed, the last %lld ms after "
        "the cut\n",
        reads, (long long)slowest_ms, failures, (long long)(last_failed_ms - cut_ms));
    assert_in_range(last_failed_ms - cut_ms, 0, BOUND_MS);
    assert_in_range(last_slow_ms - cut_ms, 0, BOUND_MS);
}

static void a_host_that_is_cut_off_is_done_without_and_comes_back(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct room room = make_room(stack, &user, (struct room_options){0});
    name_hosts(true, true);
    await_both(stack, &user, &room, BACK_MS);
    struct load *load = load_start(stack);
    load_await(load, 100);
    host_cut(HOST_SECOND, true);
    watch_cut(stack, &user, &room);
    load_await(load, 100);
    host_cut(HOST_SECOND, false);
    int64_t back_ms = now_ms();
    await_both(stack, &user, &room, BACK_MS);
    print_message("back in use %lld ms after its return\n", (long long)(now_ms() - back_ms));
    (void)load_stop(load); /* nothing that was acknowledged is lost */
    stack_await_ready(stack, BACK_MS);
}

static void a_host_that_leaves_dns_fails_nobody(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct room room = make_room(stack, &user, (struct room_options){0});
    enum { GATEWAY_THREADS = 4 /* of two gateways */ };
    struct load *load = load_start(stack);
    load_await(load, 100);
    long gone = count_gone(stack);
    name_hosts(false, true);
    for (int64_t until_ms = now_ms() + BACK_MS; count_gone(stack) < gone + GATEWAY_THREADS * STACK_GATEWAY;
         sleep_ms(50))
        assert_true(now_ms() < until_ms);
    long before = calls_of(stack, STACK_ROOM);
    load_await(load, 100);
    assert_int_equal(calls_of(stack, STACK_ROOM), before);
    name_hosts(true, true);
    await_both(stack, &user, &room, BACK_MS);
    struct load_result result = load_stop(load);
    if (result.failure != NULL)
        fail_msg("%s", result.failure);
}

/* ---- what a key is good for ---- */

struct outcome {
    bool is_there;
    enum error error;
};

static void on_reply(void *context, const struct bus_reply *reply)
{
    *(struct outcome *)context = (struct outcome){true, reply->error};
}

static void turn(struct bus *bus)
{
    struct pollfd ready = {.fd = bus_descriptor(bus), .events = POLLIN};
    if (!bus_turn(bus))
        poll(&ready, 1, 5);
}

static struct wire_keys *keys_of(const char *folder, const char *name)
{
    struct wire_keys_mistake mistake;
    struct wire_keys *made =
        wire_keys_new(name, shell("cat %s/%s.key", folder, name), shell("cat %s/peers", folder), &mistake);
    if (made == NULL)
        fail_msg("%s: %s", mistake.setting, mistake.text);
    return made;
}

/* A process of that name, in this one. */
static struct bus *connect_as(struct wire_keys *as, enum stack_part part)
{
    struct bus *bus = bus_new(as);
    assert_int_equal(
        bus_connect(bus, part, stack_part_name(part), text("tcp://%s:%d", host_address(HOST_FIRST), port_of(part))),
        OK);
    for (int64_t until_ms = now_ms() + BOUND_MS; !bus_is_connected(bus, part) && now_ms() < until_ms;)
        turn(bus);
    return bus;
}

static enum error ask(struct bus *bus, enum stack_part part, const char *method)
{
    static const char no_arguments[] = {(char)0x92, (char)0x80, (char)0x80}; /* [{}, {}] */
    struct outcome outcome = {0};
    const struct bus_request request = {.method = str_from(method),
                                        .caller = {.id = 1, .role = STR("admin")},
                                        .request_id = STR("test"),
                                        .arguments = {no_arguments, sizeof no_arguments},
                                        .timeout_ms = BOUND_MS};
    enum error error = bus_call(bus, part, &request, on_reply, &outcome, NULL);
    while (error == OK && !outcome.is_there)
        turn(bus);
    return error == OK ? outcome.error : error;
}

static void a_key_is_good_for_the_calls_of_its_name(void **state)
{
    struct stack *stack = *state;
    struct wire_keys *post = keys_of(keys, "post"), *operator= keys_of(keys, "operator");
    struct bus *as_post = connect_as(post, STACK_AUTH), *as_operator = connect_as(operator, STACK_AUTH);
    static const char *const internals[] = {
#define METHOD(name, service, wire, ...) wire,
#include "proto/methods/auth.def"
#undef METHOD
        "auth.events"};
    for (size_t i = 0; i < sizeof internals / sizeof *internals; i++)
        if (ask(as_post, STACK_AUTH, internals[i]) != ERROR_FORBIDDEN)
            fail_msg("post may call %s", internals[i]);
    assert_int_equal(ask(as_post, STACK_AUTH, "auth.health"), OK);
    assert_int_equal(ask(as_operator, STACK_AUTH, "auth.key_set"), OK);
    assert_true(count_lines(stack, STACK_AUTH, "a process calls what it may not.*from=post") > 0);
    bus_destroy(&as_post);
    bus_destroy(&as_operator);
    wire_keys_destroy(&post);
    wire_keys_destroy(&operator);
}

/* Somebody who makes keys of his own, names the true ones in his list, and has a way in. */
static void a_key_of_nobody_gets_nothing(void **state)
{
    struct stack *stack = *state;
    shell("%s/deploy/keys %s/strange && grep -v '^gateway ' %s/peers >%s/strange/true && "
          "grep '^gateway ' %s/strange/peers >>%s/strange/true && mv %s/strange/true %s/strange/peers",
          SOURCE_DIR, keys, keys, keys, keys, keys, keys, keys);
    struct wire_keys *stranger = keys_of(text("%s/strange", keys), "gateway");
    struct bus *bus = connect_as(stranger, STACK_AUTH);
    assert_false(bus_is_connected(bus, STACK_AUTH));
    assert_int_equal(ask(bus, STACK_AUTH, "auth.health"), ERROR_UNAVAILABLE);
    assert_true(count_lines(stack, STACK_AUTH, "connection refused: its key is nobody") > 0);
    bus_destroy(&bus);
    wire_keys_destroy(&stranger);
}

static void operators_call_with_a_key_of_their_own(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *call =
        text("env -i BUS_PEERS_FILE=%s/peers BUS_KEY_FILE=%s/operator.key %s/call --endpoint tcp://user.test:%d", keys,
             keys, BINARY_DIR, port_of(STACK_USER));
    char *found = shell("%s user.find '{\"username\":\"%s\"}'", call, user.username);
    assert_non_null(strstr(found, user.email));
}

int main(int argc, char **argv)
{
    static const struct stack_options options = {.copies = 2, .enter = enter, .leave = leave};
    static const struct CMUnitTest tests[] = {
        cmocka_unit_test(copies_on_both_hosts_are_found_and_used),
        cmocka_unit_test(a_key_is_good_for_the_calls_of_its_name),
        cmocka_unit_test(a_key_of_nobody_gets_nothing),
        cmocka_unit_test(operators_call_with_a_key_of_their_own),
        cmocka_unit_test_teardown(a_host_that_leaves_dns_fails_nobody, load_teardown),
        cmocka_unit_test_teardown(a_host_that_is_cut_off_is_done_without_and_comes_back, load_teardown),
    };
    const char *why_not;
    if (!hosts_make(&why_not)) {
        printf("skipped: network namespaces cannot be made here: %s\n", why_not);
        return SKIPPED;
    }
    char folder[] = "/tmp/hosts.XXXXXX";
    assert_non_null(mkdtemp(folder));
    keys = folder;
    shell("%s/deploy/keys %s", SOURCE_DIR, keys);
    name_hosts(true, true);
    int failed = suite_main("hosts", &options, tests, sizeof tests / sizeof *tests, argc, argv);
    shell("rm -r %s", folder);
    hosts_remove();
    scratch_free();
    return failed;
}
