/* Who wrote what: authors, and who may change a post. The user service knows people; a post has the id of one. */
#include <stdlib.h>

#include "services/post/post.h"

enum error people_find(struct call *call, struct integers ids, struct people *out)
{
    *out = (struct people){NULL, 0};
    if (ids.count == 0)
        return OK;
    struct call_list list;
    TRY(call_service_list(call, &user_get_many_method, &(struct user_ids){.ids = ids}, &list));
    *out = (struct people){list.rows, list.count};
    return OK;
}

static int compare_id(const void *id, const void *user)
{
    int64_t left = *(const int64_t *)id, right = ((const struct user_view *)user)->id;
    return (left > right) - (left < right);
}

const struct user_view *people_get(const struct people *people, int64_t id)
{
    if (people->count == 0)
        return NULL;
    return bsearch(&id, people->users, people->count, sizeof *people->users, compare_id);
}

enum error guard_post_author(struct call *call, const struct path_id *id)
{
    struct db_result result;
    TRY(call_query(call, &sql_post_author, &result, DB_INTEGER(id->value)));
    if (result.rows == 0)
        return post_not_found(call, id);
    bool is_author = db_integer(&result, 0, 0) == call->caller.id;
    return is_author || str_equal(call->caller.role, STR("admin")) ? OK : ERROR_FORBIDDEN;
}
