/* Messages: what is decoded, what counts as absent, ids out of paths, what is malformed, and the way back. */
#include "common/schema.h"

#include <string.h>

#include "proto/proto.h"
#include "tests/unit/report.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

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

static void test_integers_come_back_as_they_went(void **state)
{
    (void)state;
    static const int64_t values[] = {1, 0, INT64_MIN, INT64_MAX};
    for (size_t count = 0; count <= COUNT(values); count += COUNT(values)) {
        const struct user_ids in = {.ids = {values, count}, .has_ids = true};
        struct user_ids out;
        struct report report;
        struct buffer packed = {0};
        schema_encode_arguments(&user_ids_message, &in, &packed);
        struct pack_reader reader = pack_reader(buffer_str(&packed));
        assert_int_equal(schema_decode(&user_ids_message, &reader, arena, &out, &report), OK);
        assert_int_equal(report.count, 0);
        assert_int_equal(out.ids.count, count);
        assert_true(count == 0 || memcmp(out.ids.values, values, sizeof values) == 0);
        buffer_free(&packed);
    }
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

static enum error decode_update(struct str arguments, struct room_update *out)
{
    struct report report;
    struct pack_reader reader = pack_reader(arguments);
    return schema_decode(&room_update_message, &reader, arena, out, &report);
}

static void test_versions_come_from_the_header_only(void **state)
{
    (void)state;
    struct room_update out;
    assert_string_equal(report_of(&room_update_message, "7", "{\"versions\":[1]}", &out),
                        "property versions should not exist\n");
    assert_false(out.has_versions);
    assert_int_equal(decode_update(STR("\x92\x82\xA2id\xA1"
                                       "7\xA8versions\x92\x03\x04\x80"),
                                   &out),
                     OK);
    assert_true(out.has_versions && out.versions.count == 2 && out.versions.values[1] == 4);
    static const struct str malformed[] = {{"\x92\x82\xA2id\xA1"
                                            "7\xA8versions\x03\x80",
                                            17},
                                           {"\x92\x82\xA2id\xA1"
                                            "7\xA8versions\x91\xA1x\x80",
                                            19}};
    for (size_t i = 0; i < COUNT(malformed); i++)
        assert_int_equal(decode_update(malformed[i], &out), ERROR_MALFORMED);
}

static void test_versions_round_trip(void **state)
{
    (void)state;
    const int64_t versions[] = {1, INT64_MAX};
    struct room_update in = {.id = {.value = 7}, .versions = {versions, 2}, .has_versions = true}, out;
    buffer_clear(&bytes);
    schema_encode_arguments(&room_update_message, &in, &bytes);
    assert_int_equal(decode_update(buffer_str(&bytes), &out), OK);
    assert_true(out.versions.count == 2 && out.versions.values[0] == 1 && out.versions.values[1] == INT64_MAX);
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
                           .has_owner_id = true,
                           .status = STR("open")};
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
                      "\"updatedAt\":\"2024-01-02T00:00:00.000Z\",\"ownerId\":7,\"hasPassword\":false,"
                      "\"inviteOnly\":false,\"unlisted\":false,\"waitingRoom\":false,\"status\":\"open\"}")));
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
    struct field good = {"name", 4, FIELD_STRING, true, RULE_LENGTH, 1, 9, NULL, 0, 16};
    struct field fields[] = {good, good};
    check_fault(fields, 1, NULL);
    check_fault(fields, 2, "field name is there twice");
    struct field bad = good;
    bad.type = FIELD_BOOLEAN;
    check_fault(&bad, 1, "rule that does not fit");
    bad = good;
    bad.rule = RULE_COUNT;
    check_fault(&bad, 1, "rule that does not fit");
    bad.type = FIELD_INTEGERS;
    check_fault(&bad, 1, NULL);
    bad = good;
    bad.rule = RULE_RANGE;
    check_fault(&bad, 1, "rule that does not fit");
    bad = good;
    bad.rule = RULE_ONE_OF;
    check_fault(&bad, 1, "rule that does not fit");
    bad.choices = "this, that";
    check_fault(&bad, 1, NULL);
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

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_decodes),
        TEST(test_null_is_absence),
        TEST(test_last_of_doubles_wins),
        TEST(test_whole_reals_are_integers),
        TEST(test_integers_come_back_as_they_went),
        TEST(test_ids),
        TEST(test_ids_that_are_not_numeric),
        TEST(test_ids_come_from_the_path_only),
        TEST(test_versions_come_from_the_header_only),
        TEST(test_versions_round_trip),
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
