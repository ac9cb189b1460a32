/* The trie: a node is a segment; below it, its literal children in a list and at most one parameter child. */
#include "gateway/router.h"

#include <assert.h>
#include <string.h>
#include <strings.h>

#include "common/allocate.h"
#include "common/arena.h"

/* A route and the names of its parameters, in the order of the path. */
struct entry {
    const struct route *route;
    size_t count;
    struct str names[ROUTER_MAX_PARAMETERS];
};

struct node {
    struct str literal;
    struct node *sibling;
    struct node *literals;
    struct node *parameter;
    const struct entry *entries[VERB_COUNT];
};

struct router {
    struct arena *arena;
    struct node *root;
};

/* Cuts the first segment, without its '/', off the rest of a path, which begins with one. */
static struct str take_segment(struct str *rest)
{
    assert(rest->len > 0 && *rest->ptr == '/');
    const char *slash = memchr(rest->ptr + 1, '/', rest->len - 1);
    size_t len = slash ? (size_t)(slash - rest->ptr) : rest->len;
    struct str segment = {rest->ptr + 1, len - 1};
    *rest = (struct str){rest->ptr + len, rest->len - len};
    return segment;
}

static struct node *descend(struct router *router, struct node *node, struct str segment, struct entry *entry)
{
    if (segment.len > 1 && *segment.ptr == ':') {
        assert(entry->count < ROUTER_MAX_PARAMETERS);
        entry->names[entry->count++] = (struct str){segment.ptr + 1, segment.len - 1};
        if (node->parameter == NULL)
            node->parameter = arena_alloc(router->arena, sizeof *node);
        return node->parameter;
    }
    for (struct node *child = node->literals; child != NULL; child = child->sibling)
        if (str_equal_nocase(child->literal, segment))
            return child;
    struct node *child = arena_alloc(router->arena, sizeof *child);
    *child = (struct node){.literal = segment, .sibling = node->literals};
    return node->literals = child;
}

static void add(struct router *router, const struct route *route)
{
    struct entry *entry = arena_alloc(router->arena, sizeof *entry);
    entry->route = route;
    struct node *node = router->root;
    for (struct str rest = str_from(route->path); rest.len > 0;)
        node = descend(router, node, take_segment(&rest), entry);
    assert(node->entries[route->verb] == NULL);
    node->entries[route->verb] = entry;
}

struct router *router_new(const struct route *routes, size_t count)
{
    struct router *router = allocate(sizeof *router);
    router->arena = arena_new();
    router->root = arena_alloc(router->arena, sizeof *router->root);
    for (size_t i = 0; i < count; i++)
        add(router, &routes[i]);
    return router;
}

void router_destroy(struct router **router)
{
    if (*router == NULL)
        return;
    arena_destroy(&(*router)->arena);
    free(*router);
    *router = NULL;
}

/* Depth is bounded by the trie's. Values of a branch that leads nowhere are overwritten by the next. */
static const struct entry *find(const struct node *node, enum verb verb, struct str rest, struct str *values,
                                size_t count)
{
    if (rest.len == 0)
        return node->entries[verb];
    struct str segment = take_segment(&rest);
    for (const struct node *child = node->literals; child != NULL; child = child->sibling) {
        const struct entry *entry =
            str_equal_nocase(child->literal, segment) ? find(child, verb, rest, values, count) : NULL;
        if (entry != NULL)
            return entry;
    }
    if (node->parameter == NULL || segment.len == 0)
        return NULL;
    values[count] = segment;
    return find(node->parameter, verb, rest, values, count + 1);
}

static struct str without_prefix(struct str path)
{
    static const struct str prefix = {"/api", sizeof("/api") - 1};
    bool has = path.len >= prefix.len && str_equal_nocase((struct str){path.ptr, prefix.len}, prefix) &&
               (path.len == prefix.len || path.ptr[prefix.len] == '/');
    return has ? (struct str){path.ptr + prefix.len, path.len - prefix.len} : path;
}

bool router_match(const struct router *router, enum verb verb, struct str path, struct route_match *match)
{
    path = without_prefix(path);
    if (path.len > 0 && path.ptr[path.len - 1] == '/')
        path.len--;
    if (path.len == 0 || *path.ptr != '/')
        return false;
    struct route_match found = {0};
    const struct entry *entry = find(router->root, verb, path, found.values, 0);
    if (entry == NULL)
        return false;
    found.route = entry->route;
    found.count = entry->count;
    memcpy(found.names, entry->names, sizeof found.names);
    *match = found;
    return true;
}

bool router_verb(struct str method, enum verb *verb)
{
    if (str_equal(method, STR("HEAD"))) {
        *verb = VERB_GET;
        return true;
    }
    for (enum verb each = 0; each < VERB_COUNT; each++)
        if (str_equal(method, str_from(proto_verb_name(each)))) {
            *verb = each;
            return true;
        }
    return false;
}

bool router_is_ambiguous(struct str path)
{
    const char *end = path.ptr + path.len;
    const char *at = path.len > 0 ? memchr(path.ptr, '%', path.len) : NULL;
    while (at != NULL && end - at >= 3) {
        if (strncasecmp(at, "%2f", 3) == 0 || strncasecmp(at, "%00", 3) == 0)
            return true;
        at = memchr(at + 1, '%', (size_t)(end - at) - 1);
    }
    return false;
}
