/* A child process of a test: started with an environment of its own, its output in a file, gone when the test is. */
#ifndef TESTS_SUPPORT_PROCESS_H
#define TESTS_SUPPORT_PROCESS_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

struct process {
    pid_t pid; /* 0 = none runs */
};

/* Monotonic milliseconds. */
int64_t now_ms(void);
void sleep_ms(int64_t ms);

/* Runs the binary; its output is appended to log_path. environment is "NAME=value" strings and a NULL. */
void process_start(struct process *process, const char *binary, char *const environment[], const char *log_path);

/* Waits for its end. Returns true and *status, as waitpid gives it, or false when timeout_ms passed first. */
bool process_wait(struct process *process, int64_t timeout_ms, int *status);

/* Sends the signal and waits, timeout_ms at most. */
bool process_end(struct process *process, int signal_number, int64_t timeout_ms, int *status);

/* Its resident memory. */
long process_resident_kib(const struct process *process);

/* Runs a shell command and returns what it prints, without the last newline, in scratch. Fails the test if it fails. */
char *shell(const char *format, ...) __attribute__((format(printf, 1, 2)));

#endif
