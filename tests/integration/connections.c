/* Clients that come in crowds: the threads of the gateway accept for each other all at once, and none comes to harm. */
#include <signal.h>
#include <sys/socket.h>
#include <unistd.h>

#include "tests/support/http.h"
#include "tests/support/raw.h"

enum { CROWD = 1600, ROUNDS = 80 };

/* By a reset, which leaves nothing behind in the kernel: else it ran out of ports. */
static void leave(int fd)
{
    const struct linger at_once = {.l_onoff = 1, .l_linger = 0};
    assert_int_equal(setsockopt(fd, SOL_SOCKET, SO_LINGER, &at_once, sizeof at_once), 0);
    close(fd);
}

/* While it stands still: then all its threads find some at the same moment. */
static void crowds_come_and_go(void **state)
{
    struct stack *stack = *state;
    pid_t gateway = stack->parts[STACK_GATEWAY].pid;
    int fds[CROWD];
    for (int round = 0; round < ROUNDS; round++) {
        assert_int_equal(kill(gateway, SIGSTOP), 0);
        for (size_t i = 0; i < CROWD; i++)
            fds[i] = raw_connect(stack);
        assert_int_equal(kill(gateway, SIGCONT), 0);
        assert_status(http_get(stack, NULL, "/nope"), 404);
        for (size_t i = 0; i < CROWD; i++)
            leave(fds[i]);
    }
    stack_assert_alive(stack);
}

static const struct stack_options options = {.environment = {"GATEWAY_THREADS=16"}};
SUITE_WITH("connections", &options, cmocka_unit_test(crowds_come_and_go))
