/* The list of networks, and the walk from proxy to proxy. */
#include "gateway/proxies.h"

#include <stdlib.h>
#include <string.h>

#include "common/allocate.h"
#include "gateway/text.h"

struct proxies {
    size_t count;
    struct network networks[];
};

static size_t count_items(struct str list)
{
    size_t count = 0;
    while (list.len > 0)
        count += text_cut(&list, ',').len > 0;
    return count;
}

struct proxies *proxies_new(const char *text, struct str *mistake)
{
    struct str list = str_from(text);
    struct proxies *proxies = allocate(sizeof *proxies + count_items(list) * sizeof *proxies->networks);
    while (list.len > 0) {
        struct str item = text_cut(&list, ',');
        if (item.len == 0)
            continue;
        if (!network_read(item, &proxies->networks[proxies->count++])) {
            *mistake = item;
            proxies_destroy(&proxies);
            return NULL;
        }
    }
    return proxies;
}

void proxies_destroy(struct proxies **proxies)
{
    free(*proxies);
    *proxies = NULL;
}

bool proxies_trust(const struct proxies *proxies, const struct address *address)
{
    for (size_t i = 0; i < proxies->count; i++)
        if (network_holds(&proxies->networks[i], address))
            return true;
    return false;
}

/* Cuts what stands behind the last comma, or all, off the list. */
static struct str take_last(struct str *list)
{
    const char *comma = memrchr(list->ptr, ',', list->len);
    size_t begins = comma != NULL ? (size_t)(comma - list->ptr) + 1 : 0;
    struct str last = {list->ptr + begins, list->len - begins};
    list->len = comma != NULL ? begins - 1 : 0;
    return text_trim(last);
}

/* Some proxies add the port: 192.0.2.1:4711, [2001:db8::1]:4711. */
static struct str without_port(struct str text)
{
    if (text.len > 0 && text.ptr[0] == '[') {
        const char *end = memchr(text.ptr, ']', text.len);
        return end != NULL ? (struct str){text.ptr + 1, (size_t)(end - text.ptr) - 1} : text;
    }
    const char *first = text.len > 0 ? memchr(text.ptr, ':', text.len) : NULL;
    bool is_port = first != NULL && memchr(text.ptr, '.', (size_t)(first - text.ptr)) != NULL;
    return is_port ? (struct str){text.ptr, (size_t)(first - text.ptr)} : text;
}

bool proxies_follow(const struct proxies *proxies, struct str field, struct address *address)
{
    while (field.len > 0 && proxies_trust(proxies, address)) {
        struct str item = take_last(&field);
        if (item.len > 0 && !address_read(without_port(item), address))
            return false;
    }
    return proxies_trust(proxies, address);
}
