/* Log lines as a reader of standard error gets them. Standard error is a pipe during each test. */
#include "common/log.h"

#include <fcntl.h>
#include <jansson.h>
#include <math.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <unistd.h>

#include "common/clock.h"
#include "tests/support/cmocka.h"

enum { CAPACITY = 1 << 20 };

struct fixture {
    int saved_stderr;
    int reader;
    char *text;
};

static int setup(void **state)
{
    struct fixture *fixture = calloc(1, sizeof *fixture);
    int ends[2];
    if (fixture == NULL || pipe(ends) != 0)
        return -1;
    fixture->text = calloc(1, CAPACITY);
    fixture->reader = ends[0];
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    fixture->saved_stderr = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    log_init("room", LOG_INFO, LOG_JSON);
    *state = fixture;
    return 0;
}

static int teardown(void **state)
{
    struct fixture *fixture = *state;
    log_flush();
    dup2(fixture->saved_stderr, STDERR_FILENO);
    close(fixture->saved_stderr);
    close(fixture->reader);
    free(fixture->text);
    free(fixture);
    return 0;
}

/* What has been written since the last time; "" for nothing. */
static const char *written(struct fixture *fixture)
{
    size_t len = 0;
    ssize_t got;
    while ((got = read(fixture->reader, fixture->text + len, CAPACITY - 1 - len)) > 0)
        len += (size_t)got;
    fixture->text[len] = '\0';
    return fixture->text;
}

/* The one line that has been written, as JSON; the caller decrefs. */
static json_t *written_object(struct fixture *fixture)
{
    const char *text = written(fixture);
    assert_non_null(strchr(text, '\n'));
    assert_string_equal(strchr(text, '\n'), "\n");
    json_t *object = json_loads(text, 0, NULL);
    assert_non_null(object);
    return object;
}

static size_t count(const char *text, const char *part)
{
    size_t found = 0;
    for (const char *at = text; (at = strstr(at, part)) != NULL; at++)
        found++;
    return found;
}

/* ---- what a line says ---- */

static void line_is_an_object_with_its_fields_in_order(void **state)
{
    log_info("listening", LOG_Z("endpoint", "ipc:///run/room"), LOG_I("port", -3), LOG_R("seconds", 0.25),
             LOG_B("ready", true), LOG_Z("none", NULL), LOG_MS("took_ms", 12034));
    log_flush();
    json_t *line = written_object(*state);
    const char *const keys[] = {"time", "level",   "process", "pid",  "msg",    "endpoint",
                                "port", "seconds", "ready",   "none", "took_ms"};
    const char *key;
    json_t *value;
    size_t at = 0;
    json_object_foreach(line, key, value) assert_string_equal(key, keys[at++]);
    assert_int_equal(at, sizeof keys / sizeof *keys);
    assert_string_equal(json_string_value(json_object_get(line, "level")), "info");
    assert_string_equal(json_string_value(json_object_get(line, "process")), "room");
    assert_int_equal(json_integer_value(json_object_get(line, "pid")), getpid());
    assert_string_equal(json_string_value(json_object_get(line, "msg")), "listening");
    assert_int_equal(json_integer_value(json_object_get(line, "port")), -3);
    assert_true(json_real_value(json_object_get(line, "seconds")) == 0.25);
    assert_true(json_is_true(json_object_get(line, "ready")));
    assert_true(json_real_value(json_object_get(line, "took_ms")) == 12.034);
    json_decref(line);
}

static void time_is_now_in_utc_with_milliseconds(void **state)
{
    time_t before = time(NULL);
    log_info("now");
    log_flush();
    json_t *line = written_object(*state);
    const char *text = json_string_value(json_object_get(line, "time"));
    struct tm utc = {0};
    const char *rest = strptime(text, "%Y-%m-%dT%H:%M:%S", &utc);
    assert_non_null(rest);
    assert_int_equal(strlen(rest), strlen(".123Z"));
    assert_int_equal(rest[0], '.');
    assert_int_equal(rest[4], 'Z');
    assert_in_range(timegm(&utc), before, time(NULL));
    json_decref(line);
}

/* A value from outside must not be able to end its string, begin a line, or make the line invalid. */
static void values_cannot_break_out(void **state)
{
    static const char nasty[] = "\"},\n{\"level\":\"error\"\\ \x01 \xff\xfe end";
    log_info("request", LOG_S("path", ((struct str){nasty, sizeof nasty - 1})), LOG_R("ratio", INFINITY),
             LOG_R("not", NAN));
    log_flush();
    json_t *line = written_object(*state);
    const char *path = json_string_value(json_object_get(line, "path"));
    assert_true(strncmp(path, nasty, 20) == 0);
    assert_non_null(strstr(path, " end"));
    assert_true(json_is_null(json_object_get(line, "ratio")));
    assert_true(json_is_null(json_object_get(line, "not")));
    json_decref(line);
}

static void long_values_are_cut_between_characters(void **state)
{
    enum { LEN = 10000 };
    char *text = malloc(LEN);
    text[0] = 'x';
    for (int i = 1; i + 2 < LEN; i += 3)
        memcpy(text + i, "€", 3);
    log_info("long", LOG_S("value", ((struct str){text, LEN - 3})));
    log_flush();
    json_t *line = written_object(*state);
    const char *value = json_string_value(json_object_get(line, "value"));
    assert_in_range(strlen(value), 4090, 4096);
    assert_int_equal((strlen(value) - 1) % 3, 0);
    assert_memory_equal(value, text, strlen(value));
    json_decref(line);
    free(text);
}

