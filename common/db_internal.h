/* What the files of db share: queries, the connections they wait on, and the pool. Private to common/db*.c.
 *   db.c             the pool: which connection a query goes to, deadlines, waking the fibers
 *   db_find.c        rows that many look for in one turn
 *   db_connection.c  one connection's states: connecting, ready, lost, waiting to connect again
 *   db_pipeline.c    what one connection owes us: sending queries, taking answers
 *   db_result.c      what a PGresult says: its values, and what an SQLSTATE means to us
 *   db_url.c         how to connect: the URL, and what we set in each session */
#ifndef COMMON_DB_INTERNAL_H
#define COMMON_DB_INTERNAL_H

#include <libpq-fe.h>
#include <sys/queue.h>

#include "common/db.h"

enum {
    MAX_PARAMETERS = 32,
    MAX_SLOTS = 1024,  /* what one connection may owe */
    WRITES_AHEAD = 16, /* sent to one connection before the first is answered: enough to keep a server busy */
    HELD_WRITES = 8,   /* behind so many that are not answered, answers wait HOLD_MS for each other */
    HOLD_MS = 1,
    ANSWER_GRACE_MS = 2000, /* past statement_timeout, a connection that says nothing is dead */
};

/* ---- a query: what a fiber waits for. It lies on that fiber's stack ---- */

/* What an answer of the server, or the lack of one, means. */
struct verdict {
    enum error error;
    bool again; /* it had no effect, and may have a better fate */
    bool drops; /* the connection is of no more use */
};

struct query {
    const struct statement *statement;
    const struct db_value *values;
    size_t count;
    int64_t deadline_ms;
    bool isolated; /* shares its Sync with none: a write, or a read that a neighbour has failed */
    struct fiber *fiber;
    struct slot *slot; /* its place in the pipeline; NULL = it waits no more */
    struct verdict verdict;
    PGresult *pg;            /* where it went well; owned */
    TAILQ_ENTRY(query) link; /* in db->queued, db->waiting, then in db->settled */
};
TAILQ_HEAD(query_list, query);
SLIST_HEAD(search_list, search);

/* ---- a connection ---- */

/* One thing that the server owes us an answer for. */
struct slot {
    enum {
        SLOT_PREPARE,  /* of a statement; ends with its results */
        SLOT_SHARED,   /* a read; ends with its results, and is settled by the first */
        SLOT_ISOLATED, /* a query and the Sync behind it, whose answer settles it: only then is a write committed */
        SLOT_SYNC,     /* the Sync behind shared reads or preparations */
    } kind;
    bool answered;                     /* a result has come */
    bool is_write;                     /* may wait for a lock, and all behind it */
    struct query *query;               /* NULL = its fiber waits no more, or never did */
    const struct statement *statement; /* NULL of a SLOT_SYNC */
};

enum connection_state {
    CONNECTION_WAITING,    /* for the time of the next attempt */
    CONNECTION_CONNECTING, /* libpq does */
    CONNECTION_PREPARING,  /* all statements, in one pipeline */
    CONNECTION_READY,
    CONNECTION_STATES
};

struct connection {
    struct db *db;
    size_t number;
    enum connection_state state;
    PGconn *pg; /* NULL while WAITING */
    struct loop_watch *watch;
    struct loop_timer *timer;     /* the end of the state's patience */
    struct loop_timer *holding;   /* runs while answers wait for each other */
    unsigned failures;            /* attempts since it was ready */
    bool has_unsynced;            /* shared reads were sent in this turn; their Sync follows at its end */
    bool has_output;              /* something was sent in this turn */
    bool is_writing;              /* libpq has more to send than the socket took */
    bool is_holding;              /* it does; nothing is read */
    int64_t heard_ms;             /* when the server last answered, or began to owe an answer */
    struct slot slots[MAX_SLOTS]; /* a ring */
    size_t first, used;
    size_t writes;     /* of the slots in use */
    char failure[256]; /* why it was lost last, in words */
};

void connection_init(struct connection *connection, struct db *db, size_t number);
/* Settles its queries, closes it, and begins no other. */
void connection_close(struct connection *connection);
/* Settles its queries, closes it, and tries anew later. reason: its first line is told. */
void connection_lose(struct connection *connection, const char *reason);
/* The same, for the reason that libpq gives. */
void connection_lose_broken(struct connection *connection);
/* All is prepared. */
void connection_become_ready(struct connection *connection);
/* Whether the server said, last, that its sessions may only read: a standby, or one that was told so. */
bool connection_is_read_only(const struct connection *connection);
void connection_set_writing(struct connection *connection, bool writing);
/* Loses it where the server has owed an answer for too long. */
void connection_check(struct connection *connection, int64_t now_ms);

/* Below, what breaks the connection loses it. */

/* Sends all statements to be prepared, in one round trip. */
void pipeline_prepare(struct connection *connection);
bool pipeline_has_room(const struct connection *connection);
/* Sends a query; there is room. False if the connection broke over it: the query is untouched. */
bool pipeline_send(struct connection *connection, struct query *query) MUST_USE;
/* How many answers are owed. */
size_t pipeline_load(const struct connection *connection);
/* Sends the shared Sync, and what else waits in libpq. */
void pipeline_end_turn(struct connection *connection);
void pipeline_flush(struct connection *connection);
/* Takes all answers that have come. */
void pipeline_receive(struct connection *connection, bool readable);
/* No answer will come: settles every query, and owes nothing more. */
void pipeline_settle_lost(struct connection *connection);

/* ---- the pool ---- */

struct db {
    struct loop *loop;
    struct arena *memory; /* as long as the pool */
    struct db_options options;
    const char *const *keywords; /* for PQconnectStartParams; NULL ends them */
    const char *const *values;
    struct query_list queued;    /* writes that wait for a connection to have room, in their order */
    struct query_list waiting;   /* under way in a connection */
    struct query_list settled;   /* their fibers are about to run */
    struct search_list searches; /* of this turn */
    struct loop_timer *tick;     /* runs while a server owes an answer */
    bool is_ticking;
    char why_not[320];
    int64_t full_until_ms; /* a change was refused lately because the server's disk is full; 0 = never */
    struct db_stats stats;
    size_t connection_count;
    struct connection connections[];
};

/* The query has its verdict: its fiber runs once the connections are done with what they do. */
void db_settle(struct db *db, struct query *query);
/* Runs the fibers whose queries are settled; from the loop only. True if there were any. */
bool db_resume_settled(struct db *db);

/* Sends what fibers look for since the last time; from the loop only. */
void db_send_searches(struct db *db);

/* ---- what a result says ---- */

/* The verdict on a query by its result. Logs what nobody expects. */
struct verdict db_judge(const PGresult *pg, const struct statement *statement);
/* The verdict on a query whose connection went before its answer came. */
struct verdict db_judge_lost(const struct statement *statement);

/* ---- how to connect ---- */

/* Fills db->keywords and db->values. */
void db_set_parameters(struct db *db);

#endif
