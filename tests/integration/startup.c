/* What a process says before it runs: mistakes in its settings (sysexits.h), help, the table of routes. Needs no stack.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "proto/proto.h"
#include "tests/support/process.h"
#include "tests/support/scratch.h"
#include "tests/support/stack.h"

enum { USAGE = 64, CONFIG = 78 };

/* Good settings for every process; a case puts what it changes after them. */
#define SETTINGS                                                                                                       \
    "DATABASE_URL=postgresql://nowhere JWT_SECRET=0123456789012345678901234567890123456789 BUS_DIR=/tmp "              \
    "MAIL_TEMPLATES=" SOURCE_DIR "/services/auth/mail"

struct outcome {
    int status;
    char *output;
};

static struct outcome run(const char *settings, enum stack_part part, const char *argument)
{
    char *output = shell("env -i %s %s ASAN_OPTIONS=detect_leaks=0 timeout 10 %s/%s %s 2>&1; echo \"status $?\"",
                         SETTINGS, settings, BINARY_DIR, stack_part_name(part), argument);
    struct outcome outcome = {.output = output};
    char *last = strstr(output, "status ");
    for (char *next = last; next != NULL; next = strstr(next + 1, "status "))
        last = next;
    assert_non_null(last);
    assert_int_equal(sscanf(last, "status %d", &outcome.status), 1);
    return outcome;
}

static void assert_refused(const char *settings, enum stack_part part, const char *named)
{
    struct outcome outcome = run(settings, part, "");
    if (outcome.status != CONFIG || strstr(outcome.output, named) == NULL)
        fail_msg("%s with %s: status %d: %s", stack_part_name(part), settings, outcome.status, outcome.output);
}

static void a_short_secret_is_refused(void **state)
{
    (void)state;
    static const enum stack_part parts[] = {STACK_GATEWAY, STACK_AUTH};
    for (size_t i = 0; i < 2; i++) {
        assert_refused("JWT_SECRET=", parts[i], "JWT_SECRET");
        assert_refused("JWT_SECRET=short", parts[i], "JWT_SECRET");
        assert_refused("JWT_SECRET= ENVIRONMENT=development", parts[i], "JWT_SECRET");
        assert_int_equal(run("JWT_SECRET=short ENVIRONMENT=development", parts[i], "--check-config").status, 0);
    }
}

static void mails_that_cannot_be_made_are_refused_at_start(void **state)
{
    (void)state;
    assert_refused("MAIL_TEMPLATES=/nowhere", STACK_AUTH, "MAIL_TEMPLATES: /nowhere/verify_email.txt: No such file");
    assert_refused("MAIL_FROM=nobody", STACK_AUTH, "MAIL_FROM");
    assert_refused("MAIL_FROM=\"$(printf 'x\\r\\nBcc: c@d <a@b>')\"", STACK_AUTH, "MAIL_FROM");
    assert_refused("VERIFY_EMAIL_URL=http://localhost/", STACK_AUTH, "VERIFY_EMAIL_URL: has no {token}");
    assert_refused("RESET_PASSWORD_URL=http://localhost/", STACK_AUTH, "RESET_PASSWORD_URL");
    assert_refused("ADMIN_EMAIL=ada", STACK_USER, "ADMIN_EMAIL: is no mail address");
}

/* ---- keys of tokens ---- */

/* A private key with the public part of another. */
#define MISMATCHED                                                                                                     \
    "-----BEGIN PRIVATE KEY-----\\n"                                                                                   \
    "MIGHAgEAMBMGByqGSM49AgEGCCqGSM49AwEHBG0wawIBAQQgFVKzkKuE6jxF8ZGi\\n"                                              \
    "ASr2bXy7g/EXvafdlv3gDev6FtChRANCAAR/zc4ncPbEXUGDy+5v20t7WAczNXvp\\n"                                              \
    "7xO6z248e9FURcfxRM0bvZt+hyzf7bnuufSzaV1uqQskrYpGIyiFiOWt\\n"                                                      \
    "-----END PRIVATE KEY-----"

