/* Posts: writing, reading, changing and deleting them, their pages, who may do what, and what becomes of them when
 * their author goes; CONTRACT §4. */
#include <signal.h>
#include <string.h>

#include "tests/support/database.h"
#include "tests/support/factories.h"
#include "tests/support/http.h"
#include "tests/support/scratch.h"

#define POST_KEYS "id,title,content,createdAt,updatedAt,user"
#define OTHERS_KEYS "id,username,role,createdAt"
#define TITLE_LONG "title must be shorter than or equal to 255 characters"
#define TITLE_MISSING "title should not be empty|title must be a string"
#define CONTENT_MISSING "content should not be empty|content must be a string"

enum { PATIENCE_MS = 15000, MANY = 2100 /* more than go at once */ };

static const json_t *author_of(const json_t *post)
{
    const json_t *author = json_object_get(post, "user");
    assert_non_null(author);
    return author;
}

/* ---- create ---- */

static void the_caller_is_the_author(void **state)
{
    struct stack *stack = *state;
    struct user author = make_user(stack);
    struct reply *reply =
        http_post(stack, author.token, "{\"content\":\"so \\u0026 so \\ud83d\\ude00\",\"title\":\"On tea\"}", "/posts");
    assert_status(reply, 201);
    assert_string_equal(object_keys(reply->json), POST_KEYS);
    assert_string_equal(reply_string(reply, "title"), "On tea");
    assert_string_equal(reply_string(reply, "content"), "so & so 😀");
    assert_string_equal(reply_string(reply, "createdAt"), reply_string(reply, "updatedAt"));
    const json_t *user = author_of(reply->json);
    assert_int_equal(object_integer(user, "id"), author.id);
    assert_string_equal(object_string(user, "username"), author.username);
    assert_string_equal(object_string(user, "email"), author.email);
    assert_true(json_equal(user, http_get(stack, author.token, "/auth/profile")->json));
    struct reply *got = http_get(stack, author.token, "/posts/%lld", (long long)reply_integer(reply, "id"));
    assert_status(got, 200);
    assert_string_equal(got->body, reply->body);
}

static void what_is_sent_is_validated(void **state)
{
    struct stack *stack = *state;
    struct user author = make_user(stack);
    const struct {
        const char *body, *texts;
    } cases[] = {
        {"{}", TITLE_MISSING "|" CONTENT_MISSING},
        {"{\"title\":null,\"content\":\"c\"}", TITLE_MISSING},
        {"{\"title\":\"\",\"content\":\"\"}", "title should not be empty|content should not be empty"},
        {"{\"title\":7,\"content\":[]}", "title must be a string|content must be a string"},
        {"{\"user\":1,\"title\":\"t\",\"id\":2}",
         "property user should not exist|property id should not exist|" CONTENT_MISSING},
        {text("{\"title\":\"%s\",\"content\":\"c\"}", text_repeat("😀", 128)), TITLE_LONG},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_invalid(http_post(stack, author.token, cases[i].body, "/posts"), cases[i].texts);
    char *longest = text("{\"title\":\"%s\",\"content\":\"%s\"}", text_repeat("t", 255), text_repeat("c", 90000));
    assert_status(http_post(stack, author.token, longest, "/posts"), 201);
}

static void nobody_posts_without_a_token(void **state)
{
    struct stack *stack = *state;
    static const char *const paths[] = {"/posts", "/posts/1", "/users/1/posts", "/posts/user/1"};
    assert_error(http_post(stack, NULL, "{\"title\":\"t\",\"content\":\"c\"}", "/posts"), 401, "unauthorized");
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++)
        assert_error(http_get(stack, NULL, "%s", paths[i]), 401, "unauthorized");
    assert_error(http_patch(stack, NULL, "{\"title\":\"t\"}", "/posts/1"), 401, "unauthorized");
    assert_error(http_delete(stack, NULL, "/posts/1"), 401, "unauthorized");
}

/* ---- reading ---- */

