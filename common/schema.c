/* Messages between structs and MessagePack, as the tables of fields say. Their rules are schema_rules.c's. */
#include "common/schema.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "common/schema_rules.h"

/* Arguments come in two maps, because a client must not send in a body what the path names, or the header. */
enum part { PART_PATH, PART_REST };

static bool belongs(const struct field *field, enum part part)
{
    bool is_of_path = field->type == FIELD_ID || field->type == FIELD_VERSIONS;
    return is_of_path == (part == PART_PATH);
}

/* ---- decoding ---- */

/* What a map held, a slot a field; those of other fields are not initialised. */
struct slots {
    uint64_t filled; /* bit n: slot n */
    struct pack_value values[SCHEMA_MAX_FIELDS];
};

static const struct pack_value *slot(const struct slots *slots, size_t index)
{
    return slots->filled >> index & 1 ? &slots->values[index] : NULL;
}

/* The index of the field that key names, field_count for none. Keys mostly come in the order of the fields: the search
 * begins at the one expected next. */
static size_t find_field(const struct message *message, struct str key, size_t expected)
{
    for (size_t i = 0; i < message->field_count; i++) {
        size_t index = expected + i < message->field_count ? expected + i : expected + i - message->field_count;
        const struct field *field = &message->fields[index];
        if (field->name_len == key.len && memcmp(field->name, key.ptr, key.len) == 0)
            return index;
    }
    return message->field_count;
}

/* One value; of a container, and where raw is asked for, its text is the bytes of the whole. Strings are proved UTF-8.
 */
static bool read_value(struct pack_reader *reader, bool raw, struct pack_value *out)
{
    struct pack_reader start = *reader;
    if (!pack_read(reader, out))
        return false;
    if (raw || out->type == PACK_ARRAY || out->type == PACK_MAP) {
        *reader = start;
        return pack_skip(reader, &out->text);
    }
    return out->type != PACK_STRING || str_is_utf8(out->text);
}

static enum error read_map(struct check *check, struct pack_reader *reader, enum part part, struct slots *slots)
{
    const struct message *message = check->message;
    uint32_t pairs;
    if (!pack_read_map(reader, &pairs))
        return ERROR_MALFORMED;
    for (size_t expected = 0; pairs > 0; pairs--) {
        struct str key;
        if (!pack_read_string(reader, &key) || !str_is_utf8(key))
            return ERROR_MALFORMED;
        size_t index = find_field(message, key, expected);
        const struct field *field = index < message->field_count ? &message->fields[index] : NULL;
        struct pack_value value;
        if (!read_value(reader, field && field->type == FIELD_OBJECT, &value))
            return ERROR_MALFORMED;
        if (!field || !belongs(field, part)) {
            if (message->refuses_unknown && part == PART_REST)
                check_refuse_key(check, key);
            continue;
        }
        expected = index + 1;
        if (value.type == PACK_NIL) {
            slots->filled &= ~(UINT64_C(1) << index);
            continue;
        }
        slots->filled |= UINT64_C(1) << index;
        slots->values[index] = value;
    }
    return OK;
}

static void *member(const struct field *field, void *out)
{
    return (char *)out + field->offset;
}

static void mark_present(const struct field *field, void *out)
{
    *(bool *)((char *)out + field->has_offset) = true;
}

/* False where packed is no array of integers. */
static bool copy_integers(struct str packed, struct arena *arena, struct integers *out)
{
    struct pack_reader reader = pack_reader(packed);
    uint32_t count = 0;
    bool is_good = pack_read_array(&reader, &count);
    int64_t *values = arena_alloc(arena, count * sizeof *values);
    for (uint32_t i = 0; i < count; i++)
        is_good = is_good && pack_read_integer(&reader, &values[i]);
    *out = (struct integers){values, count};
    return is_good;
}