/* The settings with the folder for each @. */
static char *in_folder(const char *settings, const char *folder)
{
    char *result = text("%s", "");
    for (const char *at = settings; *at != '\0'; at++)
        result = *at == '@' ? text("%s%s", result, folder) : text("%s%c", result, *at);
    return result;
}

/* A folder with keys of all kinds and files that are none. */
static char *make_keys(void)
{
    char *folder = shell("mktemp -d /tmp/startup-XXXXXX");
    shell("set -e; cd %s; exec 2>/dev/null;"
          "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-256 -out ec;"
          "openssl genpkey -algorithm EC -pkeyopt ec_paramgen_curve:P-384 -out p384;"
          "openssl genpkey -algorithm RSA -pkeyopt rsa_keygen_bits:2048 -out rsa;"
          "openssl genpkey -algorithm ed25519 -out ed;"
          "openssl genpkey -algorithm ed448 -out ed448;"
          "openssl pkey -in ec -pubout -out ec.pub;"
          "openssl pkey -in ed -pubout -out ed.pub;"
          "openssl pkey -in ec -aes128 -passout pass:x -out encrypted;"
          "cat ec ed >both; cat ec ec >twice; head -c 100 ec >cut; printf %%b '%s' >mismatched;"
          "for i in 1 2 3 4 5 6 7 8; do openssl genpkey -algorithm ed25519; done >many",
          folder, MISMATCHED);
    return folder;
}

static void keys_that_do_not_fit_are_told_in_words(void **state)
{
    (void)state;
    static const struct {
        const char *settings, *words;
        bool signer_only;
    } cases[] = {
        {"JWT_ALG=none", "JWT_ALG: must be one of HS256|ES256|EdDSA", false},
        {"JWT_ALG=RS256", "JWT_ALG: must be one of HS256|ES256|EdDSA", false},
        {"JWT_ALG=ES256", "JWT_KEY: is not set", false},
        {"JWT_ALG=EdDSA JWT_KEY=", "JWT_KEY: is not set", false},
        {"JWT_ALG=ES256 JWT_KEY_FILE=@/missing", "JWT_KEY: cannot read", false},
        {"JWT_ALG=ES256 JWT_KEY=nonsense", "JWT_KEY: is no PEM", false},
        {"JWT_ALG=ES256 JWT_KEY_FILE=@/cut", "JWT_KEY: is no PEM", false},
        {"JWT_ALG=ES256 JWT_KEY_FILE=@/encrypted", "JWT_KEY: is encrypted", false},
        {"JWT_ALG=ES256 JWT_KEY_FILE=@/mismatched", "JWT_KEY: holds a key whose numbers", false},
        {"JWT_ALG=ES256 JWT_KEY_FILE=@/ed", "JWT_KEY: is no key for ES256", false},
        {"JWT_ALG=ES256 JWT_KEY_FILE=@/p384", "JWT_KEY: is no key for ES256", false},
        {"JWT_ALG=ES256 JWT_KEY_FILE=@/rsa", "JWT_KEY: is no key for ES256", false},
        {"JWT_ALG=EdDSA JWT_KEY_FILE=@/ec", "JWT_KEY: is no key for EdDSA", false},
        {"JWT_ALG=EdDSA JWT_KEY_FILE=@/ed448", "JWT_KEY: is no key for EdDSA", false},
        {"JWT_ALG=ES256 JWT_KEY_FILE=@/twice", "JWT_KEY: holds more than one key", false},
        {"JWT_ALG=ES256 JWT_KEY_FILE=@/ec.pub", "JWT_KEY: holds only the public key", true},
        {"JWT_ALG=ES256 JWT_KEY_FILE=@/ec JWT_PREVIOUS_KEYS_FILE=@/both", "JWT_PREVIOUS_KEYS: is no key for ES256",
         false},
        {"JWT_ALG=EdDSA JWT_KEY_FILE=@/ed JWT_PREVIOUS_KEYS=x", "JWT_PREVIOUS_KEYS: is no PEM", false},
        {"JWT_ALG=EdDSA JWT_KEY_FILE=@/ed JWT_PREVIOUS_KEYS_FILE=@/many", "JWT_PREVIOUS_KEYS: holds too many", false},
        {"JWT_ALG=EdDSA JWT_KEY_FILE=@/ed JWT_PREVIOUS_SECRET=0123456789abcdef0123456789abcdef",
         "JWT_PREVIOUS_SECRET: is set, but", false},
        {"JWT_KEY_FILE=@/ec", "JWT_KEY: is set, but JWT_ALG is HS256", false},
        {"JWT_PREVIOUS_KEYS_FILE=@/ec", "JWT_PREVIOUS_KEYS: is set, but JWT_ALG is HS256", false},
        {"JWT_PREVIOUS_SECRET=short", "JWT_PREVIOUS_SECRET: is shorter", false},
        {"JWT_SECRET=your-256-bit-secret-your-256-bit-secret", "JWT_SECRET: looks like an example's", false},
    };
    char *folder = make_keys();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        char *settings = in_folder(cases[i].settings, folder);
        assert_refused(settings, STACK_AUTH, cases[i].words);
        if (!cases[i].signer_only)
            assert_refused(settings, STACK_GATEWAY, cases[i].words);
    }
    shell("rm -r %s", folder);
}

