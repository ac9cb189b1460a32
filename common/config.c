/* Reads settings from the environment into a struct and serves the command line. How settings are shown is
 * config_print.c's. */
#include "common/config.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sysexits.h>
#include <unistd.h>

#include "common/allocate.h"
#include "common/banned.h"
#include "common/config_print.h"
#include "common/str.h"

enum { FILE_MAX = 64 * 1024, NAME_MAX_LEN = 64 };

/* A text that lives as long as the process. */
struct owned {
    struct owned *next;
    char text[];
};
static struct owned *owned;

/* The load under way: processes load once, before their first thread. */
static struct {
    const struct config_program *program;
    bool *refused; /* per setting: its value was a mistake */
    size_t mistakes;
} load;

static const char *own(const char *bytes, size_t len)
{
    struct owned *copy = allocate(sizeof *copy + len + 1);
    memcpy(copy->text, bytes, len);
    copy->next = owned;
    owned = copy;
    return copy->text;
}

/* ---- mistakes ---- */

static void tell(const char *name, const char *format, va_list arguments)
{
    fprintf(stderr, "%s: %s: ", load.program->name, name);
    vfprintf(stderr, format, arguments);
    fputc('\n', stderr);
    load.mistakes++;
}

/* Tells what is wrong with a setting's value. Returns false, for `return refuse(…)`. */
__attribute__((format(printf, 2, 3))) static bool refuse(const struct setting *setting, const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    tell(setting->name, format, arguments);
    va_end(arguments);
    load.refused[setting - load.program->settings] = true;
    return false;
}

void config_mistake(const char *name, const char *format, ...)
{
    for (size_t i = 0; i < load.program->setting_count; i++)
        if (load.refused[i] && strcmp(load.program->settings[i].name, name) == 0)
            return; /* the rule met the fallback in place of a value that was refused, which has been told */
    va_list arguments;
    va_start(arguments, format);
    tell(name, format, arguments);
    va_end(arguments);
}

/* ---- where values come from ---- */

static const char *from_environment(const char *name)
{
    const char *text = getenv(name);
    return text != NULL && *text != '\0' ? text : NULL;
}

/* Reads at most size bytes; returns how many, or -1 with errno. */
static ssize_t read_up_to(const char *path, char *bytes, size_t size)
{
    int fd = open(path, O_RDONLY | O_CLOEXEC);
    if (fd < 0)
        return -1;
    size_t len = 0;
    ssize_t got = 1;
    while (got != 0 && len < size) {
        got = read(fd, bytes + len, size - len);
        if (got < 0 && errno != EINTR)
            break;
        if (got > 0)
            len += (size_t)got;
    }
    int saved_errno = errno;
    close(fd);
    errno = saved_errno;
    return got < 0 ? -1 : (ssize_t)len;
}

/* The content without its last line's end; NULL when there is none, which is told. */
static const char *from_file(const struct setting *setting, const char *path)
{
    char bytes[FILE_MAX + 1];
    ssize_t got = read_up_to(path, bytes, sizeof bytes);
    size_t len = got > 0 ? (size_t)got : 0;
    if (len > 0 && len <= FILE_MAX && bytes[len - 1] == '\n')
        len--;
    if (len > 0 && len <= FILE_MAX && bytes[len - 1] == '\r')
        len--;
    const char *text = NULL;
    if (got < 0)
        refuse(setting, "cannot read \"%s\", the file that %s_FILE names: %s", path, setting->name, strerror(errno));
    else if (len == 0)
        refuse(setting, "\"%s\", the file that %s_FILE names, is empty", path, setting->name);
    else if (len > FILE_MAX)
        refuse(setting, "\"%s\", the file that %s_FILE names, is larger than 64 KiB", path, setting->name);
    else if (memchr(bytes, '\0', len) != NULL)
        refuse(setting, "\"%s\", the file that %s_FILE names, is not text", path, setting->name);
    else
        text = own(bytes, len);
    explicit_bzero(bytes, sizeof bytes);
    return text;
}

/* The text a setting was given; NULL for none, or for a mistake that has been told. */
static const char *given_text(const struct setting *setting)
{
    char file_name[NAME_MAX_LEN + sizeof "_FILE"];
    assert(strlen(setting->name) <= NAME_MAX_LEN);
    snprintf(file_name, sizeof file_name, "%s_FILE", setting->name);
    const char *text = from_environment(setting->name);
    const char *path = from_environment(file_name);
    if (text != NULL && path != NULL)
        refuse(setting, "is set, and %s is too: unset one of them", file_name);
    else if (path != NULL)
        return from_file(setting, path);
    else if (text != NULL)
        return own(text, strlen(text));
    return NULL;
}

/* ---- from text to value ---- */

static bool store_text(const struct setting *setting, const char *text, const char **out)
{
    size_t len = strlen(text);
    if (setting->min > 0 && len < (size_t)setting->min)
        return refuse(setting, "must be at least %lld bytes long, is %zu", (long long)setting->min, len);
    if (setting->max > 0 && len > (size_t)setting->max)
        return refuse(setting, "must be at most %lld bytes long, is %zu", (long long)setting->max, len);
    *out = text;
    return true;
}

