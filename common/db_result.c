/* What a PGresult says: its values, rows as messages, and what an SQLSTATE means to us. */
#include <assert.h>
#include <string.h>

#include "common/db_internal.h"
#include "common/log.h"

/* ---- values ---- */

bool db_is_null(const struct db_result *result, size_t row, size_t column)
{
    assert(row < result->rows);
    return PQgetisnull(result->pg, (int)(result->first + row), (int)column) != 0;
}

struct str db_text(const struct db_result *result, size_t row, size_t column)
{
    assert(row < result->rows);
    int at = (int)(result->first + row), length = PQgetlength(result->pg, at, (int)column);
    return (struct str){PQgetvalue(result->pg, at, (int)column), (size_t)length};
}

int64_t db_integer(const struct db_result *result, size_t row, size_t column)
{
    int64_t value = 0;
    bool is_integer = str_to_int64(db_text(result, row, column), &value);
    assert(is_integer);
    return value;
}

bool db_boolean(const struct db_result *result, size_t row, size_t column)
{
    struct str text = db_text(result, row, column);
    assert(text.len == 1 && (*text.ptr == 't' || *text.ptr == 'f'));
    return *text.ptr == 't';
}

/* ---- rows as messages ---- */

enum { TIMESTAMPTZ_OID = 1184 }; /* Postgres' pg_type.dat */

static size_t decoded_columns(const PGresult *pg, const struct message *message)
{
    size_t columns = (size_t)PQnfields(pg);
    return columns < message->field_count ? columns : message->field_count;
}

static void assert_names(const PGresult *pg, const struct message *message)
{
    for (size_t i = 0; i < decoded_columns(pg, message); i++)
        assert(strcmp(PQfname(pg, (int)i), message->fields[i].name) == 0);
}

/* A bigint[], "{1,2}". */
static struct integers decode_integers(const struct db_result *result, struct str text)
{
    assert(text.len >= 2 && text.ptr[0] == '{' && text.ptr[text.len - 1] == '}');
    struct str rest = {text.ptr + 1, text.len - 2};
    int64_t *values = arena_alloc(result->arena, (rest.len + 1) / 2 * sizeof *values); /* a digit and a comma each */
    size_t count = 0;
    while (rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        struct str digits = {rest.ptr, comma ? (size_t)(comma - rest.ptr) : rest.len};
        size_t used = comma ? digits.len + 1 : digits.len;
        bool is_integer = str_to_int64(digits, &values[count++]);
        assert(is_integer);
        rest = (struct str){rest.ptr + used, rest.len - used};
    }
    return (struct integers){values, count};
}

/* A timestamptz: in our sessions (db_url.c) "2026-05-01 18:30:00.123456+00", and as JavaScript writes it
 * "2026-05-01T18:30:00.123Z", without what is finer. What has another form, "infinity", stays as it is. */
static struct str decode_time(const struct db_result *result, struct str text)
{
    enum { CLOCK = sizeof "18:30:00" - 1, FRACTION = sizeof ".123" - 1, ZONE = sizeof "+00" - 1 };
    const char *blank = memchr(text.ptr, ' ', text.len);
    size_t seconds = blank == NULL ? 0 : (size_t)(blank + 1 - text.ptr) + CLOCK; /* where they end */
    if (blank == NULL || seconds + ZONE > text.len || memcmp(text.ptr + text.len - ZONE, "+00", ZONE) != 0)
        return text;
    size_t given = text.len - ZONE - seconds;
    char *out = arena_alloc(result->arena, seconds + FRACTION + 1);
    memcpy(out, text.ptr, seconds);
    out[blank - text.ptr] = 'T';
    memcpy(out + seconds, ".000", FRACTION);
    memcpy(out + seconds, text.ptr + seconds, given < FRACTION ? given : FRACTION);
    out[seconds + FRACTION] = 'Z';
    return (struct str){out, seconds + FRACTION + 1};
}

static void decode_value(const struct db_result *result, size_t row, size_t column, enum field_type type, void *member)
{
    switch (type) {
    case FIELD_STRING:
    case FIELD_EMAIL:
        *(struct str *)member = db_text(result, row, column);
        return;
    case FIELD_TIME:
        *(struct str *)member = PQftype(result->pg, (int)column) == TIMESTAMPTZ_OID
                                    ? decode_time(result, db_text(result, row, column))
                                    : db_text(result, row, column);
        return;
    case FIELD_BOOLEAN:
        *(bool *)member = db_boolean(result, row, column);
        return;
    case FIELD_INTEGER:
        *(int64_t *)member = db_integer(result, row, column);
        return;
    case FIELD_INTEGERS:
        *(struct integers *)member = decode_integers(result, db_text(result, row, column));
        return;
    case FIELD_OBJECT:
    case FIELD_ID:
    case FIELD_VERSIONS:
        break;
    }
    assert(!"a column for a field that no column can fill");
}

