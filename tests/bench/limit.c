/* The reference: what the same libraries reach in one process. It answers GET /…/N with room N as JSON, read from
 * Postgres by one prepared statement in pipeline mode. No token, no routing, no bus, no log: what splitting and
 * checking cost is what the backend stays below it.
 *
 * usage: limit PORT CONNINFO   (tests/bench/run makes its table, limit.room) */
#define H2O_USE_EPOLL 1
#include <h2o.h>
#include <h2o/http1.h>

#include <arpa/inet.h>
#include <libpq-fe.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

enum { SESSIONS = 2, MOST_WAITING = 8192, BACKLOG = 1024, ACCEPT_AT_ONCE = 16, MAX_JSON = 1024 };

/* The columns of the statement. */
enum { ID, NAME, DESCRIPTION, IS_PRIVATE, MAX_PARTICIPANTS, IS_ACTIVE, CREATED, UPDATED, COUNT };
#define ISO_TIME(column) "to_char(" column " at time zone 'utc', 'YYYY-MM-DD\"T\"HH24:MI:SS.MS\"Z\"')"
static const char statement[] =
    "select r.id, r.name, r.description, r.is_private, r.max_participants, r.is_active, " ISO_TIME(
        "r.created_at") ", " ISO_TIME("r.updated_at") ", (select count(*) from reference.participant p where p.room_id "
                                                      "= r.id) "
                                                      "from reference.room r where r.id = $1::int";

/* A session in pipeline mode; its answers come in the order of the requests. */
struct session {
    PGconn *pg;
    h2o_req_t *waiting[MOST_WAITING]; /* a ring */
    size_t first, used;
    bool has_unsent; /* queries of this turn */
};

static struct session sessions[SESSIONS];
static h2o_globalconf_t http;
static h2o_context_t context;
static h2o_accept_ctx_t accepting = {.ctx = &context};

static _Noreturn void fail(const char *words)
{
    fprintf(stderr, "limit: %s\n", words);
    exit(1);
}

/* ---- answering ---- */

static const char *json_boolean(const PGresult *row, int column)
{
    return *PQgetvalue(row, 0, column) == 't' ? "true" : "false";
}

static h2o_iovec_t write_room(h2o_req_t *req, const PGresult *row)
{
    char *json = h2o_mem_alloc_pool(&req->pool, MAX_JSON);
    int len =
        snprintf(json, MAX_JSON,
                 "{\"id\":%s,\"name\":\"%s\",\"description\":\"%s\",\"isPrivate\":%s,\"maxParticipants\":%s,"
                 "\"isActive\":%s,\"participantCount\":%s,\"createdAt\":\"%s\",\"updatedAt\":\"%s\"}",
                 PQgetvalue(row, 0, ID), PQgetvalue(row, 0, NAME), PQgetvalue(row, 0, DESCRIPTION),
                 json_boolean(row, IS_PRIVATE), PQgetvalue(row, 0, MAX_PARTICIPANTS), json_boolean(row, IS_ACTIVE),
                 PQgetvalue(row, 0, COUNT), PQgetvalue(row, 0, CREATED), PQgetvalue(row, 0, UPDATED));
    if (len < 0 || len >= MAX_JSON)
        fail("a room is too large");
    return h2o_iovec_init(json, (size_t)len);
}

static void answer(h2o_req_t *req, const PGresult *row)
{
    static h2o_generator_t generator = {NULL, NULL};
    bool is_there = PQntuples(row) == 1;
    h2o_iovec_t body = is_there ? write_room(req, row) : h2o_iovec_init(H2O_STRLIT("{}"));
    req->res.status = is_there ? 200 : 404;
    req->res.reason = is_there ? "OK" : "Not Found";
    req->res.content_length = body.len;
    h2o_add_header(&req->pool, &req->res.headers, H2O_TOKEN_CONTENT_TYPE, NULL,
                   H2O_STRLIT("application/json; charset=utf-8"));
    h2o_start_response(req, &generator);
    h2o_send(req, &body, 1, H2O_SEND_STATE_FINAL);
}

/* ---- the database ---- */

static void take(struct session *session, PGresult *result)
{
    if (PQresultStatus(result) == PGRES_TUPLES_OK) {
        h2o_req_t *req = session->waiting[session->first];
        session->first = (session->first + 1) % MOST_WAITING;
        session->used--;
        answer(req, result);
    } else if (PQresultStatus(result) != PGRES_PIPELINE_SYNC) {
        fail(PQresultErrorMessage(result));
    }
    PQclear(result);
}

