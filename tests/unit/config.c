/* Configuration: each case is a child process with an environment of its own, judged by its exit status and what it
 * said. */
#include "common/config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/log.h"
#include "tests/support/cmocka.h"

struct sample {
    struct config_common common;
    const char *listen;
    const char *secret;
    const char *url;
    int64_t connections;
    bool http2;
};

static const struct setting settings[] = {
    COMMON_SETTINGS(struct sample, common),
    {"SAMPLE_LISTEN", SETTING_STRING, "ipc:///run/sample", 0, 20, NULL, offsetof(struct sample, listen),
     "where it answers"},
    {"SAMPLE_SECRET", SETTING_SECRET, NULL, 8, 0, NULL, offsetof(struct sample, secret), "signs tokens"},
    {"SAMPLE_URL", SETTING_STRING, "", 0, 0, NULL, offsetof(struct sample, url), "the database"},
    {"SAMPLE_CONNECTIONS", SETTING_INTEGER, "2", 1, 64, NULL, offsetof(struct sample, connections), "how many"},
    {"SAMPLE_HTTP2", SETTING_BOOLEAN, "false", 0, 0, NULL, offsetof(struct sample, http2), "speak HTTP/2"},
};

static void check(void *config)
{
    const struct sample *sample = config;
    if (strncmp(sample->secret, "weak", 4) == 0)
        config_mistake("SAMPLE_SECRET", "begins with \"%s\": choose another", "weak");
    if (sample->connections < 4 && sample->http2)
        config_mistake("SAMPLE_CONNECTIONS", "must be at least 4 with HTTP/2");
    if (sample->secret[0] == '\0')
        config_mistake("SAMPLE_SECRET", "is empty"); /* never seen: that it is missing has been told */
}

static void print_routes(void)
{
    puts("GET /sample");
}

static const struct config_program program = {
    .name = "sample",
    .summary = "stands for any process",
    .settings = settings,
    .setting_count = sizeof settings / sizeof *settings,
    .check = check,
    .print_flag = "--routes",
    .print_help = "the routes",
    .print = print_routes,
};

/* What the child did. It ends with 0 after printing what it loaded when config_load returns. */
struct outcome {
    int status;
    char out[8192];
    char err[8192];
};

static void read_back(FILE *file, char *text, size_t size)
{
    rewind(file);
    size_t len = fread(text, 1, size - 1, file);
    text[len] = '\0';
    fclose(file);
}

static void load_in_child(const char *const *environment, int argc, char **argv)
{
    clearenv();
    for (; *environment != NULL; environment++)
        putenv((char *)*environment);
    struct sample sample;
    memset(&sample, 0xAA, sizeof sample);
    config_load(&program, argc, argv, &sample);
    clearenv(); /* the values must not live in the environment */
    printf("%d %d %d|%s|%s|%s|%lld|%s", sample.common.log_level, sample.common.log_format, sample.common.environment,
           sample.listen, sample.secret, sample.url, (long long)sample.connections, sample.http2 ? "true" : "false");
    exit(0);
}

static struct outcome run(const char *const *environment, const char *const *arguments)
{
    FILE *out = tmpfile(), *err = tmpfile();
    assert_true(out != NULL && err != NULL);
    pid_t child = fork();
    assert_true(child >= 0);
    if (child == 0) {
        dup2(fileno(out), STDOUT_FILENO);
        dup2(fileno(err), STDERR_FILENO);
        char *argv[8] = {(char *)"sample"};
        int argc = 1;
        for (; arguments[argc - 1] != NULL; argc++)
            argv[argc] = (char *)arguments[argc - 1];
        load_in_child(environment, argc, argv);
    }
    struct outcome outcome;
    int status = 0;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    outcome.status = WEXITSTATUS(status);
    read_back(out, outcome.out, sizeof outcome.out);
    read_back(err, outcome.err, sizeof outcome.err);
    return outcome;
}
#define ENVIRONMENT(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
#define ARGUMENTS(...) ((const char *const[]){__VA_ARGS__ __VA_OPT__(, ) NULL})
#define SECRET "SAMPLE_SECRET=0123456789"

