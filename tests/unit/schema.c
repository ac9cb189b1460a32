/* Messages: every text of failed validation and its order, what counts as absent, ids out of paths, and the way back.
 */
#include "common/schema.h"

#include <math.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "common/json.h"
#include "proto/proto.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

static struct arena *arena;
static struct buffer bytes;

static int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static int tear_down(void **state)
{
    (void)state;
    arena_destroy(&arena);
    buffer_free(&bytes);
    return 0;
}

/* The arguments as the gateway makes them: the path's id, where there is one, and a JSON body. */
static struct pack_reader arguments(const char *id, const char *json)
{
    struct str why;
    buffer_clear(&bytes);
    pack_array(&bytes, 2);
    pack_map(&bytes, id != NULL);
    if (id) {
        pack_string(&bytes, STR("id"));
        pack_string(&bytes, str_from(id));
    }
    assert_int_equal(json_to_pack(str_from(json), arena, &bytes, &why), OK);
    return pack_reader(buffer_str(&bytes));
}

/* The report of a decoded message, a text a line. */
static const char *report_of(const struct message *message, const char *id, const char *json, void *out)
{
    struct pack_reader reader = arguments(id, json);
    struct report report = {0};
    struct buffer lines = {0};
    assert_int_equal(schema_decode(message, &reader, arena, out, &report), OK);
    assert_true(pack_at_end(&reader));
    for (size_t i = 0; i < report.count; i++)
        buffer_printf(&lines, "%.*s\n", STR_ARGS(report.texts[i]));
    const char *text = arena_copy(arena, buffer_str(&lines)).ptr;
    buffer_free(&lines);
    return text;
}

static const char *account_report(const char *json)
{
    struct account_create out;
    return report_of(&account_create_message, NULL, json, &out);
}

static const char *room_report(const char *json)
{
    struct room_create out;
    return report_of(&room_create_message, NULL, json, &out);
}

static const char *page_report(const char *json)
{
    struct page out;
    return report_of(&page_message, NULL, json, &out);
}

/* ---- what is good ---- */

static void test_decodes(void **state)
{
    (void)state;
    struct room_create out;
    memset(&out, 0xAA, sizeof out);
    assert_string_equal(report_of(&room_create_message, NULL,
                                  "{\"maxParticipants\":5,\"name\":\"lobby\",\"isPrivate\":true,\"password\":\"\"}",
                                  &out),
                        "");
    assert_true(out.has_name && str_equal(out.name, STR("lobby")));
    assert_true(out.has_is_private && out.is_private);
    assert_true(out.has_max_participants && out.max_participants == 5);
    assert_true(out.has_password && out.password.len == 0);
    assert_false(out.has_description);
    assert_int_equal(out.description.len, 0);
    assert_false(out.has_is_active);
}

static void test_null_is_absence(void **state)
{
    (void)state;
    struct room_create out;
    assert_string_equal(report_of(&room_create_message, NULL,
                                  "{\"name\":\"x\",\"description\":null,\"maxParticipants\":null,\"isActive\":null}",
                                  &out),
                        "");
    assert_false(out.has_description);
    assert_false(out.has_max_participants);
    assert_false(out.has_is_active);
    assert_string_equal(room_report("{\"name\":null}"), "name should not be empty\nname must be a string\n");
}

/* json_to_pack leaves one of doubles, but other peers may send both. */
static void test_last_of_doubles_wins(void **state)
{
    (void)state;
    struct room_create out;
    struct report report;
    struct pack_reader reader = pack_reader(STR("\x92\x80\x84\xA4name\xA1"
                                                "a\xA4name\xA1"
                                                "b\xA8isActive\xC3\xA8isActive\xC0"));
    assert_int_equal(schema_decode(&room_create_message, &reader, arena, &out, &report), OK);
    assert_int_equal(report.count, 0);
    assert_true(str_equal(out.name, STR("b")));
    assert_false(out.has_is_active);
}

static void test_whole_reals_are_integers(void **state)
{
    (void)state;
    struct page out;
    struct report report;
    struct pack_reader reader = pack_reader(STR("\x92\x80\x81\xA5limit\xCB\x40\x14\x00\x00\x00\x00\x00\x00"));
    assert_int_equal(schema_decode(&page_message, &reader, arena, &out, &report), OK);
    assert_int_equal(report.count, 0);
    assert_true(out.has_limit && out.limit == 5);
}

/* ---- texts ---- */

