/* MessagePack, one value at a time (https://github.com/msgpack/msgpack/blob/master/spec.md). */
#include "common/pack.h"

#include <assert.h>
#include <msgpack/pack.h>
#include <string.h>

enum { MAX_DEPTH = 16 };

/* ---- reading ---- */

struct pack_reader pack_reader(struct str bytes)
{
    const char *at = bytes.ptr ? bytes.ptr : "";
    return (struct pack_reader){at, at + bytes.len};
}

/* How many bytes the number, length or count takes that follows the bytes 0xC0 to 0xDF. */
static const unsigned char following[0x20] = {
    0, 0, 0, 0, 1, 2, 4, 1, 2, 4, 4, 8, 1, 2, 4, 8, /* C0 */
    1, 2, 4, 8, 0, 0, 0, 0, 0, 1, 2, 4, 2, 4, 2, 4  /* D0 */
};

static size_t bytes_left(const struct pack_reader *reader)
{
    return (size_t)(reader->end - reader->at);
}

/* A big-endian number of size bytes, which are there. */
static uint64_t take_number(struct pack_reader *reader, size_t size)
{
    uint64_t number = 0;
    for (size_t i = 0; i < size; i++)
        number = number << 8 | (unsigned char)*reader->at++;
    return number;
}

static bool take_text(struct pack_reader *reader, enum pack_type type, uint64_t len, struct pack_value *out)
{
    if (len > bytes_left(reader))
        return false;
    *out = (struct pack_value){.type = type, .text = {reader->at, len}};
    reader->at += len;
    return true;
}

static bool take_extension(struct pack_reader *reader, uint64_t len, struct pack_value *out)
{
    if (bytes_left(reader) == 0)
        return false;
    reader->at++; /* the application's type: nobody here asks for it */
    return take_text(reader, PACK_EXTENSION, len, out);
}

/* Each element takes a byte at least: a count that the rest cannot hold is a lie. */
static bool take_head(struct pack_reader *reader, enum pack_type type, uint64_t count, struct pack_value *out)
{
    if (count > bytes_left(reader) / (type == PACK_MAP ? 2 : 1))
        return false;
    *out = (struct pack_value){.type = type, .count = (uint32_t)count};
    return true;
}

static struct pack_value integer_value(int64_t integer)
{
    return (struct pack_value){.type = PACK_INTEGER, .integer = integer};
}

static struct pack_value unsigned_value(uint64_t number)
{
    if (number > INT64_MAX)
        return (struct pack_value){.type = PACK_REAL, .real = (double)number};
    return integer_value((int64_t)number);
}

static struct pack_value signed_value(uint64_t number, size_t size)
{
    assert(size > 0);
    unsigned unused_bits = (unsigned)(64 - 8 * size);
    return integer_value((int64_t)(number << unused_bits) >> unused_bits);
}

static struct pack_value real_value(uint64_t number, size_t size)
{
    struct pack_value value = {.type = PACK_REAL};
    uint32_t narrow = (uint32_t)number;
    float real;
    memcpy(&real, &narrow, sizeof real);
    if (size == sizeof real)
        value.real = (double)real;
    else
        memcpy(&value.real, &number, sizeof value.real);
    return value;
}

/* The values whose first byte is none of the short forms: 0xC0 to 0xDF. */
static bool take_long_form(struct pack_reader *reader, unsigned char lead, struct pack_value *out)
{
    size_t size = following[lead - 0xC0];
    if (size > bytes_left(reader))
        return false;
    uint64_t number = take_number(reader, size);
    switch (lead) {
    case 0xC0:
        *out = (struct pack_value){.type = PACK_NIL};
        return true;
    case 0xC2 ... 0xC3:
        *out = (struct pack_value){.type = PACK_BOOLEAN, .boolean = lead == 0xC3};
        return true;
    case 0xC4 ... 0xC6:
        return take_text(reader, PACK_BINARY, number, out);
    case 0xC7 ... 0xC9:
        return take_extension(reader, number, out);
    case 0xCA ... 0xCB:
        *out = real_value(number, size);
        return true;
    case 0xCC ... 0xCF:
        *out = unsigned_value(number);
        return true;
    case 0xD0 ... 0xD3:
        *out = signed_value(number, size);
        return true;
    case 0xD4 ... 0xD8:
        return take_extension(reader, UINT64_C(1) << (lead - 0xD4), out);
    case 0xD9 ... 0xDB:
        return take_text(reader, PACK_STRING, number, out);
    case 0xDC ... 0xDD:
        return take_head(reader, PACK_ARRAY, number, out);
    case 0xDE ... 0xDF:
        return take_head(reader, PACK_MAP, number, out);
    default: /* 0xC1: no value begins so */
        return false;
    }
}

