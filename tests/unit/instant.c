/* Moments in text: what RFC 3339 allows, and what looks like it. */
#include "common/instant.h"

#include "tests/support/cmocka.h"

static void what_is_a_moment(void **state)
{
    (void)state;
    static const char *const good[] = {
        "1970-01-01T00:00:00Z",      "2026-05-01T18:30:00+02:00",      "2026-05-01t18:30:00z",
        "2026-05-01 18:30:00-14:59", "2024-02-29T23:59:59.999999999Z", "2000-02-29T00:00:00.1+00:00",
        "2016-12-31T23:59:60Z",      "9998-12-31T23:59:59-14:00",
    };
    for (size_t i = 0; i < sizeof good / sizeof *good; i++)
        if (!instant_is_valid(str_from(good[i])))
            fail_msg("%s is a moment", good[i]);
}

static void what_is_none(void **state)
{
    (void)state;
    static const char *const bad[] = {
        "",
        "now",
        "tomorrow",
        "infinity",
        "2026-05-01",
        "2026-05-01T18:30:00",
        "2026-05-01T18:30Z",
        "2026-5-1T18:30:00Z",
        "2026-05-01T24:00:00Z",
        "2026-05-01T18:60:00Z",
        "2026-05-01T18:30:61Z",
        "2026-13-01T18:30:00Z",
        "2026-00-01T18:30:00Z",
        "2026-04-31T18:30:00Z",
        "2026-02-29T18:30:00Z",
        "1900-02-29T18:30:00Z",
        "2100-02-29T18:30:00Z",
        "2026-05-00T18:30:00Z",
        "1969-12-31T23:59:59Z",
        "9999-12-31T23:59:59Z",
        "12026-05-01T18:30:00Z",
        "-2026-05-01T18:30:00Z",
        "2026-05-01T18:30:00.Z",
        "2026-05-01T18:30:00.1234567890Z",
        "2026-05-01T18:30:00+2:00",
        "2026-05-01T18:30:00+0200",
        "2026-05-01T18:30:00+15:00",
        "2026-05-01T18:30:00+02:60",
        "2026-05-01T18:30:00 +02:00",
        "2026-05-01T18:30:00ZZ",
        " 2026-05-01T18:30:00Z",
        "2026-05-01T18:30:00Z BC",
        "2026-05-01_18:30:00Z",
        "2026/05/01T18:30:00Z",
        "١٩٧٠-01-01T00:00:00Z",
    };
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++)
        if (instant_is_valid(str_from(bad[i])))
            fail_msg("%s is no moment", bad[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {cmocka_unit_test(what_is_a_moment), cmocka_unit_test(what_is_none)};
    return cmocka_run_group_tests(tests, NULL, NULL);
}
