/* A look into a stack's database: libpq, blocking, and tables found by their columns. */
#include "tests/support/database.h"

#include <libpq-fe.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/scratch.h"
#include "tests/support/stack.h"

struct database {
    PGconn *connection;
};

struct database *database_try_connect(const char *url)
{
    struct database *database = calloc(1, sizeof *database);
    assert_non_null(database);
    database->connection = PQconnectdb(url);
    if (PQstatus(database->connection) != CONNECTION_OK)
        database_close(&database);
    return database;
}

struct database *database_connect(const char *url)
{
    struct database *database = database_try_connect(url);
    if (database == NULL)
        fail_msg("%s: no connection", url);
    return database;
}

void database_close(struct database **database)
{
    PQfinish((*database)->connection);
    free(*database);
    *database = NULL;
}

static void silence(void *context, const char *notice)
{
    (void)context;
    (void)notice;
}

void database_run(struct database *database, const char *sql)
{
    PQsetNoticeProcessor(database->connection, silence, NULL);
    PGresult *result = PQexec(database->connection, sql);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(database->connection));
    PQclear(result);
}

char *database_value_of(const struct stack *stack, const char *const *sql_and_parameters)
{
    const char *sql = sql_and_parameters[0];
    int count = 0;
    while (sql_and_parameters[count + 1] != NULL)
        count++;
    struct database *database = database_connect(stack->database_url);
    PGresult *result = PQexecParams(database->connection, sql, count, NULL, sql_and_parameters + 1, NULL, NULL, 0);
    ExecStatusType status = PQresultStatus(result);
    if (status != PGRES_COMMAND_OK && status != PGRES_TUPLES_OK)
        fail_msg("%s: %s", sql, PQerrorMessage(database->connection));
    char *value = NULL;
    if (PQntuples(result) > 0 && !PQgetisnull(result, 0, 0))
        value = text("%s", PQgetvalue(result, 0, 0));
    PQclear(result);
    database_close(&database);
    return value;
}

/* ---- tables by their columns ---- */

char *database_table(const struct stack *stack, const char *column, const char *other_column)
{
    char *found = database_value(
        stack,
        "SELECT string_agg(quote_ident(table_schema) || '.' || quote_ident(table_name), ' ')"
        " FROM information_schema.tables t"
        " WHERE table_type = 'BASE TABLE' AND table_schema NOT IN ('pg_catalog', 'information_schema', 'sqitch')"
        " AND EXISTS (SELECT 1 FROM information_schema.columns c WHERE c.table_schema = t.table_schema"
        "             AND c.table_name = t.table_name AND c.column_name = $1)"
        " AND EXISTS (SELECT 1 FROM information_schema.columns c WHERE c.table_schema = t.table_schema"
        "             AND c.table_name = t.table_name AND c.column_name = $2)",
        column, other_column);
    if (found == NULL || strchr(found, ' ') != NULL)
        fail_msg("tables with %s and %s: %s", column, other_column, found != NULL ? found : "none");
    return found;
}

json_int_t database_count(const struct stack *stack, const char *table)
{
    return atoll(database_value(stack, text("SELECT count(*) FROM %s", table)));
}

json_int_t database_members(const struct stack *stack, json_int_t room_id)
{
    char *table = database_table(stack, "room_id", "joined_at");
    return atoll(database_value(stack, text("SELECT count(*) FROM %s WHERE room_id = $1::bigint", table),
                                text("%lld", (long long)room_id)));
}

json_int_t database_participant_count(const struct stack *stack, json_int_t room_id)
{
    char *table = database_table(stack, "participant_count", "max_participants");
    return atoll(database_value(stack, text("SELECT participant_count FROM %s WHERE id = $1::bigint", table),
                                text("%lld", (long long)room_id)));
}

void database_make_admin(const struct stack *stack, json_int_t user_id)
{
    char *table = database_table(stack, "username", "role");
    char *changed =
        database_value(stack, text("UPDATE %s SET role = 'admin' WHERE id = $1::bigint RETURNING id", table),
                       text("%lld", (long long)user_id));
    assert_non_null(changed);
}

char *database_hash(const struct stack *stack, json_int_t user_id)
{
    return database_value(stack, "SELECT hash FROM auth.credential WHERE user_id = $1::bigint",
                          text("%lld", (long long)user_id));
}

void database_set_hash(const struct stack *stack, json_int_t user_id, const char *hash)
{
    static const char sql[] = "UPDATE auth.credential SET hash = $2 WHERE user_id = $1::bigint RETURNING user_id";
    assert_non_null(database_value(stack, sql, text("%lld", (long long)user_id), hash));
}

/* ---- roles ---- */

struct database *database_as(const struct stack *stack, const char *role)
{
    struct database *database = database_connect(stack->database_url);
    database_run(database, text("SET SESSION AUTHORIZATION %s", role));
    return database;
}

bool database_may(struct database *database, const char *sql, char **why_not)
{
    PGresult *result = PQexec(database->connection, sql);
    ExecStatusType status = PQresultStatus(result);
    *why_not = text("%s", PQerrorMessage(database->connection));
    PQclear(result);
    return status == PGRES_COMMAND_OK || status == PGRES_TUPLES_OK;
}
