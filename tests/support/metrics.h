/* What a part tells at /metrics. A series is written as in the page: name{label="value"}. Each fails the test where
 * there is no page. */
#ifndef TESTS_SUPPORT_METRICS_H
#define TESTS_SUPPORT_METRICS_H

#include "tests/support/stack.h"

/* Lives until the program ends. */
const char *metrics_page(const struct stack *stack, int part);
/* -1 where it is not there. */
double metrics_value_on(const char *page, const char *series);
double metrics_value(const struct stack *stack, int part, const char *series);

/* Numbers of requests are noted at their end, which may be after the client has the answer: these wait. */
void metrics_await(const struct stack *stack, int part, const char *series, double expected);
void metrics_await_at_least(const struct stack *stack, int part, const char *series, double least);

#endif
