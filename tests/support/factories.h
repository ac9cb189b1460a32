/* Users, rooms and posts for tests, made through the API. Each name is new. */
#ifndef TESTS_SUPPORT_FACTORIES_H
#define TESTS_SUPPORT_FACTORIES_H

#include <jansson.h>

#include "tests/support/stack.h"

struct user {
    json_int_t id;
    char *username, *email, *password, *token;
};

struct room {
    json_int_t id;
    char *name;
};

struct room_options {
    const char *name;     /* NULL = a new one */
    const char *password; /* NULL = none */
    int max_participants; /* 0 = not given */
    bool is_private, is_inactive;
};

/* A text that no other call of this program gets: "room7". */
char *unique(const char *stem);

struct user make_user(const struct stack *stack);
struct user make_admin(const struct stack *stack);
/* Many registered at once. */
void make_users(const struct stack *stack, struct user *users, size_t count);
struct room make_room(const struct stack *stack, const struct user *owner, struct room_options options);

/* A post's id; its title is "a title", its content "words". */
json_int_t make_post(const struct stack *stack, const struct user *author);

/* The body of a registration, and of a login. */
char *registration_json(const char *username, const char *email, const char *password);
char *login_json(const char *username, const char *password);

/* A new token by login; fails the test if it is refused. */
char *log_in(const struct stack *stack, const struct user *user);

#endif