/* NULL ends one query's results; a second one says that nothing more is owed. */
static PGresult *next_result(struct session *session)
{
    if (PQisBusy(session->pg))
        return NULL;
    PGresult *result = PQgetResult(session->pg);
    return result == NULL && session->used > 0 && !PQisBusy(session->pg) ? PQgetResult(session->pg) : result;
}

static void on_answers(h2o_socket_t *socket, const char *error)
{
    struct session *session = socket->data;
    if (error != NULL || !PQconsumeInput(session->pg))
        fail(PQerrorMessage(session->pg));
    PGresult *result;
    while ((result = next_result(session)) != NULL)
        take(session, result);
}

static void open_session(struct session *session, const char *conninfo)
{
    session->pg = PQconnectdb(conninfo);
    if (PQstatus(session->pg) != CONNECTION_OK)
        fail(PQerrorMessage(session->pg));
    PQclear(PQprepare(session->pg, "room", statement, 1, NULL));
    if (PQsetnonblocking(session->pg, 1) != 0 || PQenterPipelineMode(session->pg) != 1)
        fail(PQerrorMessage(session->pg));
    h2o_socket_t *socket =
        h2o_evloop_socket_create(context.loop, dup(PQsocket(session->pg)), H2O_SOCKET_FLAG_DONT_READ);
    socket->data = session;
    h2o_socket_read_start(socket, on_answers);
}

/* All queries of a turn share a Sync, which flushes them. */
static void end_turn(void)
{
    for (size_t i = 0; i < SESSIONS; i++) {
        if (sessions[i].has_unsent && !PQpipelineSync(sessions[i].pg))
            fail(PQerrorMessage(sessions[i].pg));
        sessions[i].has_unsent = false;
    }
}

/* ---- requests ---- */

static int on_request(h2o_handler_t *handler, h2o_req_t *req)
{
    (void)handler;
    static size_t turn;
    struct session *session = &sessions[turn++ % SESSIONS];
    char id[12] = "";
    size_t begin = req->path.len;
    while (begin > 0 && req->path.base[begin - 1] != '/')
        begin--;
    memcpy(id, req->path.base + begin, req->path.len - begin < sizeof id ? req->path.len - begin : sizeof id - 1);
    const char *parameters[] = {id};
    if (session->used == MOST_WAITING || !PQsendQueryPrepared(session->pg, "room", 1, parameters, NULL, NULL, 0))
        fail(PQerrorMessage(session->pg));
    session->waiting[(session->first + session->used++) % MOST_WAITING] = req;
    session->has_unsent = true;
    return 0;
}

static void on_connections(h2o_socket_t *listener, const char *error)
{
    h2o_socket_t *client;
    for (int i = 0; error == NULL && i < ACCEPT_AT_ONCE && (client = h2o_evloop_socket_accept(listener)) != NULL; i++)
        h2o_accept(&accepting, client);
}

static void listen_on(uint16_t port)
{
    struct sockaddr_in address = {
        .sin_family = AF_INET, .sin_port = htons(port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
    int fd = socket(AF_INET, SOCK_STREAM, 0), on = 1;
    setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &on, sizeof on);
    if (bind(fd, (struct sockaddr *)&address, sizeof address) != 0 || listen(fd, BACKLOG) != 0)
        fail("cannot listen");
    h2o_socket_t *listener = h2o_evloop_socket_create(context.loop, fd, H2O_SOCKET_FLAG_DONT_READ);
    h2o_socket_read_start(listener, on_connections);
}

int main(int argc, char **argv)
{
    if (argc != 3)
        fail("usage: limit PORT CONNINFO");
    signal(SIGPIPE, SIG_IGN);
    h2o_config_init(&http);
    h2o_hostconf_t *host = h2o_config_register_host(&http, h2o_iovec_init(H2O_STRLIT("limit")), 65535);
    h2o_handler_t *handler = h2o_create_handler(h2o_config_register_path(host, "/", 0), sizeof *handler);
    handler->on_req = on_request;
    h2o_context_init(&context, h2o_evloop_create(), &http);
    accepting.hosts = http.hosts;
    for (size_t i = 0; i < SESSIONS; i++)
        open_session(&sessions[i], argv[2]);
    listen_on((uint16_t)strtoul(argv[1], NULL, 10));
    while (h2o_evloop_run(context.loop, INT32_MAX) == 0)
        end_turn();
    return 1;
}