static void others_see_no_email(void **state)
{
    struct stack *stack = *state;
    struct user author = make_user(stack), reader = make_user(stack), admin = make_admin(stack);
    json_int_t id = make_post(stack, &author);
    struct reply *reply = http_get(stack, reader.token, "/posts/%lld", (long long)id);
    assert_string_equal(object_keys(reply->json), POST_KEYS);
    assert_string_equal(object_keys(author_of(reply->json)), OTHERS_KEYS);
    assert_string_equal(object_string(author_of(reply->json), "username"), author.username);
    reply = http_get(stack, reader.token, "/users/%lld/posts", (long long)author.id);
    assert_string_equal(object_keys(author_of(json_array_get(reply->json, 0))), OTHERS_KEYS);
    reply = http_get(stack, admin.token, "/posts/%lld", (long long)id);
    assert_string_equal(object_string(author_of(reply->json), "email"), author.email);
}

static void what_is_not_there_is_404(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    static const struct {
        const char *path, *code, *message;
    } cases[] = {
        {"/posts/999999", "post_not_found", "Post with ID 999999 not found"},
        {"/posts/-1", "post_not_found", "Post with ID -1 not found"},
        {"/posts/99999999999999999999", "post_not_found", "Post with ID 99999999999999999999 not found"},
        {"/users/999999/posts", "user_not_found", "User with ID 999999 not found"},
        {"/posts/user/0", "user_not_found", "User with ID 0 not found"},
        {"/posts/user/99999999999999999999", "user_not_found", "User with ID 99999999999999999999 not found"},
    };
    for (size_t i = 0; i < sizeof cases / sizeof *cases; i++)
        assert_error_text(http_get(stack, user.token, "%s", cases[i].path), 404, cases[i].code, cases[i].message);
    assert_error_text(http_patch(stack, user.token, "{\"title\":\"t\"}", "/posts/999999"), 404, "post_not_found",
                      "Post with ID 999999 not found");
    assert_error_text(http_delete(stack, user.token, "/posts/999999"), 404, "post_not_found",
                      "Post with ID 999999 not found");
    static const char *const words[] = {"/posts/mine", "/users/me/posts", "/posts/user/1e3"};
    for (size_t i = 0; i < sizeof words / sizeof *words; i++)
        assert_error(http_get(stack, user.token, "%s", words[i]), 400, "id_not_numeric");
    assert_error(http_patch(stack, user.token, "{}", "/posts/x"), 400, "id_not_numeric");
    assert_error(http_delete(stack, user.token, "/posts/x"), 400, "id_not_numeric");
}

static void an_unchanged_post_is_304(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    char *path = text("/posts/%lld", (long long)make_post(stack, &user));
    char *etag = reply_header(http_get(stack, user.token, "%s", path), "ETag");
    assert_non_null(etag);
    struct request request = {.path = path, .token = user.token, .headers = {text("If-None-Match: %s", etag)}};
    assert_status(http_send(stack, &request), 304);
}

/* ---- pages ---- */

/* Follows the pages from the path on: the ids in their order. */
static size_t follow_pages(const struct stack *stack, const char *token, const char *path, json_int_t *ids, size_t max)
{
    size_t count = 0;
    while (path != NULL) {
        struct reply *reply = http_get(stack, token, "%s", path);
        assert_status(reply, 200);
        for (size_t i = 0; i < json_array_size(reply->json); i++) {
            assert_true(count < max);
            assert_string_equal(object_keys(json_array_get(reply->json, i)), POST_KEYS);
            ids[count++] = object_integer(json_array_get(reply->json, i), "id");
        }
        char *link = reply_header(reply, "Link");
        path = link != NULL ? text("%.*s", (int)strcspn(link + 1, ">"), link + 1) : NULL;
    }
    return count;
}

static void pages_begin_with_the_newest(void **state)
{
    struct stack *stack = *state;
    struct user authors[2];
    make_users(stack, authors, 2);
    json_int_t made[7], seen[512];
    for (size_t i = 0; i < 7; i++)
        made[i] = make_post(stack, &authors[i % 2]);
    char *page = text("/posts?limit=3&after=%lld", (long long)made[6] + 1);
    size_t count = follow_pages(stack, authors[0].token, page, seen, 512);
    assert_true(count >= 7);
    for (size_t i = 0; i < 7; i++)
        assert_int_equal(seen[i], made[6 - i]);
    struct reply *reply = http_get(stack, authors[0].token, "%s", page);
    assert_int_equal(json_array_size(reply->json), 3);
    assert_string_equal(reply_header(reply, "Link"),
                        text("</posts?limit=3&after=%lld>; rel=\"next\"", (long long)made[4]));
    for (size_t i = 0; i < 3; i++)
        assert_int_equal(object_integer(author_of(json_array_get(reply->json, i)), "id"), authors[i % 2].id);
    assert_int_equal(object_integer(json_array_get(http_get(stack, authors[0].token, "/posts?after=0")->json, 0), "id"),
                     made[6]);
}