static void has(const char *text, const char *part)
{
    if (strstr(text, part) == NULL)
        fail_msg("\"%s\" is missing in:\n%s", part, text);
}

static void has_not(const char *text, const char *part)
{
    if (strstr(text, part) != NULL)
        fail_msg("\"%s\" should not be in:\n%s", part, text);
}

/* ---- values ---- */

static void fallbacks_stand_where_nothing_is_set(void **state)
{
    (void)state;
    struct outcome outcome = run(ENVIRONMENT(SECRET, "SAMPLE_LISTEN=", "SAMPLE_HTTP2="), ARGUMENTS());
    assert_string_equal(outcome.err, "");
    assert_string_equal(outcome.out, "1 0 1|ipc:///run/sample|0123456789||2|false");
    assert_int_equal(outcome.status, 0);
}

static void values_are_read(void **state)
{
    (void)state;
    struct outcome outcome =
        run(ENVIRONMENT(SECRET, "SAMPLE_LISTEN=tcp://*:1", "SAMPLE_URL=x y=z", "SAMPLE_CONNECTIONS=64",
                        "SAMPLE_HTTP2=ON", "LOG_LEVEL=Error", "LOG_FORMAT=text", "ENVIRONMENT=development"),
            ARGUMENTS());
    assert_string_equal(outcome.err, "");
    assert_string_equal(outcome.out, "3 1 0|tcp://*:1|0123456789|x y=z|64|true");
}

static void all_mistakes_are_told_at_once(void **state)
{
    (void)state;
    struct outcome outcome = run(ENVIRONMENT("SAMPLE_LISTEN=tcp://a.name.that.is.too.long:1", "SAMPLE_CONNECTIONS=65",
                                             "SAMPLE_HTTP2=maybe", "LOG_LEVEL=loud"),
                                 ARGUMENTS());
    assert_int_equal(outcome.status, 78);
    assert_string_equal(outcome.out, "");
    assert_string_equal(outcome.err,
                        "sample: LOG_LEVEL: must be one of debug|info|warn|error, is \"loud\"\n"
                        "sample: SAMPLE_LISTEN: must be at most 20 bytes long, is 31\n"
                        "sample: SAMPLE_SECRET: is not set, and it must be: signs tokens\n"
                        "sample: SAMPLE_CONNECTIONS: must be a whole number from 1 to 64, is \"65\"\n"
                        "sample: SAMPLE_HTTP2: must be true or false (yes or no, on or off, 1 or 0), is \"maybe\"\n"
                        "sample: 5 mistakes in the environment, not started; sample --help lists the settings\n");
}

static void integers_are_whole_and_in_range(void **state)
{
    (void)state;
    static const char *const bad[] = {"SAMPLE_CONNECTIONS=0",    "SAMPLE_CONNECTIONS=-1",
                                      "SAMPLE_CONNECTIONS=1.5",  "SAMPLE_CONNECTIONS=2x",
                                      "SAMPLE_CONNECTIONS= 2",   "SAMPLE_CONNECTIONS=0x10",
                                      "SAMPLE_CONNECTIONS=four", "SAMPLE_CONNECTIONS=18446744073709551618"};
    for (size_t i = 0; i < sizeof bad / sizeof *bad; i++) {
        struct outcome outcome = run(ENVIRONMENT(SECRET, bad[i]), ARGUMENTS());
        assert_int_equal(outcome.status, 78);
        has(outcome.err, "SAMPLE_CONNECTIONS: must be a whole number from 1 to 64");
        has(outcome.err, "1 mistake in");
    }
}

static void rules_that_span_settings_are_told_too(void **state)
{
    (void)state;
    struct outcome outcome =
        run(ENVIRONMENT("SAMPLE_SECRET=weak secret", "SAMPLE_HTTP2=1", "LOG_LEVEL=?"), ARGUMENTS());
    assert_int_equal(outcome.status, 78);
    has(outcome.err, "sample: SAMPLE_SECRET: begins with \"weak\": choose another\n");
    has(outcome.err, "sample: SAMPLE_CONNECTIONS: must be at least 4 with HTTP/2\n");
    has(outcome.err, "3 mistakes");
}

