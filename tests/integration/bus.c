/* The services without HTTP: their methods over ZeroMQ. */
#include <string.h>

#include "tests/support/caller.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

/* ---- methods ---- */

static void services_tell_their_health(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    for (int part = 0; part < STACK_GATEWAY; part++) {
        const char *name = stack_part_name(part);
        struct bus_answer answer = call_service_method(bus, part, text("%s.health", name), 0, "", NULL, NULL);
        assert_int_equal(answer.error, OK);
        assert_string_equal(object_string(answer.body, "service"), name);
        assert_true(json_is_true(json_object_get(answer.body, "ready")));
    }
    caller_bus_destroy(&bus);
}

static void the_room_service_answers_without_http(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    struct user user = make_user(stack);
    struct bus_answer made =
        call_service_method(bus, STACK_ROOM, "room.create", user.id, "user", NULL, "{\"name\":\"by bus\"}");
    assert_int_equal(made.error, OK);
    char *path = text("{\"id\":\"%lld\"}", (long long)object_integer(made.body, "id"));
    struct bus_answer got = call_service_method(bus, STACK_ROOM, "room.get", user.id, "user", path, NULL);
    assert_int_equal(got.error, OK);
    assert_true(json_equal(got.body, made.body));
    struct bus_answer page = call_service_method(bus, STACK_ROOM, "room.list", user.id, "user", NULL, "{\"limit\":1}");
    assert_int_equal(page.error, OK);
    assert_int_equal(json_array_size(page.body), 1);
    caller_bus_destroy(&bus);
}

static void a_page_that_is_not_the_last_names_the_next(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    struct user users[3];
    make_users(stack, users, 3);
    struct bus_answer page =
        call_service_method(bus, STACK_USER, "user.list", users[0].id, "user", NULL, "{\"limit\":2}");
    assert_int_equal(page.error, OK);
    assert_int_equal(page.next_after, object_integer(json_array_get(page.body, 1), "id"));
    struct bus_answer all =
        call_service_method(bus, STACK_USER, "user.list", users[0].id, "user", NULL, "{\"limit\":100}");
    assert_int_equal(all.next_after, 0);
    caller_bus_destroy(&bus);
}

static void errors_cross_the_bus_by_code_and_text(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    struct user user = make_user(stack), other = make_user(stack);
    struct room room = make_room(stack, &user, (struct room_options){0});
    struct bus_answer missing =
        call_service_method(bus, STACK_ROOM, "room.get", user.id, "user", "{\"id\":\"999999\"}", NULL);
    assert_int_equal(missing.error, ERROR_ROOM_NOT_FOUND);
    assert_string_equal(json_string_value(missing.body), "Room with ID 999999 not found");
    struct bus_answer invalid = call_service_method(bus, STACK_ROOM, "room.create", user.id, "user", NULL, "{\"x\":1}");
    assert_int_equal(invalid.error, ERROR_VALIDATION);
    assert_string_equal(json_string_value(json_array_get(invalid.body, 0)), "property x should not exist");
    char *path = text("{\"id\":\"%lld\"}", (long long)room.id);
    assert_int_equal(call_service_method(bus, STACK_ROOM, "room.delete", other.id, "user", path, NULL).error,
                     ERROR_FORBIDDEN);
    assert_int_equal(call_service_method(bus, STACK_ROOM, "room.delete", other.id, "admin", path, NULL).error, OK);
    assert_int_equal(call_service_method(bus, STACK_ROOM, "room.get", user.id, "user", "{\"id\":\"x\"}", NULL).error,
                     ERROR_ID_NOT_NUMERIC);
    caller_bus_destroy(&bus);
}

static void ids_come_from_the_path_only(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    struct user user = make_user(stack);
    struct room room = make_room(stack, &user, (struct room_options){0});
    char *rest = text("{\"id\":%lld}", (long long)room.id);
    assert_int_not_equal(call_service_method(bus, STACK_ROOM, "room.get", user.id, "user", NULL, rest).error, OK);
    caller_bus_destroy(&bus);
}

static void the_user_service_knows_principals(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    struct user user = make_user(stack), admin = make_admin(stack);
    struct bus_answer answer = call_service_method(bus, STACK_USER, "user.principal", 0, "", NULL,
                                                   text("{\"userId\":%lld}", (long long)user.id));
    assert_int_equal(answer.error, OK);
    assert_string_equal(object_string(answer.body, "role"), "user");
    answer = call_service_method(bus, STACK_USER, "user.principal", 0, "", NULL,
                                 text("{\"userId\":%lld}", (long long)admin.id));
    assert_string_equal(object_string(answer.body, "role"), "admin");
    assert_int_equal(call_service_method(bus, STACK_USER, "user.principal", 0, "", NULL, "{\"userId\":999999}").error,
                     ERROR_USER_NOT_FOUND);
    char *by_name = text("{\"username\":\"%s\"}", user.username);
    assert_int_equal(object_integer(call_service_method(bus, STACK_USER, "user.find", 0, "", NULL, by_name).body, "id"),
                     user.id);
    caller_bus_destroy(&bus);
}

