/* Configuration: environment variables into a struct, by a table of settings. Every mistake is told, all at once, in
 * words. A setting NAME may be given as NAME_FILE instead, the path of a file that holds it (secrets). */
#ifndef COMMON_CONFIG_H
#define COMMON_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum setting_type {
    SETTING_STRING,  /* const char *: owned by config, for the life of the process */
    SETTING_SECRET,  /* the same, masked wherever it is printed */
    SETTING_INTEGER, /* int64_t, within min..max */
    SETTING_BOOLEAN, /* bool: true/false, yes/no, on/off, 1/0 */
    SETTING_CHOICE,  /* int: the index into choices, "a|b|c" */
};

struct setting {
    const char *name;
    enum setting_type type;
    const char *fallback; /* as text; NULL = required */
    int64_t min, max;     /* INTEGER: value; STRING, SECRET: length in bytes (max 0 = any) */
    const char *choices;
    size_t offset; /* in the configuration struct */
    const char *help;
};

struct config_program {
    const char *name;    /* "room" */
    const char *summary; /* one line */
    const struct setting *settings;
    size_t setting_count;
    /* Rules that span settings; may be NULL. Reports each mistake by config_mistake. */
    void (*check)(void *config);
    /* --healthcheck: asks the process that runs with this configuration; returns the exit status. */
    int (*healthcheck)(const void *config);
    /* One more flag that prints something and ends, e.g. "--routes"; may be NULL. */
    const char *print_flag, *print_help;
    void (*print)(void);
};

/* Reads the environment into *config and serves the command line: --help, --version, --check-config, --print-config
 * (masked) print and end the process with 0; --healthcheck ends it with what it found; mistakes go to standard error
 * and end it with 78 (EX_CONFIG, sysexits.h), unknown arguments with 64 (EX_USAGE). Returns when the process is to run.
 */
void config_load(const struct config_program *program, int argc, char **argv, void *config);

/* From check(): counts and prints one mistake, "NAME: what is wrong and what to do". */
void config_mistake(const char *name, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* The settings every process has. Put COMMON_SETTINGS(struct, member) first in a table. */
struct config_common {
    int log_level;   /* enum log_level */
    int log_format;  /* enum log_format */
    int environment; /* 0 development, 1 production */
    const char *admin_host;
    int64_t admin_port; /* 0 = off */
};
/* clang-format off */
#define COMMON_SETTINGS(type, member)                                                                                  \
    {"LOG_LEVEL", SETTING_CHOICE, "info", 0, 0, "debug|info|warn|error", offsetof(type, member.log_level),             \
     "least severe line that is written"},                                                                             \
    {"LOG_FORMAT", SETTING_CHOICE, "json", 0, 0, "json|text", offsetof(type, member.log_format),                       \
     "json for machines, text for people"},                                                                            \
    {"ENVIRONMENT", SETTING_CHOICE, "production", 0, 0, "development|production",                                      \
     offsetof(type, member.environment), "development allows short and default secrets"},                              \
    {"ADMIN_PORT", SETTING_INTEGER, "0", 0, 65535, NULL, offsetof(type, member.admin_port),                            \
     "port of /healthz, /readyz and /metrics; 0 = off"},                                                               \
    {"ADMIN_HOST", SETTING_STRING, "127.0.0.1", 1, 45, NULL, offsetof(type, member.admin_host),                        \
     "address of the admin port"}
/* clang-format on */

#endif
