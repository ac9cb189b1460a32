/* A message has two forms of the same text, plain and HTML (multipart/alternative), each in base64: whatever a name
 * holds, lines stay short and ASCII. */
#include "services/auth/mail_text.h"

#include <errno.h>
#include <sodium.h>
#include <stdio.h>
#include <string.h>
#include <time.h>

#include "common/allocate.h"

enum { MAX_TEMPLATE = 64 * 1024, LINE = 57 /* bytes, which base64 makes 76 characters of */ };

/* ---- kinds ---- */

static const char *const kind_names[MAIL_KINDS] = {
    [MAIL_VERIFY_EMAIL] = "verify_email",
    [MAIL_PASSWORD_RESET] = "password_reset",
    [MAIL_PASSWORD_CHANGED] = "password_changed",
    [MAIL_EMAIL_CHANGED] = "email_changed",
};

const char *mail_kind_name(enum mail_kind kind)
{
    return kind_names[kind];
}

bool mail_kind_of(struct str name, enum mail_kind *kind)
{
    for (enum mail_kind at = 0; at < MAIL_KINDS; at++)
        if (str_equal(name, str_from(kind_names[at]))) {
            *kind = at;
            return true;
        }
    return false;
}

/* ---- templates ---- */

struct mail_templates {
    struct arena *arena;
    struct {
        struct str subject, text, html;
    } of[MAIL_KINDS];
};

/* The file's text; false, and *why, where there is none that is a template. */
static bool read_file(struct arena *arena, const char *path, struct str *text, const char **why)
{
    char *bytes = arena_alloc(arena, MAX_TEMPLATE + 1);
    FILE *file = fopen(path, "re");
    size_t len = file != NULL ? fread(bytes, 1, MAX_TEMPLATE + 1, file) : 0;
    *why = file == NULL || ferror(file) ? strerror(errno) : NULL;
    if (file != NULL)
        fclose(file);
    *text = (struct str){bytes, len};
    if (*why == NULL && len > MAX_TEMPLATE)
        *why = "it is larger than 64 KiB";
    else if (*why == NULL && !str_is_utf8(*text))
        *why = "it is not UTF-8";
    return *why == NULL;
}

static bool load_part(struct mail_templates *templates, const char *folder, enum mail_kind kind, const char *suffix,
                      struct str *text, struct arena *arena, const char **mistake)
{
    const char *why, *path = arena_printf(arena, "%s/%s.%s", folder, kind_names[kind], suffix).ptr;
    if (read_file(templates->arena, path, text, &why))
        return true;
    *mistake = arena_printf(arena, "%s: %s", path, why).ptr;
    return false;
}

/* Cuts the first line and the empty one after it off the text. */
static bool take_subject(struct str *text, struct str *subject)
{
    static const struct str label = {"Subject: ", sizeof("Subject: ") - 1};
    const char *end = text->len > 0 ? memchr(text->ptr, '\n', text->len) : NULL;
    if (!str_starts_with(*text, label) || end == NULL || end + 1 == text->ptr + text->len || end[1] != '\n')
        return false;
    *subject = (struct str){text->ptr + label.len, (size_t)(end - text->ptr) - label.len};
    *text = (struct str){end + 2, text->len - (size_t)(end + 2 - text->ptr)};
    return subject->len > 0 && memchr(subject->ptr, '\r', subject->len) == NULL;
}

struct mail_templates *mail_templates_load(const char *folder, struct arena *arena, const char **mistake)
{
    struct mail_templates *templates = allocate(sizeof *templates);
    templates->arena = arena_new();
    bool good = true;
    for (enum mail_kind kind = 0; good && kind < MAIL_KINDS; kind++) {
        struct str *text = &templates->of[kind].text;
        good = load_part(templates, folder, kind, "txt", text, arena, mistake) &&
               load_part(templates, folder, kind, "html", &templates->of[kind].html, arena, mistake);
        if (good && !take_subject(text, &templates->of[kind].subject)) {
            *mistake = arena_printf(arena, "%s/%s.txt: it must begin with a line \"Subject: …\" and an empty one",
                                    folder, kind_names[kind])
                           .ptr;
            good = false;
        }
    }
    if (!good)
        mail_templates_destroy(&templates);
    return templates;
}

