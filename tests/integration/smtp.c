/* Mails by SMTP, to a real server (tests/support/smtp_server.py): with STARTTLS and a password; nothing is lost while
 * it is away or busy, or when the auth service is killed; and a slow one keeps nobody waiting. */
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/mail.h"
#include "tests/support/scratch.h"

#define CONFIRM "Confirm your e-mail address"

/* ---- the server ---- */

static struct {
    char *folder;
    int port;
    pid_t pid;
} server;

static void set_mode(const char *mode)
{
    shell("echo %s >%s/mode.part && mv %s/mode.part %s/mode", mode, server.folder, server.folder, server.folder);
}

static void start_server(void)
{
    int output[2];
    assert_int_equal(pipe2(output, O_CLOEXEC), 0);
    server.pid = fork();
    if (server.pid == 0) {
        prctl(PR_SET_PDEATHSIG, SIGKILL);
        dup2(output[1], STDOUT_FILENO);
        execl("/usr/bin/python3", "python3", SOURCE_DIR "/tests/support/smtp_server.py", text("%d", server.port),
              server.folder, text("%s/cert.pem", server.folder), text("%s/key.pem", server.folder), "mailer",
              "its password", NULL);
        _exit(127);
    }
    close(output[1]);
    FILE *said = fdopen(output[0], "r");
    char line[16]; /* read to its end: Python may write that by itself, and ends where nobody reads it */
    if (said == NULL || fgets(line, sizeof line, said) == NULL || strcmp(line, "ready\n") != 0)
        fail_msg("the SMTP server does not start");
    fclose(said);
}

static void stop_server(void)
{
    if (server.pid == 0)
        return;
    kill(server.pid, SIGKILL);
    waitpid(server.pid, NULL, 0);
    server.pid = 0;
}

/* One that no client is given for its end of a connection while the server is away (ip_local_port_range). */
static int free_port(void)
{
    enum { FIRST = 20000, COUNT = 10000 };
    for (int i = 0; i < COUNT; i++) {
        int port = FIRST + (getpid() + i) % COUNT, reuse = 1;
        struct sockaddr_in address = {
            .sin_family = AF_INET, .sin_port = htons((uint16_t)port), .sin_addr.s_addr = htonl(INADDR_LOOPBACK)};
        int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
        setsockopt(fd, SOL_SOCKET, SO_REUSEADDR, &reuse, sizeof reuse);
        bool is_free = bind(fd, (struct sockaddr *)&address, sizeof address) == 0;
        close(fd);
        if (is_free)
            return port;
    }
    fail_msg("no port is free");
    return 0;
}

static int begin(void **state)
{
    (void)state;
    set_mode("ok");
    if (server.pid == 0)
        start_server();
    return 0;
}

/* ---- what there is in the outbox ---- */

static char *column_of(const struct stack *stack, const struct user *user, const char *column)
{
    return database_value(stack, text("select (%s)::text from auth.mail where user_id = $1", column),
                          text("%lld", (long long)user->id));
}

static void await_column(const struct stack *stack, const struct user *user, const char *column, const char *value)
{
    int64_t deadline = now_ms() + 10000;
    for (char *found = NULL; found == NULL || strcmp(found, value) != 0; found = column_of(stack, user, column)) {
        if (now_ms() > deadline)
            fail_msg("%s is %s, not %s", column, found ? found : "nothing", value);
        sleep_ms(10);
    }
}

static void make_due(const struct stack *stack)
{
    database_value(stack, "update auth.mail set due_at = now() where due_at < 'infinity' returning 1");
}

/* ---- tests ---- */

static void mails_go_by_starttls_with_a_password(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *plain = mail_await(server.folder, user.email, CONFIRM, 1);
    assert_status(http_post(stack, NULL, text("{\"token\":\"%s\"}", mail_token(plain)), "/auth/verify-email"), 204);
    assert_int_equal(mail_count(mail_folder(stack), user.email, ""), 0);
}

static void nothing_is_lost_while_the_server_is_away(void **state)
{
    struct stack *stack = *state;
    stop_server();
    struct user user = make_user(stack);
    await_column(stack, &user, "attempts > 0 and due_at > now()", "true");
    assert_status(http_get(stack, user.token, "/auth/profile"), 200);
    start_server();
    make_due(stack);
    mail_await(server.folder, user.email, CONFIRM, 1);
}

