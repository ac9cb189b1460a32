/* Decoding arguments as a service does, with the report as text: for the tests of messages. */
#ifndef TESTS_UNIT_REPORT_H
#define TESTS_UNIT_REPORT_H

#include "common/json.h"
#include "common/schema.h"
#include "tests/support/cmocka.h"

static struct arena *arena;
static struct buffer bytes;

static inline int set_up(void **state)
{
    (void)state;
    arena = arena_new();
    return 0;
}

static inline int tear_down(void **state)
{
    (void)state;
    arena_destroy(&arena);
    buffer_free(&bytes);
    return 0;
}

/* The arguments as the gateway makes them: the path's id, where there is one, and a JSON body. */
static inline struct pack_reader arguments(const char *id, const char *json)
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
static inline const char *report_of(const struct message *message, const char *id, const char *json, void *out)
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

#endif