void db_decode(const struct db_result *result, size_t row, const struct message *message, void *out)
{
    if (result->first + row == 0) /* names are those of all rows */
        assert_names(result->pg, message);
    memset(out, 0, message->struct_size);
    size_t columns = decoded_columns(result->pg, message);
    for (size_t i = 0; i < columns; i++) {
        const struct field *field = &message->fields[i];
        if (db_is_null(result, row, i))
            continue;
        decode_value(result, row, i, field->type, (char *)out + field->offset);
        *(bool *)((char *)out + field->has_offset) = true;
    }
}

/* ---- errors ---- */

/* Which failed statements may be sent again: those that left no effect behind. */
enum again { NEVER, READS, ALWAYS };

/* SQLSTATEs that have a meaning to us, by their first characters; the first that fits counts. */
static const struct {
    const char *prefix;
    enum error error;
    enum again again;
    bool drops;
    bool logged;
} meanings[] = {
    {"23505", ERROR_CONFLICT, NEVER, false, false},    /* unique_violation */
    {"23P01", ERROR_CONFLICT, NEVER, false, false},    /* exclusion_violation */
    {"23503", ERROR_GONE, NEVER, false, false},        /* foreign_key_violation */
    {"57014", ERROR_TIMEOUT, NEVER, false, true},      /* query_canceled: statement_timeout */
    {"55P03", ERROR_TIMEOUT, NEVER, false, true},      /* lock_not_available: lock_timeout */
    {"40001", ERROR_UNAVAILABLE, ALWAYS, false, true}, /* serialization_failure: rolled back */
    {"40P01", ERROR_UNAVAILABLE, ALWAYS, false, true}, /* deadlock_detected: rolled back */
    {"25006", ERROR_UNAVAILABLE, NEVER, false, true},  /* read_only_sql_transaction: a standby */
    {"57P0", ERROR_UNAVAILABLE, READS, true, true},    /* the server or the session is shut down */
    {"53", ERROR_UNAVAILABLE, NEVER, false, true},     /* insufficient resources: connections, memory, disk */
    {"08", ERROR_UNAVAILABLE, READS, true, true},      /* connection exceptions */
    {"26000", ERROR_UNAVAILABLE, ALWAYS, true, true},  /* the prepared statement is gone: it never ran */
    {"0A000", ERROR_UNAVAILABLE, ALWAYS, true, true},  /* "cached plan must not change result type": prepare anew */
};

static void log_failure(enum log_level level, const PGresult *pg, const struct statement *statement)
{
    LOG_LINE(level, "statement failed", LOG_Z("statement", statement->name),
             LOG_Z("sqlstate", PQresultErrorField(pg, PG_DIAG_SQLSTATE)),
             LOG_Z("reason", PQresultErrorField(pg, PG_DIAG_MESSAGE_PRIMARY)),
             LOG_Z("constraint", PQresultErrorField(pg, PG_DIAG_CONSTRAINT_NAME)));
}

static struct verdict judge_sqlstate(const PGresult *pg, const struct statement *statement)
{
    const char *sqlstate = PQresultErrorField(pg, PG_DIAG_SQLSTATE);
    const char *severity = PQresultErrorField(pg, PG_DIAG_SEVERITY_NONLOCALIZED);
    bool is_fatal = severity != NULL && (strcmp(severity, "FATAL") == 0 || strcmp(severity, "PANIC") == 0);
    for (size_t i = 0; sqlstate != NULL && i < sizeof meanings / sizeof *meanings; i++) {
        if (strncmp(sqlstate, meanings[i].prefix, strlen(meanings[i].prefix)) != 0)
            continue;
        if (meanings[i].logged)
            log_failure(LOG_WARN, pg, statement);
        bool again = meanings[i].again == ALWAYS || (meanings[i].again == READS && !statement->writes);
        return (struct verdict){meanings[i].error, again, meanings[i].drops || is_fatal};
    }
    log_failure(LOG_ERROR, pg, statement);
    return (struct verdict){ERROR_INTERNAL, false, is_fatal};
}

struct verdict db_judge(const PGresult *pg, const struct statement *statement)
{
    switch (PQresultStatus(pg)) {
    case PGRES_COMMAND_OK:
    case PGRES_TUPLES_OK:
        return (struct verdict){OK, false, false};
    case PGRES_PIPELINE_ABORTED: /* a neighbour failed, this one never ran */
        return (struct verdict){ERROR_UNAVAILABLE, true, false};
    default:
        return judge_sqlstate(pg, statement);
    }
}

struct verdict db_judge_lost(const struct statement *statement)
{
    return (struct verdict){ERROR_UNAVAILABLE, !statement->writes, true};
}