static void keys_that_fit_are_taken(void **state)
{
    (void)state;
    static const struct {
        const char *settings;
        enum stack_part part;
    } cases[] = {
        {"JWT_ALG=ES256 JWT_KEY_FILE=@/ec JWT_PREVIOUS_KEYS_FILE=@/twice", STACK_AUTH},
        {"JWT_ALG=es256 JWT_KEY_FILE=@/ec.pub JWT_SECRET=", STACK_GATEWAY},
        {"JWT_ALG=EdDSA JWT_KEY_FILE=@/ed JWT_PREVIOUS_KEYS_FILE=@/ed.pub JWT_SECRET=", STACK_AUTH},
        {"JWT_ALG=EdDSA JWT_KEY_FILE=@/ed.pub JWT_PREVIOUS_KEYS_FILE=@/ed", STACK_GATEWAY},
        {"JWT_PREVIOUS_SECRET=0123456789abcdef0123456789abcdef", STACK_AUTH},
    };
    char *folder = make_keys();
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++) {
        struct outcome outcome = run(in_folder(cases[i].settings, folder), cases[i].part, "--check-config");
        if (outcome.status != 0)
            fail_msg("%s: %s", cases[i].settings, outcome.output);
    }
    assert_null(
        strstr(run(text("JWT_ALG=EdDSA JWT_KEY_FILE=%s/ed", folder), STACK_AUTH, "--print-config").output, "PRIVATE"));
    shell("rm -r %s", folder);
}

/* ---- other settings ---- */

static void mistakes_are_named_all_at_once(void **state)
{
    (void)state;
    assert_refused("BACKEND_PORT=99999", STACK_GATEWAY, "BACKEND_PORT");
    assert_refused("GATEWAY_THREADS=many", STACK_GATEWAY, "GATEWAY_THREADS");
    assert_refused("LOG_LEVEL=loud", STACK_ROOM, "LOG_LEVEL");
    assert_refused("DB_CONNECTIONS=0", STACK_USER, "DB_CONNECTIONS");
    struct outcome outcome = run("LOG_FORMAT=x BACKEND_PORT=x REQUEST_TIMEOUT_MS=-1", STACK_GATEWAY, "");
    assert_int_equal(outcome.status, CONFIG);
    assert_non_null(strstr(outcome.output, "LOG_FORMAT"));
    assert_non_null(strstr(outcome.output, "BACKEND_PORT"));
    assert_non_null(strstr(outcome.output, "REQUEST_TIMEOUT_MS"));
}

