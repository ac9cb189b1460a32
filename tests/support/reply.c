/* What tests ask of a reply: its headers, members of its JSON, and assertions that show all of it when they fail. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "tests/support/http.h"
#include "tests/support/scratch.h"

char *reply_header(const struct reply *reply, const char *name)
{
    size_t name_len = strlen(name);
    for (const char *line = reply->head; *line != '\0'; line = strchr(line, '\n') + 1) {
        if (strncasecmp(line, name, name_len) != 0 || line[name_len] != ':')
            continue;
        const char *value = line + name_len + 1;
        value += strspn(value, " \t");
        return text("%.*s", (int)strcspn(value, "\r\n"), value);
    }
    return NULL;
}

long reply_header_number(const struct reply *reply, const char *name)
{
    char *value = reply_header(reply, name);
    if (value == NULL)
        fail_msg("no %s in\n%s", name, reply->head);
    return strtol(value, NULL, 10);
}

static const json_t *member(const json_t *object, const char *key, bool right_type(const json_t *value))
{
    const json_t *value = json_object_get(object, key);
    if (value == NULL || !right_type(value)) {
        char *shown = object != NULL ? json_dumps(object, JSON_ENCODE_ANY) : NULL;
        fail_msg("no good \"%s\" in %s", key, shown != NULL ? shown : "nothing");
    }
    return value;
}

static bool is_string(const json_t *value)
{
    return json_is_string(value);
}

static bool is_integer(const json_t *value)
{
    return json_is_integer(value);
}

static bool is_boolean(const json_t *value)
{
    return json_is_boolean(value);
}

const char *object_string(const json_t *object, const char *key)
{
    return json_string_value(member(object, key, is_string));
}

json_int_t object_integer(const json_t *object, const char *key)
{
    return json_integer_value(member(object, key, is_integer));
}

char *object_keys(const json_t *object)
{
    char *keys = text("%s", "");
    const char *key;
    json_t *value;
    json_object_foreach((json_t *)object, key, value) keys = text("%s%s%s", keys, *keys != '\0' ? "," : "", key);
    return keys;
}

const char *reply_string(const struct reply *reply, const char *key)
{
    return object_string(reply->json, key);
}

json_int_t reply_integer(const struct reply *reply, const char *key)
{
    return object_integer(reply->json, key);
}

bool reply_boolean(const struct reply *reply, const char *key)
{
    return json_is_true(member(reply->json, key, is_boolean));
}

bool reply_has(const struct reply *reply, const char *key)
{
    return json_object_get(reply->json, key) != NULL;
}

size_t count_status(struct reply *const *replies, size_t count, long status)
{
    size_t found = 0;
    for (size_t i = 0; i < count; i++)
        found += replies[i]->status == status;
    return found;
}

/* ---- assertions ---- */

static void fail_reply(const struct reply *reply, const char *expected, const char *file, int line)
{
    print_error("%s %.200s: expected %s, got %s\n%s%.2000s\n", reply->verb, reply->path, expected, reply->why,
                reply->head, reply->body);
    _fail(file, line);
}

static bool string_is(const json_t *object, const char *key, const char *expected)
{
    const char *value = json_string_value(json_object_get(object, key));
    return expected == NULL || (value != NULL && strcmp(value, expected) == 0);
}

void assert_reply_at(const struct reply *reply, long status, const char *code, const char *message, const char *file,
                     int line)
{
    if (reply->status != status || !string_is(reply->json, "code", code) || !string_is(reply->json, "message", message))
        fail_reply(reply, text("%ld %s %s", status, code != NULL ? code : "", message != NULL ? message : ""), file,
                   line);
}

void assert_throttled(const struct reply *reply, long limit, long window_s)
{
    assert_error_text(reply, 429, "too_many_requests", "Too Many Requests");
    assert_int_equal(reply_header_number(reply, "RateLimit-Limit"), limit);
    assert_int_equal(reply_header_number(reply, "RateLimit-Remaining"), 0);
    assert_in_range(reply_header_number(reply, "RateLimit-Reset"), 1, window_s);
    assert_int_equal(reply_header_number(reply, "Retry-After"), reply_header_number(reply, "RateLimit-Reset"));
}

static char *join_texts(const json_t *texts)
{
    char *joined = text("%s", "");
    for (size_t i = 0; i < json_array_size(texts); i++)
        joined = text("%s%s%s", joined, i > 0 ? "|" : "", json_string_value(json_array_get(texts, i)));
    return joined;
}

void assert_invalid_at(const struct reply *reply, const char *texts, const char *file, int line)
{
    assert_reply_at(reply, 400, "validation_failed", NULL, file, line);
    const json_t *message = json_object_get(reply->json, "message");
    if (!json_is_array(message) || strcmp(join_texts(message), texts) != 0)
        fail_reply(reply, texts, file, line);
}