static void store(const struct field *field, const struct pack_value *value, struct arena *arena, void *out)
{
    if (field->type == FIELD_BOOLEAN)
        *(bool *)member(field, out) = value->boolean;
    else if (field->type == FIELD_INTEGER)
        *(int64_t *)member(field, out) = value->integer;
    else if (field->type != FIELD_INTEGERS)
        *(struct str *)member(field, out) = value->text;
    else if (!copy_integers(value->text, arena, member(field, out)))
        assert(!"check_field has found integers");
    mark_present(field, out);
}

static enum error decode_id(const struct field *field, const struct pack_value *value, void *out)
{
    if (!value)
        return field->required ? ERROR_MALFORMED : OK;
    if (value->type != PACK_STRING)
        return ERROR_MALFORMED;
    if (!str_is_integer(value->text))
        return ERROR_ID_NOT_NUMERIC;
    struct path_id *id = member(field, out);
    id->text = value->text;
    if (!str_to_int64(value->text, &id->value))
        id->value = 0;
    mark_present(field, out);
    return OK;
}

static enum error decode_versions(const struct field *field, const struct pack_value *value, struct arena *arena,
                                  void *out)
{
    if (!value)
        return field->required ? ERROR_MALFORMED : OK;
    if (value->type != PACK_ARRAY || !copy_integers(value->text, arena, member(field, out)))
        return ERROR_MALFORMED;
    mark_present(field, out);
    return OK;
}

static enum error decode_path(struct check *check, struct pack_reader *reader, void *out)
{
    struct slots slots = {.filled = 0};
    TRY(read_map(check, reader, PART_PATH, &slots));
    for (size_t i = 0; i < check->message->field_count; i++) {
        const struct field *field = &check->message->fields[i];
        if (field->type == FIELD_ID)
            TRY(decode_id(field, slot(&slots, i), out));
        else if (field->type == FIELD_VERSIONS)
            TRY(decode_versions(field, slot(&slots, i), check->arena, out));
    }
    return OK;
}

static enum error decode_rest(struct check *check, struct pack_reader *reader, void *out)
{
    struct slots slots;
    slots.filled = 0;
    TRY(read_map(check, reader, PART_REST, &slots));
    for (size_t i = 0; i < check->message->field_count; i++) {
        const struct field *field = &check->message->fields[i];
        struct pack_value value;
        if (belongs(field, PART_REST) && check_field(check, field, slot(&slots, i), &value))
            store(field, &value, check->arena, out);
    }
    return OK;
}

enum error schema_decode(const struct message *message, struct pack_reader *reader, struct arena *arena, void *out,
                         struct report *report)
{
    struct check check = {.message = message, .arena = arena};
    uint32_t parts;
    memset(out, 0, message->struct_size);
    if (!pack_read_array(reader, &parts) || parts != 2)
        return ERROR_MALFORMED;
    TRY(decode_path(&check, reader, out));
    TRY(decode_rest(&check, reader, out));
    *report = check.report;
    return OK;
}

enum error schema_decode_view(const struct message *message, struct str bytes, struct arena *arena, void *out)
{
    struct check check = {.message = message, .arena = arena};
    struct pack_reader reader = pack_reader(bytes);
    memset(out, 0, message->struct_size);
    if (decode_rest(&check, &reader, out) != OK || check.report.count > 0 || !pack_at_end(&reader))
        return ERROR_INTERNAL;
    return OK;
}

/* ---- encoding ---- */

static const void *const_member(const struct field *field, const void *in)
{
    return (const char *)in + field->offset;
}

static bool is_encoded(const struct field *field, enum part part, const void *in)
{
    return belongs(field, part) && (field->required || *(const bool *)((const char *)in + field->has_offset));
}

static void encode_id(const struct path_id *id, struct buffer *buffer)
{
    char digits[24];
    if (id->text.len > 0)
        return pack_string(buffer, id->text);
    snprintf(digits, sizeof digits, "%" PRId64, id->value);
    pack_string(buffer, str_from(digits));
}

