/* Fuzzes the way of a body: JSON to MessagePack. What is accepted is one map of strings to values, and writes back as
 * JSON. */
#include <assert.h>

#include "common/json.h"
#include "common/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct arena *arena = arena_new();
    struct buffer pack = {0}, json = {0};
    struct str why = {NULL, 0};
    if (json_to_pack((struct str){(const char *)data, size}, arena, &pack, &why) == OK) {
        struct pack_reader reader = pack_reader(buffer_str(&pack));
        uint32_t pairs;
        assert(pack_read_map(&reader, &pairs));
        assert(json_from_pack(buffer_str(&pack), &json));
        assert(str_is_utf8(buffer_str(&json)));
    } else {
        assert(why.len > 0);
    }
    buffer_free(&pack);
    buffer_free(&json);
    arena_destroy(&arena);
    return 0;
}
