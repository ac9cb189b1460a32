/* IP addresses and networks: what is one, what it is written as, and which network holds it. */
#include "common/address.h"

#include <arpa/inet.h>
#include <string.h>

#include "tests/support/cmocka.h"

static void assert_written(const char *text, const char *expected)
{
    struct address address;
    char written[ADDRESS_MAX_TEXT + 1];
    if (!address_read(str_from(text), &address))
        fail_msg("no address: %s", text);
    assert_int_equal(address_write(&address, written), strlen(expected));
    assert_string_equal(written, expected);
}

static void addresses_have_one_form(void **state)
{
    (void)state;
    assert_written("192.0.2.1", "192.0.2.1");
    assert_written("::ffff:192.0.2.1", "192.0.2.1");
    assert_written("::FFFF:C000:0201", "192.0.2.1");
    assert_written("2001:DB8:0:0:0:0:0:1", "2001:db8::1");
    assert_written("::", "::");
    assert_written("0000:0000:0000:0000:0000:ffff:255.255.255.255", "255.255.255.255");
}

static void what_is_no_address_is_refused(void **state)
{
    (void)state;
    static const char *const others[] = {"",           "unknown",    "1.2.3",
                                         "1.2.3.4.5",  "256.0.0.1",  "1.2.3.4 ",
                                         "fe80::1%lo", "1.2.3.4:80", "[::1]",
                                         "12345::",    "0x7f.1",     "0000:0000:0000:0000:0000:0000:0000:0000:000001"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct address address;
        if (address_read(str_from(others[i]), &address))
            fail_msg("an address: %s", others[i]);
    }
    assert_false(address_read(STR("1.2.3.4\0"), &(struct address){0}));
}

static void sockets_have_addresses(void **state)
{
    (void)state;
    struct address address, expected;
    struct sockaddr_in ipv4 = {.sin_family = AF_INET, .sin_addr.s_addr = htonl(0xC0000201)};
    assert_true(address_of_socket((struct sockaddr *)&ipv4, &address));
    assert_true(address_read(STR("192.0.2.1"), &expected));
    assert_memory_equal(&address, &expected, sizeof address);
    assert_true(address_is_ipv4(&address));
    struct sockaddr_in6 ipv6 = {.sin6_family = AF_INET6, .sin6_addr = IN6ADDR_LOOPBACK_INIT};
    assert_true(address_of_socket((struct sockaddr *)&ipv6, &address));
    assert_false(address_is_ipv4(&address));
    assert_false(address_of_socket(&(struct sockaddr){.sa_family = AF_UNIX}, &address));
}

static bool holds(const char *network_text, const char *address_text)
{
    struct network network;
    struct address address;
    assert_true(network_read(str_from(network_text), &network));
    assert_true(address_read(str_from(address_text), &address));
    return network_holds(&network, &address);
}

static void networks_hold_what_begins_alike(void **state)
{
    (void)state;
    assert_true(holds("10.0.0.0/8", "10.255.0.1"));
    assert_false(holds("10.0.0.0/8", "11.0.0.0"));
    assert_true(holds("192.0.2.128/25", "192.0.2.255"));
    assert_false(holds("192.0.2.128/25", "192.0.2.127"));
    assert_true(holds("192.0.2.1", "192.0.2.1"));
    assert_false(holds("192.0.2.1", "192.0.2.0"));
    assert_true(holds("10.0.0.7/8", "10.1.2.3")); /* the bits behind do not matter */
    assert_true(holds("0.0.0.0/0", "203.0.113.9"));
    assert_false(holds("0.0.0.0/0", "2001:db8::1"));
    assert_true(holds("::/0", "203.0.113.9"));
    assert_true(holds("::ffff:10.0.0.0/104", "10.0.0.1"));
    assert_true(holds("2001:db8::/33", "2001:db8:7fff::1"));
    assert_false(holds("2001:db8::/33", "2001:db8:8000::1"));
    assert_true(holds("10.0.0.0/8", "::ffff:10.0.0.1"));
}

static void assert_cut(const char *text, unsigned bits, const char *expected)
{
    struct address address;
    char written[ADDRESS_MAX_TEXT + 1];
    assert_true(address_read(str_from(text), &address));
    address_cut(&address, bits);
    address_write(&address, written);
    assert_string_equal(written, expected);
}

static void addresses_are_cut_to_their_first_bits(void **state)
{
    (void)state;
    assert_cut("2001:db8:1:2:3:4:5:6", 64, "2001:db8:1:2::");
    assert_cut("2001:db8:1:2:3:4:5:6", 128, "2001:db8:1:2:3:4:5:6");
    assert_cut("2001:db8:1:2:3:4:5:6", 0, "::");
    assert_cut("ffff:ffff:ffff::", 36, "ffff:ffff:f000::");
    assert_cut("192.0.2.255", 124, "192.0.2.240");
}

static void what_is_no_network_is_refused(void **state)
{
    (void)state;
    static const char *const others[] = {
        "",       "/8",        "10.0.0.0/", "10.0.0.0/33", "10.0.0.0/+8", "10.0.0.0/-1", "10.0.0.0/8/8", "10.0.0.0/ 8",
        "::/129", "10.0.0.0/x"};
    for (size_t i = 0; i < sizeof others / sizeof *others; i++) {
        struct network network;
        if (network_read(str_from(others[i]), &network))
            fail_msg("a network: %s", others[i]);
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(addresses_have_one_form),       cmocka_unit_test(what_is_no_address_is_refused),
        cmocka_unit_test(sockets_have_addresses),        cmocka_unit_test(networks_hold_what_begins_alike),
        cmocka_unit_test(what_is_no_network_is_refused), cmocka_unit_test(addresses_are_cut_to_their_first_bits),
    };
    return cmocka_run_group_tests_name("address", tests, NULL, NULL);
}