static void a_busy_server_is_tried_again(void **state)
{
    struct stack *stack = *state;
    set_mode("busy");
    struct user user = make_user(stack);
    await_column(stack, &user, "attempts", "1");
    set_mode("ok");
    mail_await(server.folder, user.email, CONFIRM, 1); /* by itself: the first pause is short */
    assert_int_equal(mail_count(server.folder, user.email, CONFIRM), 1);
}

static void a_refused_mail_is_given_up(void **state)
{
    struct stack *stack = *state;
    set_mode("refused");
    struct user user = make_user(stack);
    await_column(stack, &user, "due_at", "infinity");
    set_mode("ok");
    make_due(stack);
    struct user other = make_user(stack);
    mail_await(server.folder, other.email, CONFIRM, 1);
    assert_int_equal(mail_count(server.folder, user.email, CONFIRM), 0);
}

static void a_slow_server_keeps_nobody_waiting(void **state)
{
    struct stack *stack = *state;
    set_mode("slow");
    struct user users[8];
    make_users(stack, users, 8); /* more than are sent at a time */
    int64_t started = now_ms();
    for (int i = 0; i < 8; i++) {
        log_in(stack, &users[i]);
        assert_status(http_get(stack, users[i].token, "/auth/profile"), 200);
    }
    assert_true(now_ms() - started < 2500); /* one mail takes 3 s */
    set_mode("ok");
    for (int i = 0; i < 8; i++)
        mail_await(server.folder, users[i].email, CONFIRM, 1);
}

/* Killed with the mail claimed, in the middle of sending: whoever comes next has it when the hold is over. */
static void a_killed_service_sends_after_its_restart(void **state)
{
    struct stack *stack = *state;
    set_mode("slow");
    struct user user = make_user(stack);
    await_column(stack, &user, "attempts", "1");
    stack_kill(stack, STACK_AUTH, SIGKILL);
    set_mode("ok");
    stack_revive(stack, STACK_AUTH);
    stack_await_ready(stack, 10000);
    make_due(stack);
    mail_await(server.folder, user.email, CONFIRM, 1);
}

static void a_stop_does_not_wait_for_a_slow_server(void **state)
{
    struct stack *stack = *state;
    set_mode("slow");
    struct user user = make_user(stack);
    await_column(stack, &user, "attempts", "1");
    int64_t started = now_ms();
    stack_kill(stack, STACK_AUTH, SIGTERM);
    assert_true(now_ms() - started < 2500);
    set_mode("ok");
    stack_revive(stack, STACK_AUTH);
    stack_await_ready(stack, 10000);
    mail_await(server.folder, user.email, CONFIRM, 1);
}

int main(int argc, char **argv)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup(mails_go_by_starttls_with_a_password, begin),
        cmocka_unit_test_setup(nothing_is_lost_while_the_server_is_away, begin),
        cmocka_unit_test_setup(a_busy_server_is_tried_again, begin),
        cmocka_unit_test_setup(a_refused_mail_is_given_up, begin),
        cmocka_unit_test_setup(a_slow_server_keeps_nobody_waiting, begin),
        cmocka_unit_test_setup(a_killed_service_sends_after_its_restart, begin),
        cmocka_unit_test_setup(a_stop_does_not_wait_for_a_slow_server, begin),
    };
    char folder[] = "/tmp/smtp_server.XXXXXX";
    server.folder = mkdtemp(folder);
    server.port = free_port();
    shell("openssl req -x509 -newkey ec -pkeyopt ec_paramgen_curve:prime256v1 -nodes -days 2 -subj /CN=localhost "
          "-addext subjectAltName=DNS:localhost,IP:127.0.0.1 -keyout %s/key.pem -out %s/cert.pem 2>&1",
          folder, folder);
    const struct stack_options options = {
        .environment = {text("SMTP_URL=smtp://mailer:its%%20password@127.0.0.1:%d", server.port),
                        text("SMTP_CA=%s/cert.pem", folder)}};
    int failed = suite_main("smtp", &options, tests, sizeof tests / sizeof *tests, argc, argv);
    stop_server();
    shell("rm -rf %s", folder);
    return failed;
}
