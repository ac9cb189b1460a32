/* Discovery: endpoints to addresses, hosts with several of them, and what happens when those change. The hosts are in a
 * file that is mounted over /etc/hosts in a mount namespace of this process; where that is not permitted, what needs it
 * is skipped, and says so. */
#include "common/discovery.h"

#include <poll.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mount.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/clock.h"
#include "tests/support/cmocka.h"

enum { PATIENCE_MS = 20000, MAX_KNOWN = 16 };

static char hosts_path[] = "/tmp/unit_discovery.XXXXXX";
static bool has_hosts;

/* ---- what the handlers were told ---- */

struct told {
    char addresses[MAX_KNOWN][DISCOVERY_MAX_ADDRESS];
    size_t count;
    unsigned target; /* of the last */
    size_t came, went;
};

static enum error on_come(void *context, unsigned target, const char *address)
{
    struct told *told = context;
    assert_true(told->count < MAX_KNOWN);
    snprintf(told->addresses[told->count++], DISCOVERY_MAX_ADDRESS, "%s", address);
    told->target = target;
    told->came++;
    return OK;
}

static void on_go(void *context, unsigned target, const char *address)
{
    struct told *told = context;
    size_t i = 0;
    while (i < told->count && strcmp(told->addresses[i], address) != 0)
        i++;
    assert_true(i < told->count);
    memmove(told->addresses[i], told->addresses[told->count - 1], DISCOVERY_MAX_ADDRESS);
    told->count--;
    told->target = target;
    told->went++;
}

static bool knows(const struct told *told, const char *address)
{
    for (size_t i = 0; i < told->count; i++)
        if (strcmp(told->addresses[i], address) == 0)
            return true;
    return false;
}

static void wait_ms(struct discovery *discovery, int ms)
{
    struct pollfd polled = {.fd = discovery_descriptor(discovery), .events = POLLIN};
    if (poll(&polled, 1, ms) == 1)
        discovery_turn(discovery);
}

