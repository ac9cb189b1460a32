/* Bodies: what type, which charset, how compressed; then to the reader of that type. */
#include "gateway/body.h"

#include <string.h>

#include "common/json.h"
#include "common/pack.h"
#include "gateway/form.h"
#include "gateway/inflate.h"
#include "gateway/text.h"

/* The charset among a media type's parameters; empty = none. */
static struct str charset_of(struct str parameters)
{
    while (parameters.len > 0) {
        struct str value = text_cut(&parameters, ';');
        struct str name = text_cut(&value, '=');
        if (!str_equal_nocase(name, STR("charset")))
            continue;
        value = text_trim(value);
        if (value.len >= 2 && *value.ptr == '"' && value.ptr[value.len - 1] == '"')
            value = (struct str){value.ptr + 1, value.len - 2};
        return value;
    }
    return (struct str){"", 0};
}

static enum error check_charset(struct str charset, struct arena *arena, struct str *why)
{
    if (charset.len == 0 || str_equal_nocase(charset, STR("utf-8")))
        return OK;
    struct str text = arena_printf(arena, "unsupported charset \"%.*s\"", STR_ARGS(charset));
    char *letters = arena_alloc(arena, text.len);
    memcpy(letters, text.ptr, text.len);
    for (size_t i = sizeof("unsupported charset") - 1; i < text.len; i++)
        if (letters[i] >= 'a' && letters[i] <= 'z')
            letters[i] = (char)(letters[i] - ('a' - 'A'));
    *why = (struct str){letters, text.len};
    return ERROR_CHARSET_UNSUPPORTED;
}

/* *body becomes what the encoding stood for, in the arena. */
static enum error undo_encoding(struct str encoding, struct arena *arena, struct str *body, struct str *why)
{
    encoding = text_trim(encoding);
    if (encoding.len == 0 || str_equal_nocase(encoding, STR("identity")))
        return OK;
    bool is_gzip = str_equal_nocase(encoding, STR("gzip"));
    if (!is_gzip && !str_equal_nocase(encoding, STR("deflate"))) {
        *why = arena_printf(arena, "unsupported content encoding \"%.*s\"", STR_ARGS(encoding));
        return ERROR_ENCODING_UNSUPPORTED;
    }
    struct buffer inflated = {0};
    enum error error =
        inflate_bounded(*body, is_gzip ? COMPRESSION_GZIP : COMPRESSION_DEFLATE, BODY_MAX_LEN, &inflated);
    if (error == OK)
        *body = arena_copy(arena, buffer_str(&inflated));
    else if (error == ERROR_MALFORMED)
        *why = STR("the body is not what its Content-Encoding says");
    buffer_free(&inflated);
    return error;
}

static struct str without_byte_order_mark(struct str text)
{
    static const struct str mark = {"\xEF\xBB\xBF", 3};
    return str_starts_with(text, mark) ? (struct str){text.ptr + mark.len, text.len - mark.len} : text;
}

enum error body_to_pack(struct str body, struct str content_type, struct str content_encoding, struct arena *arena,
                        struct buffer *out, struct str *why)
{
    if (body.len > BODY_MAX_LEN)
        return ERROR_BODY_TOO_LARGE;
    struct str type = text_cut(&content_type, ';');
    bool is_json = str_equal_nocase(type, STR("application/json"));
    bool is_form = str_equal_nocase(type, STR("application/x-www-form-urlencoded"));
    if (body.len > 0 && (is_json || is_form)) {
        enum error error = check_charset(charset_of(content_type), arena, why);
        if (error == OK)
            error = undo_encoding(content_encoding, arena, &body, why);
        if (error != OK)
            return error;
    }
    if (body.len == 0 || (!is_json && !is_form)) {
        pack_map(out, 0);
        return OK;
    }
    return is_json ? json_to_pack(without_byte_order_mark(body), arena, out, why) : form_to_pack(body, arena, out, why);
}
