/* The list of origins. `*` is refused: replies allow credentials, and browsers then refuse it too. */
#include "gateway/cors.h"

#include <string.h>

#include "common/allocate.h"

struct cors {
    size_t count;
    struct str origins[];
};

static size_t count_items(const char *list)
{
    size_t count = 1;
    for (; *list != '\0'; list++)
        count += *list == ',';
    return count;
}

/* scheme://host[:port], and nothing behind it */
static bool is_origin(struct str s)
{
    const char *colon = s.len > 0 ? memchr(s.ptr, ':', s.len) : NULL;
    if (colon == NULL || colon == s.ptr)
        return false;
    struct str rest = {colon, (size_t)(s.ptr + s.len - colon)};
    if (rest.len <= 3 || !str_starts_with(rest, STR("://")))
        return false;
    for (size_t i = 3; i < rest.len; i++)
        if (strchr("/ \t?#*@", rest.ptr[i]) != NULL)
            return false;
    return true;
}

static struct str take_item(const char **list)
{
    size_t skipped = strspn(*list, " \t");
    struct str item = {*list + skipped, strcspn(*list + skipped, ",")};
    *list = item.ptr + item.len + (item.ptr[item.len] == ',');
    while (item.len > 0 && (item.ptr[item.len - 1] == ' ' || item.ptr[item.len - 1] == '\t'))
        item.len--;
    return item;
}

struct cors *cors_new(const char *origins)
{
    struct cors *cors = allocate(sizeof *cors + count_items(origins) * sizeof *cors->origins);
    while (*origins != '\0') {
        struct str origin = take_item(&origins);
        if (origin.len == 0)
            continue;
        if (!is_origin(origin)) {
            cors_destroy(&cors);
            return NULL;
        }
        cors->origins[cors->count++] = origin;
    }
    return cors;
}

void cors_destroy(struct cors **cors)
{
    free(*cors);
    *cors = NULL;
}

bool cors_allows(const struct cors *cors, struct str origin)
{
    for (size_t i = 0; i < cors->count; i++)
        if (str_equal(cors->origins[i], origin))
            return true;
    return false;
}