static struct bus_answer get_many(struct caller_bus *bus, const char *ids)
{
    return call_service_method(bus, STACK_USER, "user.get_many", 0, "", NULL, text("{\"ids\":%s}", ids));
}

static void the_user_service_names_many_at_once(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    struct user one = make_user(stack), other = make_user(stack);
    struct bus_answer answer = get_many(
        bus, text("[%lld,999999,%lld,0,-1,%lld]", (long long)other.id, (long long)one.id, (long long)other.id));
    assert_int_equal(answer.error, OK);
    assert_int_equal(json_array_size(answer.body), 2);
    const json_t *first = json_array_get(answer.body, 0), *second = json_array_get(answer.body, 1);
    assert_int_equal(object_integer(first, "id"), one.id);
    assert_string_equal(object_string(first, "username"), one.username);
    assert_int_equal(object_integer(second, "id"), other.id);
    assert_string_equal(object_string(second, "username"), other.username);
    assert_null(json_object_get(first, "email")); /* nobody asks */
    answer = get_many(bus, "[]");
    assert_int_equal(answer.error, OK);
    assert_int_equal(json_array_size(answer.body), 0);
    caller_bus_destroy(&bus);
}

static void lists_of_ids_are_bounded_and_numbers(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    char *ids = text("[1");
    for (int i = 2; i <= 101; i++)
        ids = text("%s,%d", ids, i);
    struct bus_answer answer = get_many(bus, text("%s]", ids));
    assert_int_equal(answer.error, ERROR_VALIDATION);
    assert_string_equal(json_string_value(json_array_get(answer.body, 0)),
                        "ids must contain no more than 100 elements");
    static const char *const bad[][2] = {
        {"{}", "ids must be an array"},
        {"null", "ids must be an array"},
        {"7", "ids must be an array"},
        {"[1,\"2\"]", "each value in ids must be a number conforming to the specified constraints"},
        {"[1,[2]]", "each value in ids must be a number conforming to the specified constraints"},
        {"[1,null]", "each value in ids must be a number conforming to the specified constraints"},
        {"[1.5]", "each value in ids must be a number conforming to the specified constraints"},
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        answer = get_many(bus, bad[i][0]);
        assert_int_equal(answer.error, ERROR_VALIDATION);
        assert_int_equal(json_array_size(answer.body), 1);
        assert_string_equal(json_string_value(json_array_get(answer.body, 0)), bad[i][1]);
    }
    caller_bus_destroy(&bus);
}

static void a_reserved_name_is_free_until_it_is_created(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    static const char person[] = "{\"username\":\"reserved\",\"email\":\"reserved@example.org\"}";
    struct bus_answer first = call_service_method(bus, STACK_USER, "user.reserve", 0, "", NULL, person);
    struct bus_answer second = call_service_method(bus, STACK_USER, "user.reserve", 0, "", NULL, person);
    assert_int_equal(first.error, OK);
    assert_int_equal(second.error, OK);
    assert_true(object_integer(first.body, "userId") != object_integer(second.body, "userId"));
    char *one = text("{\"userId\":%lld,%s", (long long)object_integer(first.body, "userId"), person + 1);
    char *two = text("{\"userId\":%lld,%s", (long long)object_integer(second.body, "userId"), person + 1);
    assert_int_equal(call_service_method(bus, STACK_USER, "user.create", 0, "", NULL, one).error, OK);
    assert_int_equal(call_service_method(bus, STACK_USER, "user.create", 0, "", NULL, two).error, ERROR_USER_EXISTS);
    assert_int_equal(call_service_method(bus, STACK_USER, "user.reserve", 0, "", NULL, person).error,
                     ERROR_USER_EXISTS);
    caller_bus_destroy(&bus);
}

static void a_method_that_is_not_there_is_answered(void **state)
{
    struct stack *stack = *state;
    struct caller_bus *bus = caller_bus_new(stack);
    static const char *const methods[] = {"room.nonsense", "user.get", "room", "room.create\n"};
    for (size_t i = 0; i < sizeof methods / sizeof *methods; i++) {
        struct bus_answer answer = call_service_method(bus, STACK_ROOM, methods[i], 1, "user", NULL, NULL);
        assert_int_not_equal(answer.error, OK);
        assert_int_not_equal(answer.error, ERROR_TIMEOUT);
    }
    caller_bus_destroy(&bus);
}

SUITE("bus", cmocka_unit_test(services_tell_their_health), cmocka_unit_test(the_room_service_answers_without_http),
      cmocka_unit_test(a_page_that_is_not_the_last_names_the_next),
      cmocka_unit_test(errors_cross_the_bus_by_code_and_text), cmocka_unit_test(ids_come_from_the_path_only),
      cmocka_unit_test(the_user_service_knows_principals), cmocka_unit_test(the_user_service_names_many_at_once),
      cmocka_unit_test(lists_of_ids_are_bounded_and_numbers),
      cmocka_unit_test(a_reserved_name_is_free_until_it_is_created),
      cmocka_unit_test(a_method_that_is_not_there_is_answered))