static void test_nothing_sent(void **state)
{
    (void)state;
    assert_string_equal(account_report("{}"), "username must be longer than or equal to 3 characters\n"
                                              "username must be a string\n"
                                              "email must be an email\n"
                                              "password must be longer than or equal to 6 characters\n"
                                              "password must be a string\n");
    assert_string_equal(room_report("{}"), "name should not be empty\nname must be a string\n");
    assert_string_equal(page_report("{}"), "");
}

static void test_unknown_keys_come_first_in_the_order_sent(void **state)
{
    (void)state;
    assert_string_equal(room_report("{\"zeta\":1,\"name\":\"\",\"alpha\":{\"x\":[]},\"id\":null}"),
                        "property zeta should not exist\n"
                        "property alpha should not exist\n"
                        "property id should not exist\n"
                        "name should not be empty\n");
    assert_string_equal(room_report("{\"name\":\"x\",\"Name\":1,\"nam\":2,\"names\":3,\"\":4,\"a\\\"b\":5}"),
                        "property Name should not exist\n"
                        "property nam should not exist\n"
                        "property names should not exist\n"
                        "property  should not exist\n"
                        "property a\"b should not exist\n");
}

static void test_unknown_keys_are_ignored_where_the_message_says(void **state)
{
    (void)state;
    struct login out;
    assert_string_equal(
        report_of(&login_message, NULL, "{\"remember\":true,\"username\":\"ada\",\"password\":\"x\"}", &out), "");
    assert_true(str_equal(out.username, STR("ada")));
}

static void test_many_unknown_keys(void **state)
{
    (void)state;
    struct buffer json = {0};
    buffer_append_char(&json, '{');
    for (int i = 0; i < 5000; i++)
        buffer_printf(&json, "\"k%d\":%d,", i, i);
    buffer_append_str(&json, STR("\"name\":\"x\"}"));
    buffer_append_char(&json, '\0');
    struct pack_reader reader = arguments(NULL, json.data);
    struct report report;
    struct room_create out;
    assert_int_equal(schema_decode(&room_create_message, &reader, arena, &out, &report), OK);
    assert_int_equal(report.count, 5000);
    assert_true(str_equal(report.texts[0], STR("property k0 should not exist")));
    assert_true(str_equal(report.texts[4999], STR("property k4999 should not exist")));
    assert_true(str_equal(out.name, STR("x")));
    buffer_free(&json);
}

static void test_lengths(void **state)
{
    (void)state;
    assert_string_equal(account_report("{\"username\":\"ab\",\"email\":\"a@b.co\",\"password\":\"12345\"}"),
                        "username must be longer than or equal to 3 characters\n"
                        "password must be longer than or equal to 6 characters\n");
    assert_string_equal(account_report("{\"username\":\"\",\"email\":\"a@b.co\",\"password\":\"123456\"}"),
                        "username must be longer than or equal to 3 characters\n");
    struct str name = arena_printf(arena, "{\"name\":\"%0255d\"}", 0);
    assert_string_equal(room_report(name.ptr), "");
    name = arena_printf(arena, "{\"name\":\"%0256d\"}", 0);
    assert_string_equal(room_report(name.ptr), "name must be shorter than or equal to 255 characters\n");
    struct str long_text =
        arena_printf(arena, "{\"name\":\"x\",\"description\":\"%090000d\",\"password\":\"%01025d\"}", 0, 0);
    assert_string_equal(room_report(long_text.ptr), "password must be shorter than or equal to 1024 characters\n");
}

static void test_lengths_count_utf16_units(void **state)
{
    (void)state;
    /* 😀a is 3 units, é is 1 */
    assert_string_equal(
        account_report("{\"username\":\"\xF0\x9F\x98\x80"
                       "a\",\"email\":\"a@b.co\",\"password\":\"\xF0\x9F\x98\x80\xF0\x9F\x98\x80\xF0\x9F\x98\x80\"}"),
        "");
    assert_string_equal(
        account_report("{\"username\":\"\xC3\xA9\xC3\xA9\",\"email\":\"a@b.co\",\"password\":\"123456\"}"),
        "username must be longer than or equal to 3 characters\n");
    struct buffer json = {0};
    buffer_append_str(&json, STR("{\"name\":\""));
    for (int i = 0; i < 127; i++)
        buffer_append_str(&json, STR("\xF0\x9F\x98\x80"));
    size_t len = json.len;
    buffer_append(&json, "a\"}", 4); /* 255 units */
    assert_string_equal(room_report(json.data), "");
    json.len = len;
    buffer_append(&json, "ab\"}", 5); /* 256 */
    assert_string_equal(room_report(json.data), "name must be shorter than or equal to 255 characters\n");
    buffer_free(&json);
}

