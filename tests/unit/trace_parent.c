/* Reading W3C's traceparent: what its specification says is good, is bad, and is to be borne with. */
#include "common/trace_parent.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#define TRACE "0af7651916cd43dd8448eb211c80319c"
#define SPAN "b7ad6b7169203331"

static void assert_read(const char *text, const char *expected)
{
    char out[TRACE_PARENT_LEN + 1] = {0};
    if (!trace_parent_read(str_from(text), out))
        fail_msg("refused: %s", text);
    assert_string_equal(out, expected);
    struct str id = trace_parent_id((struct str){out, TRACE_PARENT_LEN});
    assert_true(str_equal(id, STR(TRACE)));
}

static void good_ones_are_read(void **state)
{
    (void)state;
    assert_read("00-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-01");
    assert_read("00-" TRACE "-" SPAN "-00", "00-" TRACE "-" SPAN "-00");
}

/* Of the flags only "sampled" is known; others must not be passed on. */
static void unknown_flags_are_dropped(void **state)
{
    (void)state;
    assert_read("00-" TRACE "-" SPAN "-ff", "00-" TRACE "-" SPAN "-01");
    assert_read("00-" TRACE "-" SPAN "-fe", "00-" TRACE "-" SPAN "-00");
}

static void later_versions_are_read_as_far_as_they_are_known(void **state)
{
    (void)state;
    assert_read("01-" TRACE "-" SPAN "-01", "00-" TRACE "-" SPAN "-01");
    assert_read("cc-" TRACE "-" SPAN "-01-what-the-future-will-be-like", "00-" TRACE "-" SPAN "-01");
    assert_read("cc-" TRACE "-" SPAN "-01-", "00-" TRACE "-" SPAN "-01");
}

static void bad_ones_are_refused(void **state)
{
    (void)state;
    static const char *const refused[] = {"",
                                          "00-" TRACE "-" SPAN "-0",
                                          "00-" TRACE "-" SPAN,
                                          "00-" TRACE "-" SPAN "-01-",
                                          "00-" TRACE "-" SPAN "-01-x",
                                          "00-" TRACE "-" SPAN "-010",
                                          "01-" TRACE "-" SPAN "-01.x",
                                          "ff-" TRACE "-" SPAN "-01",
                                          "0-" TRACE "-" SPAN "-01",
                                          "FE-" TRACE "-" SPAN "-01",
                                          "0g-" TRACE "-" SPAN "-01",
                                          "00-0AF7651916CD43DD8448EB211C80319C-" SPAN "-01",
                                          "00-" TRACE "-B7AD6B7169203331-01",
                                          "00-" TRACE "-" SPAN "-0A",
                                          "00-" TRACE "-" SPAN "-.1",
                                          "00-00000000000000000000000000000000-" SPAN "-01",
                                          "00-" TRACE "-0000000000000000-01",
                                          "00-.af7651916cd43dd8448eb211c80319c-" SPAN "-01",
                                          "00_" TRACE "-" SPAN "-01",
                                          "00-" TRACE "_" SPAN "-01",
                                          "00-" TRACE "-" SPAN "_01",
                                          " 00-" TRACE "-" SPAN "-01"};
    char out[TRACE_PARENT_LEN] = "untouched";
    for (size_t i = 0; i < sizeof refused / sizeof *refused; i++)
        if (trace_parent_read(str_from(refused[i]), out))
            fail_msg("taken: %s", refused[i]);
    assert_string_equal(out, "untouched");
    assert_int_equal(trace_parent_id(STR("")).len, 0);
    assert_int_equal(trace_parent_id(STR("anything else")).len, 0);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(good_ones_are_read),
        cmocka_unit_test(unknown_flags_are_dropped),
        cmocka_unit_test(later_versions_are_read_as_far_as_they_are_known),
        cmocka_unit_test(bad_ones_are_refused),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
