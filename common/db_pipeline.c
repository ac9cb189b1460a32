/* One connection's pipeline: what the server owes us, oldest first; sending queries and their Syncs, taking the
 * answers. */
#include <assert.h>
#include <endian.h>
#include <stdio.h>
#include <string.h>

#include "common/db_internal.h"

/* ---- slots: what the server owes, oldest first ---- */

static struct slot *push_slot(struct connection *connection, struct slot slot)
{
    assert(connection->used < MAX_SLOTS);
    if (connection->used == 0)
        connection->heard_ms = loop_now_ms();
    struct slot *place = &connection->slots[(connection->first + connection->used++) % MAX_SLOTS];
    *place = slot;
    connection->writes += slot.is_write;
    return place;
}

static struct slot *first_slot(struct connection *connection)
{
    assert(connection->used > 0);
    return &connection->slots[connection->first];
}

static void pop_slot(struct connection *connection)
{
    assert(connection->used > 0);
    connection->writes -= first_slot(connection)->is_write;
    connection->first = (connection->first + 1) % MAX_SLOTS;
    connection->used--;
}

size_t pipeline_load(const struct connection *connection)
{
    return connection->used;
}

bool pipeline_has_room(const struct connection *connection)
{
    return connection->used + 3 <= MAX_SLOTS; /* a shared Sync, the query, a Sync behind it */
}

/* Hands the slot's query, which has its verdict, back to the pool. */
static void settle(struct connection *connection, struct slot *slot)
{
    if (slot->query == NULL)
        return;
    db_settle(connection->db, slot->query);
    slot->query = NULL;
}

/* A query that was told its failure keeps that; a success is none before its Sync was answered. */
void pipeline_settle_lost(struct connection *connection)
{
    for (; connection->used > 0; pop_slot(connection)) {
        struct slot *slot = first_slot(connection);
        if (slot->query == NULL)
            continue;
        if (!slot->answered || slot->query->verdict.error == OK) {
            PQclear(slot->query->pg);
            slot->query->pg = NULL;
            slot->query->verdict = db_judge_lost(slot->statement);
        }
        settle(connection, slot);
    }
}

/* ---- sending ---- */

static bool send_sync(struct connection *connection)
{
    connection->has_output = true;
    return PQpipelineSync(connection->pg) == 1;
}

/* The Sync behind the shared reads of this turn. */
static bool send_shared_sync(struct connection *connection)
{
    if (!connection->has_unsynced)
        return true;
    connection->has_unsynced = false;
    push_slot(connection, (struct slot){.kind = SLOT_SYNC});
    return send_sync(connection);
}

/* A bigint[] in binary: dimensions, whether it has nulls, the elements' type; count and lower bound; then each. */
struct db_value db_integers(struct arena *arena, struct integers integers)
{
    enum { INT8_OID = 20, HEAD = 5, ELEMENT = sizeof(uint32_t) + sizeof(uint64_t) };
    uint32_t head[HEAD] = {htobe32(1), 0, htobe32(INT8_OID), htobe32((uint32_t)integers.count), htobe32(1)};
    char *bytes = arena_alloc(arena, sizeof head + integers.count * ELEMENT), *at = bytes + sizeof head;
    memcpy(bytes, head, sizeof head);
    for (size_t i = 0; i < integers.count; i++, at += ELEMENT) {
        uint32_t len = htobe32(sizeof(uint64_t));
        uint64_t value = htobe64((uint64_t)integers.values[i]);
        memcpy(at, &len, sizeof len);
        memcpy(at + sizeof len, &value, sizeof value);
    }
    return (struct db_value){.type = DB_VALUE_ARRAY, .text = {bytes, (size_t)(at - bytes)}};
}

/* Parameters as PQsendQueryPrepared takes them, which copies them. */
struct parameters {
    const char *values[MAX_PARAMETERS];
    int lengths[MAX_PARAMETERS];
    int formats[MAX_PARAMETERS];
    uint64_t integers[MAX_PARAMETERS];
};

