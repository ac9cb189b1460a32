/* Writing error bodies: the order of keys is the contract. */
#include "gateway/error_body.h"

#include "common/json.h"
#include "common/pack.h"
#include "gateway/text.h"
#include "proto/proto.h"

#define APPEND(out, literal) buffer_append((out), (literal), sizeof(literal) - 1)

static bool is_list(struct str packed)
{
    struct pack_reader reader = pack_reader(packed);
    uint32_t count;
    return packed.len > 0 && pack_read_array(&reader, &count);
}

static bool is_text(struct str packed)
{
    struct pack_reader reader = pack_reader(packed);
    struct str text;
    return packed.len > 0 && pack_read_string(&reader, &text);
}

/* The message as a JSON value: what the service sent, or the gateway's text, or the error's own. */
static void append_message(struct buffer *out, const struct failure *failure)
{
    size_t start = out->len;
    if ((is_list(failure->packed) || is_text(failure->packed)) && json_from_pack(failure->packed, out))
        return;
    out->len = start;
    json_append_string(out, failure->text.len > 0 ? failure->text : str_from(error_message(failure->error)));
}

static void append_status(struct buffer *out, int status)
{
    char digits[20];
    buffer_append(out, digits, text_put_decimal(digits, (uint64_t)status));
}

static void append_tail(struct buffer *out, enum error error, struct str request_id)
{
    APPEND(out, ",\"code\":");
    json_append_string(out, str_from(error_code(error)));
    APPEND(out, ",\"requestId\":");
    json_append_string(out, request_id);
    APPEND(out, "}");
}

static void append_shape(struct buffer *out, const struct error_info *info, const struct failure *failure)
{
    if (info->shape == SHAPE_C) {
        APPEND(out, "{\"statusCode\":");
        append_status(out, info->status);
        APPEND(out, ",\"message\":");
        append_message(out, failure);
        return;
    }
    APPEND(out, "{\"message\":");
    append_message(out, failure);
    if (info->shape == SHAPE_A) {
        APPEND(out, ",\"error\":");
        json_append_string(out, str_from(proto_status_text(info->status)));
    }
    APPEND(out, ",\"statusCode\":");
    append_status(out, info->status);
}

/* RFC 9457: one sentence in `detail`; several go to an extension, `errors`. */
static void append_problem(struct buffer *out, const struct error_info *info, const struct failure *failure)
{
    APPEND(out, "{\"type\":\"about:blank\",\"title\":");
    json_append_string(out, str_from(proto_status_text(info->status)));
    APPEND(out, ",\"status\":");
    append_status(out, info->status);
    if (is_list(failure->packed)) {
        APPEND(out, ",\"detail\":");
        json_append_string(out, str_from(info->message));
        APPEND(out, ",\"errors\":");
    } else {
        APPEND(out, ",\"detail\":");
    }
    append_message(out, failure);
}

void error_body(struct buffer *out, const struct failure *failure, bool as_problem, struct str request_id)
{
    const struct error_info *info = proto_error(failure->error);
    if (as_problem)
        append_problem(out, info, failure);
    else
        append_shape(out, info, failure);
    append_tail(out, failure->error, request_id);
}