static void a_proxy_that_is_none_is_refused(void **state)
{
    (void)state;
    static const char *const mistakes[] = {"proxy.example", "10.0.0.0/33", "2001:db8::/129", "10.0.0.0/-1",
                                           "10.0.0/8",      "10.0.0.0/",   "::1,fe80::1%lo"};
    for (size_t i = 0; i < sizeof mistakes / sizeof *mistakes; i++)
        assert_refused(text("TRUSTED_PROXIES=%s", mistakes[i]), STACK_GATEWAY, "TRUSTED_PROXIES");
    assert_refused("TRUSTED_PROXIES=10.0.0.1,elsewhere", STACK_GATEWAY, "'elsewhere'");
    assert_int_equal(run("TRUSTED_PROXIES=10.0.0.0/8,::1", STACK_GATEWAY, "--check-config").status, 0);
}

static void secrets_are_printed_masked(void **state)
{
    (void)state;
    for (int part = 0; part < STACK_PARTS; part++) {
        struct outcome outcome =
            run("DB_PASSWORD=hunter2 DATABASE_URL=postgresql://u:hunter2@nowhere/x", part, "--print-config");
        assert_int_equal(outcome.status, 0);
        assert_null(strstr(outcome.output, "hunter2"));
        assert_null(strstr(outcome.output, "0123456789012345678901234567890123456789"));
    }
}

static void every_process_helps(void **state)
{
    (void)state;
    for (int part = 0; part < STACK_PARTS; part++) {
        assert_int_equal(run("", part, "--help").status, 0);
        assert_int_equal(run("", part, "--version").status, 0);
        assert_int_equal(run("", part, "--nonsense").status, USAGE);
    }
}

static void a_process_that_does_not_run_is_not_healthy(void **state)
{
    (void)state;
    for (int part = 0; part < STACK_PARTS; part++) {
        struct outcome off = run("", part, "--healthcheck"), none = run("ADMIN_PORT=1", part, "--healthcheck");
        assert_int_equal(off.status, 1);
        assert_non_null(strstr(off.output, "ADMIN_PORT is not set"));
        assert_int_equal(none.status, 1);
        assert_non_null(strstr(none.output, "127.0.0.1 port 1: Connection refused"));
        assert_int_equal(run("ADMIN_PORT=x", part, "--healthcheck").status, CONFIG);
    }
}

static void tcp_without_keys_is_refused(void **state)
{
    (void)state;
    assert_refused("ROOM_ENDPOINTS=ipc:///tmp/a,tcp://room:7000", STACK_GATEWAY,
                   "ROOM_ENDPOINTS: has a tcp:// address");
    assert_refused("USER_FEED_ENDPOINTS=tcp://user:7001", STACK_GATEWAY, "USER_FEED_ENDPOINTS: has a tcp://");
    assert_refused("USER_ENDPOINTS=tcp://user:7000", STACK_POST, "USER_ENDPOINTS: has a tcp:// address");
    assert_refused("ROOM_LISTEN=tcp://0.0.0.0:7000", STACK_ROOM, "ROOM_LISTEN: has a tcp:// address");
    assert_refused("ROOM_FEED_LISTEN=tcp://0.0.0.0:7001", STACK_ROOM, "BUS_KEY and BUS_PEERS");
    assert_refused("ENVIRONMENT=development ROOM_LISTEN=tcp://0.0.0.0:7000", STACK_ROOM, "ROOM_LISTEN");
}