static void text_is_for_people(void **state)
{
    log_init("room", LOG_INFO, LOG_TEXT);
    log_info("listening", LOG_Z("endpoint", "ipc:///run/room"), LOG_I("threads", 2),
             LOG_Z("why", "a \x1b[31mred\nline"), LOG_Z("empty", ""));
    log_flush();
    const char *text = written(*state);
    assert_string_equal(
        text + strlen("2026-11-22T23:05:01.123Z"),
        " INFO  room: listening endpoint=ipc:///run/room threads=2 why=\"a \\u001b[31mred\\nline\" empty=\"\"\n");
}

static void level_decides(void **state)
{
    int evaluated = 0;
    log_debug("quiet", LOG_I("times", ++evaluated));
    log_flush();
    assert_string_equal(written(*state), "");
    assert_int_equal(evaluated, 0);
    log_init("room", LOG_DEBUG, LOG_JSON);
    log_debug("quiet", LOG_I("times", ++evaluated));
    log_flush();
    assert_int_equal(count(written(*state), "\"level\":\"debug\""), 1);
}

/* ---- when it is written ---- */

static void lines_are_gathered_until_flush_or_warning(void **state)
{
    log_info("first");
    log_info("second");
    assert_string_equal(written(*state), "");
    log_warn("third");
    const char *text = written(*state);
    assert_int_equal(count(text, "\n"), 3);
    assert_true(strstr(text, "first") < strstr(text, "second") && strstr(text, "second") < strstr(text, "third"));
    log_flush();
    assert_string_equal(written(*state), "");
}

static void much_is_written_before_the_flush(void **state)
{
    enum { LINES = 300 }; /* about 40 KiB: more than is gathered, less than a pipe holds */
    for (int i = 0; i < LINES; i++)
        log_info("one of many lines that together are too many", LOG_I("number", i));
    size_t early = count(written(*state), "\n");
    assert_in_range(early, 200, LINES - 1);
    log_flush();
    assert_int_equal(early + count(written(*state), "\n"), LINES);
}

static void *log_from_thread(void *argument)
{
    log_info("from a thread", LOG_I("number", *(int *)argument));
    return NULL;
}

static void a_thread_that_ends_writes_its_lines(void **state)
{
    int number = 7;
    pthread_t thread;
    log_info("from main");
    assert_int_equal(pthread_create(&thread, NULL, log_from_thread, &number), 0);
    assert_int_equal(pthread_join(thread, NULL), 0);
    const char *text = written(*state);
    assert_int_equal(count(text, "from a thread"), 1);
    assert_int_equal(count(text, "from main"), 0);
}

static void exit_writes_and_fork_does_not_write_twice(void **state)
{
    log_info("before the fork");
    pid_t child = fork();
    if (child == 0) {
        log_info("in the child");
        exit(0);
    }
    int status = -1;
    assert_int_equal(waitpid(child, &status, 0), child);
    assert_true(WIFEXITED(status));
    log_flush();
    const char *text = written(*state);
    assert_int_equal(count(text, "before the fork"), 1);
    assert_int_equal(count(text, "in the child"), 1);
    char pid[32];
    snprintf(pid, sizeof pid, "\"pid\":%d,", (int)child);
    assert_int_equal(count(text, pid), 1);
}

/* ---- a reader that does not read ---- */

static void stuck_reader_costs_lines_not_time(void **state)
{
    enum { LINES = 5000 };
    int64_t start = clock_now_ms();
    for (int i = 0; i < LINES; i++)
        log_warn("a line that nobody reads, as long as lines usually are, which is about this much",
                 LOG_I("number", i));
    assert_in_range(clock_now_ms() - start, 0, 3000);

    const char *text = written(*state);
    size_t kept = count(text, "nobody reads");
    assert_in_range(kept, 1, LINES - 1);
    assert_int_equal(text[strlen(text) - 1], '\n'); /* no line is torn */

    log_warn("read again");
    text = written(*state);
    assert_int_equal(count(text, "read again"), 1);
    const char *told = strstr(text, "\"lines\":");
    assert_non_null(told);
    assert_int_equal(strtoul(told + strlen("\"lines\":"), NULL, 10), LINES - kept);
}

static void gone_reader_does_no_harm(void **state)
{
    struct fixture *fixture = *state;
    void (*before)(int) = signal(SIGPIPE, SIG_IGN);
    close(fixture->reader);
    log_warn("into the void");
    fixture->reader = open("/dev/null", O_RDONLY);
    (void)signal(SIGPIPE, before);
}

#define LOG_TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        LOG_TEST(line_is_an_object_with_its_fields_in_order),
        LOG_TEST(time_is_now_in_utc_with_milliseconds),
        LOG_TEST(values_cannot_break_out),
        LOG_TEST(long_values_are_cut_between_characters),
        LOG_TEST(text_is_for_people),
        LOG_TEST(level_decides),
        LOG_TEST(lines_are_gathered_until_flush_or_warning),
        LOG_TEST(much_is_written_before_the_flush),
        LOG_TEST(a_thread_that_ends_writes_its_lines),
        LOG_TEST(exit_writes_and_fork_does_not_write_twice),
        LOG_TEST(stuck_reader_costs_lines_not_time),
        LOG_TEST(gone_reader_does_no_harm),
    };
    return cmocka_run_group_tests(tests, NULL, NULL);
}