static void a_refused_secret_is_never_shown(void **state)
{
    (void)state;
    struct outcome outcome = run(ENVIRONMENT("SAMPLE_SECRET=hunter2"), ARGUMENTS());
    assert_int_equal(outcome.status, 78);
    has(outcome.err, "SAMPLE_SECRET: must be at least 8 bytes long, is 7");
    has_not(outcome.err, "hunter2");
}

/* ---- NAME_FILE ---- */

static struct outcome run_with_file(const void *content, size_t len, const char *more)
{
    char path[] = "/tmp/unit_config_XXXXXX";
    char variable[128];
    int fd = mkstemp(path);
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, len), (ssize_t)len);
    close(fd);
    snprintf(variable, sizeof variable, "SAMPLE_SECRET_FILE=%s", path);
    struct outcome outcome = run(ENVIRONMENT(variable, more), ARGUMENTS());
    unlink(path);
    return outcome;
}

static void a_file_holds_the_value(void **state)
{
    (void)state;
    static const char *const contents[] = {"from the file", "from the file\n", "from the file\r\n"};
    for (size_t i = 0; i < 3; i++) {
        struct outcome outcome = run_with_file(contents[i], strlen(contents[i]), NULL);
        assert_string_equal(outcome.err, "");
        has(outcome.out, "|from the file|");
    }
}

static void a_bad_file_is_told(void **state)
{
    (void)state;
    static char large[64 * 1024 + 2];
    memset(large, 'x', sizeof large);
    struct outcome outcome = run_with_file(large, 64 * 1024 + 1, NULL);
    assert_int_equal(outcome.status, 78);
    has(outcome.err, "names, is larger than 64 KiB\n");
    outcome = run_with_file(large, 64 * 1024, NULL);
    assert_string_equal(outcome.err, "");
    assert_int_equal(outcome.status, 0);

    has(run_with_file("\n", 1, NULL).err, "names, is empty\n");
    has(run_with_file("0123\00056789", 10, NULL).err, "names, is not text\n");
    has(run_with_file("short", 5, NULL).err, "SAMPLE_SECRET: must be at least 8 bytes long, is 5\n");
    has(run_with_file("0123456789", 10, SECRET).err, "SAMPLE_SECRET: is set, and SAMPLE_SECRET_FILE is too: unset one");
    outcome = run(ENVIRONMENT("SAMPLE_SECRET_FILE=/nowhere/at/all"), ARGUMENTS());
    has(outcome.err,
        "SAMPLE_SECRET: cannot read \"/nowhere/at/all\", the file that SAMPLE_SECRET_FILE names: No such file");
    has(outcome.err, "1 mistake in");
    has(run(ENVIRONMENT("SAMPLE_SECRET_FILE=/tmp"), ARGUMENTS()).err, "Is a directory");
}

/* ---- the command line ---- */

static void help_lists_every_setting(void **state)
{
    (void)state;
    struct outcome outcome = run(ENVIRONMENT(), ARGUMENTS("--help"));
    assert_int_equal(outcome.status, 0);
    assert_string_equal(outcome.err, "");
    has(outcome.out,
        "Usage: sample [--help | --version | --check-config | --print-config | --healthcheck | --routes]\n");
    has(outcome.out, "stands for any process");
    has(outcome.out, "\n  SAMPLE_CONNECTIONS  1..64                   2                  how many\n");
    has(outcome.out, "\n  SAMPLE_SECRET       secret                  (required)         signs tokens\n");
    has(outcome.out,
        "\n  LOG_LEVEL           debug|info|warn|error   info               least severe line that is written\n");
}