static void test_strings_of_other_types(void **state)
{
    (void)state;
    static const char *const others[] = {"5", "true", "{}", "[]", "1.5"};
    for (size_t i = 0; i < COUNT(others); i++) {
        const char *json = arena_printf(arena, "{\"name\":%s,\"description\":%s}", others[i], others[i]).ptr;
        assert_string_equal(room_report(json), "name must be a string\ndescription must be a string\n");
        json = arena_printf(arena, "{\"username\":%s,\"email\":%s,\"password\":\"123456\"}", others[i], others[i]).ptr;
        assert_string_equal(account_report(json), "username must be longer than or equal to 3 characters\n"
                                                  "username must be a string\n"
                                                  "email must be an email\n");
    }
}

static void test_null_characters(void **state)
{
    (void)state;
    assert_string_equal(room_report("{\"name\":\"a\\u0000b\"}"), "name must not contain null characters\n");
    assert_string_equal(
        account_report("{\"username\":\"\\u0000\",\"email\":\"a\\u0000@b.co\",\"password\":\"123456\"}"),
        "username must be longer than or equal to 3 characters\n"
        "username must not contain null characters\n"
        "email must be an email\n");
}

static void test_optional_fields_are_checked_when_there(void **state)
{
    (void)state;
    struct account_update out;
    assert_string_equal(report_of(&account_update_message, "1", "{}", &out), "");
    assert_string_equal(report_of(&account_update_message, "1", "{\"username\":\"\",\"email\":\"\"}", &out),
                        "username must be longer than or equal to 3 characters\nemail must be an email\n");
    assert_false(out.has_username);
    assert_false(out.has_email);
}

static void test_booleans(void **state)
{
    (void)state;
    assert_string_equal(room_report("{\"name\":\"x\",\"isPrivate\":\"true\",\"isActive\":1}"),
                        "isPrivate must be a boolean value\nisActive must be a boolean value\n");
    assert_string_equal(room_report("{\"name\":\"x\",\"isPrivate\":{},\"isActive\":[]}"),
                        "isPrivate must be a boolean value\nisActive must be a boolean value\n");
}

#define NOT_GREATER "maxParticipants must not be greater than 50\n"
#define NOT_LESS "maxParticipants must not be less than 2\n"
#define NOT_NUMBER "maxParticipants must be a number conforming to the specified constraints\n"

static void test_integers(void **state)
{
    (void)state;
    static const struct {
        const char *value, *report;
    } rows[] = {
        {"2", ""},
        {"50", ""},
        {"2.0", ""},
        {"1", NOT_LESS},
        {"51", NOT_GREATER},
        {"-9223372036854775808", NOT_LESS},
        {"99999999999999999999", NOT_GREATER},
        {"-1e300", NOT_LESS},
        {"2.5", NOT_NUMBER},
        {"50.5", NOT_GREATER NOT_NUMBER},
        {"1.5", NOT_LESS NOT_NUMBER},
        {"\"5\"", NOT_GREATER NOT_LESS NOT_NUMBER},
        {"\"\"", NOT_GREATER NOT_LESS NOT_NUMBER},
        {"true", NOT_GREATER NOT_LESS NOT_NUMBER},
        {"{}", NOT_GREATER NOT_LESS NOT_NUMBER},
        {"[5]", NOT_GREATER NOT_LESS NOT_NUMBER},
        {"null", ""},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        const char *json = arena_printf(arena, "{\"name\":\"x\",\"maxParticipants\":%s}", rows[i].value).ptr;
        assert_string_equal(room_report(json), rows[i].report);
    }
}

static void test_integers_at_the_end_of_their_type(void **state)
{
    (void)state;
    assert_string_equal(page_report("{\"after\":0}"), "");
    assert_string_equal(page_report("{\"after\":-1}"), "after must not be less than 0\n");
    assert_string_equal(page_report("{\"after\":9223372036854775808}"),
                        "after must not be greater than 9223372036854775807\n");
    struct page out;
    struct report report;
    struct pack_reader reader = pack_reader(STR("\x92\x80\x81\xA5"
                                                "after\xCF\x7F\xFF\xFF\xFF\xFF\xFF\xFF\xFF"));
    assert_int_equal(schema_decode(&page_message, &reader, arena, &out, &report), OK);
    assert_true(report.count == 0 && out.after == INT64_MAX);
}

