/* What people do with rooms, in a call each, and what was told of it. */
#ifndef TESTS_SUPPORT_ROOMS_H
#define TESTS_SUPPORT_ROOMS_H

#include <jansson.h>

#include "tests/support/factories.h"
#include "tests/support/http.h"

/* A room of these fields beside its name: "\"waitingRoom\":true". Its id. */
json_int_t make_room_of(const struct stack *stack, const struct user *owner, const char *fields);

struct reply *get_room(const struct stack *stack, const struct user *user, json_int_t room);
struct reply *patch_room(const struct stack *stack, const struct user *user, json_int_t room, const char *json);
struct reply *join_room(const struct stack *stack, const struct user *user, json_int_t room);
struct reply *join_room_with(const struct stack *stack, const struct user *user, json_int_t room, const char *json);
struct reply *leave_room(const struct stack *stack, const struct user *user, json_int_t room);

struct reply *hand_over(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom);
struct reply *appoint(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom);
struct reply *dismiss(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom);
struct reply *kick(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom);
struct reply *ban(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom);
struct reply *unban(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom);
struct reply *invite(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom);
struct reply *uninvite(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom);
/* "admit" or "deny". */
struct reply *decide(const struct stack *stack, const struct user *user, json_int_t room, const struct user *whom,
                     const char *what);
struct reply *admit_all(const struct stack *stack, const struct user *user, json_int_t room);

/* "" or a query: "?limit=2". */
struct reply *list_participants(const struct stack *stack, const struct user *user, json_int_t room, const char *query);
struct reply *list_waiting(const struct stack *stack, const struct user *user, json_int_t room, const char *query);

/* 202, and the place in the queue. */
void assert_waits(const struct reply *reply, json_int_t position);

/* "created, joined, left kicked": the room's events since it was made, with their reasons; and those about a user. */
char *told_of_room(const struct stack *stack, json_int_t room);
char *told_of_user(const struct stack *stack, json_int_t room, const struct user *user);

#endif
