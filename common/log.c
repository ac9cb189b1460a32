/* Log lines: made in a buffer of the thread, written to standard error. Writing never waits long for a reader that is
 * stuck: what cannot be written is given up, counted, and told once writing works again. */
#include "common/log.h"

#include <errno.h>
#include <limits.h>
#include <math.h>
#include <poll.h>
#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "common/buffer.h"
#include "common/json.h"

enum {
    GATHER_MAX = 32 * 1024, /* more than this is written without waiting for the turn's end */
    VALUE_MAX = 4096,       /* longer values, which come from outside, are cut */
    PATIENCE_MS = 200,      /* with a reader that is stuck, once; from then on none until it reads again */
};

static const char *const level_names[] = {"debug", "info", "warn", "error"};
static const char *const level_names_for_people[] = {"DEBUG", "INFO ", "WARN ", "ERROR"};

/* Set before the first thread starts. */
static struct {
    const char *process;
    enum log_level level;
    enum log_format format;
    pid_t pid;
    pthread_key_t at_thread_end;
} shared = {.process = "-", .level = LOG_INFO};
static pthread_once_t prepared = PTHREAD_ONCE_INIT;

static _Thread_local struct {
    struct buffer gathered;
    bool registered; /* at_thread_end will run */
    bool stuck;      /* the last write found the reader not reading */
    uint64_t lost;   /* lines, not yet told */
    time_t second;   /* the time that second_text shows */
    char second_text[sizeof "2026-11-22T23:05:01"];
} thread;

/* ---- lives of process and thread ---- */

static void flush_and_free(void)
{
    log_flush();
    buffer_free(&thread.gathered);
    thread.gathered = (struct buffer){0};
}

static void on_thread_end(void *unused)
{
    (void)unused;
    thread.registered = false;
    flush_and_free();
}

/* What was gathered before a fork is the parent's to write. */
static void on_fork_in_child(void)
{
    shared.pid = getpid();
    buffer_clear(&thread.gathered);
    thread.lost = 0;
}

static void prepare(void)
{
    shared.pid = getpid();
    if (pthread_key_create(&shared.at_thread_end, on_thread_end) != 0 ||
        pthread_atfork(NULL, NULL, on_fork_in_child) != 0 || atexit(flush_and_free) != 0)
        abort();
}

static void register_thread(void)
{
    pthread_once(&prepared, prepare);
    thread.registered = true;
    pthread_setspecific(shared.at_thread_end, &shared); /* any value but NULL */
}

void log_init(const char *process, enum log_level level, enum log_format format)
{
    shared.process = process;
    shared.level = level;
    shared.format = format;
    pthread_once(&prepared, prepare);
}

bool log_enabled(enum log_level level)
{
    return level >= shared.level;
}

/* ---- making a line ---- */

/* A point, and a number from 0 to 999 in three digits. */
static void append_point_and_digits(struct buffer *line, int64_t number)
{
    const char digits[] = {'.', (char)('0' + number / 100), (char)('0' + number / 10 % 10), (char)('0' + number % 10)};
    buffer_append(line, digits, sizeof digits);
}

static void append_time(struct buffer *line)
{
    struct timespec now;
    (void)clock_gettime(CLOCK_REALTIME, &now);
    if (now.tv_sec != thread.second || thread.second_text[0] == '\0') {
        struct tm utc;
        gmtime_r(&now.tv_sec, &utc);
        strftime(thread.second_text, sizeof thread.second_text, "%Y-%m-%dT%H:%M:%S", &utc);
        thread.second = now.tv_sec;
    }
    buffer_append_str(line, str_from(thread.second_text));
    append_point_and_digits(line, now.tv_nsec / 1000000);
    buffer_append_char(line, 'Z');
}

/* Cuts at VALUE_MAX, not within a character. */
static struct str cut(struct str s)
{
    if (s.len <= VALUE_MAX)
        return s;
    s.len = VALUE_MAX;
    while (s.len > VALUE_MAX - 4 && ((unsigned char)s.ptr[s.len] & 0xC0) == 0x80)
        s.len--;
    return s;
}

/* Whether people can read s as a value without quotes: no spaces, no escape sequences for their terminal. */
static bool is_plain(struct str s)
{
    for (size_t i = 0; i < s.len; i++)
        if (s.ptr[i] <= ' ' || s.ptr[i] > '~' || s.ptr[i] == '"' || s.ptr[i] == '=' || s.ptr[i] == '\\')
            return false;
    return s.len > 0;
}

/* value / 1000, with three digits behind the point. */
static void append_thousandths(struct buffer *line, int64_t value)
{
    buffer_append_integer(line, value / 1000);
    append_point_and_digits(line, value % 1000);
}

