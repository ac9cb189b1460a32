/* Posts: writing, changing and deleting them. */
#include "services/post/post.h"

/* The author is found first: a post that was stored and not answered would be sent, and stored, again. */
enum error post_create(struct call *call, const struct post_create *in)
{
    struct people people;
    TRY(people_find(call, (struct integers){&call->caller.id, 1}, &people));
    if (people.count == 0)
        return ERROR_UNAUTHORIZED;
    struct db_result result;
    enum error error = call_query(call, &sql_post_create, &result, DB_INTEGER(call->caller.id), DB_TEXT(in->title),
                                  DB_TEXT(in->content));
    if (error == ERROR_GONE) /* deleted this very moment */
        return ERROR_UNAUTHORIZED;
    TRY(error);
    return reply_post(call, &result, people.users);
}

enum error post_update(struct call *call, const struct post_update *in)
{
    if (!in->has_title && !in->has_content)
        return post_get(call, &(struct post_by_id){.id = in->id});
    struct db_result result;
    TRY(call_query(call, &sql_post_update, &result, DB_INTEGER(in->id.value), DB_INTEGER(call->caller.id),
                   DB_OPTIONAL(in->has_title, DB_TEXT(in->title)), DB_OPTIONAL(in->has_content, DB_TEXT(in->content))));
    return reply_found_post(call, &in->id, &result);
}

enum error post_delete(struct call *call, const struct post_by_id *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_post_delete, &result, DB_INTEGER(in->id.value), DB_INTEGER(call->caller.id)));
    return result.rows > 0 ? OK : post_not_found(call, &in->id);
}