void mail_templates_destroy(struct mail_templates **templates)
{
    if (*templates == NULL)
        return;
    arena_destroy(&(*templates)->arena);
    free(*templates);
    *templates = NULL;
}

/* ---- values in place of their names ---- */

static void append_html(struct buffer *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        switch (text.ptr[i]) {
        case '&':
            buffer_append_str(out, STR("&amp;"));
            break;
        case '<':
            buffer_append_str(out, STR("&lt;"));
            break;
        case '>':
            buffer_append_str(out, STR("&gt;"));
            break;
        case '"':
            buffer_append_str(out, STR("&quot;"));
            break;
        default:
            buffer_append_char(out, text.ptr[i]);
        }
}

/* False where nothing has that name. */
static bool append_value(struct buffer *out, struct str name, const struct mail_values *values, bool is_html)
{
    struct str value;
    if (str_equal(name, STR("minutes"))) {
        buffer_printf(out, "%lld", (long long)values->minutes);
        return true;
    }
    if (str_equal(name, STR("username")))
        value = values->username;
    else if (str_equal(name, STR("email")))
        value = values->email;
    else if (str_equal(name, STR("link")))
        value = values->link;
    else
        return false;
    if (is_html)
        append_html(out, value);
    else
        buffer_append_str(out, value);
    return true;
}

/* What has no name of ours stays as it stands. */
static void render(struct buffer *out, struct str text, const struct mail_values *values, bool is_html)
{
    const char *end = text.ptr + text.len;
    for (const char *at = text.ptr; at < end;) {
        const char *close = NULL;
        if (end - at > 4 && at[0] == '{' && at[1] == '{')
            close = memmem(at, (size_t)(end - at), "}}", 2);
        if (close != NULL && append_value(out, (struct str){at + 2, (size_t)(close - at - 2)}, values, is_html))
            at = close + 2;
        else
            buffer_append_char(out, *at++);
    }
}

/* ---- the message ---- */

static void append_base64(struct buffer *out, struct str bytes)
{
    size_t size = sodium_base64_encoded_len(bytes.len, sodium_base64_VARIANT_ORIGINAL); /* counts a NUL */
    char *at = buffer_reserve(out, size);
    sodium_bin2base64(at, size, (const unsigned char *)bytes.ptr, bytes.len, sodium_base64_VARIANT_ORIGINAL);
    out->len += size - 1;
}

static void append_body(struct buffer *out, struct str bytes)
{
    for (size_t at = 0; at < bytes.len; at += LINE) {
        size_t left = bytes.len - at;
        append_base64(out, (struct str){bytes.ptr + at, left < LINE ? left : LINE});
        buffer_append_str(out, STR("\r\n"));
    }
}

bool mail_text_is_plain(struct str text)
{
    for (size_t i = 0; i < text.len; i++)
        if (text.ptr[i] < ' ' || text.ptr[i] > '~')
            return false;
    return true;
}

/* RFC 2047: words of at most 75 characters, none of which cuts a character of the text. */
static void append_subject(struct buffer *out, struct str text)
{
    enum { WORD = 45 };
    if (mail_text_is_plain(text)) {
        buffer_append_str(out, text);
        return;
    }
    while (text.len > 0) {
        size_t len = 0, step;
        while ((step = str_utf8_step((struct str){text.ptr + len, text.len - len})) > 0 && len + step <= WORD)
            len += step;
        buffer_append_str(out, STR("=?UTF-8?B?"));
        append_base64(out, (struct str){text.ptr, len});
        buffer_append_str(out, STR("?="));
        text = (struct str){text.ptr + len, text.len - len};
        if (text.len > 0)
            buffer_append_str(out, STR("\r\n "));
    }
}

