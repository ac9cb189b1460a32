/* Log lines: one JSON object a line on standard error, or text for people. Lines are gathered in the thread and written
 * at the end of its loop turn (log_flush); a line of LOG_WARN or worse is written at once. Never a secret, token or
 * password. */
#ifndef COMMON_LOG_H
#define COMMON_LOG_H

#include <stdbool.h>
#include <stdint.h>

#include "common/banned.h"
#include "common/str.h"

enum log_level { LOG_DEBUG, LOG_INFO, LOG_WARN, LOG_ERROR };
enum log_format { LOG_JSON, LOG_TEXT };

/* Once, before the first line and the first thread. process: the name in each line ("gateway", "room"). */
void log_init(const char *process, enum log_level level, enum log_format format);

bool log_enabled(enum log_level level);

/* One key and value of a line; made by the macros below, which name the value's type. */
struct log_field {
    const char *key;
    enum {
        LOG_FIELD_STRING,
        LOG_FIELD_INTEGER,
        LOG_FIELD_REAL,
        LOG_FIELD_MILLISECONDS,
        LOG_FIELD_BOOLEAN,
        LOG_FIELD_NONE
    } type;
    union {
        struct str string;
        int64_t integer;
        double real;
        bool boolean;
    };
};
#define LOG_S(key_, value_) ((struct log_field){.key = (key_), .type = LOG_FIELD_STRING, .string = (value_)})
/* Left out where it is empty. */
#define LOG_O(key_, value_)                                                                                            \
    ((struct log_field){                                                                                               \
        .key = (key_), .type = (value_).len > 0 ? LOG_FIELD_STRING : LOG_FIELD_NONE, .string = (value_)})
#define LOG_Z(key_, value_) LOG_S(key_, str_from(value_))
#define LOG_I(key_, value_) ((struct log_field){.key = (key_), .type = LOG_FIELD_INTEGER, .integer = (int64_t)(value_)})
#define LOG_R(key_, value_) ((struct log_field){.key = (key_), .type = LOG_FIELD_REAL, .real = (value_)})
/* A duration in microseconds, told in milliseconds. */
#define LOG_MS(key_, us_) ((struct log_field){.key = (key_), .type = LOG_FIELD_MILLISECONDS, .integer = (int64_t)(us_)})
#define LOG_B(key_, value_) ((struct log_field){.key = (key_), .type = LOG_FIELD_BOOLEAN, .boolean = (value_)})

void log_write(enum log_level level, const char *message, const struct log_field *fields, size_t count);

/* log_info("listening", LOG_S("url", url), LOG_I("threads", 2)): message is a constant; what varies is a field. */
#define LOG_LINE(level, message, ...)                                                                                  \
    do {                                                                                                               \
        if (log_enabled(level)) {                                                                                      \
            const struct log_field log_fields_[] = {LOG_Z(NULL, NULL), ##__VA_ARGS__};                                 \
            log_write((level), (message), log_fields_ + 1, sizeof log_fields_ / sizeof *log_fields_ - 1);              \
        }                                                                                                              \
    } while (0)
#define log_debug(...) LOG_LINE(LOG_DEBUG, __VA_ARGS__)
#define log_info(...) LOG_LINE(LOG_INFO, __VA_ARGS__)
#define log_warn(...) LOG_LINE(LOG_WARN, __VA_ARGS__)
#define log_error(...) LOG_LINE(LOG_ERROR, __VA_ARGS__)

/* Writes what this thread has gathered. */
void log_flush(void);

#endif
