/* Postgres: a pool of connections in pipeline mode, and prepared statements that fibers wait for. Only common/db*.c
 * include libpq. Statements are the files services/NAME/sql/X.sql, embedded at build (deploy/cmake/embed_sql.cmake). */
#ifndef COMMON_DB_H
#define COMMON_DB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/error.h"
#include "common/loop.h"
#include "common/metrics.h"
#include "common/schema.h"
#include "common/str.h"

/* One sql/X.sql. Its first line says what it answers and whether it may be sent again: "-- read: …" or "-- write: …".
 */
struct statement {
    const char *name;
    const char *sql;
    bool writes;
    unsigned parameters;
};

struct db_options {
    const char *url;    /* a libpq connection string or URI (db_url_is_valid) */
    const char *role;   /* SET ROLE at connect; NULL = the login role */
    const char *schema; /* where unqualified names are found; NULL = as the server says */
    const char *application_name;
    size_t connections;
    int64_t statement_timeout_ms;
    const struct statement *const *statements; /* prepared on every connection */
    size_t statement_count;
};

struct db;

/* Whether url is a connection string or URI that libpq takes. Its words on a bad one are not told: they may quote the
 * password. Whether a server is there is another question. */
bool db_url_is_valid(const char *url);

/* Connects in the background, and again whenever a connection is lost (with jitter). What options points to stays the
 * caller's and must outlive it. Its hook at the turn's end sends the queries: hooks that start fibers come before it.
 * Returns owned. */
struct db *db_new(struct loop *loop, const struct db_options *options);
/* Fails what is waiting with ERROR_UNAVAILABLE and closes. */
void db_destroy(struct db **db);

/* Whether a connection is usable now; else *why_not, where not NULL, gets words that last until the next turn. */
bool db_is_ready(const struct db *db, const char **why_not);
/* Whether the server lets a usable connection write now, as far as it has said; else *why_not, as above. */
bool db_is_writable(const struct db *db, const char **why_not);
/* What it has counted, and how its connections are now (common/metrics.def). Until the next call. */
const struct db_stats *db_stats(struct db *db);
/* Whether the first connection is still to come: none was made, and none has failed. */
bool db_is_starting(const struct db *db);
/* How many connections are. */
size_t db_ready_connections(const struct db *db);

/* ---- parameters: sent in binary, so $n of an integer is bigint, of a string text, of a boolean boolean,
 * of integers bigint[] ---- */
struct db_value {
    enum { DB_VALUE_NULL, DB_VALUE_INTEGER, DB_VALUE_TEXT, DB_VALUE_BOOLEAN, DB_VALUE_ARRAY } type;
    union {
        int64_t integer;
        struct str text; /* of ARRAY: as it goes over the wire */
        bool boolean;
    };
};
#define DB_NULL ((struct db_value){.type = DB_VALUE_NULL})
#define DB_INTEGER(value_) ((struct db_value){.type = DB_VALUE_INTEGER, .integer = (value_)})
#define DB_TEXT(value_) ((struct db_value){.type = DB_VALUE_TEXT, .text = (value_)})
#define DB_BOOLEAN(value_) ((struct db_value){.type = DB_VALUE_BOOLEAN, .boolean = (value_)})
/* Its bytes are the arena's, as long as the query runs. */
struct db_value db_integers(struct arena *arena, struct integers integers);
/* The value where has, NULL else. */
#define DB_OPTIONAL(has_, value_) ((has_) ? (value_) : DB_NULL)

/* ---- results: live as long as the arena ---- */
struct db_result {
    size_t rows;
    size_t first;        /* of the PGresult's rows: row 0 */
    void *pg;            /* the PGresult */
    struct arena *arena; /* it lives in */
};
bool db_is_null(const struct db_result *result, size_t row, size_t column);
struct str db_text(const struct db_result *result, size_t row, size_t column);
int64_t db_integer(const struct db_result *result, size_t row, size_t column);
bool db_boolean(const struct db_result *result, size_t row, size_t column);

/* One row into a message's struct: column n is the message's n-th field, and its name the field's JSON name (asserted).
 * Fewer columns than fields leave the last ones absent; more are the caller's to read. NULL = absent. Strings borrow
 * from the result. INTEGERS come out of a bigint[], a TIME out of a timestamptz, or text that is written so. */
void db_decode(const struct db_result *result, size_t row, const struct message *message, void *out);

/* In a fiber: runs the statement with its parameters and waits. Reads of one turn share a Sync and are sent again,
 * once, if a neighbour failed or the connection was lost; a write has a Sync of its own and is sent once.
 *   ERROR_CONFLICT     a unique or exclusion constraint stood against it (SQLSTATE 23505, 23P01)
 *   ERROR_GONE         a foreign key did: what it refers to is no more (SQLSTATE 23503)
 *   ERROR_UNAVAILABLE  no connection, or it was lost: of a write the outcome is unknown
 *   ERROR_TIMEOUT      the deadline (loop_now_ms) passed, or statement_timeout
 *   ERROR_OVERLOADED   too many reads are waiting (writes wait, in their order)
 *   ERROR_INTERNAL     anything else; logged with its SQLSTATE */
enum error db_query(struct db *db, struct arena *arena, int64_t deadline_ms, const struct statement *statement,
                    const struct db_value *values, size_t count, struct db_result *result) MUST_USE;

/* In a fiber: the one row of a key, or none. The statement reads; it takes an array of keys, bigint[], and answers with
 * at most one row each, by key, which is the first column. What fibers look for in one turn goes to the server at its
 * end as one query: a row asked for by many costs as much as by one, and what each gets was read after it asked. Fails
 * as db_query does, by the latest of their deadlines. */
enum error db_find(struct db *db, struct arena *arena, int64_t deadline_ms, const struct statement *statement,
                   int64_t key, struct db_result *result) MUST_USE;

#endif
