/* Every route of the table × {no token, whom it is about, another user, an admin}: who is let in, and how the others
 * are turned away. A route that has no row here fails. */
#include <string.h>

#include "proto/proto.h"
#include "tests/support/contract.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

enum caller { NOBODY, OWNER, OTHER, ADMIN, CALLERS };

static const char *const caller_names[CALLERS] = {"nobody", "the owner", "another user", "an admin"};

enum access {
    ALL,    /* without a token too */
    USERS,  /* whoever has a token */
    OWNERS, /* whose it is, and admins; it is forbidden to others */
    SELF,   /* whose it is; to others it is not there */
    ADMINS,
};

/* $new is a text that nobody has used, $own the caller's password; the rest is of the world. */
static const struct rule {
    const char *route;
    enum access access;
    const char *json;
    long status; /* of who is let in; 0 = the route's */
} rules[] = {
    {"POST /auth/register", ALL, "{\"username\":\"$new\",\"email\":\"$new@example.org\",\"password\":\"secret1\"}", 0},
    {"POST /auth/login", ALL, "{\"username\":\"$name\",\"password\":\"$password\"}", 0},
    {"GET /auth/profile", USERS, NULL, 0},
    {"POST /auth/refresh", ALL, "{\"refresh_token\":\"$refresh\"}", 0},
    {"POST /auth/logout", USERS, "{\"scope\":\"all\"}", 0},
    {"POST /auth/password", USERS, "{\"currentPassword\":\"$own\",\"password\":\"secret2\"}", 0},
    {"POST /auth/password/forgot", ALL, "{\"email\":\"$new@example.org\"}", 0},
    {"POST /auth/password/reset", ALL, "{\"token\":\"$new\",\"password\":\"secret2\"}", 400},
    {"POST /auth/verify-email/send", ALL, "{\"email\":\"$new@example.org\"}", 0},
    {"POST /auth/verify-email", ALL, "{\"token\":\"$new\"}", 400},
    {"GET /auth/sessions", USERS, NULL, 0},
    {"DELETE /auth/sessions/:id", SELF, NULL, 0},
    {"GET /.well-known/jwks.json", ALL, NULL, 0},

    {"POST /users", ALL, "{\"username\":\"$new\",\"email\":\"$new@example.org\",\"password\":\"secret1\"}", 0},
    {"GET /users", USERS, NULL, 0},
    {"GET /users/:id", USERS, NULL, 0},
    {"PATCH /users/:id", OWNERS, "{\"username\":\"$new\"}", 0},
    {"DELETE /users/:id", OWNERS, NULL, 0},
    {"GET /users/:id/posts", USERS, NULL, 0},
    {"GET /admin/audit", ADMINS, NULL, 0},

    {"POST /rooms", USERS, "{\"name\":\"$new\"}", 0},
    {"GET /rooms", USERS, NULL, 0},
    {"GET /rooms/active", USERS, NULL, 0},
    {"GET /rooms/:id", USERS, NULL, 0},
    {"PATCH /rooms/:id", OWNERS, "{\"description\":\"$new\"}", 0},
    {"DELETE /rooms/:id", OWNERS, NULL, 0},
    {"POST /rooms/:id/join", USERS, NULL, 0},
    {"POST /rooms/:id/leave", USERS, NULL, 0},
    {"POST /rooms/:id/owner", OWNERS, "{\"userId\":$guest}", 0},
    {"PUT /rooms/:id/moderators/:userId", OWNERS, NULL, 0},
    {"DELETE /rooms/:id/moderators/:userId", OWNERS, NULL, 0},
    {"GET /rooms/:id/participants", OWNERS, NULL, 0},
    {"DELETE /rooms/:id/participants/:userId", OWNERS, NULL, 0},
    {"GET /rooms/:id/waiting", OWNERS, NULL, 0},
    {"POST /rooms/:id/waiting/admit", OWNERS, NULL, 0},
    {"POST /rooms/:id/waiting/:userId/admit", OWNERS, NULL, 0},
    {"POST /rooms/:id/waiting/:userId/deny", OWNERS, NULL, 0},
    {"GET /rooms/:id/bans", OWNERS, NULL, 0},
    {"PUT /rooms/:id/bans/:userId", OWNERS, NULL, 0},
    {"DELETE /rooms/:id/bans/:userId", OWNERS, NULL, 0},
    {"GET /rooms/:id/invitations", OWNERS, NULL, 0},
    {"PUT /rooms/:id/invitations/:userId", OWNERS, NULL, 0},
    {"DELETE /rooms/:id/invitations/:userId", OWNERS, NULL, 0},

    {"POST /posts", USERS, "{\"title\":\"$new\",\"content\":\"words\"}", 0},
    {"GET /posts", USERS, NULL, 0},
    {"GET /posts/:id", USERS, NULL, 0},
    {"PATCH /posts/:id", OWNERS, "{\"title\":\"$new\"}", 0},
    {"DELETE /posts/:id", OWNERS, NULL, 0},
    {"GET /posts/user/:id", USERS, NULL, 0},
};
enum { RULES = sizeof rules / sizeof *rules };

/* ---- a world: people, and what belongs to the owner ---- */

struct world {
    struct user callers[CALLERS], guest; /* who waits in the room */
    json_int_t room, post, session;
    char *refresh_token;
};

