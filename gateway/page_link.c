/* Links to next pages. */
#include "gateway/page_link.h"

#include "gateway/form.h"
#include "gateway/text.h"

/* What would end the link, or may not stand in a header, is escaped; the rest goes as it came. */
static void append_url(struct buffer *out, struct str text)
{
    for (size_t i = 0; i < text.len; i++) {
        unsigned char c = (unsigned char)text.ptr[i];
        if (c > ' ' && c < 0x7f && c != '<' && c != '>' && c != '"') {
            buffer_append_char(out, (char)c);
            continue;
        }
        char escape[3] = {'%'};
        text_put_hex(escape + 1, c, 2);
        buffer_append(out, escape, sizeof escape);
    }
}

static void append_parameter(struct buffer *out, char separator, struct str name, int64_t value)
{
    char digits[20];
    buffer_append_char(out, separator);
    buffer_append_str(out, name);
    buffer_append_char(out, '=');
    buffer_append(out, digits, text_put_decimal(digits, (uint64_t)value));
}

void page_link(struct buffer *out, struct str path, struct str query, int64_t limit, int64_t after)
{
    char separator = '?';
    struct str name, value;
    buffer_append_char(out, '<');
    append_url(out, path);
    while (form_next(&query, &name, &value)) {
        if (str_equal(name, STR("limit")) || str_equal(name, STR("after")))
            continue;
        buffer_append_char(out, separator);
        append_url(out, (struct str){name.ptr,
                                     (size_t)(value.len > 0 ? value.ptr + value.len - name.ptr : (ptrdiff_t)name.len)});
        separator = '&';
    }
    append_parameter(out, separator, STR("limit"), limit);
    append_parameter(out, '&', STR("after"), after);
    buffer_append_str(out, STR(">; rel=\"next\""));
}