static void test_numbers_that_are_none(void **state)
{
    (void)state;
    struct room_create out;
    struct report report;
    buffer_clear(&bytes);
    pack_raw(&bytes, STR("\x92\x80\x82\xA4name\xA1x\xAFmaxParticipants"));
    pack_real(&bytes, (double)NAN);
    struct pack_reader reader = pack_reader(buffer_str(&bytes));
    assert_int_equal(schema_decode(&room_create_message, &reader, arena, &out, &report), OK);
    assert_int_equal(report.count, 3);
}

static void test_integers_without_a_range(void **state)
{
    (void)state;
    struct user_ref out;
    static const char number[] = "userId must be a number conforming to the specified constraints\n";
    assert_string_equal(report_of(&user_ref_message, NULL, "{}", &out), number);
    assert_string_equal(report_of(&user_ref_message, NULL, "{\"userId\":\"1\"}", &out), number);
    assert_string_equal(report_of(&user_ref_message, NULL, "{\"userId\":1.5}", &out), number);
    assert_string_equal(report_of(&user_ref_message, NULL, "{\"userId\":1e300}", &out), number);
    assert_string_equal(report_of(&user_ref_message, NULL, "{\"userId\":-3}", &out), "");
    assert_true(out.user_id == -3);
}

/* ---- ids ---- */

static enum error decode_id(const char *id, struct room_by_id *out)
{
    struct pack_reader reader = arguments(id, "{}");
    struct report report;
    return schema_decode(&room_by_id_message, &reader, arena, out, &report);
}

static void test_ids(void **state)
{
    (void)state;
    static const struct {
        const char *text;
        int64_t value;
    } rows[] = {
        {"1", 1},
        {"+5", 5},
        {"-1", -1},
        {"0", 0},
        {"0099", 99},
        {"9223372036854775807", INT64_MAX},
        {"9223372036854775808", 0},
        {"-9223372036854775809", 0},
        {"99999999999999999999", 0},
    };
    for (size_t i = 0; i < COUNT(rows); i++) {
        struct room_by_id out;
        assert_int_equal(decode_id(rows[i].text, &out), OK);
        assert_true(out.has_id);
        assert_true(out.id.value == rows[i].value);
        assert_true(str_equal(out.id.text, str_from(rows[i].text)));
    }
}

static void test_ids_that_are_not_numeric(void **state)
{
    (void)state;
    static const char *const bad[] = {"",    "+",  "-",  "5x",  "x",        "1.5", "1e3",
                                      "0x1", " 1", "1 ", "NaN", "\xD9\xA5", "++1"};
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct room_by_id out;
        assert_int_equal(decode_id(bad[i], &out), ERROR_ID_NOT_NUMERIC);
    }
}

static void test_ids_come_from_the_path_only(void **state)
{
    (void)state;
    struct room_update out;
    assert_string_equal(report_of(&room_update_message, "7", "{\"id\":8,\"name\":\"\"}", &out),
                        "property id should not exist\nname should not be empty\n");
    assert_true(out.id.value == 7);
    struct room_by_id by_id;
    assert_int_equal(decode_id(NULL, &by_id), ERROR_MALFORMED);
    struct pack_reader reader = pack_reader(STR("\x92\x81\xA2id\x07\x80")); /* a number, where paths have text */
    struct report report;
    assert_int_equal(schema_decode(&room_by_id_message, &reader, arena, &by_id, &report), ERROR_MALFORMED);
}

static void test_other_fields_do_not_come_from_the_path(void **state)
{
    (void)state;
    struct room_create out;
    struct report report;
    struct pack_reader reader = pack_reader(STR("\x92\x81\xA4name\xA1x\x80"));
    assert_int_equal(schema_decode(&room_create_message, &reader, arena, &out, &report), OK);
    assert_int_equal(report.count, 2);
    assert_false(out.has_name);
}

/* ---- malformed ---- */

