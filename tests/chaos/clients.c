/* Clients that are slow, many, or hostile. */
#include "tests/chaos/clients.h"

#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/chaos/faults.h"
#include "tests/support/factories.h"
#include "tests/support/h2.h"
#include "tests/support/http.h"
#include "tests/support/raw.h"
#include "tests/support/scratch.h"

enum {
    SLOW_HEADS = 500,
    SLOW_READERS = 100,
    IDLE = 10000,
    IDLE_SHORT = 1000,
    SPARE_DESCRIPTORS = 200,
    CONNECTS_A_SECOND = 1000,
    RESETS = 2000,
    CROWD = 64,
};

static void close_all(const int *fds, size_t count)
{
    for (size_t i = 0; i < count; i++)
        close(fds[i]);
}

/* ---- slow ---- */

void hold_slow_heads(struct stack *stack)
{
    static const char head[] = "GET /rooms HTTP/1.1\r\nHost: x\r\nX: y";
    int fds[SLOW_HEADS];
    for (size_t i = 0; i < SLOW_HEADS; i++)
        fds[i] = raw_connect(stack);
    for (size_t byte = 0; byte < sizeof head - 1; byte++) {
        for (size_t i = 0; i < SLOW_HEADS; i++)
            (void)!send(fds[i], head + byte, 1, MSG_NOSIGNAL);
        sleep_ms(chaos_is_short() ? 20 : 100);
    }
    close_all(fds, SLOW_HEADS);
}

/* Each asks for as much as it can and takes nothing. */
void hold_slow_readers(struct stack *stack)
{
    struct user user = make_user(stack);
    int fds[SLOW_READERS];
    char *request = text("GET /rooms HTTP/1.1\r\nHost: x\r\nAuthorization: Bearer %s\r\n\r\n", user.token);
    char *many = text_repeat(request, 50);
    for (size_t i = 0; i < SLOW_READERS; i++) {
        fds[i] = raw_connect_with(stack, 4096);
        (void)!send(fds[i], many, strlen(many), MSG_NOSIGNAL | MSG_DONTWAIT);
    }
    sleep_ms(chaos_is_short() ? 1000 : 5000);
    close_all(fds, SLOW_READERS);
}

/* ---- many ---- */

static long resident_kib(const struct stack *stack)
{
    long sum = 0;
    for (int part = STACK_GATEWAY; part < stack->part_count; part += STACK_PARTS)
        sum += process_resident_kib(&stack->parts[part]);
    return sum;
}

/* Both ends are on this machine, under one limit each. */
static size_t idle_count(void)
{
    struct rlimit limit;
    assert_int_equal(getrlimit(RLIMIT_NOFILE, &limit), 0);
    limit.rlim_cur = limit.rlim_max;
    assert_int_equal(setrlimit(RLIMIT_NOFILE, &limit), 0);
    size_t wanted = chaos_is_short() ? IDLE_SHORT : IDLE, room = (size_t)limit.rlim_max - SPARE_DESCRIPTORS;
    return wanted < room ? wanted : room;
}

void hold_idle_connections(struct stack *stack)
{
    size_t count = idle_count();
    int *fds = scratch_alloc(count * sizeof *fds);
    long before = resident_kib(stack);
    for (size_t i = 0; i < count; i++)
        fds[i] = raw_connect(stack);
    sleep_ms(chaos_is_short() ? 500 : 5000);
    print_message("%zu idle connections: %.1f KiB each\n", count,
                  (double)(resident_kib(stack) - before) / (double)count);
    close_all(fds, count);
}

void storm_connections(struct stack *stack)
{
    size_t count = (size_t)CONNECTS_A_SECOND * (chaos_is_short() ? 2 : 10);
    int64_t began = now_ms();
    for (size_t i = 0; i < count; i++) {
        close(raw_connect(stack));
        int64_t ahead_ms = (int64_t)(i * 1000 / CONNECTS_A_SECOND) - (now_ms() - began);
        if (ahead_ms > 0)
            sleep_ms(ahead_ms);
    }
    print_message("%.0f connects a second\n", (double)count * 1000 / (double)(now_ms() - began));
}

/* ---- hostile: HTTP/2 ---- */

/* Requests that are thrown away as soon as they are made, until the gateway has had enough. Returns how many it took.
 */
static size_t throw_away(struct stack *stack, const char *token, void (*throw)(int fd, uint32_t stream))
{
    int fd = h2_connect(stack);
    size_t made = 0;
    while (made < RESETS && h2_get(fd, (uint32_t)(2 * made + 1), "/rooms", token)) {
        throw(fd, (uint32_t)(2 * made + 1));
        made++;
    }
    bool is_closed = h2_is_closed(fd, 5000);
    close(fd);
    if (!is_closed)
        fail_msg("%zu requests were thrown away and the connection stands", made);
    return made;
}

static void attack(struct stack *stack, void (*throw)(int fd, uint32_t stream))
{
    struct user user = make_user(stack);
    size_t rounds = chaos_is_short() ? 5 : 50, made = 0;
    for (size_t i = 0; i < rounds; i++)
        made += throw_away(stack, user.token, throw);
    print_message("%zu requests thrown away on %zu connections\n", made, rounds);
}

static void reset(int fd, uint32_t stream)
{
    static const unsigned char cancel[] = {0, 0, 0, 8};
    (void)h2_send(fd, H2_RST_STREAM, 0, stream, cancel, sizeof cancel);
}

void reset_rapidly(struct stack *stack)
{
    attack(stack, reset);
}

/* A window that grows by nothing is an error of the stream: the server has to reset it. */
static void provoke_reset(int fd, uint32_t stream)
{
    static const unsigned char nothing[] = {0, 0, 0, 0};
    (void)h2_send(fd, H2_WINDOW_UPDATE, 0, stream, nothing, sizeof nothing);
}

void make_it_reset(struct stack *stack)
{
    attack(stack, provoke_reset);
}

/* ---- too many ---- */

/* Requests a second that were served. */
static double goodput(const struct stack *stack, const char *token, int connections)
{
    char *script = text("wrk -t 1 -c %d -d %ds --timeout 10s -H 'Authorization: Bearer %s' '%s/rooms?limit=5'"
                        " | awk '/requests in/ { all = $1 } /^Requests.sec/ { rate = $2 } /Non-2xx/ { bad = $NF }"
                        " END { print rate * (all - bad) / all }'",
                        connections, chaos_is_short() ? 2 : 8, token, stack->url);
    return atof(shell("%s", script));
}

void overload(struct stack *stack)
{
    struct user user = make_user(stack);
    double peak = goodput(stack, user.token, CROWD), stressed = goodput(stack, user.token, 5 * CROWD);
    print_message("goodput %.0f a second with %d clients, %.0f with %d: %.2f\n", peak, CROWD, stressed, 5 * CROWD,
                  stressed / peak);
}
