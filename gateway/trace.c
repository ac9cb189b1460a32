/* Request ids: how they look, and new ones. */
#include "gateway/trace.h"

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
