/* What the files of the post service share. */
#ifndef SERVICES_POST_POST_H
#define SERVICES_POST_POST_H

#include "common/service.h"
#include "proto/proto.h"
#include "services/post/sql.h"

struct post_config {
    struct service_config service; /* first: the frame fills it */
    const char *user_endpoints, *user_feed_endpoints;
};

extern const struct subscription user_events;

/* ---- the handlers: `enum error post_get(struct call *call, const struct post_by_id *in)` of each of our methods ----
 */
#define METHOD(name, service, wire, in_, ...) enum error name(struct call *call, const struct in_ *in);
#include "proto/methods/post.def"
#undef METHOD

/* The author and admins; else ERROR_POST_NOT_FOUND, or ERROR_FORBIDDEN. */
enum error guard_post_author(struct call *call, const struct path_id *id);

/* ---- authors ---- */

/* The people of some ids, as the caller may see them. */
struct people {
    const struct user_view *users; /* by id */
    size_t count;
};

/* Asks the user service, once for all of them: 100 at most. */
enum error people_find(struct call *call, struct integers ids, struct people *out) MUST_USE;
/* NULL: there is nobody of that id any more. */
const struct user_view *people_get(const struct people *people, int64_t id);

/* ---- replies ---- */

/* Answers with the first row of a statement that returns posts. */
enum error reply_post(struct call *call, const struct db_result *result, const struct user_view *author);
/* The same, once the author is found; ERROR_POST_NOT_FOUND where there is no row, or no author any more. */
enum error reply_found_post(struct call *call, const struct path_id *id, const struct db_result *result);

/* Fails with ERROR_POST_NOT_FOUND and a text that quotes the id as it was sent. */
enum error post_not_found(struct call *call, const struct path_id *id);

#endif
