/* The pool: which connection a query goes to, how long its fiber waits, and when it runs on. */
#include "common/db.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/allocate.h"
#include "common/db_internal.h"
#include "common/fiber.h"
#include "common/log.h"

enum { TICK_MS = 50, ATTEMPTS = 2 };

/* ---- queries that wait ---- */

void db_settle(struct db *db, struct query *query)
{
    query->slot = NULL;
    TAILQ_REMOVE(&db->waiting, query, link);
    TAILQ_INSERT_TAIL(&db->settled, query, link);
}

bool db_resume_settled(struct db *db)
{
    assert(fiber_current() == NULL);
    bool any = false;
    struct query *query;
    while ((query = TAILQ_FIRST(&db->settled)) != NULL) {
        TAILQ_REMOVE(&db->settled, query, link);
        any = true;
        fiber_resume(query->fiber);
    }
    return any;
}

/* It never left. */
static void settle_queued(struct db *db, struct query *query, enum error error)
{
    query->verdict = (struct verdict){error, false, false};
    TAILQ_REMOVE(&db->queued, query, link);
    TAILQ_INSERT_TAIL(&db->settled, query, link);
}

/* The answer that comes later finds nobody. */
static void give_up(struct db *db, struct query *query)
{
    query->slot->query = NULL;
    PQclear(query->pg);
    query->pg = NULL;
    query->verdict = (struct verdict){ERROR_TIMEOUT, false, false};
    db_settle(db, query);
}

/* ---- time ---- */

static void start_ticking(struct db *db)
{
    if (db->is_ticking)
        return;
    db->is_ticking = true;
    loop_timer_start(db->tick, TICK_MS, TICK_MS);
}

static bool owes_answers(const struct db *db)
{
    for (size_t i = 0; i < db->connection_count; i++) {
        if (pipeline_load(&db->connections[i]) > 0)
            return true;
    }
    return false;
}

static void expire(struct db *db, int64_t now_ms)
{
    for (struct query *query = TAILQ_FIRST(&db->waiting), *next; query != NULL; query = next) {
        next = TAILQ_NEXT(query, link);
        if (query->deadline_ms <= now_ms)
            give_up(db, query);
    }
    for (struct query *query = TAILQ_FIRST(&db->queued), *next; query != NULL; query = next) {
        next = TAILQ_NEXT(query, link);
        if (query->deadline_ms <= now_ms)
            settle_queued(db, query, ERROR_TIMEOUT);
    }
}

static void on_tick(void *context)
{
    struct db *db = context;
    int64_t now_ms = loop_now_ms();
    expire(db, now_ms);
    for (size_t i = 0; i < db->connection_count; i++)
        connection_check(&db->connections[i], now_ms);
    db_resume_settled(db);
    if (!owes_answers(db) && TAILQ_EMPTY(&db->queued)) {
        db->is_ticking = false;
        loop_timer_stop(db->tick);
    }
}

/* ---- sending ---- */

/* A write may wait for a lock, and what is behind it in the pipeline waits too. So writes leave the first connection to
 * reads, and reads keep off connections with writes, as long as there are others. */
static bool is_fitting(const struct connection *connection, bool writes)
{
    return writes ? connection->number > 0 : connection->writes == 0;
}

/* The least loaded one that is ready, of the fitting ones if there are any; *any tells whether one is ready. */
static struct connection *choose(struct db *db, bool writes, bool *any)
{
    struct connection *best = NULL;
    *any = false;
    for (size_t i = 0; i < db->connection_count; i++) {
        struct connection *connection = &db->connections[i];
        if (connection->state != CONNECTION_READY)
            continue;
        *any = true;
        if (!pipeline_has_room(connection) || (writes && connection->writes >= WRITES_AHEAD))
            continue;
        bool gains = best != NULL && is_fitting(connection, writes) > is_fitting(best, writes);
        bool loses = best != NULL && is_fitting(connection, writes) < is_fitting(best, writes);
        if (best == NULL || gains || (!loses && pipeline_load(connection) < pipeline_load(best)))
            best = connection;
    }
    return best;
}

/* ERROR_OVERLOADED: no connection has room. A connection that breaks over the query never got it whole: the next one
 * may. */
static enum error send_now(struct db *db, struct query *query)
{
    for (;;) {
        if (query->deadline_ms <= loop_now_ms())
            return ERROR_TIMEOUT;
        bool any;
        struct connection *connection = choose(db, query->statement->writes, &any);
        if (connection == NULL)
            return any ? ERROR_OVERLOADED : ERROR_UNAVAILABLE;
        if (pipeline_send(connection, query))
            return OK;
    }
}

/* Writes queue here and not in the server, which would do them long after their callers have gone. */
static enum error send_query(struct db *db, struct query *query)
{
    bool writes = query->statement->writes;
    enum error error = writes && !TAILQ_EMPTY(&db->queued) ? ERROR_OVERLOADED : send_now(db, query);
    if (error == OK)
        TAILQ_INSERT_TAIL(&db->waiting, query, link);
    else if (error == ERROR_OVERLOADED && writes)
        TAILQ_INSERT_TAIL(&db->queued, query, link);
    else
        return error;
    start_ticking(db);
    return OK;
}

/* While there is room. */
static void send_queued(struct db *db)
{
    struct query *query;
    while ((query = TAILQ_FIRST(&db->queued)) != NULL) {
        enum error error = send_now(db, query);
        if (error == ERROR_OVERLOADED)
            return;
        if (error != OK) {
            settle_queued(db, query, error);
            continue;
        }
        TAILQ_REMOVE(&db->queued, query, link);
        TAILQ_INSERT_TAIL(&db->waiting, query, link);
    }
}