static void a_users_posts_are_theirs_alone(void **state)
{
    struct stack *stack = *state;
    struct user author = make_user(stack), other = make_user(stack);
    json_int_t made[5], seen[16];
    for (size_t i = 0; i < 5; i++) {
        made[i] = make_post(stack, &author);
        make_post(stack, &other);
    }
    const char *const paths[] = {text("/users/%lld/posts", (long long)author.id),
                                 text("/posts/user/%lld?limit=2", (long long)author.id)};
    for (size_t path = 0; path < 2; path++) {
        assert_int_equal(follow_pages(stack, other.token, paths[path], seen, 16), 5);
        for (size_t i = 0; i < 5; i++)
            assert_int_equal(seen[i], made[4 - i]);
    }
    struct user silent = make_user(stack);
    struct reply *reply = http_get(stack, other.token, "/users/%lld/posts", (long long)silent.id);
    assert_status(reply, 200);
    assert_string_equal(reply->body, "[]");
}

/* By the calls that the user service logs for the request. */
static void a_page_asks_for_its_authors_once(void **state)
{
    struct stack *stack = *state;
    struct user authors[5];
    make_users(stack, authors, 5);
    json_int_t last = 0;
    for (size_t i = 0; i < 20; i++)
        last = make_post(stack, &authors[i % 5]);
    const char *id = unique("page-of-authors-");
    struct request request = {.path = text("/posts?limit=20&after=%lld", (long long)last + 1),
                              .token = authors[0].token,
                              .headers = {text("X-Request-Id: %s", id)}};
    struct reply *reply = http_send(stack, &request);
    assert_status(reply, 200);
    assert_int_equal(json_array_size(reply->json), 20);
    char *calls = shell("grep -F 'request_id=%s' %s/user.log | grep -o 'method=user.get[a-z_]*'", id, stack->folder);
    assert_string_equal(calls, "method=user.get_many");
}

static void pages_have_bounds(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    static const char *const paths[] = {"/posts", "/users/1/posts", "/posts/user/1"};
    for (size_t i = 0; i < sizeof paths / sizeof *paths; i++) {
        assert_invalid(http_get(stack, user.token, "%s?limit=0", paths[i]), "limit must not be less than 1");
        assert_invalid(http_get(stack, user.token, "%s?limit=101", paths[i]), "limit must not be greater than 100");
        assert_invalid(http_get(stack, user.token, "%s?after=-1", paths[i]), "after must not be less than 0");
    }
}

/* ---- who may change what ---- */

static void authors_and_admins_change_a_post(void **state)
{
    struct stack *stack = *state;
    struct user author = make_user(stack), admin = make_admin(stack);
    json_int_t id = make_post(stack, &author);
    char *path = text("/posts/%lld", (long long)id);
    struct reply *reply = http_patch(stack, author.token, "{\"title\":\"another\"}", "%s", path);
    assert_status(reply, 200);
    assert_string_equal(object_keys(reply->json), POST_KEYS);
    assert_string_equal(reply_string(reply, "title"), "another");
    assert_string_equal(reply_string(reply, "content"), "words");
    assert_true(strcmp(reply_string(reply, "updatedAt"), reply_string(reply, "createdAt")) >= 0);
    reply = http_patch(stack, admin.token, "{\"content\":\"other words\"}", "%s", path);
    assert_status(reply, 200);
    assert_string_equal(reply_string(reply, "title"), "another");
    assert_string_equal(reply_string(reply, "content"), "other words");
    assert_int_equal(object_integer(author_of(reply->json), "id"), author.id); /* and not whose change it was */
    assert_string_equal(http_get(stack, admin.token, "%s", path)->body, reply->body);
    struct reply *empty = http_patch(stack, admin.token, "{}", "%s", path);
    assert_status(empty, 200);
    assert_string_equal(empty->body, reply->body);
}

