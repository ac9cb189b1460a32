/* A child process of a test: fork, exec, wait with a deadline. */
#include "tests/support/process.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "tests/support/cmocka.h"
#include "tests/support/scratch.h"

int64_t now_ms(void)
{
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return (int64_t)now.tv_sec * 1000 + now.tv_nsec / 1000000;
}

void sleep_ms(int64_t ms)
{
    struct timespec pause = {.tv_sec = ms / 1000, .tv_nsec = (ms % 1000) * 1000000};
    while (nanosleep(&pause, &pause) != 0 && errno == EINTR)
        continue;
}

/* In the child: never returns. */
static void run(const char *binary, char *const environment[], int log, pid_t parent)
{
    prctl(PR_SET_PDEATHSIG, SIGKILL);
    if (getppid() != parent)
        _exit(1); /* it died before the line above */
    int nothing = open("/dev/null", O_RDONLY);
    dup2(nothing, STDIN_FILENO);
    dup2(log, STDOUT_FILENO);
    dup2(log, STDERR_FILENO);
    char *const arguments[] = {(char *)binary, NULL};
    execve(binary, arguments, environment);
    dprintf(STDERR_FILENO, "%s: %s\n", binary, strerror(errno));
    _exit(127);
}

void process_start(struct process *process, const char *binary, char *const environment[], const char *log_path)
{
    assert(process->pid == 0);
    int log = open(log_path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0600);
    assert_true(log >= 0);
    pid_t parent = getpid();
    process->pid = fork();
    assert_true(process->pid >= 0);
    if (process->pid == 0)
        run(binary, environment, log, parent);
    close(log);
}

bool process_wait(struct process *process, int64_t timeout_ms, int *status)
{
    int64_t deadline = now_ms() + timeout_ms;
    for (;;) {
        pid_t ended = waitpid(process->pid, status, WNOHANG);
        assert_true(ended >= 0);
        if (ended == process->pid) {
            process->pid = 0;
            return true;
        }
        if (now_ms() >= deadline)
            return false;
        sleep_ms(2);
    }
}

bool process_end(struct process *process, int signal_number, int64_t timeout_ms, int *status)
{
    assert(process->pid > 0);
    kill(process->pid, signal_number);
    return process_wait(process, timeout_ms, status);
}

long process_resident_kib(const struct process *process)
{
    FILE *file = fopen(text("/proc/%d/status", (int)process->pid), "re");
    assert_non_null(file);
    char line[256];
    long kib = 0;
    while (fgets(line, sizeof line, file) != NULL)
        if (sscanf(line, "VmRSS: %ld kB", &kib) == 1)
            break;
    fclose(file);
    return kib;
}

char *shell(const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    char *command = NULL;
    int len = vasprintf(&command, format, arguments);
    va_end(arguments);
    assert(len >= 0);

    FILE *output = popen(command, "re");
    assert_non_null(output);
    char *result = scratch_alloc(65536);
    size_t read = fread(result, 1, 65535, output);
    int status = pclose(output);
    if (status != 0)
        fail_msg("%s: status %d: %s", command, status, result);
    free(command);
    if (read > 0 && result[read - 1] == '\n')
        result[read - 1] = '\0';
    return result;
}
