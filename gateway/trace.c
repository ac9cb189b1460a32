/* Request ids and trace context. */
#include "gateway/trace.h"

#include <string.h>

#include "gateway/text.h"

bool trace_is_request_id(struct str text)
{
    if (text.len == 0 || text.len > TRACE_MAX_ID_LEN)
        return false;
    for (size_t i = 0; i < text.len; i++) {
        char c = text.ptr[i], letter = (char)(c | 0x20);
        bool is_alphanumeric = (letter >= 'a' && letter <= 'z') || (c >= '0' && c <= '9');
        if (!is_alphanumeric && c != '.' && c != '_' && c != '-')
            return false;
    }
    return true;
}

void trace_make_request_id(uint64_t *state, char out[TRACE_ID_LEN])
{
    /* splitmix64: ids must differ, nobody must be kept from guessing them */
    uint64_t number = *state += 0x9e3779b97f4a7c15;
    number = (number ^ (number >> 30)) * 0xbf58476d1ce4e5b9;
    number = (number ^ (number >> 27)) * 0x94d049bb133111eb;
    text_put_hex(out, number ^ (number >> 31), TRACE_ID_LEN);
}

static bool is_hex(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (!(text.ptr[i] >= '0' && text.ptr[i] <= '9') && !(text.ptr[i] >= 'a' && text.ptr[i] <= 'f'))
            return false;
    return true;
}

static bool is_zero(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] != '0')
            return false;
    return true;
}

bool trace_is_traceparent(struct str text)
{
    enum { LEN = 55, TRACE_AT = 3, TRACE_LEN = 32, PARENT_AT = 36, PARENT_LEN = 16, FLAGS_AT = 53 };
    if (text.len != LEN || memcmp(text.ptr, "00-", 3) != 0 || text.ptr[PARENT_AT - 1] != '-' ||
        text.ptr[FLAGS_AT - 1] != '-')
        return false;
    struct str trace = {text.ptr + TRACE_AT, TRACE_LEN}, parent = {text.ptr + PARENT_AT, PARENT_LEN};
    return is_hex(trace) && is_hex(parent) && is_hex((struct str){text.ptr + FLAGS_AT, 2}) && !is_zero(trace) &&
           !is_zero(parent);
}