static void test_malformed(void **state)
{
    (void)state;
    static const struct str bad[] = {
        STR(""),
        STR("\xC0"),
        STR("\x80"),
        STR("\x90"),
        STR("\x91\x80"),
        STR("\x93\x80\x80\x80"),
        STR("\x92\x80"),
        STR("\x92\x80\xC0"),
        STR("\x92\x80\x90"),
        STR("\x92\xC0\x80"),
        STR("\x92\x80\x81\x01\x02"),       /* a key that is no string */
        STR("\x92\x80\x81\xA4name"),       /* no value */
        STR("\x92\x80\x81\xA4name\xA5xy"), /* cut */
        STR("\x92\x80\x82\xA4name\xA1x"),  /* fewer pairs than said */
        STR("\x92\x80\xDF\xFF\xFF\xFF\xFF\xA4name\xA1x"),
        STR("\x92\x80\x81\xA4name\xA1\xFF"), /* not UTF-8 */
        STR("\x92\x80\x81\xA1\xFF\xC0"),
        STR("\x92\x80\x81\xA3odd\xA2\xC3("),
        STR("\x92\x81\xA1\xFF\xC0\x80"),
        STR("\x92\x80\x81\xA4name\x91"),
        STR("\x92\x80\x81\xA4name\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x91\x90"), /* too deep
                                                                                                              */
        STR("\x92\x80\x81\xA4name\xC1"),
    };
    for (size_t i = 0; i < COUNT(bad); i++) {
        struct room_create out;
        struct report report;
        struct pack_reader reader = pack_reader(bad[i]);
        if (schema_decode(&room_create_message, &reader, arena, &out, &report) != ERROR_MALFORMED)
            fail_msg("bad[%zu] was decoded", i);
    }
}

/* ---- encoding and views ---- */

static void test_views_round_trip(void **state)
{
    (void)state;
    struct room_view in = {.id = 42,
                           .name = STR("lobby"),
                           .is_active = true,
                           .max_participants = 10,
                           .created_at = STR("2024-01-01T00:00:00.000Z"),
                           .updated_at = STR("2024-01-02T00:00:00.000Z"),
                           .owner_id = 7,
                           .has_owner_id = true};
    struct room_view out;
    buffer_clear(&bytes);
    schema_encode(&room_view_message, &in, &bytes);
    assert_int_equal(schema_decode_view(&room_view_message, buffer_str(&bytes), arena, &out), OK);
    assert_true(out.id == 42 && out.owner_id == 7 && out.has_owner_id && out.is_active && !out.is_private);
    assert_true(str_equal(out.name, in.name) && str_equal(out.updated_at, in.updated_at));
    assert_false(out.has_description);
    struct buffer json = {0};
    assert_true(json_from_pack(buffer_str(&bytes), &json));
    assert_true(
        str_equal(buffer_str(&json),
                  STR("{\"id\":42,\"name\":\"lobby\",\"isPrivate\":false,\"maxParticipants\":10,\"isActive\":true,"
                      "\"participantCount\":0,\"createdAt\":\"2024-01-01T00:00:00.000Z\","
                      "\"updatedAt\":\"2024-01-02T00:00:00.000Z\",\"ownerId\":7,\"hasPassword\":false}")));
    buffer_free(&json);
}

static void test_objects_are_carried_as_they_are(void **state)
{
    (void)state;
    struct str user = STR("\x82\xA2id\x01\xA5rooms\x91\x80");
    struct session_view in = {.access_token = STR("a.b.c"), .user = user}, out;
    buffer_clear(&bytes);
    schema_encode(&session_view_message, &in, &bytes);
    assert_int_equal(schema_decode_view(&session_view_message, buffer_str(&bytes), arena, &out), OK);
    assert_true(out.has_user && str_equal(out.user, user));
    struct str without = STR("\x81\xAC"
                             "access_token\xA1x"),
               null = STR("\x82\xAC"
                          "access_token\xA1x\xA4user\xC0");
    assert_int_equal(schema_decode_view(&session_view_message, without, arena, &out), ERROR_INTERNAL);
    assert_int_equal(schema_decode_view(&session_view_message, null, arena, &out), ERROR_INTERNAL);
}

static void test_views_that_break_the_contract(void **state)
{
    (void)state;
    static const struct str bad[] = {
        STR(""),
        STR("\xC0"),
        STR("\x80"), /* nothing of what is required */
        STR("\x81\xA6userId\xA1"
            "1"),                      /* a string, where a number belongs */
        STR("\x81\xA6userId\x01\xC0"), /* more than one value */
        STR("\x82\xA6userId\x01"),
    };
    struct user_reserved out;
    for (size_t i = 0; i < COUNT(bad); i++)
        assert_int_equal(schema_decode_view(&user_reserved_message, bad[i], arena, &out), ERROR_INTERNAL);
    struct str newer = STR("\x82\xA3new\x90\xA6userId\x09"); /* of a newer peer: what we do not know is ignored */
    assert_int_equal(schema_decode_view(&user_reserved_message, newer, arena, &out), OK);
    assert_true(out.user_id == 9);
}

