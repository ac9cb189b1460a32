/* A second gateway and a second copy of a service. */
#include "tests/support/second.h"

#include <ctype.h>
#include <signal.h>
#include <string.h>

#include "tests/support/scratch.h"

enum { READY_TIMEOUT_MS = 20000, STOP_TIMEOUT_MS = 15000 };

/* Those that are given, with some in place of those of the same names. */
static char **environment_with(char *const *given, char *const *more)
{
    size_t count = 0, added = 0;
    while (given[count] != NULL)
        count++;
    char **environment = scratch_alloc((count + 8) * sizeof(char *));
    memcpy(environment, given, count * sizeof *given);
    for (; more[added] != NULL; added++) {
        size_t name_len = strcspn(more[added], "=") + 1, place = 0;
        while (place < count && strncmp(environment[place], more[added], name_len) != 0)
            place++;
        environment[place] = more[added];
        count += place == count;
    }
    return environment;
}

static char *in_upper_case(const char *name)
{
    char *upper = text("%s", name);
    for (char *at = upper; *at != '\0'; at++)
        *at = (char)toupper((unsigned char)*at);
    return upper;
}

struct second *second_start(const struct stack *stack, enum stack_part service)
{
    struct second *second = scratch_alloc(sizeof *second);
    const char *name = stack_part_name(service), *prefix = in_upper_case(name);
    char *endpoint = text("ipc://%s/%s2", stack->folder, name),
         *first_feed = text("ipc://%s/%s.feed", stack->folder, name);
    char **environment = environment_with(
        stack->environment,
        (char *[]){text("%s_LISTEN=%s", prefix, endpoint), text("%s_FEED_LISTEN=%s.feed", prefix, endpoint),
                   text("%s_ENDPOINTS=%s", prefix, endpoint),
                   text("%s_FEED_ENDPOINTS=%s,%s.feed", prefix, first_feed, endpoint), "BACKEND_HOST=127.0.0.2", NULL});
    char *admin_port = text("ADMIN_PORT=%u", stack->admin_ports[STACK_GATEWAY]);
    char *const admin[] = {admin_port, "ADMIN_HOST=127.0.0.2", NULL};
    second->stack = *stack;
    second->stack.url = text("http://127.0.0.2:%u", stack->port);
    second->stack.admin_url = text("http://127.0.0.2%s", strrchr(stack->admin_url, ':'));
    process_start(&second->service, text(BINARY_DIR "/%s", name), environment, text("%s/%s2.log", stack->folder, name));
    process_start(&second->gateway, BINARY_DIR "/gateway", environment_with(environment, admin),
                  text("%s/gateway2.log", stack->folder));
    stack_await_ready(&second->stack, READY_TIMEOUT_MS);
    return second;
}

static void end(struct process *process)
{
    int status;
    assert_true(process_end(process, SIGTERM, STOP_TIMEOUT_MS, &status));
    assert_int_equal(status, 0);
}

void second_stop(struct second *second)
{
    end(&second->gateway);
    end(&second->service);
}
