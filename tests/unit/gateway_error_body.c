/* Error bodies: the contract's shapes to the byte. */
#include "gateway/error_body.h"

#include <string.h>

#include "common/pack.h"
#include "tests/support/cmocka.h"

static void assert_body(const struct failure *failure, bool as_problem, const char *expected)
{
    struct buffer out = {0};
    error_body(&out, failure, as_problem, STR("r-1"));
    buffer_append_char(&out, '\0');
    assert_string_equal(out.data, expected);
    buffer_free(&out);
}

static void test_shapes(void **state)
{
    (void)state;
    assert_body(&(struct failure){.error = ERROR_ROUTE_NOT_FOUND, .text = STR("Cannot GET /\"x\"")}, false,
                "{\"message\":\"Cannot GET /\\\"x\\\"\",\"error\":\"Not "
                "Found\",\"statusCode\":404,\"code\":\"route_not_found\","
                "\"requestId\":\"r-1\"}");
    assert_body(&(struct failure){.error = ERROR_UNAUTHORIZED}, false,
                "{\"message\":\"Unauthorized\",\"statusCode\":401,\"code\":\"unauthorized\",\"requestId\":\"r-1\"}");
    assert_body(&(struct failure){.error = ERROR_USER_EXISTS}, false,
                "{\"statusCode\":409,\"message\":\"Username or email already exists\",\"code\":\"user_exists\","
                "\"requestId\":\"r-1\"}");
}

static struct str pack_two(struct buffer *packed)
{
    pack_array(packed, 2);
    pack_string(packed, STR("a must be b"));
    pack_string(packed, STR("\xC3\xA9"));
    return buffer_str(packed);
}

static void test_what_services_send(void **state)
{
    (void)state;
    struct buffer list = {0}, text = {0}, nil = {0}, broken = {0};
    pack_string(&text, STR("Room with ID 99 not found"));
    pack_nil(&nil);
    pack_array(&broken, 2);
    pack_string(&broken, STR("one"));
    assert_body(&(struct failure){.error = ERROR_VALIDATION, .packed = pack_two(&list)}, false,
                "{\"message\":[\"a must be b\",\"\xC3\xA9\"],\"error\":\"Bad Request\",\"statusCode\":400,"
                "\"code\":\"validation_failed\",\"requestId\":\"r-1\"}");
    assert_body(&(struct failure){.error = ERROR_ROOM_NOT_FOUND, .packed = buffer_str(&text)}, false,
                "{\"message\":\"Room with ID 99 not found\",\"error\":\"Not Found\",\"statusCode\":404,"
                "\"code\":\"room_not_found\",\"requestId\":\"r-1\"}");
    static const char own_text[] = "{\"message\":\"Room is full\",\"error\":\"Conflict\",\"statusCode\":409,"
                                   "\"code\":\"room_full\",\"requestId\":\"r-1\"}";
    assert_body(&(struct failure){.error = ERROR_ROOM_FULL, .packed = buffer_str(&nil)}, false, own_text);
    assert_body(&(struct failure){.error = ERROR_ROOM_FULL, .packed = buffer_str(&broken)}, false, own_text);
    assert_body(&(struct failure){.error = ERROR_ROOM_FULL}, false, own_text);
    buffer_free(&list);
    buffer_free(&text);
    buffer_free(&nil);
    buffer_free(&broken);
}

static void test_problems(void **state)
{
    (void)state;
    struct buffer list = {0};
    assert_body(&(struct failure){.error = ERROR_ROOM_FULL}, true,
                "{\"type\":\"about:blank\",\"title\":\"Conflict\",\"status\":409,\"detail\":\"Room is full\","
                "\"code\":\"room_full\",\"requestId\":\"r-1\"}");
    assert_body(&(struct failure){.error = ERROR_VALIDATION, .packed = pack_two(&list)}, true,
                "{\"type\":\"about:blank\",\"title\":\"Bad Request\",\"status\":400,\"detail\":\"Bad Request\","
                "\"errors\":[\"a must be b\",\"\xC3\xA9\"],\"code\":\"validation_failed\",\"requestId\":\"r-1\"}");
    buffer_free(&list);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_shapes),
        cmocka_unit_test(test_what_services_send),
        cmocka_unit_test(test_problems),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
