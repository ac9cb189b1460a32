/* More than it can take: a full hashing queue, and more connections than it holds. Each is told, and all works
 * afterwards. */
#include <unistd.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/raw.h"
#include "tests/support/scratch.h"

enum { CROWD = 64, CONNECTIONS = 40 };

static void a_full_hashing_queue_is_503(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    struct request requests[CROWD];
    struct reply *replies[CROWD];
    for (size_t i = 0; i < CROWD; i++)
        requests[i] = (struct request){.verb = "POST",
                                       .path = "/auth/login",
                                       .json = login_json(user.username, i % 2 == 0 ? user.password : "wrong")};
    http_send_many(stack, requests, replies, CROWD);
    size_t refused = count_status(replies, CROWD, 503);
    assert_in_range(refused, 1, CROWD - 1);
    for (size_t i = 0; i < CROWD; i++) {
        if (replies[i]->status == 503) {
            assert_error(replies[i], 503, "overloaded");
            assert_non_null(reply_header(replies[i], "Retry-After"));
        } else {
            assert_status(replies[i], i % 2 == 0 ? 200 : 401);
        }
    }
    log_in(stack, &user);
    assert_status(http_get(stack, user.token, "/auth/profile"), 200);
}

static void connections_are_capped(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    int fds[CONNECTIONS * 2];
    for (size_t i = 0; i < CONNECTIONS * 2; i++)
        fds[i] = raw_connect(stack);
    stack_assert_alive(stack); /* the admin listener is not among them */
    for (size_t i = 0; i < CONNECTIONS * 2; i++)
        close(fds[i]);
    assert_status(http_get(stack, user.token, "/auth/profile"), 200);
}

static const struct stack_options options = {
    .environment = {"HASH_QUEUE=4", "PASSWORD_MEMORY_KIB=8192", "PASSWORD_ITERATIONS=2", "MAX_CONNECTIONS=80",
                    "LOGIN_FAILURES_LIMIT=0"},
};
SUITE_WITH("overload", &options, cmocka_unit_test(a_full_hashing_queue_is_503),
           cmocka_unit_test(connections_are_capped))
