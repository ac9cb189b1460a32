/* The envelope's bytes, written and read. Nothing is allocated but the batch itself, and every field is bounded. */
#include "common/envelope.h"

#include <assert.h>

/* How many elements the writer writes, and how many the reader needs. */
enum {
    CALL_FIELDS = 6,
    CALLER_FIELDS = 3,
    CALLER_LEAST = 2,
    TRACE_FIELDS = 4,
    TRACE_LEAST = 2,
    REPLY_FIELDS = 9,
    REPLY_LEAST = 4,
    RATE_FIELDS = 3,
    TIMING_FIELDS = 2,
    EVENT_FIELDS = 4,
    HEARD_FIELDS = 3,
};
enum { MAX_CODE = 64 };

/* No error's code: what the reader makes of it is ERROR_UNAVAILABLE, and that it was refused. */
static const struct str REFUSED = {"refused", sizeof("refused") - 1};

/* ---- writing ---- */

static void open_batch(struct buffer *batch)
{
    if (batch->len == 0)
        buffer_append_char(batch, ENVELOPE_VERSION);
}

static void write_id(struct buffer *batch, uint64_t id)
{
    assert(id <= INT64_MAX);
    pack_integer(batch, (int64_t)id);
}

static void write_text_or_nil(struct buffer *batch, struct str text)
{
    if (text.len > 0)
        pack_string(batch, text);
    else
        pack_nil(batch);
}

/* MessagePack's `bin` with a length of 32 bits, whatever the size: one form, nothing to choose. */
static void write_payload(struct buffer *batch, struct str payload)
{
    if (payload.len == 0) {
        pack_nil(batch);
        return;
    }
    assert(payload.len <= BUS_MAX_BODY);
    uint32_t len = (uint32_t)payload.len;
    const char head[] = {(char)0xC6, (char)(len >> 24), (char)(len >> 16), (char)(len >> 8), (char)len};
    buffer_append(batch, head, sizeof head);
    buffer_append_str(batch, payload);
}

static void write_caller(struct buffer *batch, const struct caller *caller)
{
    if (caller->id == 0 && caller->role.len == 0) {
        pack_nil(batch);
        return;
    }
    pack_array(batch, CALLER_FIELDS);
    pack_integer(batch, caller->id);
    pack_string(batch, caller->role);
    pack_integer(batch, caller->session_id);
}

static void write_trace(struct buffer *batch, const struct bus_request *request)
{
    pack_array(batch, TRACE_FIELDS);
    pack_string(batch, request->request_id);
    write_text_or_nil(batch, request->traceparent);
    write_text_or_nil(batch, request->client.address);
    write_text_or_nil(batch, request->client.agent);
}

static void write_rate(struct buffer *batch, const struct rate *rate)
{
    if (rate->limit == 0) {
        pack_nil(batch);
        return;
    }
    pack_array(batch, RATE_FIELDS);
    pack_integer(batch, rate->limit);
    pack_integer(batch, rate->remaining);
    pack_integer(batch, rate->reset_s);
}

static void write_timing(struct buffer *batch, const struct timing *timing)
{
    if (timing->service_us == 0) {
        pack_nil(batch);
        return;
    }
    pack_array(batch, TIMING_FIELDS);
    pack_integer(batch, timing->service_us);
    pack_integer(batch, timing->database_us);
}

void envelope_write_call(struct buffer *batch, uint64_t id, int64_t left_ms, const struct bus_request *request)
{
    open_batch(batch);
    buffer_reserve(batch, ENVELOPE_OVERHEAD + request->arguments.len);
    pack_array(batch, CALL_FIELDS);
    write_id(batch, id);
    pack_string(batch, request->method);
    pack_integer(batch, left_ms);
    write_caller(batch, &request->caller);
    write_trace(batch, request);
    write_payload(batch, request->arguments);
}

void envelope_write_reply(struct buffer *batch, uint64_t id, const struct bus_reply *reply)
{
    open_batch(batch);
    buffer_reserve(batch, ENVELOPE_OVERHEAD + reply->body.len);
    pack_array(batch, REPLY_FIELDS);
    write_id(batch, id);
    if (reply->is_refused)
        pack_string(batch, REFUSED);
    else if (reply->error == OK)
        pack_nil(batch);
    else
        pack_string(batch, str_from(error_code(reply->error)));
    write_payload(batch, reply->body);
    pack_integer(batch, reply->next_after);
    write_rate(batch, &reply->rate);
    write_text_or_nil(batch, reply->variant);
    pack_integer(batch, reply->version);
    write_timing(batch, &reply->timing);
    pack_boolean(batch, reply->is_for_all);
}

struct str envelope_last(const struct buffer *batch, size_t begin)
{
    if (begin == 0)
        begin = 1; /* the version */
    return (struct str){batch->data + begin, batch->len - begin};
}

