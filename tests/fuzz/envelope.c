/* Fuzzes what a peer on the bus may send: batches of calls and of replies, events, what listeners have heard. What is
 * read is within its bounds, and comes back as it is when it is written again. */
#include <assert.h>

#include "common/envelope.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_call(const struct bus_incoming *call, int64_t left_ms)
{
    struct bus_request request = {.method = call->method,
                                  .caller = call->caller,
                                  .client = call->client,
                                  .request_id = call->request_id,
                                  .traceparent = call->traceparent,
                                  .arguments = call->arguments};
    struct buffer batch = {0};
    struct pack_reader reader;
    struct bus_incoming again;
    int64_t left_again_ms;
    assert(call->method.len > 0 && call->method.len <= BUS_MAX_METHOD && left_ms <= BUS_MAX_TIMEOUT_MS);
    assert(call->client.address.len <= BUS_MAX_ADDRESS && call->client.agent.len <= BUS_MAX_AGENT);
    envelope_write_call(&batch, call->origin.id, left_ms, &request);
    assert(envelope_open(buffer_str(&batch), &reader) && envelope_read_call(&reader, &again, &left_again_ms));
    assert(pack_at_end(&reader) && left_again_ms == left_ms && again.origin.id == call->origin.id);
    assert(again.caller.id == call->caller.id && again.caller.session_id == call->caller.session_id);
    assert(str_equal(again.client.agent, call->client.agent) && str_equal(again.arguments, call->arguments));
    struct buffer later = {0};
    envelope_write_again(&later, envelope_last(&batch, 0), left_ms);
    assert(str_equal(buffer_str(&later), buffer_str(&batch)));
    buffer_free(&later);
    buffer_free(&batch);
}

static void check_reply(uint64_t id, const struct bus_reply *reply)
{
    struct buffer batch = {0};
    struct pack_reader reader;
    struct bus_reply again;
    uint64_t id_again;
    envelope_write_reply(&batch, id, reply);
    assert(envelope_open(buffer_str(&batch), &reader) && envelope_read_reply(&reader, &id_again, &again));
    assert(pack_at_end(&reader) && id_again == id && again.error == reply->error);
    assert(again.is_refused == reply->is_refused);
    assert(str_equal(again.body, reply->body) && again.rate.limit == reply->rate.limit);
    buffer_free(&batch);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size};
    struct pack_reader reader;
    struct bus_incoming call = {.deadline_ms = 0};
    struct bus_reply reply;
    struct envelope_event event;
    struct envelope_heard heard;
    int64_t left_ms, listener;
    uint64_t id;
    if (envelope_open(bytes, &reader))
        while (!pack_at_end(&reader) && envelope_read_call(&reader, &call, &left_ms))
            check_call(&call, left_ms);
    if (envelope_open(bytes, &reader))
        while (!pack_at_end(&reader) && envelope_read_reply(&reader, &id, &reply))
            check_reply(id, &reply);
    if (envelope_read_event(bytes, &event))
        assert(event.name.len <= ENVELOPE_MAX_NAME && event.number >= 0);
    if (envelope_read_heard(bytes, &heard))
        assert(heard.listener >= 0 && heard.number >= 0);
    if (envelope_read_listener(bytes, &listener))
        assert(listener >= 0);
    return 0;
}