/* RFC 5322 §3.3; the names are English whatever the locale. */
static void append_date(struct buffer *out, int64_t unix_s)
{
    static const char *const days[] = {"Sun", "Mon", "Tue", "Wed", "Thu", "Fri", "Sat"};
    static const char *const months[] = {"Jan", "Feb", "Mar", "Apr", "May", "Jun",
                                         "Jul", "Aug", "Sep", "Oct", "Nov", "Dec"};
    struct tm at;
    time_t seconds = (time_t)unix_s;
    gmtime_r(&seconds, &at);
    buffer_printf(out, "%s, %d %s %d %02d:%02d:%02d +0000", days[at.tm_wday], at.tm_mday, months[at.tm_mon],
                  at.tm_year + 1900, at.tm_hour, at.tm_min, at.tm_sec);
}

struct str mail_address_of(struct str mailbox)
{
    const char *open = mailbox.len > 0 ? memrchr(mailbox.ptr, '<', mailbox.len) : NULL;
    if (open == NULL || mailbox.ptr[mailbox.len - 1] != '>')
        return mailbox;
    return (struct str){open + 1, (size_t)(mailbox.ptr + mailbox.len - 1 - (open + 1))};
}

bool mail_address_is_sendable(struct str address)
{
    for (size_t i = 0; i < address.len; i++)
        if (address.ptr[i] <= ' ' || address.ptr[i] > '~' || address.ptr[i] == '<' || address.ptr[i] == '>')
            return false;
    return address.len > 0 && address.len <= 254 && memchr(address.ptr, '@', address.len) != NULL;
}

static void append_part(struct buffer *message, struct str boundary, const char *type, struct str template,
                        const struct mail_values *values, bool is_html)
{
    struct buffer text = {0};
    render(&text, template, values, is_html);
    buffer_printf(message, "--%.*s\r\nContent-Type: %s; charset=utf-8\r\nContent-Transfer-Encoding: base64\r\n\r\n",
                  STR_ARGS(boundary), type);
    append_body(message, buffer_str(&text));
    buffer_append_str(message, STR("\r\n"));
    buffer_free(&text);
}

/* Auto-Submitted keeps other machines from answering (RFC 3834). The id is the boundary too: base64 has no "=_" in it.
 */
void mail_compose(struct buffer *message, const struct mail_templates *templates, enum mail_kind kind, struct str from,
                  struct str to, const struct mail_values *values, struct str id, int64_t unix_s)
{
    struct str address = mail_address_of(from);
    const char *at = memrchr(address.ptr, '@', address.len);
    struct str domain = {at + 1, (size_t)(address.ptr + address.len - (at + 1))};
    struct buffer subject = {0};
    render(&subject, templates->of[kind].subject, values, false);
    buffer_append_str(message, STR("Date: "));
    append_date(message, unix_s);
    buffer_printf(message, "\r\nMessage-ID: <%.*s@%.*s>\r\nFrom: %.*s\r\nTo: <%.*s>\r\nSubject: ", STR_ARGS(id),
                  STR_ARGS(domain), STR_ARGS(from), STR_ARGS(to));
    append_subject(message, buffer_str(&subject));
    buffer_printf(message,
                  "\r\nMIME-Version: 1.0\r\nAuto-Submitted: auto-generated\r\n"
                  "Content-Type: multipart/alternative; boundary=\"=_%.*s\"\r\n\r\n",
                  STR_ARGS(id));
    struct buffer boundary = {0};
    buffer_printf(&boundary, "=_%.*s", STR_ARGS(id));
    append_part(message, buffer_str(&boundary), "text/plain", templates->of[kind].text, values, false);
    append_part(message, buffer_str(&boundary), "text/html", templates->of[kind].html, values, true);
    buffer_printf(message, "--%.*s--\r\n", STR_ARGS(buffer_str(&boundary)));
    buffer_free(&boundary);
    buffer_free(&subject);
}
