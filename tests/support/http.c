/* The suites' HTTP client: requests on libcurl, one handle kept per thread, many at once by its multi interface. */
#include "tests/support/http.h"

#include <assert.h>
#include <curl/curl.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/support/record.h"
#include "tests/support/scratch.h"

enum { REQUEST_TIMEOUT_MS = 15000 };

/* One request under way. */
struct exchange {
    CURL *handle;
    struct curl_slist *headers;
    struct reply *reply;
};

static pthread_key_t handle_of_thread;

static void destroy_handle(void *handle)
{
    curl_easy_cleanup(handle);
}

void http_init(void)
{
    curl_global_init(CURL_GLOBAL_DEFAULT);
    pthread_key_create(&handle_of_thread, destroy_handle);
}

void http_cleanup(void)
{
    destroy_handle(pthread_getspecific(handle_of_thread)); /* of the main thread: its destructor does not run */
    pthread_key_delete(handle_of_thread);
    curl_global_cleanup();
}

/* ---- one exchange ---- */

static size_t append(char **bytes, size_t len, const char *more, size_t more_len)
{
    char *grown = realloc(*bytes, len + more_len + 1);
    assert(grown != NULL);
    memcpy(grown + len, more, more_len);
    grown[len + more_len] = '\0';
    *bytes = grown;
    return more_len;
}

static size_t on_body(char *bytes, size_t size, size_t count, void *context)
{
    struct reply *reply = context;
    reply->body_len += append(&reply->body, reply->body_len, bytes, size * count);
    return count;
}

static size_t on_head(char *bytes, size_t size, size_t count, void *context)
{
    struct reply *reply = context;
    append(&reply->head, strlen(reply->head), bytes, size * count);
    return count;
}

static void destroy_reply(void *object)
{
    struct reply *reply = object;
    json_decref(reply->json);
    free(reply->head);
    free(reply->body);
    free(reply);
}

static struct reply *new_reply(const struct request *request)
{
    struct reply *reply = calloc(1, sizeof *reply);
    assert(reply != NULL);
    reply->verb = request->verb != NULL ? request->verb : "GET";
    reply->path = text("%s", request->path);
    append(&reply->head, 0, "", 0);
    append(&reply->body, 0, "", 0);
    scratch_defer(destroy_reply, reply);
    return reply;
}

static struct curl_slist *build_headers(const struct request *request)
{
    /* What curl would add by itself, taken away */
    struct curl_slist *headers = curl_slist_append(NULL, "Expect:");
    headers = curl_slist_append(headers, request->json != NULL ? "Content-Type: application/json" : "Content-Type:");
    if (request->token != NULL)
        headers = curl_slist_append(headers, text("Authorization: Bearer %s", request->token));
    for (size_t i = 0; i < sizeof request->headers / sizeof *request->headers && request->headers[i] != NULL; i++)
        headers = curl_slist_append(headers, request->headers[i]);
    return headers;
}