static void append_value(struct buffer *line, const struct log_field *field)
{
    switch (field->type) {
    case LOG_FIELD_STRING:
        if (shared.format == LOG_TEXT && is_plain(field->string))
            buffer_append_str(line, cut(field->string));
        else
            json_append_string(line, cut(field->string));
        break;
    case LOG_FIELD_INTEGER:
        buffer_append_integer(line, field->integer);
        break;
    case LOG_FIELD_MILLISECONDS:
        append_thousandths(line, field->integer);
        break;
    case LOG_FIELD_REAL:
        if (isfinite(field->real))
            buffer_printf(line, "%.15g", field->real);
        else
            buffer_append_str(line, STR("null")); /* JSON has no infinity */
        break;
    case LOG_FIELD_BOOLEAN:
        buffer_append_str(line, field->boolean ? STR("true") : STR("false"));
        break;
    case LOG_FIELD_NONE:
        break;
    }
}

/* A line is written for each request: printf would take more time than all the rest of it. */
static void append_between(struct buffer *line, const char *before, const char *text, const char *behind)
{
    buffer_append_str(line, str_from(before));
    buffer_append_str(line, str_from(text));
    buffer_append_str(line, str_from(behind));
}

static void append_json(struct buffer *line, enum log_level level, const char *message, const struct log_field *fields,
                        size_t count)
{
    buffer_append_str(line, STR("{\"time\":\""));
    append_time(line);
    append_between(line, "\",\"level\":\"", level_names[level], "\",\"process\":\"");
    append_between(line, "", shared.process, "\",\"pid\":");
    buffer_append_integer(line, shared.pid);
    buffer_append_str(line, STR(",\"msg\":"));
    json_append_string(line, str_from(message));
    for (size_t i = 0; i < count; i++) {
        if (fields[i].type == LOG_FIELD_NONE)
            continue;
        append_between(line, ",\"", fields[i].key, "\":");
        append_value(line, &fields[i]);
    }
    buffer_append_str(line, STR("}\n"));
}

static void append_text(struct buffer *line, enum log_level level, const char *message, const struct log_field *fields,
                        size_t count)
{
    append_time(line);
    append_between(line, " ", level_names_for_people[level], " ");
    append_between(line, shared.process, ": ", message);
    for (size_t i = 0; i < count; i++) {
        if (fields[i].type == LOG_FIELD_NONE)
            continue;
        append_between(line, " ", fields[i].key, "=");
        append_value(line, &fields[i]);
    }
    buffer_append_char(line, '\n');
}

void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t count)
{
    if (!log_enabled(level))
        return;
    if (!thread.registered)
        register_thread();
    if (shared.format == LOG_TEXT)
        append_text(&thread.gathered, level, message, fields, count);
    else
        append_json(&thread.gathered, level, message, fields, count);
    if (level >= LOG_WARN || thread.gathered.len > GATHER_MAX)
        log_flush();
}

/* ---- writing ---- */

/* How much of text to write at once: whole lines that fit PIPE_BUF. A pipe takes those undivided, so the lines of
 * several threads and processes do not mix, and once poll has said it is writable it takes them without blocking. */
static size_t portion_of(struct str text)
{
    if (text.len <= PIPE_BUF)
        return text.len;
    const char *newline = memrchr(text.ptr, '\n', PIPE_BUF);
    return newline != NULL ? (size_t)(newline + 1 - text.ptr) : PIPE_BUF;
}

static int poll_writable(int64_t timeout_ms)
{
    struct pollfd descriptor = {.fd = STDERR_FILENO, .events = POLLOUT};
    int ready;
    do
        ready = poll(&descriptor, 1, (int)timeout_ms);
    while (ready < 0 && errno == EINTR);
    return ready;
}

/* The patience of one flush halves each time the reader makes it wait. */
static bool wait_writable(int64_t *patience_ms)
{
    if (poll_writable(0) > 0)
        return true;
    bool writable = *patience_ms > 0 && poll_writable(*patience_ms) > 0;
    *patience_ms /= 2;
    return writable;
}

/* Writes what it can; returns what is left: nothing, unless the reader is stuck or gone. */
static struct str write_out(struct str text)
{
    int64_t patience_ms = thread.stuck ? 0 : PATIENCE_MS;
    while (text.len > 0) {
        if (!wait_writable(&patience_ms))
            break;
        ssize_t written = write(STDERR_FILENO, text.ptr, portion_of(text));
        if (written < 0 && errno != EINTR && errno != EAGAIN)
            break;
        if (written > 0) {
            text.ptr += written;
            text.len -= (size_t)written;
        }
    }
    thread.stuck = text.len > 0;
    return text;
}

static uint64_t count_lines(struct str text)
{
    uint64_t lines = 0;
    for (size_t i = 0; i < text.len; i++)
        lines += text.ptr[i] == '\n';
    return lines;
}

static void tell_lost(void)
{
    uint64_t lost = thread.lost;
    thread.lost = 0;
    log_warn("log lines were lost", LOG_I("lines", lost)); /* flushes; when that fails, it counts as lost itself */
}

void log_flush(void)
{
    if (thread.gathered.len == 0)
        return;
    int saved_errno = errno; /* a caller that logs a failure may look at it again */
    struct str left = write_out(buffer_str(&thread.gathered));
    thread.lost += count_lines(left);
    buffer_clear(&thread.gathered);
    if (thread.lost > 0 && !thread.stuck)
        tell_lost();
    errno = saved_errno;
}
