/* Fuzzes the MessagePack reader and the JSON writer: whatever the bytes, they are read to their end or refused, and
 * what comes out as JSON is JSON. */
#include <assert.h>
#include <jansson.h>
#include <string.h>

#include "common/json.h"
#include "common/pack.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str bytes = {(const char *)data, size}, whole;
    struct buffer json = {0};
    bool is_written = json_from_pack(bytes, &json);

    struct pack_reader reader = pack_reader(bytes);
    if (pack_skip(&reader, &whole))
        assert(whole.len > 0 && whole.ptr + whole.len == reader.at && reader.at <= reader.end);
    else
        assert(reader.at == bytes.ptr || size == 0);

    if (is_written) {
        assert(pack_at_end(&reader)); /* both count nesting alike */
        json_t *tree =
            json_loadb(json.data, json.len, JSON_DECODE_ANY | JSON_DECODE_INT_AS_REAL | JSON_ALLOW_NUL, NULL);
        assert(tree || memmem(json.data, json.len, "\\u0000", 6)); /* jansson takes no NUL in a key */
        json_decref(tree);
    }
    buffer_free(&json);
    return 0;
}
