/* Users, rooms and posts for tests, made through the API. */
#include "tests/support/factories.h"

#include <stdatomic.h>

#include "tests/support/database.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

char *unique(const char *stem)
{
    static atomic_int last;
    return text("%s%d", stem, atomic_fetch_add(&last, 1) + 1);
}

/* JSON of a value, in scratch; the value is taken. */
static char *dump(json_t *value)
{
    char *json = json_dumps(value, JSON_COMPACT);
    char *copy = text("%s", json);
    free(json);
    json_decref(value);
    return copy;
}

char *registration_json(const char *username, const char *email, const char *password)
{
    return dump(json_pack("{ss, ss, ss}", "username", username, "email", email, "password", password));
}

char *login_json(const char *username, const char *password)
{
    return dump(json_pack("{ss, ss}", "username", username, "password", password));
}

static struct user new_user(void)
{
    struct user user = {.username = unique("user")};
    user.email = text("%s@example.org", user.username);
    user.password = text("secret of %s", user.username);
    return user;
}

static void take_session(struct user *user, const struct reply *reply)
{
    assert_status(reply, 201);
    user->token = text("%s", reply_string(reply, "access_token"));
    user->id = object_integer(json_object_get(reply->json, "user"), "id");
}

struct user make_user(const struct stack *stack)
{
    struct user user = new_user();
    take_session(&user,
                 http_post(stack, NULL, registration_json(user.username, user.email, user.password), "/auth/register"));
    return user;
}

struct user make_admin(const struct stack *stack)
{
    struct user user = make_user(stack);
    database_make_admin(stack, user.id);
    user.token = log_in(stack, &user);
    return user;
}

void make_users(const struct stack *stack, struct user *users, size_t count)
{
    struct request *requests = scratch_alloc(count * sizeof *requests);
    struct reply **replies = scratch_alloc(count * sizeof *replies);
    for (size_t i = 0; i < count; i++) {
        users[i] = new_user();
        requests[i] = (struct request){
            .verb = "POST",
            .path = "/auth/register",
            .json = registration_json(users[i].username, users[i].email, users[i].password),
        };
    }
    http_send_many(stack, requests, replies, count);
    for (size_t i = 0; i < count; i++)
        take_session(&users[i], replies[i]);
}

struct room make_room(const struct stack *stack, const struct user *owner, struct room_options options)
{
    struct room room = {.name = text("%s", options.name != NULL ? options.name : unique("room"))};
    json_t *body = json_pack("{ss}", "name", room.name);
    if (options.password != NULL)
        json_object_set_new(body, "password", json_string(options.password));
    if (options.max_participants > 0)
        json_object_set_new(body, "maxParticipants", json_integer(options.max_participants));
    if (options.is_private)
        json_object_set_new(body, "isPrivate", json_true());
    if (options.is_inactive)
        json_object_set_new(body, "isActive", json_false());
    struct reply *reply = http_post(stack, owner->token, dump(body), "/rooms");
    assert_status(reply, 201);
    room.id = reply_integer(reply, "id");
    return room;
}

json_int_t make_post(const struct stack *stack, const struct user *author)
{
    struct reply *reply = http_post(stack, author->token, "{\"title\":\"a title\",\"content\":\"words\"}", "/posts");
    assert_status(reply, 201);
    return reply_integer(reply, "id");
}

char *log_in(const struct stack *stack, const struct user *user)
{
    struct reply *reply = http_post(stack, NULL, login_json(user->username, user->password), "/auth/login");
    assert_status(reply, 200);
    return text("%s", reply_string(reply, "access_token"));
}
