/* Whether people exist, and rows of them with their names. */
#include "services/room/people.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

enum { USER_ID, USERNAME };

enum error check_person(struct call *call, const struct path_id *user)
{
    struct user_view found;
    return call_service(call, &user_get_method, &(struct user_by_id){.id = *user}, &found);
}

enum error if_gone(struct call *call, const struct path_id *user, enum error error)
{
    if (error == ERROR_GONE)
        return call_fail(call, ERROR_USER_NOT_FOUND, "User with ID %.*s not found", STR_ARGS(user->text));
    return error;
}

enum error if_caller_gone(enum error error)
{
    return error == ERROR_GONE ? ERROR_UNAUTHORIZED : error;
}

enum error if_guest_gone(enum error error)
{
    return error == ERROR_GONE ? ERROR_UNAVAILABLE : error;
}

static int compare_id(const void *id, const void *user)
{
    int64_t left = *(const int64_t *)id, right = ((const struct user_view *)user)->id;
    return (left > right) - (left < right);
}

/* Who the first count rows are about, by id. */
static enum error find_people(struct call *call, const struct db_result *result, size_t count, struct call_list *people)
{
    int64_t *ids = arena_alloc(call->arena, count * sizeof *ids);
    *people = (struct call_list){NULL, 0};
    if (count == 0)
        return OK;
    for (size_t i = 0; i < count; i++)
        ids[i] = db_integer(result, i, USER_ID);
    return call_service_list(call, &user_get_many_method, &(struct user_ids){.ids = {ids, count}}, people);
}

static void set_username(const struct message *message, void *row, struct str username)
{
    const struct field *field = &message->fields[USERNAME];
    assert(strcmp(field->name, "username") == 0);
    memcpy((char *)row + field->offset, &username, sizeof username);
    *(bool *)((char *)row + field->has_offset) = true;
}

enum error reply_people(struct call *call, const struct room_page *page, const struct statement *statement,
                        const struct message *message)
{
    int64_t limit = page_limit(page->has_limit, page->limit);
    struct db_result result;
    struct call_list people;
    TRY(call_query(call, statement, &result, DB_INTEGER(page->id.value), DB_INTEGER(page->after),
                   DB_INTEGER(limit + 1)));
    bool has_next = result.rows > (size_t)limit;
    size_t shown = has_next ? (size_t)limit : result.rows;
    TRY(find_people(call, &result, shown, &people));
    void *row = arena_alloc(call->arena, message->struct_size);
    call_list_open(call);
    for (size_t i = 0; i < shown; i++) {
        int64_t id = db_integer(&result, i, USER_ID);
        db_decode(&result, i, message, row);
        const struct user_view *user =
            people.count > 0 ? bsearch(&id, people.rows, people.count, sizeof *user, compare_id) : NULL;
        if (user != NULL)
            set_username(message, row, user->username);
        call_list_add(call, row);
    }
    return call_list_end(call, has_next ? db_integer(&result, shown - 1, message->field_count) : 0);
}
