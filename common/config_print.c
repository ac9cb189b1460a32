/* How settings are shown: usage, --help and --print-config. */
#include "common/config_print.h"

#include <stdlib.h>
#include <string.h>

#include "common/banned.h"
#include "common/buffer.h"

static const char mask[] = "**********";

/* ---- --help ---- */

void config_print_usage(FILE *file, const struct config_program *program)
{
    fprintf(file, "Usage: %s [--help | --version | --check-config | --print-config | --healthcheck", program->name);
    if (program->print_flag != NULL)
        fprintf(file, " | %s", program->print_flag);
    fputs("]\n", file);
}

static void print_flags(const struct config_program *program)
{
    static const char *const flags[][2] = {
        {"--help", "this text"},
        {"--version", "name and version"},
        {"--check-config", "says what is wrong with the settings, if anything, and ends"},
        {"--print-config", "the settings as they are understood, secrets masked"},
        {"--healthcheck", "asks the running process, at its ADMIN_PORT, whether it is ready: 0 = yes, 1 = no, and why"},
    };
    for (size_t i = 0; i < sizeof flags / sizeof *flags; i++)
        printf("  %-16s  %s\n", flags[i][0], flags[i][1]);
    if (program->print_flag != NULL)
        printf("  %-16s  %s\n", program->print_flag, program->print_help);
}

/* What values a setting takes, in words; the caller frees the buffer. */
static struct buffer describe_type(const struct setting *setting)
{
    struct buffer words = {0};
    switch (setting->type) {
    case SETTING_STRING:
        buffer_append_str(&words, STR("text"));
        break;
    case SETTING_SECRET:
        buffer_append_str(&words, STR("secret"));
        break;
    case SETTING_INTEGER:
        buffer_printf(&words, "%lld..%lld", (long long)setting->min, (long long)setting->max);
        break;
    case SETTING_BOOLEAN:
        buffer_append_str(&words, STR("true|false"));
        break;
    case SETTING_CHOICE:
        buffer_append_str(&words, str_from(setting->choices));
        break;
    }
    return words;
}

static const char *describe_fallback(const struct setting *setting)
{
    if (setting->fallback == NULL)
        return "(required)";
    if (setting->fallback[0] == '\0')
        return "(none)";
    return setting->fallback;
}

static int wider(int width, size_t len)
{
    return len > (size_t)width ? (int)len : width;
}

/* A table as wide as its widest cells: name, type, fallback, help. */
static void print_settings(const struct config_program *program)
{
    int name_width = 0, type_width = 0, fallback_width = 0;
    for (size_t i = 0; i < program->setting_count; i++) {
        struct buffer type = describe_type(&program->settings[i]);
        name_width = wider(name_width, strlen(program->settings[i].name));
        type_width = wider(type_width, type.len);
        fallback_width = wider(fallback_width, strlen(describe_fallback(&program->settings[i])));
        buffer_free(&type);
    }
    for (size_t i = 0; i < program->setting_count; i++) {
        const struct setting *setting = &program->settings[i];
        struct buffer type = describe_type(setting);
        printf("  %-*s  %-*.*s  %-*s  %s\n", name_width, setting->name, type_width, STR_ARGS(buffer_str(&type)),
               fallback_width, describe_fallback(setting), setting->help);
        buffer_free(&type);
    }
}

void config_print_help(const struct config_program *program)
{
    config_print_usage(stdout, program);
    printf("\n%s: %s\n\n", program->name, program->summary);
    print_flags(program);
    puts("\nSettings are environment variables: name, values, default, meaning. NAME_FILE instead of NAME gives the "
         "path of a\n"
         "file that holds the value.\n");
    print_settings(program);
}

/* ---- --print-config ---- */

/* After "password": where its value begins, in a URI's query or in a libpq connection string; NULL when none follows.
 */
static const char *password_value(const char *text)
{
    text += strspn(text, " ");
    return *text == '=' ? text + 1 + strspn(text + 1, " ") : NULL;
}

static const char *end_of_password(const char *value)
{
    if (*value != '\'')
        return value + strcspn(value, "& \t\n");
    const char *at = value + 1;
    while (*at != '\0' && *at != '\'')
        at += at[0] == '\\' && at[1] != '\0' ? 2 : 1;
    return *at == '\'' ? at + 1 : at;
}

/* Prints text with the passwords in it masked: scheme://user:PASSWORD@host, and password=PASSWORD anywhere. Where it
 * cannot be told what is a password, too much is masked. */
static void print_masked(const char *text)
{
    const char *scheme_end = strstr(text, "://");
    const char *user = scheme_end != NULL ? scheme_end + 3 : NULL;
    const char *at_sign = user != NULL ? strrchr(user, '@') : NULL;
    const char *colon = at_sign != NULL ? memchr(user, ':', (size_t)(at_sign - user)) : NULL;
    if (colon != NULL) {
        printf("%.*s%s", (int)(colon + 1 - text), text, mask);
        text = at_sign;
    }
    static const char key[] = "password";
    for (const char *found = text; (found = strcasestr(found, key)) != NULL;) {
        found += strlen(key);
        const char *value = password_value(found);
        if (value == NULL)
            continue;
        printf("%.*s%s", (int)(value - text), text, mask);
        text = found = end_of_password(value);
    }
    fputs(text, stdout);
}

static void print_choice(const char *choices, int index)
{
    for (; index > 0; index--)
        choices = strchr(choices, '|') + 1;
    printf("%.*s", (int)strcspn(choices, "|"), choices);
}

static void print_value(const struct setting *setting, const void *config)
{
    const void *member = (const char *)config + setting->offset;
    switch (setting->type) {
    case SETTING_STRING:
        print_masked(*(const char *const *)member);
        break;
    case SETTING_SECRET:
        fputs(**(const char *const *)member != '\0' ? mask : "", stdout);
        break;
    case SETTING_INTEGER:
        printf("%lld", (long long)*(const int64_t *)member);
        break;
    case SETTING_BOOLEAN:
        fputs(*(const bool *)member ? "true" : "false", stdout);
        break;
    case SETTING_CHOICE:
        print_choice(setting->choices, *(const int *)member);
        break;
    }
}

void config_print_values(const struct config_program *program, const void *config)
{
    for (size_t i = 0; i < program->setting_count; i++) {
        printf("%s=", program->settings[i].name);
        print_value(&program->settings[i], config);
        putchar('\n');
    }
}
