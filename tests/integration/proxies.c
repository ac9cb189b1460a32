/* Whom the gateway takes for the client when a proxy asks: seen in the line of its log. */
#include <string.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum { LOG_TIMEOUT_MS = 5000 };

/* The line of a request in the gateway's log. */
static char *log_line(const struct stack *stack, const char *request_id)
{
    int64_t deadline_ms = now_ms() + LOG_TIMEOUT_MS;
    for (;;) {
        char *line = shell("grep -h 'request_id=%s' %s/gateway.log || true", request_id, stack->folder);
        if (strlen(line) > 0)
            return line;
        if (now_ms() > deadline_ms)
            fail_msg("no line of %s in the log", request_id);
        sleep_ms(10);
    }
}

static void assert_logged(const struct stack *stack, const char *request_id, const char *remote)
{
    char *line = log_line(stack, request_id);
    if (strstr(line, text(" remote=%s ", remote)) == NULL)
        fail_msg("not %s: %s", remote, line);
}

static void assert_remote(const struct stack *stack, const char *expected, const char *first_field,
                          const char *second_field)
{
    char *id = unique("proxied");
    struct request request = {.path = "/nope", .headers = {text("X-Request-Id: %s", id), first_field, second_field}};
    assert_status(http_send(stack, &request), 404);
    assert_logged(stack, id, expected);
}

static void the_client_is_whom_the_trusted_proxy_names(void **state)
{
    struct stack *stack = *state;
    assert_remote(stack, "127.0.0.1", NULL, NULL);
    assert_remote(stack, "198.51.100.7", "X-Forwarded-For: 198.51.100.7", NULL);
    assert_remote(stack, "198.51.100.7", "X-Forwarded-For: 203.0.113.9, 198.51.100.7, 10.0.0.1", NULL);
    assert_remote(stack, "198.51.100.7", "X-Forwarded-For: 203.0.113.9, 198.51.100.7", "x-forwarded-for: 10.0.0.1");
    assert_remote(stack, "2001:db8::7", "X-Forwarded-For: 2001:DB8:0:0::7", NULL);
}

static void what_is_no_address_is_not_believed(void **state)
{
    struct stack *stack = *state;
    assert_remote(stack, "127.0.0.1", "X-Forwarded-For: 198.51.100.7, unknown", NULL);
    assert_remote(stack, "10.0.0.1", "X-Forwarded-For: ' or 1=1, 10.0.0.1", NULL);
}

static void nobody_else_is_believed(void **state)
{
    struct stack *stack = *state;
    char *id = unique("stranger");
    shell("curl -s --interface 127.0.0.2 -H 'X-Forwarded-For: 198.51.100.7' -H 'X-Request-Id: %s' %s/nope", id,
          stack->url);
    assert_logged(stack, id, "127.0.0.2");
}

static const struct stack_options options = {.environment = {"TRUSTED_PROXIES=127.0.0.1, 10.0.0.0/8"}};

SUITE_WITH("proxies", &options, cmocka_unit_test(the_client_is_whom_the_trusted_proxy_names),
           cmocka_unit_test(nobody_else_is_believed), cmocka_unit_test(what_is_no_address_is_not_believed))
