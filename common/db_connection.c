/* One connection's states: connecting, preparing, ready, waiting to connect again. What goes over it while it is ready
 * is db_pipeline.c's business. */
#include <assert.h>
#include <sodium.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/db_internal.h"
#include "common/log.h"

enum { CONNECT_PATIENCE_MS = 5000, RETRY_MIN_MS = 50, RETRY_MAX_MS = 500 };

static void on_socket(void *context, bool readable, bool writable);

/* ---- states ---- */

/* Half to all of a time that doubles with each failure: copies of a service do not come back as one. */
static int64_t retry_delay_ms(unsigned failures)
{
    uint32_t longest_ms = (uint32_t)RETRY_MIN_MS << (failures < 5 ? failures : 5);
    if (longest_ms > RETRY_MAX_MS)
        longest_ms = RETRY_MAX_MS;
    return longest_ms / 2 + randombytes_uniform(longest_ms / 2 + 1);
}

/* The one place where a connection's state changes. */
static void change_state(struct connection *connection, enum connection_state state)
{
    connection->state = state;
    switch (state) {
    case CONNECTION_WAITING:
        loop_timer_start(connection->timer, retry_delay_ms(connection->failures), 0);
        break;
    case CONNECTION_CONNECTING:
    case CONNECTION_PREPARING:
        loop_timer_start(connection->timer, CONNECT_PATIENCE_MS, 0);
        break;
    case CONNECTION_READY:
        loop_timer_stop(connection->timer);
        connection->failures = 0;
        connection->failure[0] = '\0';
        log_info("database connected", LOG_I("connection", connection->number));
        break;
    case CONNECTION_STATES:
        assert(!"not a state");
    }
}

/* libpq may close its socket and open another, of the same number, behind our back: then the old watch must be gone. */
static void watch_socket(struct connection *connection, bool reading, bool writing)
{
    loop_watch_destroy(&connection->watch);
    connection->watch = loop_watch(connection->db->loop, PQsocket(connection->pg), on_socket, connection);
    loop_watch_set(connection->watch, reading, writing);
    connection->is_writing = writing;
}

void connection_set_writing(struct connection *connection, bool writing)
{
    if (connection->is_writing == writing)
        return;
    connection->is_writing = writing;
    loop_watch_set(connection->watch, !connection->is_holding, writing);
}

void connection_become_ready(struct connection *connection)
{
    change_state(connection, CONNECTION_READY);
}

/* The server reports these settings whenever they change, with its next answer. */
static bool is_reported_on(const struct connection *connection, const char *setting)
{
    const char *value = PQparameterStatus(connection->pg, setting);
    return value != NULL && strcmp(value, "on") == 0;
}

bool connection_is_read_only(const struct connection *connection)
{
    return is_reported_on(connection, "in_hot_standby") || is_reported_on(connection, "default_transaction_read_only");
}

/* ---- losing it ---- */

static void disconnect(struct connection *connection)
{
    loop_timer_stop(connection->holding);
    loop_watch_destroy(&connection->watch);
    PQfinish(connection->pg);
    connection->pg = NULL;
    connection->has_unsynced = connection->has_output = connection->is_writing = connection->is_holding = false;
    pipeline_settle_lost(connection);
}

/* A reason is told when it is news; an attempt that fails as the last one did is not. */
static void remember_failure(struct connection *connection, const char *reason)
{
    char words[sizeof connection->failure];
    size_t len = strcspn(reason, "\n");
    snprintf(words, sizeof words, "%.*s", (int)(len < sizeof words ? len : sizeof words - 1), reason);
    bool is_news = strcmp(words, connection->failure) != 0;
    LOG_LINE(is_news ? LOG_WARN : LOG_DEBUG, "no database connection", LOG_I("connection", connection->number),
             LOG_Z("reason", words));
    memcpy(connection->failure, words, sizeof words);
    snprintf(connection->db->why_not, sizeof connection->db->why_not, "database: %s", words);
}

void connection_lose(struct connection *connection, const char *reason)
{
    remember_failure(connection, reason);
    disconnect(connection);
    counter_add(&connection->db->stats.losses, 1);
    connection->failures++;
    change_state(connection, CONNECTION_WAITING);
}