/* Who may not is not told what would be wrong besides. */
static void others_change_nothing(void **state)
{
    struct stack *stack = *state;
    struct user author = make_user(stack), other = make_user(stack);
    char *path = text("/posts/%lld", (long long)make_post(stack, &author));
    assert_error_text(http_patch(stack, other.token, "{\"title\":\"\",\"x\":1}", "%s", path), 403, "forbidden",
                      "Forbidden resource");
    assert_error_text(http_delete(stack, other.token, "%s", path), 403, "forbidden", "Forbidden resource");
    assert_string_equal(reply_string(http_get(stack, other.token, "%s", path), "title"), "a title");
}

static void changes_are_validated(void **state)
{
    struct stack *stack = *state;
    struct user author = make_user(stack);
    char *path = text("/posts/%lld", (long long)make_post(stack, &author));
    assert_invalid(http_patch(stack, author.token, "{\"id\":1,\"title\":\"\",\"content\":true}", "%s", path),
                   "property id should not exist|title should not be empty|content must be a string");
    assert_invalid(http_patch(stack, author.token, text("{\"title\":\"%s\"}", text_repeat("t", 256)), "%s", path),
                   TITLE_LONG);
    assert_status(http_patch(stack, author.token, "{\"title\":null}", "%s", path), 200);
}

static void authors_and_admins_delete_a_post(void **state)
{
    struct stack *stack = *state;
    struct user author = make_user(stack), admin = make_admin(stack);
    const char *const tokens[] = {author.token, admin.token};
    for (size_t i = 0; i < 2; i++) {
        char *path = text("/posts/%lld", (long long)make_post(stack, &author));
        struct reply *reply = http_delete(stack, tokens[i], "%s", path);
        assert_status(reply, 204);
        assert_int_equal(reply->body_len, 0);
        assert_error(http_get(stack, author.token, "%s", path), 404, "post_not_found");
        assert_error(http_delete(stack, tokens[i], "%s", path), 404, "post_not_found");
    }
}

/* ---- events ---- */

static void each_change_is_told(void **state)
{
    struct stack *stack = *state;
    struct user author = make_user(stack), admin = make_admin(stack);
    json_int_t id = make_post(stack, &author);
    char *path = text("/posts/%lld", (long long)id);
    assert_status(http_patch(stack, admin.token, "{\"title\":\"t\"}", "%s", path), 200);
    assert_status(http_patch(stack, author.token, "{}", "%s", path), 200); /* which changes nothing */
    assert_status(http_delete(stack, author.token, "%s", path), 204);
    char *told = database_value(
        stack, text("select string_agg(concat_ws(' ', name, body->>'userId', body->>'actorId'), ',' order by id)"
                    " from posts.outbox where body->>'postId' = '%lld'",
                    (long long)id));
    long long by = author.id, actor = admin.id;
    assert_string_equal(
        told, text("post.created %lld %lld,post.updated %lld %lld,post.deleted %lld %lld", by, by, by, actor, by, by));
}

/* ---- when somebody, or something, is gone ---- */

static char *count_posts(const struct stack *stack, json_int_t author_id)
{
    return database_value(stack, text("select count(*) from posts.post where author_id = %lld", (long long)author_id));
}

static void await_no_posts(const struct stack *stack, json_int_t author_id)
{
    for (int64_t deadline = now_ms() + PATIENCE_MS; strcmp(count_posts(stack, author_id), "0") != 0; sleep_ms(10))
        if (now_ms() > deadline)
            fail_msg("%s posts stay", count_posts(stack, author_id));
}

static void write_many(const struct stack *stack, json_int_t author_id)
{
    database_value(stack, text("with made as (insert into posts.post (title, content, author_id)"
                               " select 'many', 'words', %lld from generate_series(1, %d) returning 1)"
                               " select count(*) from made",
                               (long long)author_id, MANY));
}

