/* The header field is fixed in its places: 00-<32 digits of the trace>-<16 of the parent>-<2 of flags>. */
#include "common/trace_parent.h"

#include <string.h>

enum { TRACE_AT = 3, TRACE_LEN = 32, SPAN_AT = 36, SPAN_LEN = 16, FLAGS_AT = 53, FLAGS_LEN = 2, SAMPLED = 1 };

static bool is_hex(const char *text, size_t len)
{
    for (size_t i = 0; i < len; i++)
        if (!(text[i] >= '0' && text[i] <= '9') && !(text[i] >= 'a' && text[i] <= 'f'))
            return false;
    return true;
}

/* Digits, and not all of them 0. */
static bool is_id(const char *text, size_t len)
{
    return is_hex(text, len) && strspn(text, "0") < len;
}

/* Version 00 ends with its flags; a later one may go on, behind a dash; ff is none. */
static bool is_version(struct str text)
{
    if (!is_hex(text.ptr, 2) || memcmp(text.ptr, "ff", 2) == 0)
        return false;
    if (text.len == TRACE_PARENT_LEN)
        return true;
    return memcmp(text.ptr, "00", 2) != 0 && text.ptr[TRACE_PARENT_LEN] == '-';
}

/* Of the flags only the last bit is known: whether the caller records the trace. */
static bool is_sampled(char digit)
{
    return ((digit <= '9' ? digit - '0' : digit - 'a' + 10) & SAMPLED) != 0;
}

bool trace_parent_read(struct str text, char out[TRACE_PARENT_LEN])
{
    if (text.len < TRACE_PARENT_LEN || !is_version(text) || text.ptr[TRACE_AT - 1] != '-' ||
        text.ptr[SPAN_AT - 1] != '-' || text.ptr[FLAGS_AT - 1] != '-' || !is_id(text.ptr + TRACE_AT, TRACE_LEN) ||
        !is_id(text.ptr + SPAN_AT, SPAN_LEN) || !is_hex(text.ptr + FLAGS_AT, FLAGS_LEN))
        return false;
    memcpy(out, "00", 2);
    memcpy(out + 2, text.ptr + 2, FLAGS_AT - 2);
    out[FLAGS_AT] = '0';
    out[FLAGS_AT + 1] = is_sampled(text.ptr[FLAGS_AT + 1]) ? '1' : '0';
    return true;
}

struct str trace_parent_id(struct str parent)
{
    return parent.len == TRACE_PARENT_LEN ? (struct str){parent.ptr + TRACE_AT, TRACE_LEN} : STR("");
}