static void set_parameter(struct parameters *parameters, size_t i, const struct db_value *value)
{
    parameters->formats[i] = 1; /* binary */
    switch (value->type) {
    case DB_VALUE_NULL:
        parameters->values[i] = NULL;
        return;
    case DB_VALUE_INTEGER:
        parameters->integers[i] = htobe64((uint64_t)value->integer);
        parameters->values[i] = (const char *)&parameters->integers[i];
        parameters->lengths[i] = sizeof parameters->integers[i];
        return;
    case DB_VALUE_TEXT:
    case DB_VALUE_ARRAY:
        parameters->values[i] = value->text.len > 0 ? value->text.ptr : "";
        parameters->lengths[i] = (int)value->text.len;
        return;
    case DB_VALUE_BOOLEAN:
        parameters->values[i] = value->boolean ? "\1" : "\0";
        parameters->lengths[i] = 1;
        return;
    }
    assert(!"a value of no type");
}

static bool send_statement(struct connection *connection, const struct query *query)
{
    struct parameters parameters;
    assert(query->count == query->statement->parameters && query->count <= MAX_PARAMETERS);
    for (size_t i = 0; i < query->count; i++)
        set_parameter(&parameters, i, &query->values[i]);
    connection->has_output = true;
    return PQsendQueryPrepared(connection->pg, query->statement->name, (int)query->count, parameters.values,
                               parameters.lengths, parameters.formats, 0) == 1;
}

/* Between two Syncs the server sees one transaction: an isolated query has a Sync before it and behind it. */
bool pipeline_send(struct connection *connection, struct query *query)
{
    assert(connection->state == CONNECTION_READY && pipeline_has_room(connection));
    bool sent = (!query->isolated || send_shared_sync(connection)) && send_statement(connection, query) &&
                (!query->isolated || send_sync(connection));
    if (!sent) {
        connection_lose_broken(connection);
        return false;
    }
    query->slot = push_slot(connection, (struct slot){.kind = query->isolated ? SLOT_ISOLATED : SLOT_SHARED,
                                                      .is_write = query->statement->writes,
                                                      .query = query,
                                                      .statement = query->statement});
    if (!query->isolated)
        connection->has_unsynced = true;
    return true;
}

void pipeline_flush(struct connection *connection)
{
    int left = PQflush(connection->pg);
    if (left < 0)
        connection_lose_broken(connection);
    else
        connection_set_writing(connection, left == 1);
}

void pipeline_end_turn(struct connection *connection)
{
    if (!connection->has_output)
        return;
    connection->has_output = false;
    if (!send_shared_sync(connection))
        connection_lose_broken(connection);
    else
        pipeline_flush(connection);
}

/* All statements in one round trip. */
void pipeline_prepare(struct connection *connection)
{
    const struct db_options *options = &connection->db->options;
    bool sent = PQsetnonblocking(connection->pg, 1) == 0 && PQenterPipelineMode(connection->pg) == 1;
    for (size_t i = 0; sent && i < options->statement_count; i++) {
        const struct statement *statement = options->statements[i];
        push_slot(connection, (struct slot){.kind = SLOT_PREPARE, .statement = statement});
        sent = PQsendPrepare(connection->pg, statement->name, statement->sql, 0, NULL) == 1;
    }
    if (sent) {
        push_slot(connection, (struct slot){.kind = SLOT_SYNC});
        sent = send_sync(connection);
    }
    if (sent)
        pipeline_flush(connection);
    else
        connection_lose_broken(connection);
}

/* ---- receiving ---- */

/* SQLSTATE 42…: a table, column or function that the statement names is not there; 3F…: nor is the schema. */
static bool is_of_older_schema(const PGresult *pg)
{
    const char *sqlstate = PQresultErrorField(pg, PG_DIAG_SQLSTATE);
    return sqlstate != NULL && (strncmp(sqlstate, "42", 2) == 0 || strncmp(sqlstate, "3F", 2) == 0);
}

static void take_prepared(struct connection *connection, const struct slot *slot, PGresult *pg)
{
    if (PQresultStatus(pg) != PGRES_COMMAND_OK) {
        char reason[sizeof connection->failure];
        snprintf(reason, sizeof reason, "%sstatement %s: %s", is_of_older_schema(pg) ? "migrations are missing: " : "",
                 slot->statement->name, PQresultErrorMessage(pg));
        connection_lose(connection, reason);
    }
    PQclear(pg);
}

