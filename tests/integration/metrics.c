/* /metrics of every process: well formed (promtool), and as many as were sent. */
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "proto/proto.h"
#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/metrics.h"
#include "tests/support/scratch.h"

enum { PATIENCE_MS = 20000 };

/* ---- tests ---- */

static void pages_are_as_prometheus_wants_them(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    make_room(stack, &user, (struct room_options){0});
    make_post(stack, &user);
    http_get(stack, NULL, "/nope");
    for (int part = 0; part < STACK_PARTS; part++) {
        char *path = text("%s/%s.metrics", stack->folder, stack_part_name(part));
        FILE *file = fopen(path, "we");
        assert_non_null(file);
        fputs(metrics_page(stack, part), file);
        fclose(file);
        char *words = shell("promtool check metrics < %s 2>&1 || true", path);
        if (strlen(words) > 0)
            fail_msg("%s: %s", stack_part_name(part), words);
    }
}

static void requests_are_counted_by_route_and_status(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct room room = make_room(stack, &user, (struct room_options){0});
#define ROOM "backend_http_requests_total{method=\"GET\",route=\"/rooms/:id\",status="
    double good = metrics_value(stack, STACK_GATEWAY, ROOM "\"200\"}");
    double took = metrics_value(stack, STACK_GATEWAY,
                                "backend_http_request_duration_seconds_count{method=\"GET\",route=\"/rooms/:id\"}");
    double calls = metrics_value(stack, STACK_ROOM, "backend_method_calls_total{method=\"room.get\",code=\"ok\"}");
    assert_true(good >= 0 && took >= 0 && calls >= 0); /* told from the start */
    for (int i = 0; i < 7; i++)
        assert_status(http_get(stack, user.token, "/rooms/%lld", (long long)room.id), 200);
    for (int i = 0; i < 3; i++)
        assert_status(http_get(stack, user.token, "/rooms/99999%d", i), 404);
    for (int i = 0; i < 2; i++)
        assert_status(http_get(stack, NULL, "/api/ROOMS/%lld/", (long long)room.id), 401);
    metrics_await(stack, STACK_GATEWAY, ROOM "\"200\"}", good + 7);
    metrics_await(stack, STACK_GATEWAY, ROOM "\"404\"}", 3);
    metrics_await(stack, STACK_GATEWAY, ROOM "\"401\"}", 2);
    metrics_await(stack, STACK_GATEWAY,
                  "backend_http_request_duration_seconds_count{method=\"GET\",route=\"/rooms/:id\"}", took + 12);
    metrics_await(stack, STACK_ROOM, "backend_method_calls_total{method=\"room.get\",code=\"ok\"}", calls + 7);
    metrics_await(stack, STACK_ROOM, "backend_method_calls_total{method=\"room.get\",code=\"room_not_found\"}", 3);
    metrics_await(stack, STACK_ROOM, "backend_method_duration_seconds_count{method=\"room.get\"}", calls + 10);
}

/* What clients send makes no new series: their paths and methods are not among the labels. */
static void what_clients_make_up_is_one_row(void **state)
{
    struct stack *stack = *state;
    const char *series = "backend_http_requests_total{method=\"any\",route=\"none\",status=\"404\"}";
    double before = metrics_value(stack, STACK_GATEWAY, series);
    for (int i = 0; i < 5; i++)
        http_get(stack, NULL, "/made/up/%d", i);
    http_send(stack, &(struct request){.verb = "BREW", .path = "/coffee"});
    metrics_await(stack, STACK_GATEWAY, series, (before > 0 ? before : 0) + 6);
    assert_null(strstr(metrics_page(stack, STACK_GATEWAY), "BREW"));
    assert_null(strstr(metrics_page(stack, STACK_GATEWAY), "coffee"));
    /* nor do operators' own questions count */
    double asked = metrics_value(stack, STACK_GATEWAY, "backend_http_response_bytes_total");
    http_probe(stack, "/readyz");
    assert_true(metrics_value(stack, STACK_GATEWAY, "backend_http_response_bytes_total") == asked);
}

