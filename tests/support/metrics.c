/* Pages of metrics: what stands on them, and waiting until it does. */
#include "tests/support/metrics.h"

#include <stdlib.h>
#include <string.h>

#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum { PATIENCE_MS = 20000, PAUSE_MS = 50 };

const char *metrics_page(const struct stack *stack, int part)
{
    struct reply *reply = http_probe_part(stack, part, "/metrics");
    assert_int_equal(reply->status, 200);
    assert_string_equal(reply_header(reply, "Content-Type"), "text/plain; version=0.0.4; charset=utf-8");
    return reply->body;
}

double metrics_value_on(const char *page, const char *series)
{
    size_t len = strlen(series);
    for (const char *line = page; line != NULL; line = strchr(line, '\n')) {
        line += *line == '\n';
        if (strncmp(line, series, len) == 0 && line[len] == ' ')
            return strtod(line + len, NULL);
    }
    return -1;
}

double metrics_value(const struct stack *stack, int part, const char *series)
{
    return metrics_value_on(metrics_page(stack, part), series);
}

void metrics_await(const struct stack *stack, int part, const char *series, double expected)
{
    for (int64_t deadline = now_ms() + PATIENCE_MS;; sleep_ms(PAUSE_MS)) {
        double value = metrics_value(stack, part, series);
        if (value == expected)
            return;
        if (now_ms() > deadline)
            fail_msg("%s of %s is %g, not %g", series, stack_part_name(part), value, expected);
    }
}

void metrics_await_at_least(const struct stack *stack, int part, const char *series, double least)
{
    for (int64_t deadline = now_ms() + PATIENCE_MS;; sleep_ms(PAUSE_MS)) {
        double value = metrics_value(stack, part, series);
        if (value >= least)
            return;
        if (now_ms() > deadline)
            fail_msg("%s of %s is %g, below %g", series, stack_part_name(part), value, least);
    }
}