static void test_arguments_round_trip(void **state)
{
    (void)state;
    struct account_update in = {.id = {.value = -12}, .username = STR("ada"), .has_username = true}, out;
    struct report report;
    buffer_clear(&bytes);
    schema_encode_arguments(&account_update_message, &in, &bytes);
    struct pack_reader reader = pack_reader(buffer_str(&bytes));
    assert_int_equal(schema_decode(&account_update_message, &reader, arena, &out, &report), OK);
    assert_true(pack_at_end(&reader));
    assert_int_equal(report.count, 0);
    assert_true(out.id.value == -12 && str_equal(out.id.text, STR("-12")));
    assert_true(out.has_username && str_equal(out.username, in.username));
    assert_false(out.has_email);

    in.id.text = STR("0099");
    buffer_clear(&bytes);
    schema_encode_arguments(&account_update_message, &in, &bytes);
    reader = pack_reader(buffer_str(&bytes));
    assert_int_equal(schema_decode(&account_update_message, &reader, arena, &out, &report), OK);
    assert_true(out.id.value == 99 && str_equal(out.id.text, STR("0099")));
}

static void test_messages_without_fields(void **state)
{
    (void)state;
    struct empty in = {0}, out;
    buffer_clear(&bytes);
    schema_encode_arguments(&empty_message, &in, &bytes);
    assert_true(str_equal(buffer_str(&bytes), STR("\x92\x80\x80")));
    assert_string_equal(report_of(&empty_message, NULL, "{\"anything\":1}", &out), "");
}

/* ---- tables ---- */

static void check_fault(const struct field *fields, size_t count, const char *fault)
{
    struct message message = {"sample", fields, count, 64, false, ERROR_VALIDATION};
    const char *found = schema_check(&message, arena);
    if (fault)
        assert_non_null(strstr(found, fault));
    else
        assert_null(found);
}

static void test_tables_are_checked(void **state)
{
    (void)state;
    struct field good = {"name", 4, FIELD_STRING, true, RULE_LENGTH, 1, 9, 0, 16};
    struct field fields[] = {good, good};
    check_fault(fields, 1, NULL);
    check_fault(fields, 2, "field name is there twice");
    struct field bad = good;
    bad.type = FIELD_BOOLEAN;
    check_fault(&bad, 1, "rule that does not fit");
    bad = good;
    bad.rule = RULE_RANGE;
    check_fault(&bad, 1, "rule that does not fit");
    bad = good;
    bad.max = 0;
    check_fault(&bad, 1, "rule that does not fit");
    bad = good;
    bad.min = -1;
    check_fault(&bad, 1, "rule that does not fit");
    bad = good;
    bad.has_offset = 64;
    check_fault(&bad, 1, "outside the struct");
    bad = good;
    bad.name_len = 0;
    check_fault(&bad, 1, "has no name");
    check_fault(fields, SCHEMA_MAX_FIELDS + 1, "more than 64 fields");
    struct message message = {"sample", fields, 1, 64, false, OK};
    assert_non_null(strstr(schema_check(&message, arena), "names no error"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_decodes),
        TEST(test_null_is_absence),
        TEST(test_last_of_doubles_wins),
        TEST(test_whole_reals_are_integers),
        TEST(test_nothing_sent),
        TEST(test_unknown_keys_come_first_in_the_order_sent),
        TEST(test_unknown_keys_are_ignored_where_the_message_says),
        TEST(test_many_unknown_keys),
        TEST(test_lengths),
        TEST(test_lengths_count_utf16_units),
        TEST(test_strings_of_other_types),
        TEST(test_null_characters),
        TEST(test_optional_fields_are_checked_when_there),
        TEST(test_booleans),
        TEST(test_integers),
        TEST(test_integers_at_the_end_of_their_type),
        TEST(test_numbers_that_are_none),
        TEST(test_integers_without_a_range),
        TEST(test_ids),
        TEST(test_ids_that_are_not_numeric),
        TEST(test_ids_come_from_the_path_only),
        TEST(test_other_fields_do_not_come_from_the_path),
        TEST(test_malformed),
        TEST(test_views_round_trip),
        TEST(test_objects_are_carried_as_they_are),
        TEST(test_views_that_break_the_contract),
        TEST(test_arguments_round_trip),
        TEST(test_messages_without_fields),
        TEST(test_tables_are_checked),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