static bool take_value(struct pack_reader *reader, struct pack_value *out)
{
    if (pack_at_end(reader))
        return false;
    unsigned char lead = (unsigned char)*reader->at++;
    if (lead <= 0x7F || lead >= 0xE0) {
        *out = integer_value((signed char)lead);
        return true;
    }
    if (lead <= 0x8F)
        return take_head(reader, PACK_MAP, lead & 0x0F, out);
    if (lead <= 0x9F)
        return take_head(reader, PACK_ARRAY, lead & 0x0F, out);
    if (lead <= 0xBF)
        return take_text(reader, PACK_STRING, lead & 0x1F, out);
    return take_long_form(reader, lead, out);
}

bool pack_read(struct pack_reader *reader, struct pack_value *out)
{
    struct pack_reader next = *reader;
    if (!take_value(&next, out))
        return false;
    *reader = next;
    return true;
}

static bool read_type(struct pack_reader *reader, enum pack_type type, struct pack_value *out)
{
    struct pack_reader next = *reader;
    if (!take_value(&next, out) || out->type != type)
        return false;
    *reader = next;
    return true;
}

bool pack_read_string(struct pack_reader *reader, struct str *out)
{
    struct pack_value value;
    if (!read_type(reader, PACK_STRING, &value))
        return false;
    *out = value.text;
    return true;
}

bool pack_read_integer(struct pack_reader *reader, int64_t *out)
{
    struct pack_value value;
    if (!read_type(reader, PACK_INTEGER, &value))
        return false;
    *out = value.integer;
    return true;
}

bool pack_read_array(struct pack_reader *reader, uint32_t *count)
{
    struct pack_value value;
    if (!read_type(reader, PACK_ARRAY, &value))
        return false;
    *count = value.count;
    return true;
}

bool pack_read_map(struct pack_reader *reader, uint32_t *count)
{
    struct pack_value value;
    if (!read_type(reader, PACK_MAP, &value))
        return false;
    *count = value.count;
    return true;
}

bool pack_skip(struct pack_reader *reader, struct str *out)
{
    struct pack_reader next = *reader;
    uint64_t left[MAX_DEPTH + 1] = {1}; /* values to pass over yet, in each container that is open */
    size_t depth = 0;
    for (;;) {
        while (left[depth] == 0 && depth > 0)
            depth--;
        if (left[depth]-- == 0)
            break;
        struct pack_value value;
        if (!take_value(&next, &value))
            return false;
        if (value.type != PACK_ARRAY && value.type != PACK_MAP)
            continue;
        if (depth == MAX_DEPTH)
            return false;
        left[++depth] = (uint64_t)value.count * (value.type == PACK_MAP ? 2 : 1);
    }
    if (out)
        *out = (struct str){reader->at, (size_t)(next.at - reader->at)};
    *reader = next;
    return true;
}

/* ---- writing ---- */

static int append(void *buffer, const char *bytes, size_t len)
{
    buffer_append(buffer, bytes, len);
    return 0;
}

static msgpack_packer packer(struct buffer *buffer)
{
    return (msgpack_packer){.data = buffer, .callback = append};
}

void pack_nil(struct buffer *buffer)
{
    msgpack_packer out = packer(buffer);
    msgpack_pack_nil(&out);
}

void pack_boolean(struct buffer *buffer, bool value)
{
    msgpack_packer out = packer(buffer);
    value ? msgpack_pack_true(&out) : msgpack_pack_false(&out);
}

void pack_integer(struct buffer *buffer, int64_t value)
{
    msgpack_packer out = packer(buffer);
    msgpack_pack_int64(&out, value);
}

void pack_real(struct buffer *buffer, double value)
{
    msgpack_packer out = packer(buffer);
    msgpack_pack_double(&out, value);
}

void pack_string(struct buffer *buffer, struct str value)
{
    assert(value.len <= UINT32_MAX);
    msgpack_packer out = packer(buffer);
    msgpack_pack_str(&out, value.len);
    buffer_append_str(buffer, value);
}

void pack_array(struct buffer *buffer, uint32_t count)
{
    msgpack_packer out = packer(buffer);
    msgpack_pack_array(&out, count);
}

void pack_map(struct buffer *buffer, uint32_t pairs)
{
    msgpack_packer out = packer(buffer);
    msgpack_pack_map(&out, pairs);
}

void pack_raw(struct buffer *buffer, struct str bytes)
{
    buffer_append_str(buffer, bytes);
}

static size_t open_container(struct buffer *buffer, unsigned char lead)
{
    size_t place = buffer->len;
    const char head[] = {(char)lead, 0, 0, 0, 0};
    buffer_append(buffer, head, sizeof head);
    return place;
}

size_t pack_open_array(struct buffer *buffer)
{
    return open_container(buffer, 0xDD);
}

size_t pack_open_map(struct buffer *buffer)
{
    return open_container(buffer, 0xDF);
}

void pack_close(struct buffer *buffer, size_t place, uint32_t count)
{
    assert(place + 5 <= buffer->len);
    char *head = buffer->data + place;
    assert(*head == (char)0xDD || *head == (char)0xDF);
    for (int i = 0; i < 4; i++)
        head[1 + i] = (char)(count >> (24 - 8 * i));
}