/* All but the deadline stays, and all behind it is passed on unread. */
void envelope_write_again(struct buffer *batch, struct str call, int64_t left_ms)
{
    struct pack_reader reader = pack_reader(call);
    uint32_t count;
    struct str id, method, deadline;
    bool is_read = pack_read_array(&reader, &count) && pack_skip(&reader, &id) && pack_skip(&reader, &method) &&
                   pack_skip(&reader, &deadline);
    assert(is_read);
    open_batch(batch);
    pack_array(batch, count);
    pack_raw(batch, id);
    pack_raw(batch, method);
    pack_integer(batch, left_ms);
    pack_raw(batch, (struct str){reader.at, (size_t)(reader.end - reader.at)});
}

void envelope_write_hello(struct buffer *batch)
{
    assert(batch->len == 0);
    open_batch(batch);
}

void envelope_write_event(struct buffer *message, const struct envelope_event *event)
{
    assert(event->name.len <= ENVELOPE_MAX_NAME);
    open_batch(message);
    pack_array(message, EVENT_FIELDS);
    pack_integer(message, event->instance);
    pack_integer(message, event->number);
    pack_string(message, event->name);
    write_payload(message, event->body);
}

void envelope_write_listener(struct buffer *topic, int64_t listener)
{
    buffer_append_char(topic, ENVELOPE_LISTENER);
    pack_integer(topic, listener);
}

void envelope_write_heard(struct buffer *message, const struct envelope_heard *heard)
{
    buffer_append_char(message, ENVELOPE_LISTENER);
    pack_array(message, HEARD_FIELDS);
    pack_integer(message, heard->listener);
    pack_integer(message, heard->instance);
    pack_integer(message, heard->number);
}

/* ---- reading ---- */

static bool open_behind(struct str bytes, char first, struct pack_reader *reader)
{
    if (bytes.len < 1 || bytes.ptr[0] != first)
        return false;
    *reader = pack_reader((struct str){bytes.ptr + 1, bytes.len - 1});
    return true;
}

bool envelope_open(struct str batch, struct pack_reader *reader)
{
    return open_behind(batch, ENVELOPE_VERSION, reader);
}

/* An array of at least so many fields; *more gets how many there are beyond: room for the protocol to grow. */
static bool read_head(struct pack_reader *reader, uint32_t fields, uint32_t *more)
{
    uint32_t count;
    if (!pack_read_array(reader, &count) || count < fields)
        return false;
    *more = count - fields;
    return true;
}

static bool skip_more(struct pack_reader *reader, uint32_t more)
{
    for (; more > 0; more--)
        if (!pack_skip(reader, NULL))
            return false;
    return true;
}

static bool read_number(struct pack_reader *reader, int64_t min, int64_t max, int64_t *out)
{
    return pack_read_integer(reader, out) && *out >= min && *out <= max;
}

static bool read_boolean(struct pack_reader *reader, bool *out)
{
    struct pack_value value;
    bool is_boolean = pack_read(reader, &value) && value.type == PACK_BOOLEAN;
    *out = is_boolean && value.boolean;
    return is_boolean;
}

static bool read_id(struct pack_reader *reader, uint64_t *out)
{
    int64_t id;
    if (!read_number(reader, 0, INT64_MAX, &id))
        return false;
    *out = (uint64_t)id;
    return true;
}

static bool read_text(struct pack_reader *reader, size_t max, struct str *out)
{
    return pack_read_string(reader, out) && out->len <= max;
}

/* A value of the type, or nil: then *out is the empty string. */
static bool read_optional(struct pack_reader *reader, enum pack_type type, size_t max, struct str *out)
{
    struct pack_value value;
    if (!pack_read(reader, &value) || (value.type != type && value.type != PACK_NIL))
        return false;
    *out = value.type == PACK_NIL ? STR("") : value.text;
    return out->len <= max;
}

/* Whether the array goes on with one more element, which older writers do not know. */
static bool goes_on(uint32_t *more)
{
    return *more > 0 && (*more)--;
}

static bool read_caller(struct pack_reader *reader, struct caller *caller)
{
    struct pack_value value;
    *caller = (struct caller){.role = STR("")};
    if (!pack_read(reader, &value))
        return false;
    if (value.type == PACK_NIL)
        return true;
    if (value.type != PACK_ARRAY || value.count < CALLER_LEAST)
        return false;
    uint32_t more = value.count - CALLER_LEAST;
    return read_number(reader, 0, INT64_MAX, &caller->id) && read_text(reader, BUS_MAX_ROLE, &caller->role) &&
           (caller->id > 0 || caller->role.len > 0) &&
           (!goes_on(&more) || read_number(reader, 0, INT64_MAX, &caller->session_id)) && skip_more(reader, more);
}

static bool read_trace(struct pack_reader *reader, struct bus_incoming *incoming)
{
    uint32_t more;
    struct client *client = &incoming->client;
    *client = (struct client){STR(""), STR("")};
    return read_head(reader, TRACE_LEAST, &more) && read_text(reader, BUS_MAX_REQUEST_ID, &incoming->request_id) &&
           read_optional(reader, PACK_STRING, BUS_MAX_TRACEPARENT, &incoming->traceparent) &&
           (!goes_on(&more) || read_optional(reader, PACK_STRING, BUS_MAX_ADDRESS, &client->address)) &&
           (!goes_on(&more) || read_optional(reader, PACK_STRING, BUS_MAX_AGENT, &client->agent)) &&
           skip_more(reader, more);
}

