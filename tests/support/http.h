/* The suites' HTTP client, on libcurl. Each reply is recorded for the coverage of the contract (record.h). Replies live
 * until the program ends. A path is given as in the contract ("/rooms/1"); nothing is added, normalized or escaped. Any
 * thread. */
#ifndef TESTS_SUPPORT_HTTP_H
#define TESTS_SUPPORT_HTTP_H

#include <jansson.h>
#include <stdbool.h>
#include <stddef.h>

#include "tests/support/stack.h"

struct request {
    const char *verb; /* NULL = GET */
    const char *path;
    const char *token; /* NULL = no Authorization */
    const char *json;  /* a body of type application/json; NULL = none */
    const char *body;  /* another body: give its Content-Type among the headers; NULL = none */
    size_t body_len;
    const char *headers[6]; /* "Name: value" */
    const char *base;       /* of another gateway than the stack's: http://address:port */
};

struct reply {
    const char *verb, *path; /* asked for */
    long status;             /* 0 = no reply came: */
    const char *why;         /* then the reason, else "" */
    char *head;              /* its lines, each with \r\n */
    char *body;              /* terminated */
    size_t body_len;
    json_t *json; /* of the body; NULL = it is none */
};

void http_init(void);
void http_cleanup(void);

/* On this thread's kept connection. Never NULL. */
struct reply *http_send(const struct stack *stack, const struct request *request);

/* All at once, each on a connection of its own: replies[n] answers requests[n]. */
void http_send_many(const struct stack *stack, const struct request *requests, struct reply **replies, size_t count);

/* Asks the gateway's admin port. Not recorded. */
struct reply *http_probe(const struct stack *stack, const char *path);
/* The same of a part. */
struct reply *http_probe_part(const struct stack *stack, int part, const char *path);

/* A JSON body or none (NULL); the path is a format. */
struct reply *http_get(const struct stack *stack, const char *token, const char *path, ...)
    __attribute__((format(printf, 3, 4)));
struct reply *http_post(const struct stack *stack, const char *token, const char *json, const char *path, ...)
    __attribute__((format(printf, 4, 5)));
struct reply *http_patch(const struct stack *stack, const char *token, const char *json, const char *path, ...)
    __attribute__((format(printf, 4, 5)));
struct reply *http_put(const struct stack *stack, const char *token, const char *json, const char *path, ...)
    __attribute__((format(printf, 4, 5)));
struct reply *http_delete(const struct stack *stack, const char *token, const char *path, ...)
    __attribute__((format(printf, 3, 4)));

/* The value of a header, in scratch; NULL = it is not there. */
char *reply_header(const struct reply *reply, const char *name);

/* The same of one that is a number; absent fails the test. */
long reply_header_number(const struct reply *reply, const char *name);

/* Members of a JSON object; absent or of another type fails the test. */
const char *reply_string(const struct reply *reply, const char *key);
json_int_t reply_integer(const struct reply *reply, const char *key);
bool reply_boolean(const struct reply *reply, const char *key);
bool reply_has(const struct reply *reply, const char *key);
/* The same of any object. */
const char *object_string(const json_t *object, const char *key);
json_int_t object_integer(const json_t *object, const char *key);
/* "id,name,…": the keys in their order. */
char *object_keys(const json_t *object);

/* For counting: how many of the replies have the status. */
size_t count_status(struct reply *const *replies, size_t count, long status);

/* Fails the test, showing the whole reply, unless it has the status; and, of an error, its code and message (NULL =
 * any). */
#define assert_status(reply, status) assert_reply_at((reply), (status), NULL, NULL, __FILE__, __LINE__)
#define assert_error(reply, status, code) assert_reply_at((reply), (status), (code), NULL, __FILE__, __LINE__)
#define assert_error_text(reply, status, code, message)                                                                \
    assert_reply_at((reply), (status), (code), (message), __FILE__, __LINE__)
void assert_reply_at(const struct reply *reply, long status, const char *code, const char *message, const char *file,
                     int line);

/* 429 that says how many there may be in a window, that none is left, and for how long. */
void assert_throttled(const struct reply *reply, long limit, long window_s);

/* 400 validation_failed with exactly these texts, joined by "|". */
#define assert_invalid(reply, texts) assert_invalid_at((reply), (texts), __FILE__, __LINE__)
void assert_invalid_at(const struct reply *reply, const char *texts, const char *file, int line);

#endif
