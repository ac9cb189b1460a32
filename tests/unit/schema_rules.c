/* Validation: every text that clients can meet, and the order of the texts. */
#include "common/schema_rules.h"

#include <math.h>
#include <stdio.h>

#include "proto/proto.h"
#include "tests/unit/report.h"

#define COUNT(array) (sizeof(array) / sizeof *(array))

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
    assert_string_equal(room_report("{\"name\":null}"), "name should not be empty\nname must be a string\n");
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

static void test_a_user_or_oneself(void **state)
{
    (void)state;
    static const char *const good[] = {"me", "0", "7", "+7", "-7", "99999999999999999999"};
    static const char *const refused[] = {"", "Me", "me ", "7 ", "7.0", "you", "+"};
    struct room_query out;
    for (size_t i = 0; i < COUNT(good) + COUNT(refused); i++) {
        bool is_good = i < COUNT(good);
        char json[64];
        snprintf(json, sizeof json, "{\"owner\":\"%s\"}", is_good ? good[i] : refused[i - COUNT(good)]);
        assert_string_equal(report_of(&room_query_message, NULL, json, &out),
                            is_good ? "" : "owner must be me or a numeric string\n");
    }
    assert_string_equal(report_of(&room_query_message, NULL, "{\"owner\":7}", &out),
                        "owner must be me or a numeric string\n");
}

static void test_one_of_some_texts(void **state)
{
    (void)state;
    struct choice {
        struct str role;
        bool has_role;
    } out;
    const struct field field = {"role", 4, FIELD_STRING,  false, RULE_ONE_OF,
                                0,      0, "user, admin", 0,     offsetof(struct choice, has_role)};
    const struct message message = {"choice", &field, 1, sizeof out, true, ERROR_VALIDATION};
    static const char text[] = "role must be one of the following values: user, admin\n";
    static const char *const refused[] = {"\"\"",       "\"User\"",   "\"user, admin\"", "\"use\"",
                                          "\"admins\"", "\" admin\"", "\"user\\u0000\"", "7",
                                          "true",       "[\"user\"]"};
    for (size_t i = 0; i < COUNT(refused); i++) {
        char json[64];
        snprintf(json, sizeof json, "{\"role\":%s}", refused[i]);
        assert_string_equal(report_of(&message, NULL, json, &out), text);
    }
    assert_string_equal(report_of(&message, NULL, "{}", &out), "");
    assert_false(out.has_role);
    assert_string_equal(report_of(&message, NULL, "{\"role\":\"user\"}", &out), "");
    assert_string_equal(report_of(&message, NULL, "{\"role\":\"admin\"}", &out), "");
    assert_true(out.has_role && str_equal(out.role, STR("admin")));
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

static void test_moments(void **state)
{
    (void)state;
    static const char text[] = "startsAt must be a valid ISO 8601 date string\n";
    assert_string_equal(room_report("{\"name\":\"x\",\"startsAt\":\"2026-05-01T18:30:00+02:00\"}"), "");
    assert_string_equal(room_report("{\"name\":\"x\",\"startsAt\":\"\",\"endsAt\":null}"), "");
    assert_string_equal(room_report("{\"name\":\"x\",\"startsAt\":\"tomorrow\"}"), text);
    assert_string_equal(room_report("{\"name\":\"x\",\"startsAt\":5}"), text);
    assert_string_equal(room_report("{\"name\":\"x\",\"startsAt\":\"2026-05-01T18:30:00Z\\u0000\"}"), text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_nothing_sent),
        TEST(test_moments),
        TEST(test_unknown_keys_come_first_in_the_order_sent),
        TEST(test_unknown_keys_are_ignored_where_the_message_says),
        TEST(test_many_unknown_keys),
        TEST(test_a_user_or_oneself),
        TEST(test_one_of_some_texts),
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
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
