/* Routes: what each path leads to, in the real table and in one made to be difficult. */
#include "gateway/router.h"

#include "tests/support/cmocka.h"

static const struct route difficult[] = {
    {.verb = VERB_GET, .path = "/a/:x/c"},    {.verb = VERB_GET, .path = "/a/b/d"},
    {.verb = VERB_GET, .path = "/a/:x/:y/e"}, {.verb = VERB_POST, .path = "/a/b"},
    {.verb = VERB_GET, .path = "/a/:x"},      {.verb = VERB_DELETE, .path = "/a/:x/c"},
};
enum { DIFFICULT = sizeof difficult / sizeof *difficult };

static const char *found(struct router *router, enum verb verb, const char *path)
{
    struct route_match match;
    return router_match(router, verb, str_from(path), &match) ? match.route->path : "none";
}

static void test_every_route_is_reached(void **state)
{
    (void)state;
    struct router *router = router_new(proto_routes, proto_route_count);
    for (size_t i = 0; i < proto_route_count; i++) {
        struct route_match match;
        assert_true(router_match(router, proto_routes[i].verb, str_from(proto_routes[i].path), &match));
        assert_ptr_equal(match.route, &proto_routes[i]);
    }
    router_destroy(&router);
    assert_null(router);
}

static void test_ways_to_write_a_path(void **state)
{
    (void)state;
    struct router *router = router_new(proto_routes, proto_route_count);
    static const char *const same[] = {"/rooms/active", "/rooms/active/", "/api/rooms/active", "/API/Rooms/ACTIVE/"};
    for (size_t i = 0; i < sizeof same / sizeof *same; i++)
        assert_string_equal(found(router, VERB_GET, same[i]), "/rooms/active");
    static const char *const none[] = {"",        "/",        "/api",           "/api/",     "/apirooms",       "rooms",
                                       "//rooms", "/rooms//", "/api/api/rooms", "/rooms/1/", "/rooms/1/join/x", "/room",
                                       "/roomsx", "*"};
    for (size_t i = 0; i < sizeof none / sizeof *none; i++)
        assert_string_equal(found(router, i == 9 ? VERB_POST : VERB_GET, none[i]), "none");
    router_destroy(&router);
}

static void test_parameters(void **state)
{
    (void)state;
    struct router *router = router_new(proto_routes, proto_route_count);
    struct route_match match;
    assert_true(router_match(router, VERB_POST, STR("/api/rooms/a%20b/join"), &match));
    assert_int_equal(match.count, 1);
    assert_true(str_equal(match.names[0], STR("id")));
    assert_true(str_equal(match.values[0], STR("a%20b")));
    assert_true(router_match(router, VERB_GET, STR("/rooms"), &match));
    assert_int_equal(match.count, 0);
    assert_false(router_match(router, VERB_POST, STR("/rooms//join"), &match));
    router_destroy(&router);
}

static void test_backtracking(void **state)
{
    (void)state;
    struct router *router = router_new(difficult, DIFFICULT);
    assert_string_equal(found(router, VERB_GET, "/a/b/d"), "/a/b/d");
    assert_string_equal(found(router, VERB_GET, "/a/b/c"), "/a/:x/c");
    assert_string_equal(found(router, VERB_GET, "/a/b/d/e"), "/a/:x/:y/e");
    assert_string_equal(found(router, VERB_GET, "/a/b/c/e"), "/a/:x/:y/e");
    assert_string_equal(found(router, VERB_GET, "/a/b"), "/a/:x");
    assert_string_equal(found(router, VERB_POST, "/a/b"), "/a/b");
    assert_string_equal(found(router, VERB_DELETE, "/a/b/c"), "/a/:x/c");
    assert_string_equal(found(router, VERB_DELETE, "/a/b/d"), "none");
    assert_string_equal(found(router, VERB_POST, "/a/z"), "none");
    struct route_match match;
    assert_true(router_match(router, VERB_GET, STR("/a/b/d/e"), &match));
    assert_true(str_equal(match.values[0], STR("b")) && str_equal(match.values[1], STR("d")));
    assert_true(str_equal(match.names[0], STR("x")) && str_equal(match.names[1], STR("y")));
    router_destroy(&router);
}

static void test_verbs(void **state)
{
    (void)state;
    enum verb verb = VERB_COUNT;
    assert_true(router_verb(STR("HEAD"), &verb));
    assert_int_equal(verb, VERB_GET);
    assert_true(router_verb(STR("PATCH"), &verb));
    assert_int_equal(verb, VERB_PATCH);
    assert_false(router_verb(STR("get"), &verb));
    assert_false(router_verb(STR("GETX"), &verb));
    assert_false(router_verb(STR("TRACE"), &verb));
    assert_false(router_verb(STR(""), &verb));
    assert_int_equal(verb, VERB_PATCH);
}

static void test_ambiguous_paths(void **state)
{
    (void)state;
    assert_true(router_is_ambiguous(STR("/rooms%2f1")));
    assert_true(router_is_ambiguous(STR("/%41%2F")));
    assert_true(router_is_ambiguous(STR("/rooms/%00")));
    assert_false(router_is_ambiguous(STR("/rooms/%2e%2")));
    assert_false(router_is_ambiguous(STR("/%0")));
    assert_false(router_is_ambiguous(STR("%")));
    assert_false(router_is_ambiguous(STR("")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_route_is_reached),
        cmocka_unit_test(test_ways_to_write_a_path),
        cmocka_unit_test(test_parameters),
        cmocka_unit_test(test_backtracking),
        cmocka_unit_test(test_verbs),
        cmocka_unit_test(test_ambiguous_paths),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
