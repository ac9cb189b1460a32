/* JSON in and out. Reading is jansson's, since it meets whatever clients send; writing is ours, since it is on the path
 * of every reply and needs no tree. */
#include "common/json.h"

#include <jansson.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/pack.h"

enum { MAX_DEPTH = 16 };

/* ---- reading ---- */

static void pack_number(struct buffer *out, double number)
{
    if (number >= -0x1p63 && number < 0x1p63 && trunc(number) == number)
        pack_integer(out, (int64_t)number);
    else
        pack_real(out, number);
}

static void pack_json(struct buffer *out, const json_t *value)
{
    switch (json_typeof(value)) {
    case JSON_OBJECT:
        return pack_map(out, 0);
    case JSON_ARRAY:
        return pack_array(out, 0);
    case JSON_STRING:
        return pack_string(out, (struct str){json_string_value(value), json_string_length(value)});
    case JSON_INTEGER:
    case JSON_REAL:
        return pack_number(out, json_number_value(value));
    case JSON_TRUE:
        return pack_boolean(out, true);
    case JSON_FALSE:
        return pack_boolean(out, false);
    case JSON_NULL:
        return pack_nil(out);
    }
}

static void pack_object(struct buffer *out, json_t *object)
{
    const char *key;
    json_t *value;
    pack_map(out, (uint32_t)json_object_size(object));
    json_object_foreach(object, key, value)
    {
        pack_string(out, str_from(key));
        pack_json(out, value);
    }
}

enum error json_to_pack(struct str text, struct arena *arena, struct buffer *out, struct str *why)
{
    /* Any top, to tell a wrong one from a syntax error; U+0000, which validation refuses in better words; integers as
     * reals, because a client's number may be greater than int64_t and is no less a number for it. */
    const size_t flags = JSON_DECODE_ANY | JSON_ALLOW_NUL | JSON_DECODE_INT_AS_REAL;
    json_error_t error;
    json_t *json = json_loadb(text.ptr ? text.ptr : "", text.len, flags, &error);
    if (!json) {
        *why = arena_printf(arena, "%s (line %d, column %d)", error.text, error.line, error.column);
        return ERROR_MALFORMED;
    }
    if (json_is_object(json))
        pack_object(out, json);
    else if (json_is_array(json))
        pack_map(out, 0);
    else
        *why = arena_copy(arena, STR("the top is neither an object nor an array"));
    bool is_good = json_is_object(json) || json_is_array(json);
    json_decref(json);
    return is_good ? OK : ERROR_MALFORMED;
}

/* ---- writing: strings ---- */

/* What JSON.stringify puts behind the backslash; 'u' stands for \u00XX, 0 for characters that stay as they are. */
static const char escapes[256] = {
    [0x00 ... 0x07] = 'u', ['\b'] = 'b', ['\t'] = 't',          ['\n'] = 'n', [0x0B] = 'u',
    ['\f'] = 'f',          ['\r'] = 'r', [0x0E ... 0x1F] = 'u', ['"'] = '"',  ['\\'] = '\\',
};

static void append_escape(struct buffer *out, unsigned char c)
{
    static const char digits[] = "0123456789abcdef";
    const char sequence[] = {'\\', escapes[c], '0', '0', digits[c >> 4], digits[c & 15]};
    buffer_append(out, sequence, escapes[c] == 'u' ? 6 : 2);
}

static void append_escaped(struct buffer *out, struct str s)
{
    for (size_t at = 0; at < s.len;) {
        size_t run = at;
        while (at < s.len && !escapes[(unsigned char)s.ptr[at]])
            at++;
        buffer_append(out, s.ptr + run, at - run);
        if (at < s.len)
            append_escape(out, (unsigned char)s.ptr[at++]);
    }
}

/* The longest well-formed start of s. */
static struct str well_formed(struct str s)
{
    size_t len = 0;
    for (size_t step; (step = str_utf8_step((struct str){s.ptr + len, s.len - len})) > 0;)
        len += step;
    return (struct str){s.ptr, len};
}

static void append_mended(struct buffer *out, struct str s)
{
    while (s.len > 0) {
        struct str good = well_formed(s);
        append_escaped(out, good);
        if (good.len == s.len)
            return;
        buffer_append_str(out, STR("\xEF\xBF\xBD")); /* U+FFFD for the one byte that begins no character */
        s = (struct str){s.ptr + good.len + 1, s.len - good.len - 1};
    }
}

/* Whether one of the eight bytes is a control character, '"', '\\' or not ASCII. Of a byte b, (b - n) & ~b has its
 * highest bit set where b < n; a borrow misleads only the bytes above one that was found. */
static bool has_special(uint64_t word)
{
    const uint64_t ones = UINT64_C(0x0101010101010101), highest = ones << 7;
    uint64_t quotes = word ^ ones * '"', backslashes = word ^ ones * '\\';
    uint64_t found =
        ((word - ones * 0x20) & ~word) | ((quotes - ones) & ~quotes) | ((backslashes - ones) & ~backslashes);
    return ((found | word) & highest) != 0;
}