#define WAIT_FOR(discovery, condition)                                                                                 \
    for (int64_t until_ms_ = clock_now_ms() + PATIENCE_MS; !(condition);) {                                            \
        if (clock_now_ms() >= until_ms_)                                                                               \
            fail_msg("waited too long for " #condition);                                                               \
        wait_ms((discovery), 20);                                                                                      \
    }

static struct told told;

static struct discovery *start(void)
{
    told = (struct told){.count = 0};
    return discovery_new(&(struct discovery_handlers){on_come, on_go, &told});
}

/* ---- the file of hosts ---- */

static bool mount_hosts(void)
{
    int fd = mkstemp(hosts_path);
    assert_true(fd != -1);
    close(fd);
    return unshare(CLONE_NEWNS) == 0 && mount("none", "/", NULL, MS_REC | MS_PRIVATE, NULL) == 0 &&
           mount(hosts_path, "/etc/hosts", NULL, MS_BIND, NULL) == 0;
}

static void write_hosts(const char *lines)
{
    FILE *file = fopen(hosts_path, "w");
    assert_non_null(file);
    fputs(lines, file);
    fclose(file);
}

#define NEEDS_HOSTS()                                                                                                  \
    if (!has_hosts) {                                                                                                  \
        print_message("skipped: mounting over /etc/hosts is not permitted here\n");                                    \
        skip();                                                                                                        \
    }

/* ---- tests ---- */

static void addresses_come_at_once(void **state)
{
    (void)state;
    struct discovery *discovery = start();
    assert_int_equal(discovery_add(discovery, 3, "ipc:///tmp/a, tcp://192.0.2.1:7001 ,tcp://[2001:db8::1]:7001"), OK);
    assert_int_equal(told.count, 3);
    assert_true(knows(&told, "ipc:///tmp/a") && knows(&told, "tcp://192.0.2.1:7001") &&
                knows(&told, "tcp://[2001:db8::1]:7001"));
    assert_int_equal(told.target, 3);
    wait_ms(discovery, 0);
    assert_int_equal(told.came, 3);
    discovery_destroy(&discovery);
}

static void what_is_no_endpoint_is_refused_before_anything_comes(void **state)
{
    (void)state;
    static const char *const wrong[] = {"",
                                        " ",
                                        ",",
                                        "room",
                                        "tcp://",
                                        "ipc://",
                                        "tcp://room",
                                        "tcp://room:",
                                        "tcp://room:0",
                                        "tcp://room:65536",
                                        "tcp://:7001",
                                        "tcp://a b:7001",
                                        "tcp://a/b:7001",
                                        "inproc://x",
                                        "http://room:7001",
                                        "ipc:///tmp/a,",
                                        "ipc:///tmp/a,,ipc:///tmp/b",
                                        "ipc:///tmp/a ipc:///tmp/b",
                                        "ipc:///tmp/a,room"};
    struct discovery *discovery = start();
    for (size_t i = 0; i < sizeof wrong / sizeof *wrong; i++)
        if (discovery_add(discovery, 0, wrong[i]) != ERROR_MALFORMED)
            fail_msg("'%s' was taken", wrong[i]);
    assert_int_equal(told.came, 0);
    discovery_destroy(&discovery);
}

static void a_host_is_all_its_addresses(void **state)
{
    (void)state;
    NEEDS_HOSTS();
    write_hosts("192.0.2.1 room\n192.0.2.2 room\n192.0.2.2 room\n192.0.2.9 other\n");
    struct discovery *discovery = start();
    assert_int_equal(discovery_add(discovery, 5, "tcp://room:7003,ipc:///tmp/a"), OK);
    WAIT_FOR(discovery, told.count == 3);
    assert_true(knows(&told, "tcp://192.0.2.1:7003") && knows(&told, "tcp://192.0.2.2:7003"));
    assert_int_equal(told.target, 5);
    discovery_destroy(&discovery);
}

static void addresses_come_and_go(void **state)
{
    (void)state;
    NEEDS_HOSTS();
    write_hosts("192.0.2.1 room\n192.0.2.2 room\n");
    struct discovery *discovery = start();
    assert_int_equal(discovery_add(discovery, 0, "tcp://room:7003"), OK);
    WAIT_FOR(discovery, told.count == 2);
    write_hosts("192.0.2.2 room\n192.0.2.3 room\n192.0.2.4 room\n");
    discovery_hurry(discovery);
    WAIT_FOR(discovery, told.came == 4);
    assert_int_equal(told.went, 1);
    assert_false(knows(&told, "tcp://192.0.2.1:7003"));
    write_hosts("192.0.2.4 room\n"); /* nobody is in a hurry: it is asked again by itself */
    WAIT_FOR(discovery, told.count == 1);
    assert_true(knows(&told, "tcp://192.0.2.4:7003"));
    assert_int_equal(told.came, 4);
    discovery_destroy(&discovery);
}

static void a_host_that_cannot_be_resolved_keeps_its_addresses(void **state)
{
    (void)state;
    NEEDS_HOSTS();
    write_hosts("192.0.2.1 room.invalid\n");
    struct discovery *discovery = start();
    assert_int_equal(discovery_add(discovery, 0, "tcp://room.invalid:7003,tcp://later.invalid:7003"), OK);
    WAIT_FOR(discovery, told.count == 1);
    write_hosts("192.0.2.2 later.invalid\n");
    discovery_hurry(discovery);
    WAIT_FOR(discovery, told.count == 2);
    assert_true(knows(&told, "tcp://192.0.2.1:7003") && knows(&told, "tcp://192.0.2.2:7003"));
    discovery_destroy(&discovery);
}

static void it_ends_without_waiting_for_an_answer(void **state)
{
    (void)state;
    struct discovery *discovery = start();
    assert_int_equal(discovery_add(discovery, 0, "tcp://nowhere.invalid:7003"), OK);
    int64_t begun_ms = clock_now_ms();
    discovery_destroy(&discovery);
    assert_in_range(clock_now_ms() - begun_ms, 0, 1000);
}

int main(void)
{
    has_hosts = mount_hosts();
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_come_at_once),
        cmocka_unit_test(what_is_no_endpoint_is_refused_before_anything_comes),
        cmocka_unit_test(a_host_is_all_its_addresses),
        cmocka_unit_test(addresses_come_and_go),
        cmocka_unit_test(a_host_that_cannot_be_resolved_keeps_its_addresses),
        cmocka_unit_test(it_ends_without_waiting_for_an_answer),
    };
    int failed = cmocka_run_group_tests_name("discovery", tests, NULL, NULL);
    unlink(hosts_path);
    return failed;
}
