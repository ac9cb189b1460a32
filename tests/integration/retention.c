/* What is over goes, and nothing else does; and which passwords may be new ones. */
#include <stdlib.h>
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum { MANY = 1200 /* more than a batch of the job */ };

static void insert(const struct stack *stack, const char *sql)
{
    assert_non_null(database_value(stack, text("with made as (%s returning 1) select count(*) from made", sql)));
}

static int count(const struct stack *stack, const char *what)
{
    return atoi(database_value(stack, text("select count(*) from auth.%s", what)));
}

static void await_none(const struct stack *stack, const char *what)
{
    int64_t deadline = now_ms() + 15000;
    while (count(stack, what) > 0) {
        if (now_ms() > deadline)
            fail_msg("%d rows of %s stay", count(stack, what), what);
        sleep_ms(20);
    }
}

/* Each table gets many rows that are over, and one that is not yet. */
static void what_is_over_is_removed(void **state)
{
    struct stack *stack = *state;
    long long user_id = make_user(stack).id;
    insert(stack,
           text("insert into auth.session (user_id, key_hash, token_hash, expires_at, address, agent) select %lld,"
                " sha256('k'), sha256('t'), case when n > 1 then now() else now() + interval '1 hour' end, 'here', ''"
                " from generate_series(1, %d) n",
                user_id, MANY));
    insert(stack,
           text("insert into auth.mail_token (user_id, kind, hash, email, expires_at) select 1000 + n, 'verify_email',"
                " sha256(n::text::bytea), 'a@b.c', case when n > 1 then now() else now() + interval '1 hour' end"
                " from generate_series(1, %d) n",
                MANY));
    insert(stack, text("insert into auth.audit (action, address, request_id, at) select 'old', '', '',"
                       " now() - interval '30 days' + interval '1 hour' * case when n > 1 then -1 else 1 end"
                       " from generate_series(1, %d) n",
                       MANY));
    insert(stack, text("insert into auth.mail (kind, user_id, email, due_at, created_at) select 'verify_email', 1, '',"
                       " 'infinity', now() - case when n > 1 then interval '31 days' else interval '29 days' end"
                       " from generate_series(1, %d) n",
                       MANY));
    insert(stack, text("insert into auth.throttle (key, ends_at, used) select sha256(n::text::bytea),"
                       " case when n > 1 then now() else now() + interval '1 day' end, 1"
                       " from generate_series(1, %d) n",
                       MANY));
    await_none(stack, "session where expires_at <= now()");
    await_none(stack, "mail_token where expires_at <= now()");
    await_none(stack, "audit where at < now() - interval '30 days'");
    await_none(stack, "mail where created_at < now() - interval '30 days'");
    await_none(stack, "throttle where ends_at <= now()");
    assert_int_equal(count(stack, "session where address = 'here'"), 1);
    assert_int_equal(count(stack, "mail_token where email = 'a@b.c'"), 1);
    assert_int_equal(count(stack, "audit where action = 'old'"), 1);
    assert_int_equal(count(stack, "mail where due_at = 'infinity'"), 1);
    assert_int_equal(count(stack, "throttle where ends_at > now() + interval '12 hours'"), 1);
}

/* ---- passwords: PASSWORD_MIN_LENGTH=10, PASSWORD_CHECK_COMMON=true ---- */

#define SHORT "password must be longer than or equal to 10 characters"
#define COMMON "password is too common"

static struct reply *change(const struct stack *stack, const struct user *user, const char *password)
{
    return http_post(stack, user->token,
                     text("{\"currentPassword\":\"%s\",\"password\":\"%s\"}", user->password, password),
                     "/auth/password");
}

static struct reply *reset(const struct stack *stack, const char *password)
{
    return http_post(stack, NULL, text("{\"token\":\"x\",\"password\":\"%s\"}", password), "/auth/password/reset");
}

static void new_passwords_are_long_and_uncommon(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    static const char *const paths[] = {"/auth/register", "/users"};
    for (size_t i = 0; i < 2; i++) {
        assert_invalid(http_post(stack, NULL, registration_json("Pia", "pia@example.org", "ninechars"), "%s", paths[i]),
                       SHORT);
        assert_invalid(
            http_post(stack, NULL, registration_json("Pia", "pia@example.org", "1q2W3e4r5t6y"), "%s", paths[i]),
            COMMON);
    }
    assert_invalid(http_patch(stack, user.token, "{\"password\":\"ninechars\"}", "/users/%lld", (long long)user.id),
                   SHORT);
    assert_invalid(change(stack, &user, "short9999"), SHORT);
    assert_invalid(change(stack, &user, "QWERTYUIOP"), COMMON);
    assert_invalid(reset(stack, "short9999"), SHORT);
    assert_invalid(reset(stack, "qwertyuiop"), COMMON);
    assert_status(change(stack, &user, "a ball at noon"), 204);
}

static const struct stack_options options = {.environment = {"RETENTION_INTERVAL_S=1", "AUDIT_RETENTION_DAYS=30",
                                                             "PASSWORD_MIN_LENGTH=10", "PASSWORD_CHECK_COMMON=true"}};

SUITE_WITH("retention", &options, cmocka_unit_test(what_is_over_is_removed),
           cmocka_unit_test(new_passwords_are_long_and_uncommon))