/* Nobody tells when there is room again: who tries to write finds out. */
static void note_full_disk(struct db *db, const PGresult *pg)
{
    enum { FULL_MS = 2000 };
    const char *sqlstate = PQresultErrorField(pg, PG_DIAG_SQLSTATE);
    if (sqlstate != NULL && strcmp(sqlstate, "53100") == 0)
        db->full_until_ms = loop_now_ms() + FULL_MS;
}

/* Of an isolated query this may be the second result: the commit that failed takes back what the statement said. */
static void take_answer(struct connection *connection, struct slot *slot, PGresult *pg)
{
    struct query *query = slot->query;
    struct verdict verdict = db_judge(pg, slot->statement);
    if (verdict.error != OK)
        note_full_disk(connection->db, pg);
    if (query != NULL) {
        PQclear(query->pg);
        query->pg = NULL;
        query->verdict = verdict;
        if (verdict.error == OK) {
            query->pg = pg;
            pg = NULL;
        }
        if (slot->kind == SLOT_SHARED)
            settle(connection, slot);
    }
    PQclear(pg);
    if (verdict.drops)
        connection_lose_broken(connection);
}

static void take_sync(struct connection *connection, struct slot *slot)
{
    if (slot->kind == SLOT_PREPARE || slot->kind == SLOT_SHARED) {
        connection_lose(connection, "the server's answers are out of step");
        return;
    }
    settle(connection, slot);
    pop_slot(connection);
    if (connection->state == CONNECTION_PREPARING)
        connection_become_ready(connection);
}

/* NULL ends the results of one statement. Of a broken connection libpq forgets what is owed, and says nothing else. */
static void take_end(struct connection *connection, const struct slot *slot)
{
    if (PQstatus(connection->pg) == CONNECTION_BAD)
        connection_lose_broken(connection);
    else if (!slot->answered)
        connection_lose(connection, "the server's answers are out of step");
    else if (slot->kind == SLOT_PREPARE || slot->kind == SLOT_SHARED)
        pop_slot(connection);
}

/* An error without an SQLSTATE is libpq's own: the connection broke. */
static bool is_broken(const struct connection *connection, const PGresult *pg)
{
    return PQstatus(connection->pg) == CONNECTION_BAD && PQresultStatus(pg) == PGRES_FATAL_ERROR &&
           PQresultErrorField(pg, PG_DIAG_SQLSTATE) == NULL;
}

static void take(struct connection *connection, PGresult *pg)
{
    struct slot *slot = first_slot(connection);
    if (pg == NULL) {
        take_end(connection, slot);
    } else if (is_broken(connection, pg)) {
        PQclear(pg);
        connection_lose_broken(connection);
    } else if (PQresultStatus(pg) == PGRES_PIPELINE_SYNC) {
        PQclear(pg);
        take_sync(connection, slot);
    } else {
        slot->answered = true;
        if (slot->kind == SLOT_PREPARE)
            take_prepared(connection, slot, pg);
        else if (slot->kind == SLOT_SYNC)
            PQclear(pg); /* shared reads have nothing to commit that could fail them now */
        else
            take_answer(connection, slot, pg);
    }
}

/* A lost connection owes nothing, which ends the loop. */
static void take_all(struct connection *connection)
{
    while (connection->used > 0 && !PQisBusy(connection->pg))
        take(connection, PQgetResult(connection->pg));
}

/* What was received before the connection broke still counts: it is taken first, also what libpq has read by itself,
 * which it does when it cannot send. */
void pipeline_receive(struct connection *connection, bool readable)
{
    take_all(connection);
    bool is_whole = true;
    if (readable && connection->pg != NULL) {
        is_whole = PQconsumeInput(connection->pg) == 1;
        connection->heard_ms = loop_now_ms();
    }
    take_all(connection);
    if (connection->pg != NULL && (!is_whole || PQstatus(connection->pg) == CONNECTION_BAD))
        connection_lose_broken(connection);
}
