/* The rules of fields and the texts of their failures, in the order that clients know: length, emptiness, type. */
#include "common/schema_rules.h"

#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "common/instant.h"

static void add_text(struct check *check, struct str text)
{
    struct report *report = &check->report;
    if (report->count == check->capacity) {
        check->capacity = check->capacity ? 2 * check->capacity : 8;
        struct str *texts = arena_alloc(check->arena, check->capacity * sizeof *texts);
        if (report->count > 0)
            memcpy(texts, report->texts, report->count * sizeof *texts);
        report->texts = texts;
    }
    report->texts[report->count++] = text;
}

void check_refuse_key(struct check *check, struct str key)
{
    add_text(check, arena_printf(check->arena, "property %.*s should not exist", STR_ARGS(key)));
}

/* "NAME must be a string" */
static void say(struct check *check, const struct field *field, const char *what)
{
    add_text(check, arena_printf(check->arena, "%s %s", field->name, what));
}

static void check_length(struct check *check, const struct field *field, const struct pack_value *value)
{
    bool is_string = value && value->type == PACK_STRING;
    int64_t len = is_string ? (int64_t)str_utf16_len(value->text) : 0;
    if (field->min > 1 && len < field->min)
        add_text(check, arena_printf(check->arena, "%s must be longer than or equal to %" PRId64 " characters",
                                     field->name, field->min));
    if (len > field->max)
        add_text(check, arena_printf(check->arena, "%s must be shorter than or equal to %" PRId64 " characters",
                                     field->name, field->max));
    if (field->min == 1 && (!value || (is_string && len == 0)))
        say(check, field, "should not be empty");
}

static bool is_choice(const char *choices, struct str text)
{
    struct str rest = str_from(choices);
    while (rest.len > 0) {
        const char *comma = memchr(rest.ptr, ',', rest.len);
        struct str choice = {rest.ptr, comma ? (size_t)(comma - rest.ptr) : rest.len};
        if (str_equal(choice, text))
            return true;
        size_t used = comma ? choice.len + sizeof(", ") - 1 : choice.len;
        rest = (struct str){rest.ptr + used, rest.len - used};
    }
    return false;
}

static void check_choice(struct check *check, const struct field *field, const struct pack_value *value)
{
    if (!value || value->type != PACK_STRING || !is_choice(field->choices, value->text))
        add_text(check,
                 arena_printf(check->arena, "%s must be one of the following values: %s", field->name, field->choices));
}

static void check_me_or_id(struct check *check, const struct field *field, const struct pack_value *value)
{
    if (!value || value->type != PACK_STRING || !(str_equal(value->text, STR("me")) || str_is_integer(value->text)))
        say(check, field, "must be me or a numeric string");
}

static void check_instant(struct check *check, const struct field *field, const struct pack_value *value)
{
    bool is_string = value && value->type == PACK_STRING;
    bool may_be_empty = field->min == 0;
    if (!is_string || !((may_be_empty && value->text.len == 0) || instant_is_valid(value->text)))
        say(check, field, "must be a valid ISO 8601 date string");
}

static void check_string(struct check *check, const struct field *field, const struct pack_value *value)
{
    if (field->rule == RULE_ONE_OF) { /* which says all there is to say */
        check_choice(check, field, value);
        return;
    }
    if (field->rule == RULE_ME_OR_ID) {
        check_me_or_id(check, field, value);
        return;
    }
    if (field->rule == RULE_INSTANT) {
        check_instant(check, field, value);
        return;
    }
    if (field->rule == RULE_LENGTH)
        check_length(check, field, value);
    if (!value || value->type != PACK_STRING)
        say(check, field, "must be a string");
    else if (memchr(value->text.ptr, '\0', value->text.len))
        say(check, field, "must not contain null characters");
}

static void check_email(struct check *check, const struct field *field, const struct pack_value *value)
{
    if (!value || value->type != PACK_STRING || !str_is_email(value->text))
        say(check, field, "must be an email");
}