static struct world make_world(const struct stack *stack)
{
    struct world world = {.guest = make_user(stack)};
    world.callers[OWNER] = make_user(stack);
    world.callers[OTHER] = make_user(stack);
    world.callers[ADMIN] = make_admin(stack);
    struct user *owner = &world.callers[OWNER];
    struct reply *login = http_post(stack, NULL, login_json(owner->username, owner->password), "/auth/login");
    world.refresh_token = text("%s", reply_string(login, "refresh_token"));
    struct reply *sessions = http_get(stack, owner->token, "/auth/sessions");
    world.session = object_integer(json_array_get(sessions->json, 0), "id");
    struct reply *room = http_post(stack, owner->token,
                                   text("{\"name\":\"%s\",\"waitingRoom\":true}", unique("waiting room")), "/rooms");
    assert_status(room, 201);
    world.room = reply_integer(room, "id");
    assert_status(http_post(stack, world.guest.token, NULL, "/rooms/%lld/join", (long long)world.room), 202);
    world.post = make_post(stack, owner);
    return world;
}

/* ---- requests ---- */

/* The template with the values in place of the names, and a name's value NULL ends them. */
static char *fill_in(const char *template, char *const *names_and_values)
{
    char *filled = text("%s", template);
    for (; *names_and_values != NULL; names_and_values += 2)
        for (char *at; (at = strstr(filled, names_and_values[0])) != NULL;)
            filled =
                text("%.*s%s%s", (int)(at - filled), filled, names_and_values[1], at + strlen(names_and_values[0]));
    return filled;
}

static char *number(json_int_t value)
{
    return text("%lld", (long long)value);
}

static json_int_t subject_of(const struct world *world, const char *path)
{
    if (strncmp(path, "/auth/sessions/", 15) == 0)
        return world->session;
    if (strncmp(path, "/rooms/", 7) == 0)
        return world->room;
    if (strncmp(path, "/posts/:id", 10) == 0)
        return world->post;
    return world->callers[OWNER].id;
}

static struct reply *ask(const struct stack *stack, const struct world *world, const struct route *route,
                         const struct rule *rule, enum caller caller)
{
    const struct user *owner = &world->callers[OWNER];
    char *guest = number(world->guest.id);
    char *path =
        fill_in(route->path, (char *[]){":userId", guest, ":id", number(subject_of(world, route->path)), NULL});
    char *json = NULL;
    if (rule->json != NULL)
        json = fill_in(rule->json, (char *[]){"$new", unique("new"), "$name", owner->username, "$password",
                                              owner->password, "$refresh", world->refresh_token, "$guest", guest,
                                              "$own", caller == NOBODY ? "?" : world->callers[caller].password, NULL});
    return http_send(stack, &(struct request){.verb = proto_verb_name(route->verb),
                                              .path = path,
                                              .json = json,
                                              .token = world->callers[caller].token});
}

/* ---- verdicts ---- */

static bool is_let_in(enum access access, enum caller caller)
{
    switch (access) {
    case ALL:
        return true;
    case USERS:
        return caller != NOBODY;
    case OWNERS:
        return caller == OWNER || caller == ADMIN;
    case SELF:
        return caller == OWNER;
    case ADMINS:
        return caller == ADMIN;
    }
    return false;
}

static bool is_success(const struct route *route, long status)
{
    for (size_t i = 0; i < proto_variant_count; i++)
        if (proto_variants[i].method == route->method && proto_variants[i].status == status)
            return true;
    return route->status == status;
}

static bool is_right(const struct route *route, const struct rule *rule, enum caller caller, const struct reply *reply)
{
    if (is_let_in(rule->access, caller))
        return rule->status != 0 ? reply->status == rule->status : is_success(route, reply->status);
    if (caller == NOBODY)
        return reply->status == 401;
    return reply->status == (rule->access == SELF ? 404 : 403);
}

static const struct rule *rule_of(const char *name)
{
    for (size_t i = 0; i < RULES; i++)
        if (strcmp(rules[i].route, name) == 0)
            return &rules[i];
    fail_msg("%s: who may? It has no row in tests/integration/access.c", name);
    return NULL;
}

/* ---- tests ---- */

static void each_rule_is_a_routes(void **state)
{
    (void)state;
    for (size_t i = 0; i < RULES; i++)
        if (contract_route_named(rules[i].route) == NULL)
            fail_msg("%s: no such route", rules[i].route);
}

/* What the table says (WHO) and what the rule says cannot be apart. */
static void each_rule_fits_the_tables_column(void **state)
{
    (void)state;
    for (const struct route *route = proto_routes; route < proto_routes + proto_route_count; route++) {
        enum access access = rule_of(contract_route_name(route))->access;
        assert_int_equal(access == ALL, route->who == WHO_ANYONE || route->who == WHO_MAYBE);
        assert_int_equal(access == ADMINS, route->who == WHO_ADMIN);
    }
}

/* What changes something gets a world of its own; who is turned away changes nothing. */
static void who_may_is_let_in_and_nobody_else(void **state)
{
    struct stack *stack = *state;
    const struct world shared = make_world(stack);
    for (const struct route *route = proto_routes; route < proto_routes + proto_route_count; route++) {
        const char *name = contract_route_name(route);
        const struct rule *rule = rule_of(name);
        for (enum caller caller = 0; caller < CALLERS; caller++) {
            bool is_harmless = route->verb == VERB_GET || !is_let_in(rule->access, caller);
            struct world world = is_harmless ? shared : make_world(stack);
            struct reply *reply = ask(stack, &world, route, rule, caller);
            if (!is_right(route, rule, caller, reply))
                fail_msg("%s by %s: %ld %s", name, caller_names[caller], reply->status, reply->body);
        }
    }
}

SUITE("access", cmocka_unit_test(each_rule_is_a_routes), cmocka_unit_test(each_rule_fits_the_tables_column),
      cmocka_unit_test(who_may_is_let_in_and_nobody_else))