static void histograms_add_up(void **state)
{
    struct stack *stack = *state;
    make_user(stack);
    const char *page = metrics_page(stack, STACK_AUTH);
    double last = 0;
    static const char *const bounds[] = {"0.0001", "0.00025", "0.0005", "0.001", "0.0025", "0.005", "0.01", "0.025",
                                         "0.05",   "0.1",     "0.25",   "0.5",   "1",      "2.5",   "5",    "10"};
    for (size_t i = 0; i < sizeof bounds / sizeof *bounds; i++) {
        double value =
            metrics_value_on(page, text("backend_database_statement_duration_seconds_bucket{le=\"%s\"}", bounds[i]));
        assert_true(value >= last);
        last = value;
    }
    double count = metrics_value_on(page, "backend_database_statement_duration_seconds_count");
    assert_true(count >= last && count > 0);
    assert_true(count == metrics_value_on(page, "backend_database_statement_duration_seconds_bucket{le=\"+Inf\"}"));
    assert_true(metrics_value_on(page, "backend_database_statement_duration_seconds_sum") > 0);
}

static void queues_and_pools_are_told(void **state)
{
    struct stack *stack = *state;
    double hashes = metrics_value(stack, STACK_AUTH, "backend_hashing_jobs_total");
    make_user(stack);
    make_user(stack);
    metrics_await(stack, STACK_AUTH, "backend_hashing_jobs_total", hashes + 2);
    metrics_await(stack, STACK_AUTH, "backend_hashing_queue_jobs", 0);
    metrics_await(stack, STACK_AUTH, "backend_hashing_queue_limit", 256);
    for (int part = 0; part < STACK_GATEWAY; part++) {
        metrics_await(stack, part, "backend_database_connections{state=\"ready\"}", 3);
        metrics_await(stack, part, "backend_database_writable", 1);
        metrics_await(stack, part, "backend_ready", 1);
    }
    metrics_await(stack, STACK_GATEWAY, "backend_ready", 1);
    metrics_await(stack, STACK_GATEWAY, "backend_bus_pending_calls", 0);
    metrics_await(stack, STACK_GATEWAY, "backend_http_requests_in_progress", 0);
    const char *page = metrics_page(stack, STACK_GATEWAY);
    assert_true(metrics_value_on(page, "backend_bus_sent_batch_size_count") ==
                metrics_value_on(page, "backend_bus_batches_sent_total"));
    assert_true(metrics_value_on(page, "backend_bus_sent_batch_size_sum") >=
                metrics_value_on(page, "backend_bus_sent_batch_size_count"));
    assert_true(metrics_value_on(page, "backend_bus_calls_total") >=
                metrics_value_on(page, "backend_bus_replies_total"));
    assert_true(metrics_value_on(page, "backend_http_connections") >= 0);
}

static void a_process_tells_of_itself(void **state)
{
    struct stack *stack = *state;
    for (int part = 0; part < STACK_PARTS; part++) {
        const char *page = metrics_page(stack, part), *name = stack_part_name(part);
        assert_true(metrics_value_on(
                        page, text("backend_build_info{process=\"%s\",version=\"%s\"}", name, BACKEND_VERSION)) == 1);
        double started = metrics_value_on(page, "process_start_time_seconds"), now = (double)time(NULL);
        if (started < now - 600 || started > now + 2)
            fail_msg("%s was started at %f, now is %f", name, started, now);
        assert_true(metrics_value_on(page, "process_resident_memory_bytes") > 1 << 20);
        assert_true(metrics_value_on(page, "process_open_fds") > 5);
        assert_true(metrics_value_on(page, "process_open_fds") < metrics_value_on(page, "process_max_fds"));
        assert_true(metrics_value_on(page, "process_cpu_seconds_total") > 0);
    }
}

static void refusals_are_told(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    const char *series = "backend_throttle_refusals_total{kind=\"login_account\"}";
    int refused = 0;
    for (int i = 0; i < 5; i++)
        refused += http_post(stack, NULL, login_json(user.username, "wrong"), "/auth/login")->status == 429;
    assert_int_equal(refused, 3);
    metrics_await(stack, STACK_AUTH, series, 3);
}