/* A fiber that ran here may have left answers to send: then the loop turns once more. */
static bool on_turn_end(void *context)
{
    struct db *db = context;
    db_send_searches(db);
    send_queued(db);
    for (size_t i = 0; i < db->connection_count; i++)
        pipeline_end_turn(&db->connections[i]);
    return db_resume_settled(db);
}

/* ---- asking ---- */

/* Postgres stores no NUL; whoever let one in has not validated. */
static bool is_storable(const struct statement *statement, const struct db_value *values, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct str text = values[i].type == DB_VALUE_TEXT ? values[i].text : STR("");
        if (text.len == 0 || memchr(text.ptr, '\0', text.len) == NULL)
            continue;
        log_error("text with a NUL for a statement", LOG_Z("statement", statement->name), LOG_I("parameter", i + 1));
        return false;
    }
    return true;
}

static void free_result(void *pg)
{
    PQclear(pg);
}

enum error db_query(struct db *db, struct arena *arena, int64_t deadline_ms, const struct statement *statement,
                    const struct db_value *values, size_t count, struct db_result *result)
{
    struct query query = {.statement = statement,
                          .values = values,
                          .count = count,
                          .deadline_ms = deadline_ms,
                          .isolated = statement->writes,
                          .fiber = fiber_current()};
    assert(query.fiber != NULL);
    if (!is_storable(statement, values, count))
        return ERROR_INTERNAL;
    for (int attempt = 1; attempt <= ATTEMPTS; attempt++) {
        enum error error = send_query(db, &query);
        if (error != OK) {
            counter_add(&db->stats.failures, 1);
            return error;
        }
        counter_add(&db->stats.statements, 1);
        fiber_suspend();
        if (query.verdict.error == OK) {
            arena_defer(arena, free_result, query.pg);
            *result = (struct db_result){.rows = (size_t)PQntuples(query.pg), .pg = query.pg, .arena = arena};
            return OK;
        }
        if (!query.verdict.again)
            break;
        query.isolated = true; /* no neighbour can fail it now */
    }
    bool is_forbidden = query.verdict.error == ERROR_CONFLICT || query.verdict.error == ERROR_GONE;
    counter_add(&db->stats.failures, !is_forbidden);
    return query.verdict.error;
}

/* ---- life ---- */

size_t db_ready_connections(const struct db *db)
{
    size_t count = 0;
    for (size_t i = 0; i < db->connection_count; i++)
        count += db->connections[i].state == CONNECTION_READY;
    return count;
}

bool db_is_starting(const struct db *db)
{
    for (size_t i = 0; i < db->connection_count; i++)
        if (db->connections[i].state == CONNECTION_READY || db->connections[i].failures > 0)
            return false;
    return true;
}

bool db_is_ready(const struct db *db, const char **why_not)
{
    if (db_ready_connections(db) > 0)
        return true;
    if (why_not != NULL)
        *why_not = db->why_not;
    return false;
}

bool db_is_writable(const struct db *db, const char **why_not)
{
    if (!db_is_ready(db, why_not))
        return false;
    if (loop_now_ms() < db->full_until_ms) {
        if (why_not != NULL)
            *why_not = "database: its disk is full";
        return false;
    }
    for (size_t i = 0; i < db->connection_count; i++)
        if (db->connections[i].state == CONNECTION_READY && !connection_is_read_only(&db->connections[i]))
            return true;
    if (why_not != NULL)
        *why_not = "database: it is read-only";
    return false;
}

const struct db_stats *db_stats(struct db *db)
{
    size_t states[CONNECTION_STATES] = {0}, owed = 0;
    for (size_t i = 0; i < db->connection_count; i++) {
        states[db->connections[i].state]++;
        owed += pipeline_load(&db->connections[i]);
    }
    counter_set(&db->stats.ready, states[CONNECTION_READY]);
    counter_set(&db->stats.connecting, states[CONNECTION_CONNECTING] + states[CONNECTION_PREPARING]);
    counter_set(&db->stats.lost, states[CONNECTION_WAITING]);
    counter_set(&db->stats.owed, owed);
    counter_set(&db->stats.writable, db_is_writable(db, NULL));
    return &db->stats;
}

struct db *db_new(struct loop *loop, const struct db_options *options)
{
    assert(options->connections > 0);
    struct db *db = allocate(sizeof *db + options->connections * sizeof *db->connections);
    db->loop = loop;
    db->memory = arena_new();
    db->options = *options;
    db->connection_count = options->connections;
    TAILQ_INIT(&db->queued);
    TAILQ_INIT(&db->waiting);
    TAILQ_INIT(&db->settled);
    snprintf(db->why_not, sizeof db->why_not, "database: not connected yet");
    db->tick = loop_timer_new(loop, on_tick, db);
    loop_at_turn_end(loop, on_turn_end, db);
    db_set_parameters(db);
    for (size_t i = 0; i < db->connection_count; i++)
        connection_init(&db->connections[i], db, i);
    return db;
}

void db_destroy(struct db **db_)
{
    struct db *db = *db_;
    if (db == NULL)
        return;
    *db_ = NULL;
    db_send_searches(db);
    for (size_t i = 0; i < db->connection_count; i++)
        connection_close(&db->connections[i]);
    send_queued(db); /* to nobody */
    db_resume_settled(db);
    loop_timer_destroy(&db->tick);
    arena_destroy(&db->memory);
    free(db);
}