static void a_deleted_users_posts_go_with_them(void **state)
{
    struct stack *stack = *state;
    struct user author = make_user(stack), other = make_user(stack);
    json_int_t id = make_post(stack, &author), kept = make_post(stack, &other);
    write_many(stack, author.id);
    assert_status(http_delete(stack, author.token, "/users/%lld", (long long)author.id), 204);
    /* At once, whether or not the posts are removed already */
    assert_error(http_get(stack, other.token, "/posts/%lld", (long long)id), 404, "post_not_found");
    assert_error(http_get(stack, other.token, "/users/%lld/posts", (long long)author.id), 404, "user_not_found");
    struct reply *page = http_get(stack, other.token, "/posts");
    for (size_t i = 0; i < json_array_size(page->json); i++)
        assert_int_not_equal(object_integer(author_of(json_array_get(page->json, i)), "id"), author.id);
    await_no_posts(stack, author.id);
    assert_status(http_get(stack, other.token, "/posts/%lld", (long long)kept), 200);
    char *told = database_value(stack, text("select count(*) from posts.outbox where name = 'post.deleted' and"
                                            " body->>'userId' = '%lld' and body->>'reason' = 'user_deleted'",
                                            (long long)author.id));
    assert_string_equal(told, text("%d", MANY + 1));
}

static void a_service_that_was_down_for_it_catches_up(void **state)
{
    struct stack *stack = *state;
    struct user author = make_user(stack);
    make_post(stack, &author);
    stack_kill(stack, STACK_POST, SIGKILL);
    assert_status(http_delete(stack, author.token, "/users/%lld", (long long)author.id), 204);
    assert_string_equal(count_posts(stack, author.id), "1");
    stack_revive(stack, STACK_POST);
    await_no_posts(stack, author.id);
    stack_await_ready(stack, PATIENCE_MS);
    /* What was on its way meanwhile comes too late. */
    struct database *database = database_as(stack, "backend_post");
    char *why_not;
    assert_false(database_may(
        database,
        text("insert into posts.post (title, content, author_id) values ('late', 'words', %lld)", (long long)author.id),
        &why_not));
    assert_non_null(strstr(why_not, "was deleted"));
    database_close(&database);
}

/* Posts without their authors are none: better to say that it will be there again. */
static void without_the_user_service_posts_are_503(void **state)
{
    struct stack *stack = *state;
    struct user author = make_user(stack);
    char *path = text("/posts/%lld", (long long)make_post(stack, &author));
    assert_status(http_get(stack, author.token, "%s", path), 200);
    stack_kill(stack, STACK_USER, SIGKILL);
    assert_error(http_get(stack, author.token, "%s", path), 503, "unavailable");
    assert_error(http_post(stack, author.token, "{\"title\":\"unsaid\",\"content\":\"c\"}", "/posts"), 503,
                 "unavailable");
    stack_revive(stack, STACK_USER);
    stack_await_ready(stack, PATIENCE_MS);
    assert_status(http_get(stack, author.token, "%s", path), 200);
    char *stored = database_value(stack, "select count(*) from posts.post where title = 'unsaid'");
    assert_string_equal(stored, "0"); /* who is told that it failed may try again */
}

static void without_the_post_service_the_rest_goes_on(void **state)
{
    struct stack *stack = *state;
    struct user user = make_user(stack);
    stack_kill(stack, STACK_POST, SIGKILL);
    assert_error(http_get(stack, user.token, "/posts"), 503, "unavailable");
    assert_status(http_get(stack, user.token, "/rooms"), 200);
    stack_revive(stack, STACK_POST);
    stack_await_ready(stack, PATIENCE_MS);
    assert_status(http_get(stack, user.token, "/posts"), 200);
}

SUITE("posts", cmocka_unit_test(the_caller_is_the_author), cmocka_unit_test(what_is_sent_is_validated),
      cmocka_unit_test(nobody_posts_without_a_token), cmocka_unit_test(others_see_no_email),
      cmocka_unit_test(what_is_not_there_is_404), cmocka_unit_test(an_unchanged_post_is_304),
      cmocka_unit_test(pages_begin_with_the_newest), cmocka_unit_test(a_users_posts_are_theirs_alone),
      cmocka_unit_test(a_page_asks_for_its_authors_once), cmocka_unit_test(pages_have_bounds),
      cmocka_unit_test(authors_and_admins_change_a_post), cmocka_unit_test(others_change_nothing),
      cmocka_unit_test(changes_are_validated), cmocka_unit_test(authors_and_admins_delete_a_post),
      cmocka_unit_test(each_change_is_told), cmocka_unit_test(a_deleted_users_posts_go_with_them),
      cmocka_unit_test(a_service_that_was_down_for_it_catches_up),
      cmocka_unit_test(without_the_user_service_posts_are_503),
      cmocka_unit_test(without_the_post_service_the_rest_goes_on))
