/* Fuzzes the decoding of arguments, into the message with the most kinds of fields. What is good keeps the message's
 * rules, and comes back the same through encoding. */
#include <assert.h>

#include "common/schema.h"
#include "proto/proto.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check_good(const struct room_create *in, struct arena *arena)
{
    struct buffer bytes = {0};
    struct room_create out;
    struct report report;
    assert(in->has_name && str_utf16_len(in->name) >= 1 && str_utf16_len(in->name) <= 255);
    assert(!in->has_max_participants || (in->max_participants >= 2 && in->max_participants <= 50));
    schema_encode_arguments(&room_create_message, in, &bytes);
    struct pack_reader reader = pack_reader(buffer_str(&bytes));
    assert(schema_decode(&room_create_message, &reader, arena, &out, &report) == OK);
    assert(report.count == 0 && pack_at_end(&reader));
    assert(str_equal(in->name, out.name) && str_equal(in->description, out.description));
    assert(in->has_password == out.has_password && str_equal(in->password, out.password));
    assert(in->max_participants == out.max_participants && in->is_private == out.is_private);
    buffer_free(&bytes);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct pack_reader reader = pack_reader((struct str){(const char *)data, size});
    struct room_create out;
    struct report report;
    enum error error = schema_decode(&room_create_message, &reader, arena, &out, &report);
    assert(error == OK || error == ERROR_MALFORMED);
    if (error == OK && report.count == 0)
        check_good(&out, arena);
    for (size_t i = 0; error == OK && i < report.count; i++)
        assert(report.texts[i].len > 0 && str_is_utf8(report.texts[i]));
    arena_destroy(&arena);
    return 0;
}
