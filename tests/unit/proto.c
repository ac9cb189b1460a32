/* The contract's tables: that they fit each other, and that what is expanded from them says what the rows say. */
#include "proto/proto.h"

#include <pthread.h>
#include <string.h>

#include "tests/support/cmocka.h"

#define BIT(error) (UINT64_C(1) << (error))

static void test_tables_fit(void **state)
{
    (void)state;
    struct arena *arena = arena_new();
    const char *fault = proto_check(arena);
    if (fault)
        fail_msg("%s", fault);
    arena_destroy(&arena);
}

static void test_errors(void **state)
{
    (void)state;
    assert_string_equal(error_code(OK), "ok");
    assert_string_equal(error_code(ERROR_ROOM_FULL), "room_full");
    assert_string_equal(error_message(ERROR_ROOM_FULL), "Room is full");
    for (unsigned i = 0; i < ERROR_COUNT; i++) {
        const struct error_info *info = proto_error((enum error)i);
        assert_int_equal(error_from_code(str_from(info->code)), i);
        assert_string_equal(info->message, error_message((enum error)i));
    }
    assert_int_equal(error_from_code(STR("room_")), ERROR_INTERNAL);
    assert_int_equal(error_from_code(STR("")), ERROR_INTERNAL);
    assert_int_equal(proto_error(ERROR_USER_EXISTS)->status, 409);
    assert_int_equal(proto_error(ERROR_USER_EXISTS)->shape, SHAPE_C);
    assert_int_equal(proto_error(ERROR_UNAUTHORIZED)->shape, SHAPE_B);
}

static void test_status_texts(void **state)
{
    (void)state;
    assert_string_equal(proto_status_text(400), "Bad Request");
    assert_string_equal(proto_status_text(201), "Created");
    assert_string_equal(proto_status_text(299), "");
    assert_string_equal(proto_status_text(0), "");
}

static void test_methods_are_found(void **state)
{
    (void)state;
    static const struct method *const all[] = {
#define METHOD(name, ...) &name##_method,
#include "proto/methods.def"
#undef METHOD
    };
    for (size_t i = 0; i < sizeof all / sizeof *all; i++)
        assert_ptr_equal(proto_method(str_from(all[i]->name)), all[i]);
    assert_null(proto_method(STR("room.creat")));
    assert_null(proto_method(STR("room.create ")));
    assert_null(proto_method(STR("Room.create")));
    assert_null(proto_method(STR("")));
    assert_null(proto_method((struct str){NULL, 0}));
    static char long_name[100000];
    assert_null(proto_method((struct str){long_name, sizeof long_name}));
}

static void test_method_columns(void **state)
{
    (void)state;
    assert_ptr_equal(room_create_method.in, &room_create_message);
    assert_ptr_equal(room_create_method.out, &room_view_message);
    assert_false(room_create_method.out_is_list);
    assert_int_equal(room_create_method.target, SERVICE_room);
    assert_ptr_equal(user_list_method.out, &user_view_message);
    assert_true(user_list_method.out_is_list);
    assert_null(user_delete_method.out);
    assert_false(user_delete_method.out_is_list);
    assert_string_equal(proto_service_name(SERVICE_room), "room");
}

static void test_message_columns(void **state)
{
    (void)state;
    assert_int_equal(room_create_message.field_count, 12);
    assert_int_equal(empty_message.field_count, 0);
    assert_true(room_create_message.refuses_unknown);
    assert_false(login_message.refuses_unknown);
    assert_int_equal(login_message.invalid, ERROR_UNAUTHORIZED);
    const struct field *field = &room_create_message.fields[4];
    assert_string_equal(field->name, "maxParticipants");
    assert_int_equal(field->type, FIELD_INTEGER);
    assert_false(field->required);
    assert_int_equal(field->rule, RULE_RANGE);
    assert_int_equal(field->min, 2);
    assert_int_equal(field->max, 50);
    assert_int_equal(field->offset, offsetof(struct room_create, max_participants));
    assert_int_equal(field->has_offset, offsetof(struct room_create, has_max_participants));
    assert_true(room_create_message.fields[1].max == INT64_MAX);
}

static void test_events(void **state)
{
    (void)state;
    assert_true(str_equal(EVENT_USER_CHANGED, STR("user.changed")));
}

static const struct route *route_of(enum verb verb, const char *path)
{
    for (size_t i = 0; i < proto_route_count; i++)
        if (proto_routes[i].verb == verb && strcmp(proto_routes[i].path, path) == 0)
            return &proto_routes[i];
    fail_msg("no route %s %s", proto_verb_name(verb), path);
    return NULL;
}