static void prepare(struct exchange *exchange, CURL *handle, const char *base, const struct request *request)
{
    exchange->handle = handle;
    exchange->headers = build_headers(request);
    exchange->reply = new_reply(request);
    curl_easy_reset(handle);
    curl_easy_setopt(handle, CURLOPT_URL, text("%s%s", request->base != NULL ? request->base : base, request->path));
    curl_easy_setopt(handle, CURLOPT_PATH_AS_IS, 1L);
    curl_easy_setopt(handle, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(handle, CURLOPT_TIMEOUT_MS, (long)REQUEST_TIMEOUT_MS);
    curl_easy_setopt(handle, CURLOPT_HTTPHEADER, exchange->headers);
    const char *body = request->json != NULL ? request->json : request->body;
    if (body != NULL) {
        curl_easy_setopt(handle, CURLOPT_POSTFIELDSIZE,
                         (long)(request->json != NULL ? strlen(body) : request->body_len));
        curl_easy_setopt(handle, CURLOPT_POSTFIELDS, body);
    }
    if (strcmp(exchange->reply->verb, "HEAD") == 0)
        curl_easy_setopt(handle, CURLOPT_NOBODY, 1L);
    curl_easy_setopt(handle, CURLOPT_CUSTOMREQUEST, exchange->reply->verb);
    curl_easy_setopt(handle, CURLOPT_WRITEFUNCTION, on_body);
    curl_easy_setopt(handle, CURLOPT_WRITEDATA, exchange->reply);
    curl_easy_setopt(handle, CURLOPT_HEADERFUNCTION, on_head);
    curl_easy_setopt(handle, CURLOPT_HEADERDATA, exchange->reply);
}

static struct reply *finish(struct exchange *exchange, CURLcode result)
{
    struct reply *reply = exchange->reply;
    if (result == CURLE_OK)
        curl_easy_getinfo(exchange->handle, CURLINFO_RESPONSE_CODE, &reply->status);
    reply->why = result == CURLE_OK ? "" : curl_easy_strerror(result);
    reply->json = json_loadb(reply->body, reply->body_len, JSON_DECODE_ANY, NULL);
    curl_slist_free_all(exchange->headers);
    return reply;
}

static CURL *thread_handle(void)
{
    CURL *handle = pthread_getspecific(handle_of_thread);
    if (handle == NULL) {
        handle = curl_easy_init();
        assert(handle != NULL);
        pthread_setspecific(handle_of_thread, handle);
    }
    return handle;
}

struct reply *http_send(const struct stack *stack, const struct request *request)
{
    struct exchange exchange;
    prepare(&exchange, thread_handle(), stack->url, request);
    struct reply *reply = finish(&exchange, curl_easy_perform(exchange.handle));
    record_reply(reply);
    return reply;
}

static struct reply *ask_admin(const char *url, const char *path)
{
    struct exchange exchange;
    prepare(&exchange, thread_handle(), url, &(struct request){.path = path});
    return finish(&exchange, curl_easy_perform(exchange.handle));
}

struct reply *http_probe(const struct stack *stack, const char *path)
{
    return ask_admin(stack->admin_url, path);
}

struct reply *http_probe_part(const struct stack *stack, int part, const char *path)
{
    return ask_admin(text("http://127.0.0.1:%u", stack->admin_ports[part]), path);
}

/* ---- many at once ---- */

static void perform_all(CURLM *multi)
{
    int running = 1;
    while (running > 0) {
        assert_int_equal(curl_multi_perform(multi, &running), CURLM_OK);
        if (running > 0)
            curl_multi_poll(multi, NULL, 0, 100, NULL);
    }
}

static void finish_all(CURLM *multi, struct exchange *exchanges, size_t count)
{
    int left;
    CURLMsg *message;
    while ((message = curl_multi_info_read(multi, &left)) != NULL)
        for (size_t i = 0; i < count; i++)
            if (exchanges[i].handle == message->easy_handle)
                finish(&exchanges[i], message->data.result);
}

void http_send_many(const struct stack *stack, const struct request *requests, struct reply **replies, size_t count)
{
    struct exchange *exchanges = scratch_alloc(count * sizeof *exchanges);
    CURLM *multi = curl_multi_init();
    for (size_t i = 0; i < count; i++) {
        prepare(&exchanges[i], curl_easy_init(), stack->url, &requests[i]);
        curl_easy_setopt(exchanges[i].handle, CURLOPT_FRESH_CONNECT, 1L);
        curl_multi_add_handle(multi, exchanges[i].handle);
    }
    perform_all(multi);
    finish_all(multi, exchanges, count);
    for (size_t i = 0; i < count; i++) {
        replies[i] = exchanges[i].reply;
        record_reply(replies[i]);
        curl_multi_remove_handle(multi, exchanges[i].handle);
        curl_easy_cleanup(exchanges[i].handle);
    }
    curl_multi_cleanup(multi);
}

/* ---- short forms ---- */

static struct reply *send_formatted(const struct stack *stack, struct request request, const char *format,
                                    va_list arguments)
{
    char *path = NULL;
    int len = vasprintf(&path, format, arguments);
    assert(len >= 0);
    request.path = path;
    struct reply *reply = http_send(stack, &request);
    free(path);
    return reply;
}

#define SEND_FORMATTED(...)                                                                                            \
    va_list arguments;                                                                                                 \
    va_start(arguments, path);                                                                                         \
    struct reply *reply = send_formatted(stack, (struct request){__VA_ARGS__}, path, arguments);                       \
    va_end(arguments);                                                                                                 \
    return reply

struct reply *http_get(const struct stack *stack, const char *token, const char *path, ...)
{
    SEND_FORMATTED(.verb = "GET", .token = token);
}

struct reply *http_post(const struct stack *stack, const char *token, const char *json, const char *path, ...)
{
    SEND_FORMATTED(.verb = "POST", .token = token, .json = json);
}

struct reply *http_patch(const struct stack *stack, const char *token, const char *json, const char *path, ...)
{
    SEND_FORMATTED(.verb = "PATCH", .token = token, .json = json);
}

struct reply *http_put(const struct stack *stack, const char *token, const char *json, const char *path, ...)
{
    SEND_FORMATTED(.verb = "PUT", .token = token, .json = json);
}

struct reply *http_delete(const struct stack *stack, const char *token, const char *path, ...)
{
    SEND_FORMATTED(.verb = "DELETE", .token = token);
}