static bool store_integer(const struct setting *setting, const char *text, int64_t *out)
{
    int64_t value;
    if (!str_to_int64(str_from(text), &value) || value < setting->min || value > setting->max)
        return refuse(setting, "must be a whole number from %lld to %lld, is \"%s\"", (long long)setting->min,
                      (long long)setting->max, text);
    *out = value;
    return true;
}

static bool store_boolean(const struct setting *setting, const char *text, bool *out)
{
    static const char *const words[] = {"false", "true", "no", "yes", "off", "on", "0", "1"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++) {
        if (str_equal_nocase(str_from(text), str_from(words[i]))) {
            *out = i % 2 == 1;
            return true;
        }
    }
    return refuse(setting, "must be true or false (yes or no, on or off, 1 or 0), is \"%s\"", text);
}

static bool store_choice(const struct setting *setting, const char *text, int *out)
{
    int index = 0;
    const char *choice = setting->choices;
    for (;; index++) {
        size_t len = strcspn(choice, "|");
        if (str_equal_nocase(str_from(text), (struct str){choice, len})) {
            *out = index;
            return true;
        }
        if (choice[len] == '\0')
            return refuse(setting, "must be one of %s, is \"%s\"", setting->choices, text);
        choice += len + 1;
    }
}

static bool store(const struct setting *setting, const char *text, void *config)
{
    void *member = (char *)config + setting->offset;
    switch (setting->type) {
    case SETTING_STRING:
    case SETTING_SECRET:
        return store_text(setting, text, member);
    case SETTING_INTEGER:
        return store_integer(setting, text, member);
    case SETTING_BOOLEAN:
        return store_boolean(setting, text, member);
    case SETTING_CHOICE:
        return store_choice(setting, text, member);
    }
    abort();
}

/* What stands where nothing good was given: the fallback, else something that check() can look at without harm. */
static void store_fallback(const struct setting *setting, void *config)
{
    void *member = (char *)config + setting->offset;
    bool is_text = setting->type == SETTING_STRING || setting->type == SETTING_SECRET;
    if (is_text) {
        *(const char **)member = setting->fallback != NULL ? setting->fallback : "";
    } else if (setting->fallback != NULL) {
        bool stored = store(setting, setting->fallback, config);
        assert(stored); /* the table's own mistake */
    } else if (setting->type == SETTING_INTEGER) {
        *(int64_t *)member = setting->min;
    }
}

static void load_setting(const struct setting *setting, void *config)
{
    const char *text = given_text(setting);
    bool refused = load.refused[setting - load.program->settings];
    if (text == NULL && !refused && setting->fallback == NULL)
        refuse(setting, "is not set, and it must be: %s", setting->help);
    if (text == NULL || !store(setting, text, config))
        store_fallback(setting, config);
}

static void load_all(const struct config_program *program, void *config)
{
    load.program = program;
    load.mistakes = 0;
    load.refused = allocate(program->setting_count * sizeof *load.refused + 1);
    for (size_t i = 0; i < program->setting_count; i++)
        load_setting(&program->settings[i], config);
    if (program->check != NULL)
        program->check(config);
    free(load.refused);
    load.refused = NULL;
    if (load.mistakes > 0) {
        fprintf(stderr, "%s: %zu mistake%s in the environment, not started; %s --help lists the settings\n",
                program->name, load.mistakes, load.mistakes == 1 ? "" : "s", program->name);
        exit(EX_CONFIG);
    }
}

/* ---- the command line ---- */

/* What was asked for has been printed, if it could be. */
static _Noreturn void end_printed(void)
{
    exit(fflush(stdout) == 0 ? EX_OK : EX_IOERR);
}

/* The one flag, or NULL for none. */
static const char *read_flag(const struct config_program *program, int argc, char **argv)
{
    if (argc <= 1)
        return NULL;
    static const char *const known[] = {"--help", "--version", "--check-config", "--print-config", "--healthcheck"};
    for (size_t i = 0; argc == 2 && i < sizeof known / sizeof *known; i++)
        if (strcmp(argv[1], known[i]) == 0)
            return argv[1];
    if (argc == 2 && program->print_flag != NULL && strcmp(argv[1], program->print_flag) == 0)
        return argv[1];
    fprintf(stderr, argc == 2 ? "%s: unknown argument \"%s\"\n" : "%s: more than one argument, from \"%s\" on\n",
            program->name, argv[1]);
    config_print_usage(stderr, program);
    exit(EX_USAGE);
}

void config_load(const struct config_program *program, int argc, char **argv, void *config)
{
    const char *flag = read_flag(program, argc, argv);
    if (flag != NULL && strcmp(flag, "--help") == 0) {
        config_print_help(program);
        end_printed();
    }
    if (flag != NULL && strcmp(flag, "--version") == 0) {
        printf("%s %s\n", program->name, BACKEND_VERSION);
        end_printed();
    }
    if (flag != NULL && program->print_flag != NULL && strcmp(flag, program->print_flag) == 0) {
        program->print();
        end_printed();
    }
    load_all(program, config);
    if (flag == NULL)
        return;
    if (strcmp(flag, "--healthcheck") == 0)
        exit(program->healthcheck(config));
    if (strcmp(flag, "--print-config") == 0)
        config_print_values(program, config);
    else
        printf("%s: the configuration is good\n", program->name);
    end_printed();
}
