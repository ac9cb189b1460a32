/* Posts as clients see them, with their authors: one, and pages of many. A post whose author is nobody any more is gone
 * too, though the event that removes it may still be under way: no reply shows it. */
#include "services/post/post.h"

/* AUTHOR: behind the columns of post_view. */
enum { PAGE_LIMIT = 100, AUTHOR = 6 };

enum error post_not_found(struct call *call, const struct path_id *id)
{
    return call_fail(call, ERROR_POST_NOT_FOUND, "Post with ID %.*s not found", STR_ARGS(id->text));
}

static void decode_post(struct call *call, const struct db_result *result, size_t row, const struct user_view *author,
                        struct post_view *post)
{
    struct buffer user = {0};
    schema_encode(&user_view_message, author, &user);
    db_decode(result, row, &post_view_message, post);
    post->user = arena_copy(call->arena, buffer_str(&user));
    buffer_free(&user);
}

/* ---- one ---- */

enum error reply_post(struct call *call, const struct db_result *result, const struct user_view *author)
{
    struct post_view post;
    decode_post(call, result, 0, author, &post);
    return call_reply(call, &post);
}

enum error reply_found_post(struct call *call, const struct path_id *id, const struct db_result *result)
{
    if (result->rows == 0)
        return post_not_found(call, id);
    int64_t author_id = db_integer(result, 0, AUTHOR);
    struct people people;
    TRY(people_find(call, (struct integers){&author_id, 1}, &people));
    const struct user_view *author = people_get(&people, author_id);
    return author != NULL ? reply_post(call, result, author) : post_not_found(call, id);
}

enum error post_get(struct call *call, const struct post_by_id *in)
{
    struct db_result result;
    TRY(call_query(call, &sql_post_get, &result, DB_INTEGER(in->id.value)));
    return reply_found_post(call, &in->id, &result);
}

/* ---- pages: a statement is asked for one post more than the page holds, which says that another page follows ---- */

static size_t page_limit(bool has_limit, int64_t limit)
{
    return has_limit ? (size_t)limit : PAGE_LIMIT;
}

/* The newest come first: what follows an id is older. 0 = from the newest on. */
static int64_t page_before(int64_t after)
{
    return after > 0 ? after : INT64_MAX;
}

static enum error reply_page(struct call *call, const struct db_result *result, size_t limit,
                             const struct people *people)
{
    size_t shown = result->rows > limit ? limit : result->rows;
    call_list_open(call);
    for (size_t i = 0; i < shown; i++) {
        const struct user_view *author = people_get(people, db_integer(result, i, AUTHOR));
        if (author == NULL)
            continue;
        struct post_view post;
        decode_post(call, result, i, author, &post);
        call_list_add(call, &post);
    }
    return call_list_end(call, result->rows > limit ? db_integer(result, limit - 1, 0) : 0);
}

enum error post_list(struct call *call, const struct page *in)
{
    size_t limit = page_limit(in->has_limit, in->limit);
    struct db_result result;
    TRY(call_query(call, &sql_post_list, &result, DB_INTEGER(page_before(in->after)), DB_INTEGER((int64_t)limit + 1)));
    size_t shown = result.rows > limit ? limit : result.rows;
    int64_t *authors = arena_alloc(call->arena, shown * sizeof *authors);
    for (size_t i = 0; i < shown; i++)
        authors[i] = db_integer(&result, i, AUTHOR);
    struct people people;
    TRY(people_find(call, (struct integers){authors, shown}, &people));
    return reply_page(call, &result, limit, &people);
}

enum error post_list_of_user(struct call *call, const struct posts_of_user *in)
{
    struct people people;
    TRY(people_find(call, (struct integers){&in->id.value, 1}, &people));
    if (people.count == 0)
        return call_fail(call, ERROR_USER_NOT_FOUND, "User with ID %.*s not found", STR_ARGS(in->id.text));
    size_t limit = page_limit(in->has_limit, in->limit);
    struct db_result result;
    TRY(call_query(call, &sql_post_list_of_author, &result, DB_INTEGER(page_before(in->after)),
                   DB_INTEGER((int64_t)limit + 1), DB_INTEGER(in->id.value)));
    return reply_page(call, &result, limit, &people);
}