void connection_lose_broken(struct connection *connection)
{
    const char *words = PQerrorMessage(connection->pg);
    connection_lose(connection, *words != '\0' ? words : "the server closed the connection");
}

void connection_check(struct connection *connection, int64_t now_ms)
{
    if (connection->state == CONNECTION_READY && connection->used > 0 &&
        now_ms - connection->heard_ms > connection->db->options.statement_timeout_ms + ANSWER_GRACE_MS)
        connection_lose(connection, "the server does not answer");
}

/* ---- connecting ---- */

static void continue_connecting(struct connection *connection)
{
    loop_watch_destroy(&connection->watch); /* before libpq closes the socket, as it may */
    switch (PQconnectPoll(connection->pg)) {
    case PGRES_POLLING_READING:
        watch_socket(connection, true, false);
        break;
    case PGRES_POLLING_WRITING:
        watch_socket(connection, false, true);
        break;
    case PGRES_POLLING_OK:
        watch_socket(connection, true, false);
        change_state(connection, CONNECTION_PREPARING);
        pipeline_prepare(connection);
        break;
    default:
        connection_lose_broken(connection);
    }
}

static void on_notice(void *context, const char *words)
{
    const struct connection *connection = context;
    log_info("database says", LOG_I("connection", connection->number),
             LOG_S("notice", ((struct str){words, strcspn(words, "\n")})));
}

/* A host name is looked up in here, and libpq waits for that: while the database is away there is little else to do. */
static void start_connecting(struct connection *connection)
{
    connection->pg = PQconnectStartParams(connection->db->keywords, connection->db->values, 0);
    if (connection->pg == NULL) {
        fputs("out of memory\n", stderr);
        abort();
    }
    PQsetNoticeProcessor(connection->pg, on_notice, connection);
    change_state(connection, CONNECTION_CONNECTING);
    if (PQstatus(connection->pg) == CONNECTION_BAD)
        connection_lose_broken(connection);
    else
        watch_socket(connection, false, true);
}

/* ---- the loop's side ---- */

static void on_held(void *context)
{
    struct connection *connection = context;
    connection->is_holding = false;
    loop_watch_set(connection->watch, true, connection->is_writing);
    pipeline_receive(connection, true);
    db_resume_settled(connection->db);
}

/* While the server has more to do than it can in a moment, its answers wait that long for each other: what follows on
 * each of them, in three processes, then does so for several at once. With 64 clients who write, a tenth more is
 * written so; what they wait for a write is a hundredth of a second, and more. */
static void hold(struct connection *connection)
{
    connection->is_holding = true;
    loop_watch_set(connection->watch, false, connection->is_writing);
    loop_timer_start(connection->holding, HOLD_MS, 0);
}

static void on_socket(void *context, bool readable, bool writable)
{
    struct connection *connection = context;
    struct db *db = connection->db;
    if (connection->state == CONNECTION_CONNECTING) {
        continue_connecting(connection);
    } else if (readable && !writable && connection->writes > HELD_WRITES) {
        hold(connection);
    } else {
        pipeline_receive(connection, readable);
        if (writable && connection->pg != NULL)
            pipeline_flush(connection);
    }
    db_resume_settled(db);
}

static void on_time(void *context)
{
    struct connection *connection = context;
    if (connection->state == CONNECTION_WAITING)
        start_connecting(connection);
    else
        connection_lose(connection, "connecting takes too long");
    db_resume_settled(connection->db);
}

void connection_init(struct connection *connection, struct db *db, size_t number)
{
    assert(db->options.statement_count < MAX_SLOTS);
    connection->db = db;
    connection->number = number;
    connection->timer = loop_timer_new(db->loop, on_time, connection);
    connection->holding = loop_timer_new(db->loop, on_held, connection);
    start_connecting(connection);
}

void connection_close(struct connection *connection)
{
    if (connection->pg != NULL)
        disconnect(connection);
    connection->state = CONNECTION_WAITING;
    loop_timer_destroy(&connection->timer);
    loop_timer_destroy(&connection->holding);
}