/* JavaScript knows one kind of number: 5.0 is 5. */
static struct pack_value whole(struct pack_value value)
{
    if (value.type == PACK_REAL && value.real >= -0x1p63 && value.real < 0x1p63 &&
        (double)(int64_t)value.real == value.real)
        return (struct pack_value){.type = PACK_INTEGER, .integer = (int64_t)value.real};
    return value;
}

/* What is no number at all is both too great and too small. */
static void check_range(struct check *check, const struct field *field, const struct pack_value *value)
{
    bool too_great = true, too_small = true;
    if (value && value->type == PACK_INTEGER) {
        too_great = value->integer > field->max;
        too_small = value->integer < field->min;
    } else if (value && value->type == PACK_REAL) {
        too_great = !(value->real < 0x1p63 && value->real <= (double)field->max);
        too_small = !(value->real >= (double)field->min);
    }
    if (too_great)
        add_text(check, arena_printf(check->arena, "%s must not be greater than %" PRId64, field->name, field->max));
    if (too_small)
        add_text(check, arena_printf(check->arena, "%s must not be less than %" PRId64, field->name, field->min));
}

static void check_integer(struct check *check, const struct field *field, const struct pack_value *value)
{
    if (field->rule == RULE_RANGE)
        check_range(check, field, value);
    if (value && value->type == PACK_INTEGER)
        return;
    bool is_huge = value && value->type == PACK_REAL && (value->real >= 0x1p63 || value->real < -0x1p63);
    if (!is_huge || field->rule != RULE_RANGE) /* a huge one is whole, and its range was told */
        say(check, field, "must be a number conforming to the specified constraints");
}

static bool are_integers(struct pack_reader *reader, uint32_t count)
{
    for (int64_t ignored; count > 0; count--)
        if (!pack_read_integer(reader, &ignored))
            return false;
    return true;
}

static void check_integers(struct check *check, const struct field *field, const struct pack_value *value)
{
    struct pack_reader reader = pack_reader(value && value->type == PACK_ARRAY ? value->text : STR(""));
    uint32_t count = 0;
    bool is_array = pack_read_array(&reader, &count);
    if (field->rule == RULE_COUNT && count > field->max)
        add_text(check, arena_printf(check->arena, "%s must contain no more than %" PRId64 " elements", field->name,
                                     field->max));
    if (field->rule == RULE_COUNT && count < field->min)
        add_text(check,
                 arena_printf(check->arena, "%s must contain at least %" PRId64 " elements", field->name, field->min));
    if (!is_array)
        say(check, field, "must be an array");
    else if (!are_integers(&reader, count))
        add_text(check,
                 arena_printf(check->arena, "each value in %s must be a number conforming to the specified constraints",
                              field->name));
}

bool check_field(struct check *check, const struct field *field, const struct pack_value *value, struct pack_value *out)
{
    size_t before = check->report.count;
    struct pack_value normal;
    if (!value && !field->required)
        return false;
    if (value && field->type == FIELD_INTEGER) {
        normal = whole(*value);
        value = &normal;
    }
    switch (field->type) {
    case FIELD_STRING:
    case FIELD_TIME:
        check_string(check, field, value);
        break;
    case FIELD_EMAIL:
        check_email(check, field, value);
        break;
    case FIELD_BOOLEAN:
        if (!value || value->type != PACK_BOOLEAN)
            say(check, field, "must be a boolean value");
        break;
    case FIELD_INTEGER:
        check_integer(check, field, value);
        break;
    case FIELD_INTEGERS:
        check_integers(check, field, value);
        break;
    case FIELD_OBJECT:
        if (!value)
            say(check, field, "should not be empty");
        break;
    case FIELD_ID: /* the path's and the header's, decoded apart */
    case FIELD_VERSIONS:
        return false;
    }
    if (check->report.count > before)
        return false;
    assert(value); /* what is required and absent was told */
    *out = *value;
    return true;
}
