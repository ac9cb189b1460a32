/* A service's settings: which follow from others, and which end it. */
#include "tests/unit/service_fixture.h"

#include <sys/stat.h>

static int run_with(const char *name, const char *value, const char *flag)
{
    char *before = getenv(name) != NULL ? strdup(getenv(name)) : NULL;
    int silent = dup(STDERR_FILENO);
    assert_non_null(freopen("/dev/null", "w", stderr));
    setenv(name, value, 1);
    int status = end_process(start_process("alpha", flag, -1));
    dup2(silent, STDERR_FILENO);
    close(silent);
    if (before != NULL)
        setenv(name, before, 1);
    else
        unsetenv(name);
    free(before);
    return status;
}

static void test_a_wrong_configuration_ends_it(void **state)
{
    (void)state;
    assert_int_equal(run_with("DATABASE_URL", "", NULL), 78);
    assert_int_equal(run_with("DATABASE_URL", "mysql://root@localhost", NULL), 78);
    assert_int_equal(run_with("DB_CONNECTIONS", "none", NULL), 78);
    assert_int_equal(run_with("BUS_DIR", "/nonexistent/folder", NULL), 78);
    assert_int_equal(run_with("ALPHA_LISTEN", "tcp://127.0.0.1:1", NULL), 78); /* without keys */
    assert_int_equal(run_with("ALPHA_LISTEN", "nonsense", NULL), 1);
    assert_int_equal(run_with("ALPHA_LISTEN", "", "--nonsense"), 64);
}

/* Whether --print-config prints the line. */
static bool prints(const char *line)
{
    int out[2];
    assert_int_equal(pipe(out), 0);
    pid_t pid = start_process("alpha", "--print-config", out[1]);
    close(out[1]);
    FILE *file = fdopen(out[0], "r");
    char got[512];
    bool found = false;
    while (fgets(got, sizeof got, file) != NULL) {
        got[strcspn(got, "\n")] = '\0';
        found = found || strcmp(got, line) == 0;
    }
    fclose(file);
    assert_int_equal(end_process(pid), 0);
    return found;
}

static void test_settings_follow_from_settings(void **state)
{
    (void)state;
    char listen_line[128];
    snprintf(listen_line, sizeof listen_line, "ALPHA_LISTEN=ipc://%s/alpha", folder);
    assert_true(prints(listen_line));
    assert_true(prints("ALPHA_DATABASE_ROLE=backend_alpha"));
    setenv("ALPHA_DATABASE_URL", "postgresql://own@/own", 1);
    assert_true(prints("DATABASE_URL=postgresql://own@/own"));
    unsetenv("ALPHA_DATABASE_URL");
    unsetenv("DATABASE_URL");
    setenv("DB_NAME", "it's", 1);
    assert_true(prints("DATABASE_URL=host='localhost' port='5432' dbname='it\\'s' user='backend'"));
    unsetenv("DB_NAME");
    setenv("DATABASE_URL", "host=/nonexistent", 1);
}

static void test_the_folder_is_made_for_us_alone(void **state)
{
    (void)state;
    char path[128];
    snprintf(path, sizeof path, "%s/made", folder);
    setenv("BUS_DIR", path, 1);
    pid_t pid = start_process("beta", NULL, -1);
    struct stat made = {0};
    int64_t begun_ms = loop_now_ms();
    while (stat(path, &made) != 0)
        assert_true(loop_now_ms() - begun_ms < PATIENCE_MS);
    assert_int_equal(made.st_mode & 0777, 0700);
    kill(pid, SIGKILL);
    end_process(pid);
    setenv("BUS_DIR", folder, 1);
}

SERVICE_SUITE(prepare, clean, cmocka_unit_test(test_a_wrong_configuration_ends_it),
              cmocka_unit_test(test_settings_follow_from_settings),
              cmocka_unit_test(test_the_folder_is_made_for_us_alone))
