/* Counts of tries, in windows. */
#include "common/tries.h"

#include "common/log.h"
#include "common/tries/sql.h"

enum { SETTLE_MS = 1000 };

bool tries_are_counted(const struct tries_rule *rule, struct str who)
{
    return rule->limit > 0 && who.len > 0;
}

/* The client is told of the limit that it is nearest to. */
static void tell(struct call *call, const struct tries_rule *rule, int64_t used, int64_t left_s)
{
    int64_t remaining = used < rule->limit ? rule->limit - used : 0;
    if (call->rate.limit == 0 || remaining < call->rate.remaining || used > rule->limit)
        call_set_rate(call, (struct rate){rule->limit, remaining, left_s});
}

enum error tries_judge(struct call *call, const struct tries_rule *rule, int64_t used, int64_t left_s)
{
    tell(call, rule, used, left_s);
    if (used <= rule->limit)
        return OK;
    service_note_refusal(call->service, rule->kind);
    return ERROR_TOO_MANY_REQUESTS;
}

enum error tries_count(struct call *call, const struct tries_rule *rule, struct str who, int64_t *used)
{
    struct db_result result;
    if (!tries_are_counted(rule, who))
        return OK;
    TRY(call_query(call, &tries_sql_throttle_count, &result, DB_TEXT(str_from(rule->kind)), DB_TEXT(who),
                   DB_INTEGER(rule->limit), DB_INTEGER(rule->window_s)));
    *used = db_integer(&result, 0, 0);
    return tries_judge(call, rule, *used, db_integer(&result, 0, 1));
}

/* ---- taking back ---- */

/* Also where the call is late by now. */
static void give_time(struct call *call)
{
    int64_t needed_ms = loop_now_ms() + SETTLE_MS;
    if (call->deadline_ms < needed_ms)
        call->deadline_ms = needed_ms;
}

static void note(const struct call *call, enum error error)
{
    if (error != OK)
        log_warn("what was no failure stays counted as one", LOG_Z("reason", error_message(error)),
                 LOG_S("request_id", call->request_id));
}

void tries_uncount(struct call *call, const struct tries_rule *rule, struct str who)
{
    struct db_result result;
    if (!tries_are_counted(rule, who))
        return;
    give_time(call);
    note(call, call_query(call, &tries_sql_throttle_uncount, &result, DB_TEXT(str_from(rule->kind)), DB_TEXT(who),
                          DB_INTEGER(rule->limit)));
}

void tries_forgive(struct call *call, const struct tries_rule *rule, struct str who)
{
    struct db_result result;
    if (!tries_are_counted(rule, who))
        return;
    give_time(call);
    note(call, call_query(call, &tries_sql_throttle_clear, &result, DB_TEXT(str_from(rule->kind)), DB_TEXT(who)));
    call_set_rate(call, (struct rate){rule->limit, rule->limit, rule->window_s});
}