/* How many bytes at the start are ASCII and stay as they are: nearly always all of them. */
static size_t plain_len(struct str s)
{
    size_t len = 0;
    for (uint64_t word; s.len - len >= sizeof word; len += sizeof word) {
        memcpy(&word, s.ptr + len, sizeof word);
        if (has_special(word))
            break;
    }
    while (len < s.len && (unsigned char)s.ptr[len] < 0x80 && !escapes[(unsigned char)s.ptr[len]])
        len++;
    return len;
}

void json_append_string(struct buffer *out, struct str s)
{
    size_t plain = plain_len(s);
    char *at = buffer_reserve(out, plain + 1);
    *at = '"';
    if (plain > 0)
        memcpy(at + 1, s.ptr, plain);
    out->len += plain + 1;
    if (plain < s.len) {
        struct str rest = {s.ptr + plain, s.len - plain};
        if (str_is_utf8(rest))
            append_escaped(out, rest);
        else
            append_mended(out, rest);
    }
    buffer_append_char(out, '"');
}

/* ---- writing: numbers ---- */

/* The fewest significant digits that read back as the same number, and the power of ten of the first. */
static size_t shortest_digits(double number, char digits[static 18], int *exponent)
{
    char text[32];
    for (int precision = 0; precision < 17; precision++) {
        snprintf(text, sizeof text, "%.*e", precision, number);
        if (strtod(text, NULL) == number)
            break;
    }
    char *e = strchr(text, 'e');
    *exponent = (int)strtol(e + 1, NULL, 10);
    size_t len = 0;
    for (char *at = text; at < e; at++)
        if (*at != '.')
            digits[len++] = *at;
    return len;
}

/* As ECMAScript's Number::toString writes a finite number above 0: from 1e-6 to below 1e21 without an exponent. */
static void append_positive(struct buffer *out, double number)
{
    char digits[18] = "";
    int exponent;
    size_t len = shortest_digits(number, digits, &exponent);
    if (exponent < -6 || exponent > 20) {
        buffer_append_char(out, digits[0]);
        if (len > 1)
            buffer_append_char(out, '.');
        buffer_append(out, digits + 1, len - 1);
        return buffer_printf(out, "e%+d", exponent);
    }
    if (exponent < 0)
        buffer_append(out, "0.00000", (size_t)(1 - exponent));
    for (size_t i = 0; i < len || (int)i <= exponent; i++) {
        if (i > 0 && (int)i == exponent + 1)
            buffer_append_char(out, '.');
        buffer_append_char(out, i < len ? digits[i] : '0');
    }
}

static void append_real(struct buffer *out, double number)
{
    if (!isfinite(number))
        return buffer_append_str(out, STR("null"));
    if (number == 0)
        return buffer_append_char(out, '0');
    if (number < 0)
        buffer_append_char(out, '-');
    append_positive(out, fabs(number));
}

/* ---- writing: values ---- */

static bool append_value(struct buffer *out, struct pack_reader *reader, unsigned depth);

static bool append_array(struct buffer *out, struct pack_reader *reader, uint32_t count, unsigned depth)
{
    buffer_append_char(out, '[');
    for (uint32_t i = 0; i < count; i++) {
        if (i > 0)
            buffer_append_char(out, ',');
        if (!append_value(out, reader, depth))
            return false;
    }
    buffer_append_char(out, ']');
    return true;
}

static bool append_map(struct buffer *out, struct pack_reader *reader, uint32_t pairs, unsigned depth)
{
    buffer_append_char(out, '{');
    for (uint32_t i = 0; i < pairs; i++) {
        struct str key;
        if (!pack_read_string(reader, &key))
            return false;
        if (i > 0)
            buffer_append_char(out, ',');
        json_append_string(out, key);
        buffer_append_char(out, ':');
        if (!append_value(out, reader, depth))
            return false;
    }
    buffer_append_char(out, '}');
    return true;
}

/* One value, inside depth containers. */
static bool append_value(struct buffer *out, struct pack_reader *reader, unsigned depth)
{
    struct pack_value value;
    if (!pack_read(reader, &value))
        return false;
    switch (value.type) {
    case PACK_NIL:
        buffer_append_str(out, STR("null"));
        return true;
    case PACK_BOOLEAN:
        buffer_append_str(out, value.boolean ? STR("true") : STR("false"));
        return true;
    case PACK_INTEGER:
        buffer_append_integer(out, value.integer);
        return true;
    case PACK_REAL:
        append_real(out, value.real);
        return true;
    case PACK_STRING:
        json_append_string(out, value.text);
        return true;
    case PACK_ARRAY:
        return depth < MAX_DEPTH && append_array(out, reader, value.count, depth + 1);
    case PACK_MAP:
        return depth < MAX_DEPTH && append_map(out, reader, value.count, depth + 1);
    default: /* JSON has no bytes and no extensions */
        return false;
    }
}

bool json_from_pack(struct str bytes, struct buffer *out)
{
    struct pack_reader reader = pack_reader(bytes);
    return append_value(out, &reader, 0) && pack_at_end(&reader);
}