static void test_route_errors(void **state)
{
    (void)state;
    const uint64_t body = BIT(ERROR_MALFORMED) | BIT(ERROR_BODY_TOO_LARGE) | BIT(ERROR_CHARSET_UNSUPPORTED) |
                          BIT(ERROR_ENCODING_UNSUPPORTED);
    assert_true(proto_route_errors(route_of(VERB_POST, "/auth/register")) ==
                (body | BIT(ERROR_VALIDATION) | BIT(ERROR_USER_EXISTS) | BIT(ERROR_TOO_MANY_REQUESTS)));
    assert_true(proto_route_errors(route_of(VERB_POST, "/auth/login")) ==
                (body | BIT(ERROR_UNAUTHORIZED) | BIT(ERROR_ACCOUNT_DISABLED) | BIT(ERROR_EMAIL_NOT_VERIFIED) |
                 BIT(ERROR_TOO_MANY_REQUESTS)));
    assert_true(proto_route_errors(route_of(VERB_GET, "/auth/profile")) == BIT(ERROR_UNAUTHORIZED));
    assert_true(proto_route_errors(route_of(VERB_GET, "/rooms")) == (BIT(ERROR_UNAUTHORIZED) | BIT(ERROR_VALIDATION)));
    assert_true(proto_route_errors(route_of(VERB_GET, "/rooms/:id")) ==
                (BIT(ERROR_UNAUTHORIZED) | BIT(ERROR_ID_NOT_NUMERIC) | BIT(ERROR_ROOM_NOT_FOUND)));
    assert_true(proto_route_errors(route_of(VERB_PATCH, "/rooms/:id")) ==
                (body | BIT(ERROR_UNAUTHORIZED) | BIT(ERROR_ID_NOT_NUMERIC) | BIT(ERROR_VALIDATION) |
                 BIT(ERROR_PRECONDITION_FAILED) | BIT(ERROR_FORBIDDEN) | BIT(ERROR_ROOM_NOT_FOUND) |
                 BIT(ERROR_ROOM_EXISTS)));
    struct route for_admins = *route_of(VERB_GET, "/auth/profile");
    for_admins.who = WHO_ADMIN;
    assert_true(proto_route_errors(&for_admins) == (BIT(ERROR_UNAUTHORIZED) | BIT(ERROR_FORBIDDEN)));
}

static void test_who_calls_whom(void **state)
{
    (void)state;
    assert_true(proto_may_call(STR("gateway"), &room_get_method));
    assert_true(proto_may_call(STR("gateway"), &user_principal_method));
    assert_false(proto_may_call(STR("gateway"), &user_create_method)); /* no route leads there */
    assert_true(proto_may_call(STR("auth"), &user_create_method));
    assert_false(proto_may_call(STR("post"), &user_create_method));
    assert_true(proto_may_call(STR("operator"), &user_create_method));
    const struct method events = {.name = "user.events"}, others = {.name = "room.events"};
    assert_true(proto_may_call(STR("post"), &events));
    assert_false(proto_may_call(STR("post"), &others));
    assert_false(proto_may_call(STR("gateway"), &events));
    static const struct str nobodies[] = {{"", 0}, {"gate", 4}, {"gateway2", 8}, {"root", 4}};
    for (size_t i = 0; i < sizeof nobodies / sizeof *nobodies; i++)
        assert_false(proto_may_call(nobodies[i], &room_get_method));
}

/* Nothing of auth is for other services: who holds the key of one cannot log in, register or end sessions with it. */
static void test_no_service_calls_auth(void **state)
{
    (void)state;
    static const struct str services[] = {{"user", 4}, {"room", 4}, {"post", 4}};
#define METHOD(name, ...)                                                                                              \
    for (size_t i = 0; i < sizeof services / sizeof *services; i++)                                                    \
        assert_false(proto_may_call(services[i], &name##_method));
#include "proto/methods/auth.def"
#undef METHOD
}

static void test_what_may_be_asked_twice(void **state)
{
    (void)state;
    assert_true(proto_is_repeatable(&room_list_method)); /* GET */
    assert_true(proto_is_repeatable(&user_principal_method));
    assert_false(proto_is_repeatable(&room_create_method));
    assert_false(proto_is_repeatable(&login_method));
    assert_false(proto_is_repeatable(&user_delete_method));
}

static void *look_up(void *unused)
{
    (void)unused;
    for (int i = 0; i < 1000; i++)
        if (proto_method(STR("room.get")) != &room_get_method)
            return "not found";
    return NULL;
}

/* First, so that the lookup is built while several threads ask. */
static void test_lookup_by_many_threads(void **state)
{
    (void)state;
    pthread_t threads[4];
    for (size_t i = 0; i < 4; i++)
        assert_int_equal(pthread_create(&threads[i], NULL, look_up, NULL), 0);
    for (size_t i = 0; i < 4; i++) {
        void *fault;
        pthread_join(threads[i], &fault);
        assert_null(fault);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_lookup_by_many_threads),
        cmocka_unit_test(test_tables_fit),
        cmocka_unit_test(test_errors),
        cmocka_unit_test(test_status_texts),
        cmocka_unit_test(test_methods_are_found),
        cmocka_unit_test(test_method_columns),
        cmocka_unit_test(test_message_columns),
        cmocka_unit_test(test_events),
        cmocka_unit_test(test_who_calls_whom),
        cmocka_unit_test(test_no_service_calls_auth),
        cmocka_unit_test(test_what_may_be_asked_twice),
        cmocka_unit_test(test_route_errors),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