static bool read_rate(struct pack_reader *reader, struct rate *rate)
{
    struct pack_value value;
    if (!pack_read(reader, &value))
        return false;
    if (value.type == PACK_NIL)
        return true;
    return value.type == PACK_ARRAY && value.count >= RATE_FIELDS && read_number(reader, 1, INT64_MAX, &rate->limit) &&
           read_number(reader, 0, INT64_MAX, &rate->remaining) && read_number(reader, 0, INT64_MAX, &rate->reset_s) &&
           skip_more(reader, value.count - RATE_FIELDS);
}

static bool read_timing(struct pack_reader *reader, struct timing *timing)
{
    struct pack_value value;
    if (!pack_read(reader, &value))
        return false;
    if (value.type == PACK_NIL)
        return true;
    return value.type == PACK_ARRAY && value.count >= TIMING_FIELDS &&
           read_number(reader, 0, INT64_MAX, &timing->service_us) &&
           read_number(reader, 0, INT64_MAX, &timing->database_us) && skip_more(reader, value.count - TIMING_FIELDS);
}

bool envelope_read_call(struct pack_reader *reader, struct bus_incoming *incoming, int64_t *left_ms)
{
    uint32_t more;
    return read_head(reader, CALL_FIELDS, &more) && read_id(reader, &incoming->origin.id) &&
           read_text(reader, BUS_MAX_METHOD, &incoming->method) && incoming->method.len > 0 &&
           read_number(reader, 0, BUS_MAX_TIMEOUT_MS, left_ms) && read_caller(reader, &incoming->caller) &&
           read_trace(reader, incoming) && read_optional(reader, PACK_BINARY, BUS_MAX_BODY, &incoming->arguments) &&
           skip_more(reader, more);
}

bool envelope_read_reply(struct pack_reader *reader, uint64_t *id, struct bus_reply *reply)
{
    uint32_t more;
    struct str code;
    reply->rate = (struct rate){0};
    reply->variant = STR("");
    reply->version = 0;
    reply->timing = (struct timing){0};
    reply->is_for_all = false;
    if (!read_head(reader, REPLY_LEAST, &more) || !read_id(reader, id) ||
        !read_optional(reader, PACK_STRING, MAX_CODE, &code) ||
        !read_optional(reader, PACK_BINARY, BUS_MAX_BODY, &reply->body) ||
        !read_number(reader, 0, INT64_MAX, &reply->next_after) ||
        (goes_on(&more) && !read_rate(reader, &reply->rate)) ||
        (goes_on(&more) && !read_optional(reader, PACK_STRING, BUS_MAX_VARIANT, &reply->variant)) ||
        (goes_on(&more) && !read_number(reader, 0, INT64_MAX, &reply->version)) ||
        (goes_on(&more) && !read_timing(reader, &reply->timing)) ||
        (goes_on(&more) && !read_boolean(reader, &reply->is_for_all)) || !skip_more(reader, more))
        return false;
    reply->is_refused = str_equal(code, REFUSED);
    reply->error = reply->is_refused ? ERROR_UNAVAILABLE : code.len == 0 ? OK : error_from_code(code);
    if (reply->error != OK && reply->body.len == 0)
        reply->body = ENVELOPE_NO_TEXT;
    return true;
}

bool envelope_read_event(struct str message, struct envelope_event *event)
{
    uint32_t more;
    struct pack_reader reader;
    return envelope_open(message, &reader) && read_head(&reader, EVENT_FIELDS, &more) &&
           read_number(&reader, 0, INT64_MAX, &event->instance) && read_number(&reader, 0, INT64_MAX, &event->number) &&
           read_text(&reader, ENVELOPE_MAX_NAME, &event->name) &&
           read_optional(&reader, PACK_BINARY, BUS_MAX_BODY, &event->body) && skip_more(&reader, more) &&
           pack_at_end(&reader);
}

bool envelope_read_listener(struct str topic, int64_t *listener)
{
    struct pack_reader reader;
    return open_behind(topic, ENVELOPE_LISTENER, &reader) && read_number(&reader, 0, INT64_MAX, listener) &&
           pack_at_end(&reader);
}

bool envelope_read_heard(struct str message, struct envelope_heard *heard)
{
    uint32_t more;
    struct pack_reader reader;
    return open_behind(message, ENVELOPE_LISTENER, &reader) && read_head(&reader, HEARD_FIELDS, &more) &&
           read_number(&reader, 0, INT64_MAX, &heard->listener) &&
           read_number(&reader, 0, INT64_MAX, &heard->instance) && read_number(&reader, 0, INT64_MAX, &heard->number) &&
           skip_more(&reader, more) && pack_at_end(&reader);
}