static void encode_integers(const struct integers *integers, struct buffer *buffer)
{
    pack_array(buffer, (uint32_t)integers->count);
    for (size_t i = 0; i < integers->count; i++)
        pack_integer(buffer, integers->values[i]);
}

static void encode_value(const struct field *field, const void *value, struct buffer *buffer)
{
    switch (field->type) {
    case FIELD_BOOLEAN:
        return pack_boolean(buffer, *(const bool *)value);
    case FIELD_INTEGER:
        return pack_integer(buffer, *(const int64_t *)value);
    case FIELD_ID:
        return encode_id(value, buffer);
    case FIELD_OBJECT:
        assert(((const struct str *)value)->len > 0);
        return pack_raw(buffer, *(const struct str *)value);
    case FIELD_INTEGERS:
    case FIELD_VERSIONS:
        return encode_integers(value, buffer);
    default:
        return pack_string(buffer, *(const struct str *)value);
    }
}

static void encode_part(const struct message *message, enum part part, const void *in, struct buffer *buffer)
{
    uint32_t pairs = 0;
    for (size_t i = 0; i < message->field_count; i++)
        pairs += is_encoded(&message->fields[i], part, in);
    pack_map(buffer, pairs);
    for (size_t i = 0; i < message->field_count; i++) {
        const struct field *field = &message->fields[i];
        if (!is_encoded(field, part, in))
            continue;
        pack_string(buffer, (struct str){field->name, field->name_len});
        encode_value(field, const_member(field, in), buffer);
    }
}

void schema_encode_arguments(const struct message *message, const void *in, struct buffer *buffer)
{
    pack_array(buffer, 2);
    encode_part(message, PART_PATH, in, buffer);
    encode_part(message, PART_REST, in, buffer);
}

void schema_encode(const struct message *message, const void *in, struct buffer *buffer)
{
    encode_part(message, PART_REST, in, buffer);
}

/* ---- the tables themselves ---- */

static bool rule_fits(const struct field *field)
{
    switch (field->rule) {
    case RULE_ANY:
        return true;
    case RULE_LENGTH:
        return (field->type == FIELD_STRING || field->type == FIELD_EMAIL) && 0 <= field->min &&
               field->min <= field->max;
    case RULE_RANGE:
        return field->type == FIELD_INTEGER && field->min <= field->max;
    case RULE_ONE_OF:
        return field->type == FIELD_STRING && field->choices != NULL && *field->choices != '\0';
    case RULE_ME_OR_ID:
        return field->type == FIELD_STRING;
    case RULE_INSTANT:
        return field->type == FIELD_TIME;
    case RULE_COUNT:
        return field->type == FIELD_INTEGERS && 0 <= field->min && field->min <= field->max;
    }
    return false;
}

static const char *field_fault(const struct message *message, size_t index)
{
    const struct field *field = &message->fields[index];
    if (field->name_len == 0 || field->name_len != strlen(field->name))
        return "has no name";
    if (!rule_fits(field))
        return "has a rule that does not fit its type";
    if (field->offset >= message->struct_size || field->has_offset >= message->struct_size)
        return "lies outside the struct";
    for (size_t i = 0; i < index; i++)
        if (strcmp(message->fields[i].name, field->name) == 0)
            return "is there twice";
    return NULL;
}

const char *schema_check(const struct message *message, struct arena *arena)
{
    if (message->field_count > SCHEMA_MAX_FIELDS)
        return arena_printf(arena, "message %s has more than %d fields", message->name, SCHEMA_MAX_FIELDS).ptr;
    if (message->invalid == OK || message->invalid >= ERROR_COUNT)
        return arena_printf(arena, "message %s names no error for an invalid one", message->name).ptr;
    for (size_t i = 0; i < message->field_count; i++) {
        const char *fault = field_fault(message, i);
        if (fault)
            return arena_printf(arena, "message %s: field %s %s", message->name, message->fields[i].name, fault).ptr;
    }
    return NULL;
}
