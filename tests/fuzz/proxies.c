/* Fuzzes TRUSTED_PROXIES (the first line) and X-Forwarded-For fields (the others): whatever they hold, the client is an
 * address, and one who is not trusted is believed about nobody. */
#include <assert.h>
#include <string.h>

#include "common/buffer.h"
#include "gateway/proxies.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct str take_line(struct str *rest)
{
    const char *end = rest->len > 0 ? memchr(rest->ptr, '\n', rest->len) : NULL;
    struct str line = {rest->ptr, end != NULL ? (size_t)(end - rest->ptr) : rest->len};
    size_t used = line.len + (end != NULL);
    *rest = (struct str){rest->ptr + used, rest->len - used};
    return line;
}

static void check_text(const struct address *address)
{
    char text[ADDRESS_MAX_TEXT + 1];
    struct address again;
    struct str written = {text, address_write(address, text)};
    assert(address_read(written, &again) && memcmp(&again, address, sizeof again) == 0);
}

static void follow(const struct proxies *proxies, struct str fields)
{
    struct address peer, address;
    assert(address_read(STR("10.0.0.1"), &peer));
    address = peer;
    bool goes_on = true;
    while (fields.len > 0 && goes_on)
        goes_on = proxies_follow(proxies, take_line(&fields), &address);
    check_text(&address);
    assert(proxies_trust(proxies, &peer) || memcmp(&peer, &address, sizeof peer) == 0);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct str fields = {(const char *)data, size}, mistake;
    struct buffer list = {0};
    buffer_append_str(&list, take_line(&fields));
    buffer_append_char(&list, '\0');
    struct proxies *proxies = proxies_new(list.data, &mistake);
    if (proxies != NULL)
        follow(proxies, fields);
    else
        assert(mistake.len > 0);
    proxies_destroy(&proxies);
    buffer_free(&list);
    return 0;
}