static void keys_of_the_bus_are_made_by_one_command(void **state)
{
    (void)state;
    char folder[] = "/tmp/startup.XXXXXX";
    assert_non_null(mkdtemp(folder));
    shell("%s/deploy/keys %s/keys", SOURCE_DIR, folder);
    for (int part = 0; part < STACK_PARTS; part++) {
        const char *name = stack_part_name(part);
        char *settings = text("BUS_PEERS_FILE=%s/keys/peers BUS_KEY_FILE=%s/keys/%s.key ROOM_ENDPOINTS=tcp://room:7000 "
                              "USER_ENDPOINTS=tcp://user:7000",
                              folder, folder, name);
        assert_int_equal(run(settings, part, "--check-config").status, 0);
        assert_string_equal(shell("stat -c %%a %s/keys/%s.key", folder, name), "600");
    }
    char *mixed_up = text("BUS_PEERS_FILE=%s/keys/peers BUS_KEY_FILE=%s/keys/post.key", folder, folder);
    assert_refused(mixed_up, STACK_ROOM, "BUS_KEY: is the key of 'post' by BUS_PEERS, not of 'room'");
    assert_refused(text("BUS_PEERS_FILE=%s/keys/peers", folder), STACK_ROOM, "BUS_KEY: is not set");
    assert_refused(text("BUS_KEY_FILE=%s/keys/room.key", folder), STACK_ROOM, "BUS_PEERS: is not set");

    /* Changed in three steps, each of which leaves what the others hold good. */
    char *good = text("BUS_PEERS_FILE=%s/keys/peers BUS_KEY_FILE=%s/keys/room.key", folder, folder);
    char *former = text("BUS_PEERS_FILE=%s/keys/peers BUS_KEY_FILE=%s/keys/room.key.former", folder, folder);
    char *first = shell("cat %s/keys/room.key", folder);
    shell("%s/deploy/keys add room %s/keys", SOURCE_DIR, folder);
    assert_int_equal(run(good, STACK_ROOM, "--check-config").status, 0);
    shell("%s/deploy/keys switch room %s/keys", SOURCE_DIR, folder);
    assert_string_not_equal(shell("cat %s/keys/room.key", folder), first);
    assert_int_equal(run(good, STACK_ROOM, "--check-config").status, 0);
    assert_int_equal(run(former, STACK_ROOM, "--check-config").status, 0);
    shell("cp %s/keys/room.key.former %s/first && %s/deploy/keys drop room %s/keys", folder, folder, SOURCE_DIR,
          folder);
    assert_int_equal(run(good, STACK_ROOM, "--check-config").status, 0);
    char *dropped = text("BUS_PEERS_FILE=%s/keys/peers BUS_KEY_FILE=%s/first", folder, folder);
    assert_refused(dropped, STACK_ROOM, "BUS_KEY: is a key that BUS_PEERS does not list");
    shell("rm -r %s", folder);
}

static void the_gateway_prints_its_routes(void **state)
{
    (void)state;
    struct outcome outcome = run("", STACK_GATEWAY, "--routes");
    assert_int_equal(outcome.status, 0);
    for (size_t i = 0; i < proto_route_count; i++) {
        assert_non_null(strstr(outcome.output, proto_routes[i].path));
        assert_non_null(strstr(outcome.output, proto_routes[i].method->name));
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(mails_that_cannot_be_made_are_refused_at_start),
        cmocka_unit_test(a_short_secret_is_refused),
        cmocka_unit_test(keys_that_do_not_fit_are_told_in_words),
        cmocka_unit_test(keys_that_fit_are_taken),
        cmocka_unit_test(mistakes_are_named_all_at_once),
        cmocka_unit_test(secrets_are_printed_masked),
        cmocka_unit_test(every_process_helps),
        cmocka_unit_test(a_process_that_does_not_run_is_not_healthy),
        cmocka_unit_test(the_gateway_prints_its_routes),
        cmocka_unit_test(tcp_without_keys_is_refused),
        cmocka_unit_test(keys_of_the_bus_are_made_by_one_command),
        cmocka_unit_test(a_proxy_that_is_none_is_refused),
    };
    int failed = cmocka_run_group_tests_name("startup", tests, NULL, NULL);
    scratch_free();
    return failed != 0;
}
