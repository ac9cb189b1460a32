/* Who is believed about whom: the walk back through X-Forwarded-For. */
#include "gateway/proxies.h"

#include "tests/support/cmocka.h"

/* Who asks, when the peer's request has these fields, NULL-terminated, and 10.0.0.0/8 and ::1 are trusted. */
static void assert_client(const char *expected, const char *peer, const char *const *fields)
{
    struct str mistake;
    struct proxies *proxies = proxies_new(" 10.0.0.0/8,, ::1 ", &mistake);
    struct address address;
    char text[ADDRESS_MAX_TEXT + 1];
    size_t count = 0;
    assert_non_null(proxies);
    assert_true(address_read(str_from(peer), &address));
    while (fields[count] != NULL)
        count++;
    while (count > 0 && proxies_follow(proxies, str_from(fields[count - 1]), &address))
        count--;
    address_write(&address, text);
    assert_string_equal(text, expected);
    proxies_destroy(&proxies);
    assert_null(proxies);
}
#define CLIENT(expected, peer, ...) assert_client((expected), (peer), (const char *const[]){__VA_ARGS__, NULL})

static void a_stranger_is_not_believed(void **state)
{
    (void)state;
    CLIENT("192.0.2.1", "192.0.2.1", "198.51.100.7");
    CLIENT("2001:db8::1", "2001:db8::1", "::1", "10.0.0.1");
}

static void the_last_that_is_not_trusted_is_the_client(void **state)
{
    (void)state;
    CLIENT("198.51.100.7", "10.0.0.1", "198.51.100.7");
    CLIENT("198.51.100.7", "10.0.0.1", "203.0.113.1, 198.51.100.7");
    CLIENT("198.51.100.7", "::1", "203.0.113.1, 198.51.100.7 ,10.0.0.2,\t10.0.0.3");
    CLIENT("198.51.100.7", "::1", "203.0.113.1,198.51.100.7", "10.0.0.2");
    CLIENT("198.51.100.7", "::ffff:10.0.0.1", "203.0.113.1", "198.51.100.7", "10.0.0.2");
    CLIENT("2001:db8::1", "10.0.0.1", "2001:DB8:0::1");
}

static void who_is_behind_trusted_ones_only_is_the_first(void **state)
{
    (void)state;
    CLIENT("10.0.0.9", "10.0.0.1", "10.0.0.9, 10.0.0.2");
    CLIENT("10.0.0.1", "10.0.0.1", "");
    CLIENT("10.0.0.1", "10.0.0.1", " , ,");
    CLIENT("198.51.100.7", "10.0.0.1", ",198.51.100.7, ,");
}

static void garbage_ends_the_way(void **state)
{
    (void)state;
    CLIENT("10.0.0.1", "10.0.0.1", "198.51.100.7, unknown");
    CLIENT("10.0.0.2", "10.0.0.1", "198.51.100.7, 1.2.3, 10.0.0.2");
    CLIENT("10.0.0.2", "10.0.0.1", "198.51.100.7", "_hidden, 10.0.0.2");
    CLIENT("10.0.0.1", "10.0.0.1", "[::");
    CLIENT("10.0.0.1", "10.0.0.1", "<script>");
}

static void a_port_is_passed_over(void **state)
{
    (void)state;
    CLIENT("198.51.100.7", "10.0.0.1", "198.51.100.7:4711");
    CLIENT("2001:db8::1", "10.0.0.1", "[2001:db8::1]:4711");
    CLIENT("2001:db8::1", "10.0.0.1", "[2001:db8::1]");
}

static void nobody_is_trusted_unless_named(void **state)
{
    (void)state;
    struct str mistake;
    struct address address;
    struct proxies *none = proxies_new("", &mistake);
    assert_true(address_read(STR("127.0.0.1"), &address));
    assert_false(proxies_trust(none, &address));
    proxies_destroy(&none);
    assert_null(proxies_new("10.0.0.0/8, proxy.example ,::1", &mistake));
    assert_true(str_equal(mistake, STR("proxy.example")));
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(a_stranger_is_not_believed),
        cmocka_unit_test(the_last_that_is_not_trusted_is_the_client),
        cmocka_unit_test(who_is_behind_trusted_ones_only_is_the_first),
        cmocka_unit_test(garbage_ends_the_way),
        cmocka_unit_test(a_port_is_passed_over),
        cmocka_unit_test(nobody_is_trusted_unless_named),
    };
    return cmocka_run_group_tests_name("gateway_proxies", tests, NULL, NULL);
}
