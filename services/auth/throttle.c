/* Counting, and what a login does with the counts. */
#include "services/auth/throttle.h"

#include <assert.h>

#include "common/address.h"
#include "common/log.h"
#include "services/auth/auth.h"

enum {
    QUARTER_S = 900,
    HOUR_S = 3600,
    CLIENT_NETWORK_BITS = 64,
    FREE_FAILURES = 3, /* of an account: answered at once */
    FIRST_DELAY_MS = 100,
    MAX_DELAY_MS = 2000,
    ANSWER_MS = 200, /* of the deadline, that an answer held back leaves for its way */
    SETTLE_MS = 1000,
};

struct rule {
    const char *name; /* in the key */
    int64_t limit, window_s;
    bool is_by_address;
};

static struct rule rule_of(const struct call *call, enum throttle_kind kind)
{
    const struct auth_config *config = service_config(call->service);
    const struct throttle_limits *limits = &config->limits;
    const struct rule rules[] = {
        [THROTTLE_LOGIN_ACCOUNT] = {"login_account", limits->login_failures, limits->login_window_s, false},
        [THROTTLE_LOGIN_ADDRESS] = {"login_address", limits->login_address, limits->login_window_s, true},
        [THROTTLE_PASSWORD] = {"password", limits->login_failures, limits->login_window_s, false},
        [THROTTLE_REGISTER] = {"register", limits->registrations, HOUR_S, true},
        [THROTTLE_FORGOT] = {"forgot", limits->forgot, HOUR_S, true},
        [THROTTLE_VERIFY] = {"verify", limits->forgot, HOUR_S, true},
        [THROTTLE_REFRESH] = {"refresh", limits->refreshes, QUARTER_S, true},
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

static bool is_counted(const struct rule *rule, struct str key)
{
    return rule->limit > 0 && key.len > 0;
}

/* The client is told of the limit that it is nearest to. */
static void tell(struct call *call, const struct rule *rule, int64_t used, int64_t left_s)
{
    int64_t remaining = used < rule->limit ? rule->limit - used : 0;
    if (call->rate.limit == 0 || remaining < call->rate.remaining || used > rule->limit)
        call_set_rate(call, (struct rate){rule->limit, remaining, left_s});
}

/* *used stays where nobody counts. */
static enum error count(struct call *call, enum throttle_kind kind, struct str key, int64_t *used)
{
    struct rule rule = rule_of(call, kind);
    struct db_result result;
    if (!is_counted(&rule, key))
        return OK;
    TRY(call_query(call, &sql_throttle_count, &result, DB_TEXT(str_from(rule.name)), DB_TEXT(key_of(call, &rule, key)),
                   DB_INTEGER(rule.limit), DB_INTEGER(rule.window_s)));
    *used = db_integer(&result, 0, 0);
    tell(call, &rule, *used, db_integer(&result, 0, 1));
    return *used <= rule.limit ? OK : ERROR_TOO_MANY_REQUESTS;
}

enum error throttle(struct call *call, enum throttle_kind kind, struct str key)
{
    int64_t used;
    return count(call, kind, key, &used);
}

/* ---- taking back ---- */

/* Where it fails the count stays, and one try too many is counted until the window is over. */
static void note(const struct call *call, enum error error)
{
    if (error != OK)
        log_warn("a good password stays counted as wrong", LOG_Z("reason", error_message(error)),
                 LOG_S("request_id", call->request_id));
}

static void uncount(struct call *call, enum throttle_kind kind, struct str key)
{
    struct rule rule = rule_of(call, kind);
    struct db_result result;
    if (is_counted(&rule, key))
        note(call, call_query(call, &sql_throttle_uncount, &result, DB_TEXT(str_from(rule.name)),
                              DB_TEXT(key_of(call, &rule, key)), DB_INTEGER(rule.limit)));
}

void throttle_forgive(struct call *call, enum throttle_kind kind, struct str key)
{
    struct rule rule = rule_of(call, kind);
    struct db_result result;
    if (!is_counted(&rule, key))
        return;
    note(call, call_query(call, &sql_throttle_clear, &result, DB_TEXT(str_from(rule.name)),
                          DB_TEXT(key_of(call, &rule, key))));
    call_set_rate(call, (struct rate){rule.limit, rule.limit, rule.window_s});
}

/* ---- login ---- */

/* The address first: one that may not try does not touch the account. What the account refuses does not count for the
 * address: nobody locks out the others behind theirs by hammering at one name. */
enum error throttle_login(struct call *call, struct str username, int64_t *failures)
{
    int64_t of_address;
    *failures = 0;
    TRY(count(call, THROTTLE_LOGIN_ADDRESS, call->client.address, &of_address));
    enum error error = count(call, THROTTLE_LOGIN_ACCOUNT, username, failures);
    if (error != OK)
        uncount(call, THROTTLE_LOGIN_ADDRESS, call->client.address);
    return error;
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
    if (call->deadline_ms <
        loop_now_ms() + SETTLE_MS) /* the call may be late; what it counted is settled all the same */
        call->deadline_ms = loop_now_ms() + SETTLE_MS;
    uncount(call, THROTTLE_LOGIN_ADDRESS, call->client.address);
    if (outcome == OK)
        throttle_forgive(call, THROTTLE_LOGIN_ACCOUNT, username);
    else
        uncount(call, THROTTLE_LOGIN_ACCOUNT, username);
    return outcome;
}