static void flags_print_and_end(void **state)
{
    (void)state;
    assert_string_equal(run(ENVIRONMENT(), ARGUMENTS("--version")).out, "sample " BACKEND_VERSION "\n");
    assert_string_equal(run(ENVIRONMENT(), ARGUMENTS("--routes")).out, "GET /sample\n");
    struct outcome outcome = run(ENVIRONMENT(SECRET), ARGUMENTS("--check-config"));
    assert_int_equal(outcome.status, 0);
    assert_string_equal(outcome.out, "sample: the configuration is good\n");
    assert_int_equal(run(ENVIRONMENT(), ARGUMENTS("--check-config")).status, 78);
    assert_int_equal(run(ENVIRONMENT(), ARGUMENTS("--print-config")).status, 78);
}

static void unknown_arguments_are_refused(void **state)
{
    (void)state;
    struct outcome outcome = run(ENVIRONMENT(SECRET), ARGUMENTS("--hlep"));
    assert_int_equal(outcome.status, 64);
    has(outcome.err, "sample: unknown argument \"--hlep\"\nUsage: sample");
    assert_int_equal(run(ENVIRONMENT(SECRET), ARGUMENTS("--help", "--version")).status, 64);
    assert_int_equal(run(ENVIRONMENT(SECRET), ARGUMENTS("")).status, 64);
}

static void printed_settings_mask_their_secrets(void **state)
{
    (void)state;
    struct outcome outcome = run(ENVIRONMENT(SECRET, "SAMPLE_CONNECTIONS=+7"), ARGUMENTS("--print-config"));
    assert_string_equal(outcome.out,
                        "LOG_LEVEL=info\nLOG_FORMAT=json\nENVIRONMENT=production\nADMIN_PORT=0\nADMIN_HOST=127.0.0.1\n"
                        "SAMPLE_LISTEN=ipc:///run/sample\nSAMPLE_SECRET=**********\nSAMPLE_URL=\n"
                        "SAMPLE_CONNECTIONS=7\nSAMPLE_HTTP2=false\n");
    static const char *const urls[][2] = {
        {"postgresql://joe:hunter2@db:5432/x", "postgresql://joe:**********@db:5432/x"},
        {"postgresql://joe:hunter2@b@db/x", "postgresql://joe:**********@db/x"},
        {"postgresql://joe@db:5432/x?a=b", "postgresql://joe@db:5432/x?a=b"},
        {"postgresql://db/x?user=joe&password=hunter2&a=b", "postgresql://db/x?user=joe&password=**********&a=b"},
        {"host=db password=hunter2 user=joe", "host=db password=********** user=joe"},
        {"host=db PassWord = 'hunter2 \\' hunter2' user=joe", "host=db PassWord = ********** user=joe"},
        {"password='hunter2", "password=**********"},
        {"https://password.example/", "https://password.example/"},
    };
    for (size_t i = 0; i < sizeof urls / sizeof *urls; i++) {
        char variable[256], expected[256];
        snprintf(variable, sizeof variable, "SAMPLE_URL=%s", urls[i][0]);
        snprintf(expected, sizeof expected, "\nSAMPLE_URL=%s\n", urls[i][1]);
        outcome = run(ENVIRONMENT(SECRET, variable), ARGUMENTS("--print-config"));
        has(outcome.out, expected);
        has_not(outcome.out, "hunter2");
    }
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(fallbacks_stand_where_nothing_is_set),
        cmocka_unit_test(values_are_read),
        cmocka_unit_test(all_mistakes_are_told_at_once),
        cmocka_unit_test(integers_are_whole_and_in_range),
        cmocka_unit_test(rules_that_span_settings_are_told_too),
        cmocka_unit_test(a_refused_secret_is_never_shown),
        cmocka_unit_test(a_file_holds_the_value),
        cmocka_unit_test(a_bad_file_is_told),
        cmocka_unit_test(help_lists_every_setting),
        cmocka_unit_test(flags_print_and_end),
        cmocka_unit_test(unknown_arguments_are_refused),
        cmocka_unit_test(printed_settings_mask_their_secrets),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
