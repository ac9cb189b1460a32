/* The filter, and the output stream that puts our body in the place of h2o's. */
#include "gateway/own_answer.h"

#include "gateway/guard.h"
#include "gateway/respond.h"
#include "gateway/thread.h"

struct replaced_body {
    h2o_ostream_t stream; /* first: h2o hands it back */
    h2o_iovec_t body;
};

static void send_replaced(h2o_ostream_t *stream, h2o_req_t *req, h2o_iovec_t *bufs, size_t count,
                          h2o_send_state_t state)
{
    (void)bufs;
    (void)count;
    struct replaced_body *self = (struct replaced_body *)stream;
    h2o_ostream_send_next(stream, req, &self->body, self->body.len > 0 ? 1 : 0, state);
}

static struct failure failure_of(const h2o_req_t *req)
{
    if (req->res.status == 413)
        return (struct failure){.error = ERROR_BODY_TOO_LARGE};
    if (req->res.status == 400)
        return (struct failure){.error = ERROR_MALFORMED, .text = STR("malformed request")};
    return (struct failure){.error = req->res.status < 500 ? ERROR_ROUTE_NOT_FOUND : ERROR_INTERNAL};
}

static void on_setup(h2o_filter_t *filter, h2o_req_t *req, h2o_ostream_t **slot)
{
    (void)filter;
    struct request *request = request_new(req);
    struct failure failure = failure_of(req);
    struct buffer *body = &request->thread->reply;
    guard_on_own_answer(request->guard, req);
    buffer_clear(body);
    error_body(body, &failure, request->wants_problem, request->id);
    respond_prepare_error(request, &failure, body->len);
    struct replaced_body *stream = (struct replaced_body *)h2o_add_ostream(req, sizeof *stream, slot);
    stream->stream.do_send = send_replaced;
    stream->body = request->is_head ? h2o_iovec_init(NULL, 0) : iovec_of(pool_copy(&req->pool, buffer_str(body)));
    h2o_setup_next_ostream(req, &stream->stream.next);
}

void own_answer_register(h2o_hostconf_t *host)
{
    h2o_filter_t *filter = h2o_create_filter(&host->fallback_path, sizeof *filter);
    filter->on_setup_ostream = on_setup;
}
