/* What is counted by what, and what a login does with the counts. Counting is common/tries.c's. */
#include "services/auth/throttle.h"

#include <assert.h>

#include "common/address.h"
#include "common/tries.h"
#include "services/auth/auth.h"

enum {
    QUARTER_S = 900,
    HOUR_S = 3600,
    CLIENT_NETWORK_BITS = 64,
    FREE_FAILURES = 3, /* of an account: answered at once */
    FIRST_DELAY_MS = 100,
    MAX_DELAY_MS = 2000,
    ANSWER_MS = 200, /* of the deadline, that an answer held back leaves for its way */
};

struct rule {
    struct tries_rule tries;
    bool is_by_address;
};

static struct rule rule_of(const struct call *call, enum throttle_kind kind)
{
    const struct auth_config *config = service_config(call->service);
    const struct throttle_limits *limits = &config->limits;
    const struct rule rules[] = {
        [THROTTLE_LOGIN_ACCOUNT] = {{"login_account", limits->login_failures, limits->login_window_s}, false},
        [THROTTLE_LOGIN_ADDRESS] = {{"login_address", limits->login_address, limits->login_window_s}, true},
        [THROTTLE_PASSWORD] = {{"password", limits->login_failures, limits->login_window_s}, false},
        [THROTTLE_REGISTER] = {{"register", limits->registrations, HOUR_S}, true},
        [THROTTLE_FORGOT] = {{"forgot", limits->forgot, HOUR_S}, true},
        [THROTTLE_VERIFY] = {{"verify", limits->forgot, HOUR_S}, true},
        [THROTTLE_REFRESH] = {{"refresh", limits->refreshes, QUARTER_S}, true},
    };
    assert(kind < sizeof rules / sizeof *rules);
    return rules[kind];
}

/* ---- counting ---- */

/* An IPv6 client chooses the rest of its address as it likes. */
static struct str client_of(struct arena *arena, struct str text)
{
    struct address address;
    if (!address_read(text, &address) || address_is_ipv4(&address))
        return text;
    char *network = arena_alloc(arena, ADDRESS_MAX_TEXT + 1);
    address_cut(&address, CLIENT_NETWORK_BITS);
    return (struct str){network, address_write(&address, network)};
}

static struct str key_of(const struct call *call, const struct rule *rule, struct str key)
{
    return rule->is_by_address ? client_of(call->arena, key) : key;
}

enum error throttle(struct call *call, enum throttle_kind kind, struct str key)
{
    int64_t used;
    struct rule rule = rule_of(call, kind);
    return tries_count(call, &rule.tries, key_of(call, &rule, key), &used);
}

static void uncount(struct call *call, enum throttle_kind kind, struct str key)
{
    struct rule rule = rule_of(call, kind);
    tries_uncount(call, &rule.tries, key_of(call, &rule, key));
}

void throttle_forgive(struct call *call, enum throttle_kind kind, struct str key)
{
    struct rule rule = rule_of(call, kind);
    tries_forgive(call, &rule.tries, key_of(call, &rule, key));
}

/* ---- login ---- */

static struct db_value counted(const struct tries_rule *rule, struct str key)
{
    return DB_OPTIONAL(tries_are_counted(rule, key), DB_TEXT(key));
}

struct login_counts throttle_login_counts(const struct call *call, struct str username)
{
    const struct rule address = rule_of(call, THROTTLE_LOGIN_ADDRESS), account = rule_of(call, THROTTLE_LOGIN_ACCOUNT);
    return (struct login_counts){.address = counted(&address.tries, key_of(call, &address, call->client.address)),
                                 .address_limit = DB_INTEGER(address.tries.limit),
                                 .account = counted(&account.tries, username)};
}

/* The address first: one that may not try does not touch the account. What the account refuses does not count for the
 * address: nobody locks out the others behind theirs by hammering at one name. */
enum error throttle_login(struct call *call, struct str username, int64_t *failures)
{
    const struct rule address = rule_of(call, THROTTLE_LOGIN_ADDRESS), account = rule_of(call, THROTTLE_LOGIN_ACCOUNT);
    const struct login_counts counts = throttle_login_counts(call, username);
    struct db_result result;
    *failures = 0;
    TRY(call_query(call, &sql_login_count, &result, counts.address, counts.address_limit, counts.account,
                   DB_INTEGER(account.tries.limit), DB_INTEGER(account.tries.window_s)));
    for (size_t i = 0; i < result.rows; i++) {
        bool is_account = db_boolean(&result, i, 0);
        int64_t used = db_integer(&result, i, 1), left_s = db_integer(&result, i, 2);
        enum error error = tries_judge(call, is_account ? &account.tries : &address.tries, used, left_s);
        if (is_account)
            *failures = used;
        if (is_account && error != OK)
            uncount(call, THROTTLE_LOGIN_ADDRESS, call->client.address);
        TRY(error);
    }
    return OK;
}

static void tell_forgiven(struct call *call, struct str username)
{
    const struct rule account = rule_of(call, THROTTLE_LOGIN_ACCOUNT);
    if (tries_are_counted(&account.tries, username))
        call_set_rate(call, (struct rate){account.tries.limit, account.tries.limit, account.tries.window_s});
}

static int64_t delay_ms(int64_t failures)
{
    int64_t delay = FIRST_DELAY_MS;
    for (int64_t i = FREE_FAILURES + 1; i < failures && delay < MAX_DELAY_MS; i++)
        delay *= 2;
    return delay < MAX_DELAY_MS ? delay : MAX_DELAY_MS;
}

static void hold_back(struct call *call, int64_t failures)
{
    if (failures <= FREE_FAILURES)
        return;
    int64_t delay = delay_ms(failures), left = call->deadline_ms - loop_now_ms() - ANSWER_MS;
    if (left > 0)
        loop_sleep(service_loop(call->service), delay < left ? delay : left);
}

enum error throttle_login_end(struct call *call, struct str username, int64_t failures, enum error outcome)
{
    if (outcome == ERROR_UNAUTHORIZED) {
        hold_back(call, failures);
        return outcome;
    }
    if (outcome == OK) {
        tell_forgiven(call, username);
    } else {
        uncount(call, THROTTLE_LOGIN_ADDRESS, call->client.address);
        uncount(call, THROTTLE_LOGIN_ACCOUNT, username);
    }
    return outcome;
}
