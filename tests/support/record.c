/* What a suite saw: replies and events boiled down to what the contract's tables speak of, each kind written once. */
#include "tests/support/record.h"

#include <assert.h>
#include <pthread.h>
#include <search.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/contract.h"
#include "tests/support/database.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

static FILE *file;
static void *seen; /* a tree (search.h) of the lines that were written */
static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;

void record_open(const char *suite)
{
    file = fopen(text("%s/%s.jsonl", RECORDS_DIR, suite), "we");
    assert(file != NULL);
}

void record_close(void)
{
    fclose(file);
    file = NULL;
    tdestroy(seen, free);
    seen = NULL;
}

static const char *type_name(const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
    case JSON_ARRAY:
        return "container";
    case JSON_STRING:
        return "string";
    case JSON_INTEGER:
        return "integer";
    case JSON_REAL:
        return "real";
    case JSON_NULL:
        return "null";
    default:
        return "boolean";
    }
}

static json_t *shape_of(const json_t *object)
{
    json_t *shape = json_array();
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value)
        json_array_append_new(shape, json_pack("[ss]", key, type_name(value)));
    return shape;
}

static void add_shape(json_t *shapes, const json_t *object)
{
    json_t *shape = shape_of(object);
    for (size_t i = 0; i < json_array_size(shapes); i++) {
        if (json_equal(json_array_get(shapes, i), shape)) {
            json_decref(shape);
            return;
        }
    }
    json_array_append_new(shapes, shape);
}

static json_t *shapes_of(const json_t *body)
{
    json_t *shapes = json_array();
    if (json_is_object(body))
        add_shape(shapes, body);
    for (size_t i = 0; json_is_array(body) && i < json_array_size(body); i++)
        add_shape(shapes, json_array_get(body, i));
    return shapes;
}

static const char *top_of(const struct reply *reply)
{
    if (json_is_object(reply->json))
        return "object";
    if (json_is_array(reply->json))
        return "array";
    return reply->body_len == 0 ? "none" : "other";
}

static json_t *record_of(const struct reply *reply)
{
    const struct route *route = contract_route(reply->verb, reply->path);
    const char *type = reply_header(reply, "Content-Type");
    bool is_error = reply->status >= 400;
    json_t *record =
        json_pack("{ss, si, ss, sb, sb, so}", "verb", reply->verb, "status", (int)reply->status, "top", top_of(reply),
                  "bodiless", strcmp(reply->verb, "HEAD") == 0 || reply->status == 304, "problem",
                  type != NULL && strstr(type, "application/problem+json") != NULL, "shapes", shapes_of(reply->json));
    assert(record != NULL);
    if (route != NULL)
        json_object_set_new(record, "route", json_string(contract_route_name(route)));
    static const char *const of_errors[] = {"code", "error", "statusCode"};
    for (size_t i = 0; is_error && i < sizeof of_errors / sizeof *of_errors; i++)
        json_object_set(record, of_errors[i], json_object_get(reply->json, of_errors[i]));
    return record;
}

static int compare(const void *a, const void *b)
{
    return strcmp(a, b);
}

static void write_once(char *line)
{
    pthread_mutex_lock(&lock);
    if (file == NULL || tfind(line, &seen, compare) != NULL) {
        free(line);
    } else {
        fprintf(file, "%s\n", line);
        fflush(file);
        tsearch(line, &seen, compare);
    }
    pthread_mutex_unlock(&lock);
}

void record_reply(const struct reply *reply)
{
    if (reply->status == 0)
        return;
    json_t *record = record_of(reply);
    write_once(json_dumps(record, JSON_COMPACT));
    json_decref(record);
}

/* ---- events ---- */

/* Each kind once: [["room.left", {"roomId": "number", …}], …], of all tables named outbox. */
static json_t *read_event_shapes(const struct stack *stack)
{
    char *outboxes =
        database_value(stack, "select string_agg(format('select name, body from %I.outbox', table_schema), "
                              "' union all ') from information_schema.tables where table_name = 'outbox'");
    assert(outboxes != NULL);
    char *shapes =
        database_value(stack, text("select jsonb_agg(distinct jsonb_build_array(name, (select jsonb_object_agg(key, "
                                   "jsonb_typeof(value)) from jsonb_each(body)))) from (%s) as told",
                                   outboxes));
    return shapes != NULL ? json_loads(shapes, 0, NULL) : json_array();
}

void record_events(const struct stack *stack)
{
    json_t *shapes = read_event_shapes(stack), *shape;
    size_t i;
    json_array_foreach(shapes, i, shape)
    {
        json_t *record = json_pack("{sO, sO}", "event", json_array_get(shape, 0), "body", json_array_get(shape, 1));
        assert(record != NULL);
        write_once(json_dumps(record, JSON_COMPACT));
        json_decref(record);
    }
    json_decref(shapes);
}
