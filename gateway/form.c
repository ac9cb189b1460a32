/* Forms and escapes. */
#include "gateway/form.h"

#include <string.h>

#include "common/pack.h"

static int hex_digit(char c)
{
    if (c >= '0' && c <= '9')
        return c - '0';
    c = (char)(c | 0x20);
    return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

/* The byte that the escape at s stands for; -1 where there is no whole escape. */
static int escaped_byte(struct str s)
{
    if (s.len < 3 || hex_digit(s.ptr[1]) < 0 || hex_digit(s.ptr[2]) < 0)
        return -1;
    return hex_digit(s.ptr[1]) << 4 | hex_digit(s.ptr[2]);
}

/* Decodes into the arena, or borrows what needs none. *broken tells of escapes that are none; they stand for
 * themselves. */
static struct str decode(struct str s, bool plus_is_space, struct arena *arena, bool *broken)
{
    if (s.len == 0 || (memchr(s.ptr, '%', s.len) == NULL && (!plus_is_space || memchr(s.ptr, '+', s.len) == NULL)))
        return s;
    char *out = arena_alloc(arena, s.len);
    size_t len = 0;
    for (size_t i = 0; i < s.len; i++) {
        char c = s.ptr[i];
        int byte = c == '%' ? escaped_byte((struct str){s.ptr + i, s.len - i}) : -1;
        if (c == '%' && byte < 0)
            *broken = true;
        else if (c == '%')
            i += 2;
        out[len++] = byte >= 0 ? (char)byte : c == '+' && plus_is_space ? ' ' : c;
    }
    return (struct str){out, len};
}

bool form_decode_segment(struct str segment, struct arena *arena, struct str *out)
{
    bool broken = false;
    struct str decoded = decode(segment, false, arena, &broken);
    if (broken || !str_is_utf8(decoded))
        return false;
    *out = decoded;
    return true;
}

static struct str decode_field(struct str s, struct arena *arena)
{
    bool broken = false;
    return decode(s, true, arena, &broken);
}

bool form_next(struct str *rest, struct str *name, struct str *value)
{
    while (rest->len > 0 && *rest->ptr == '&')
        *rest = (struct str){rest->ptr + 1, rest->len - 1};
    if (rest->len == 0)
        return false;
    const char *and = memchr(rest->ptr, '&', rest->len);
    struct str pair = {rest->ptr, and? (size_t)(and-rest->ptr) : rest->len};
    *rest = (struct str){rest->ptr + pair.len, rest->len - pair.len};
    const char *equals = memchr(pair.ptr, '=', pair.len);
    *name = (struct str){pair.ptr, equals ? (size_t)(equals - pair.ptr) : pair.len};
    *value = equals ? (struct str){equals + 1, pair.len - name->len - 1} : (struct str){"", 0};
    return true;
}

struct field {
    struct str name, value;
};

/* Where the field goes: its first appearance keeps the place, as in a JavaScript object. */
static struct field *place_of(struct field *fields, size_t *count, struct str name)
{
    for (size_t i = 0; i < *count; i++)
        if (str_equal(fields[i].name, name))
            return &fields[i];
    return *count < FORM_MAX_FIELDS ? &fields[(*count)++] : NULL;
}

enum error form_to_pack(struct str form, struct arena *arena, struct buffer *out, struct str *why)
{
    struct field *fields = arena_alloc(arena, FORM_MAX_FIELDS * sizeof *fields);
    size_t count = 0;
    struct str name, value;
    while (form_next(&form, &name, &value)) {
        struct field field = {decode_field(name, arena), decode_field(value, arena)};
        if (!str_is_utf8(field.name) || !str_is_utf8(field.value)) {
            *why = STR("the form is not UTF-8");
            return ERROR_MALFORMED;
        }
        struct field *place = place_of(fields, &count, field.name);
        if (place == NULL)
            return ERROR_BODY_TOO_LARGE;
        *place = field;
    }
    pack_map(out, (uint32_t)count);
    for (size_t i = 0; i < count; i++) {
        pack_string(out, fields[i].name);
        pack_string(out, fields[i].value);
    }
    return OK;
}

bool form_find(struct str form, struct str name, struct arena *arena, struct str *value)
{
    bool found = false;
    struct str each, last = {"", 0};
    struct str raw;
    while (form_next(&form, &each, &raw))
        if (str_equal(decode_field(each, arena), name)) {
            last = raw;
            found = true;
        }
    if (found)
        *value = decode_field(last, arena);
    return found;
}