/* A subscriber that is away falls behind, and its publisher tells so. */
static void events_that_wait_are_told(void **state)
{
    struct stack *stack = *state;
#define ROOM_LAG "backend_event_subscriber_lag_events{subscriber=\"room\"}"
    struct user gone = make_user(stack), also = make_user(stack);
    metrics_await(stack, STACK_USER, ROOM_LAG, 0);
    double handled = metrics_value(stack, STACK_ROOM, "backend_events_handled_total{publisher=\"user\"}");
    stack_kill(stack, STACK_ROOM, SIGTERM);
    assert_status(http_delete(stack, gone.token, "/users/%lld", (long long)gone.id), 204);
    assert_status(http_delete(stack, also.token, "/users/%lld", (long long)also.id), 204);
    metrics_await_at_least(stack, STACK_USER, ROOM_LAG, 2);
    metrics_await_at_least(stack, STACK_USER, "backend_event_subscriber_lag_seconds{subscriber=\"room\"}", 1);
    metrics_await(stack, STACK_GATEWAY, "backend_service_connected{service=\"room\"}", 0);
    stack_revive(stack, STACK_ROOM);
    stack_await_ready(stack, PATIENCE_MS);
    metrics_await(stack, STACK_USER, ROOM_LAG, 0);
    metrics_await(stack, STACK_USER, "backend_event_subscriber_lag_seconds{subscriber=\"room\"}", 0);
    assert_true(handled >= 0);
    metrics_await_at_least(stack, STACK_ROOM, "backend_events_handled_total{publisher=\"user\"}", 2);
    metrics_await(stack, STACK_ROOM, "backend_feed_silent{publisher=\"user\"}", 0);
}

static void mails_are_counted(void **state)
{
    struct stack *stack = *state;
    double sent = metrics_value(stack, STACK_AUTH, "backend_mails_total{outcome=\"sent\"}");
    make_user(stack);
    metrics_await_at_least(stack, STACK_AUTH, "backend_mails_total{outcome=\"sent\"}", sent + 1);
    database_value(stack,
                   "insert into auth.mail (kind, user_id, email, created_at, due_at) values"
                   " ('password_reset', 1, '', now() - interval '1 hour', now() + interval '1 day') returning 1");
    metrics_await(stack, STACK_AUTH, "backend_mails_waiting", 1);
    metrics_await_at_least(stack, STACK_AUTH, "backend_mails_oldest_seconds", 3600);
    database_value(stack, "delete from auth.mail returning 1");
    metrics_await(stack, STACK_AUTH, "backend_mails_waiting", 0);
}

/* An alert on what nobody tells would never fire. */
static void alerts_ask_for_what_there_is(void **state)
{
    struct stack *stack = *state;
    make_user(stack);
    char *pages = "";
    for (int part = 0; part < STACK_PARTS; part++)
        pages = text("%s%s", pages, metrics_page(stack, part));
    char *names =
        shell("grep -v '^ *#' %s/deploy/prometheus/alerts.yml | grep -oE '\\b(backend|process)_[a-z_]+' | sort -u",
              SOURCE_DIR);
    int count = 0;
    for (char *rest, *name = strtok_r(names, "\n", &rest); name != NULL; name = strtok_r(NULL, "\n", &rest), count++)
        if (strstr(pages, text("\n%s ", name)) == NULL && strstr(pages, text("\n%s{", name)) == NULL)
            fail_msg("alerts.yml asks for %s, which no process tells", name);
    assert_true(count > 10);
}

static const struct stack_options options = {.environment = {"LOGIN_FAILURES_LIMIT=2"}};
SUITE_WITH("metrics", &options, cmocka_unit_test(pages_are_as_prometheus_wants_them),
           cmocka_unit_test(requests_are_counted_by_route_and_status),
           cmocka_unit_test(what_clients_make_up_is_one_row), cmocka_unit_test(histograms_add_up),
           cmocka_unit_test(queues_and_pools_are_told), cmocka_unit_test(a_process_tells_of_itself),
           cmocka_unit_test(refusals_are_told), cmocka_unit_test(mails_are_counted),
           cmocka_unit_test(alerts_ask_for_what_there_is), cmocka_unit_test(events_that_wait_are_told))
