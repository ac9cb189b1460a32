/* How to connect: what the URL says, and what we set in every session beside it. libpq reads the URL itself. */
#include <assert.h>
#include <inttypes.h>
#include <string.h>

#include "common/buffer.h"
#include "common/db_internal.h"

/* ---- the URL ---- */

bool db_url_is_valid(const char *url)
{
    PQconninfoOption *options = PQconninfoParse(url, NULL);
    PQconninfoFree(options);
    return options != NULL;
}

/* ---- the session's settings: libpq's `options`, "-c name=value …" ---- */

/* A blank or backslash of the value is escaped: it would end the option. */
static void append_setting(struct buffer *options, const char *name, const char *value)
{
    buffer_printf(options, "%s-c %s=", options->len > 0 ? " " : "", name);
    for (; *value != '\0'; value++) {
        if (*value == ' ' || *value == '\\')
            buffer_append_char(options, '\\');
        buffer_append_char(options, *value);
    }
}

static void append_timeout(struct buffer *options, const char *name, int64_t timeout_ms)
{
    char text[32];
    snprintf(text, sizeof text, "%" PRId64, timeout_ms);
    append_setting(options, name, text);
}

/* Ours come last and win. A lock is given up before the statement is: its error tells what stood in the way. */
static const char *session_options(struct db *db, const char *of_url)
{
    struct buffer options = {0};
    if (of_url != NULL)
        buffer_append_str(&options, str_from(of_url));
    if (db->options.role != NULL && *db->options.role != '\0')
        append_setting(&options, "role", db->options.role);
    if (db->options.schema != NULL)
        append_setting(&options, "search_path", db->options.schema);
    append_setting(&options, "TimeZone", "UTC"); /* with the next, as db_decode reads a timestamptz */
    append_setting(&options, "DateStyle", "ISO,YMD");
    append_setting(&options, "plan_cache_mode", "force_generic_plan"); /* each statement is planned once */
    int64_t timeout_ms = db->options.statement_timeout_ms;
    append_timeout(&options, "statement_timeout", timeout_ms);
    append_timeout(&options, "lock_timeout", timeout_ms - timeout_ms / 4);
    append_timeout(&options, "idle_in_transaction_session_timeout", timeout_ms + ANSWER_GRACE_MS);
    const char *copy = arena_copy(db->memory, buffer_str(&options)).ptr;
    buffer_free(&options);
    return copy;
}

/* ---- the parameters ---- */

/* Without these a peer that vanished is noticed after hours. The URL's own win. */
static const char *const defaults[][2] = {
    {"keepalives_idle", "30"}, {"keepalives_interval", "5"}, {"keepalives_count", "3"}, {"tcp_user_timeout", "10000"}};
enum { DEFAULTS = sizeof defaults / sizeof *defaults };

static const char *given(const PQconninfoOption *options, const char *keyword)
{
    for (; options->keyword != NULL; options++) {
        if (strcmp(options->keyword, keyword) == 0)
            return options->val;
    }
    return NULL;
}

static size_t count_given(const PQconninfoOption *options)
{
    size_t count = 0;
    for (; options->keyword != NULL; options++)
        count += options->val != NULL;
    return count;
}

/* Of a keyword given twice libpq takes the last value. */
void db_set_parameters(struct db *db)
{
    PQconninfoOption *options = PQconninfoParse(db->options.url, NULL);
    assert(options != NULL);
    size_t room = count_given(options) + DEFAULTS + 4;
    const char **keywords = arena_alloc(db->memory, room * sizeof *keywords);
    const char **values = arena_alloc(db->memory, room * sizeof *values);
    size_t count = 0;
#define ADD(keyword_, value_) (keywords[count] = (keyword_), values[count++] = (value_))
    for (size_t i = 0; i < DEFAULTS; i++)
        ADD(defaults[i][0], defaults[i][1]);
    for (const PQconninfoOption *option = options; option->keyword != NULL; option++) {
        if (option->val != NULL)
            ADD(arena_copy(db->memory, str_from(option->keyword)).ptr,
                arena_copy(db->memory, str_from(option->val)).ptr);
    }
    ADD("options", session_options(db, given(options, "options")));
    ADD("client_encoding", "UTF8");
    ADD("fallback_application_name", db->options.application_name);
#undef ADD
    assert(count < room);
    PQconninfoFree(options);
    db->keywords = keywords;
    db->values = values;
}
