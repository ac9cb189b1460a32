/* One thread for each mail under way, which are few (mail.c): it does what blocks, and tells the loop by an eventfd. */
#include "services/auth/mail_carrier.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <string.h>
#include <sys/eventfd.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/allocate.h"
#include "common/fiber.h"

enum { CONNECT_TIMEOUT_MS = 10000, LOOK_MS = 100 };

struct errand {
    const struct mail_carrier *carrier;
    struct mail_parcel *parcel;
    enum mail_outcome outcome;
    size_t sent;
    int socket;  /* curl's; -1 = none yet */
    int done_fd; /* written to by the thread, at its end */
    atomic_bool is_given_up;
};

/* ---- by SMTP ---- */

static size_t on_read(char *out, size_t size, size_t count, void *context)
{
    struct errand *errand = context;
    struct str message = errand->parcel->message;
    size_t left = message.len - errand->sent, len = size * count < left ? size * count : left;
    memcpy(out, message.ptr + errand->sent, len);
    errand->sent += len;
    return len;
}

static int on_socket(void *context, curl_socket_t socket, curlsocktype purpose)
{
    (void)purpose;
    ((struct errand *)context)->socket = socket;
    return CURL_SOCKOPT_OK;
}

/* curl asks now and then, also while it waits: not 0 ends the transfer. It would still say QUIT and wait for the
 * answer: not on a connection that is shut. */
static int on_progress(void *context, curl_off_t a, curl_off_t b, curl_off_t c, curl_off_t d)
{
    (void)a, (void)b, (void)c, (void)d;
    const struct errand *errand = context;
    bool is_given_up = atomic_load(&errand->is_given_up);
    if (is_given_up && errand->socket >= 0)
        shutdown(errand->socket, SHUT_RDWR);
    return is_given_up;
}

static void set_options(CURL *curl, struct errand *errand, const char *from, struct curl_slist *to)
{
    static const long tls[] = {[MAIL_TLS_REQUIRED] = CURLUSESSL_ALL,
                               [MAIL_TLS_OPPORTUNISTIC] = CURLUSESSL_TRY,
                               [MAIL_TLS_OFF] = CURLUSESSL_NONE};
    const struct mail_carrier *carrier = errand->carrier;
    curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
    curl_easy_setopt(curl, CURLOPT_URL, carrier->smtp_url);
    curl_easy_setopt(curl, CURLOPT_PROTOCOLS_STR, "smtp,smtps");
    curl_easy_setopt(curl, CURLOPT_USE_SSL, tls[carrier->tls]);
    if (*carrier->smtp_ca != '\0')
        curl_easy_setopt(curl, CURLOPT_CAINFO, carrier->smtp_ca);
    curl_easy_setopt(curl, CURLOPT_MAIL_FROM, from);
    curl_easy_setopt(curl, CURLOPT_MAIL_RCPT, to);
    curl_easy_setopt(curl, CURLOPT_UPLOAD, 1L);
    curl_easy_setopt(curl, CURLOPT_READFUNCTION, on_read);
    curl_easy_setopt(curl, CURLOPT_READDATA, errand);
    curl_easy_setopt(curl, CURLOPT_INFILESIZE_LARGE, (curl_off_t)errand->parcel->message.len);
    curl_easy_setopt(curl, CURLOPT_SOCKOPTFUNCTION, on_socket);
    curl_easy_setopt(curl, CURLOPT_SOCKOPTDATA, errand);
    curl_easy_setopt(curl, CURLOPT_NOPROGRESS, 0L);
    curl_easy_setopt(curl, CURLOPT_XFERINFOFUNCTION, on_progress);
    curl_easy_setopt(curl, CURLOPT_XFERINFODATA, errand);
    curl_easy_setopt(curl, CURLOPT_CONNECTTIMEOUT_MS, (long)CONNECT_TIMEOUT_MS);
    curl_easy_setopt(curl, CURLOPT_TIMEOUT_MS, (long)carrier->timeout_ms);
}

/* RFC 5321 §4.2.1: 5yz is for good. A refused login is the operator's to mend, and no fault of the mail's. */
static enum mail_outcome judge(CURLcode code, long response)
{
    if (code == CURLE_OK)
        return MAIL_CARRIED;
    return response >= 500 && response < 600 && code != CURLE_LOGIN_DENIED ? MAIL_REFUSED : MAIL_FAILED;
}

static enum mail_outcome send_by_smtp(struct errand *errand)
{
    struct mail_parcel *parcel = errand->parcel;
    char from[300], to[300], words[CURL_ERROR_SIZE] = "";
    snprintf(from, sizeof from, "<%.*s>", STR_ARGS(parcel->from));
    snprintf(to, sizeof to, "<%.*s>", STR_ARGS(parcel->to));
    CURL *curl = curl_easy_init();
    struct curl_slist *recipients = curl_slist_append(NULL, to);
    if (curl == NULL || recipients == NULL)
        abort(); /* no memory */
    set_options(curl, errand, from, recipients);
    curl_easy_setopt(curl, CURLOPT_ERRORBUFFER, words);
    CURLcode code = curl_easy_perform(curl);
    long response = 0;
    curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &response);
    snprintf(parcel->detail, sizeof parcel->detail, "%s (the server's last word: %ld)",
             *words != '\0' ? words : curl_easy_strerror(code), response);
    curl_slist_free_all(recipients);
    curl_easy_cleanup(curl);
    return judge(code, response);
}

/* ---- into files ---- */

static bool write_all(int fd, struct str bytes)
{
    while (bytes.len > 0) {
        ssize_t written = write(fd, bytes.ptr, bytes.len);
        if (written < 0 && errno == EINTR)
            continue;
        if (written < 0)
            return false;
        bytes = (struct str){bytes.ptr + written, bytes.len - (size_t)written};
    }
    return true;
}

/* Whole under its name, or not there. */
static enum mail_outcome write_file(struct errand *errand)
{
    struct mail_parcel *parcel = errand->parcel;
    const char *folder = errand->carrier->folder;
    char path[448], part[sizeof path + sizeof ".part"];
    snprintf(path, sizeof path, "%s/%.*s.eml", folder, STR_ARGS(parcel->file));
    snprintf(part, sizeof part, "%s.part", path);
    (void)mkdir(folder, 0700); /* where that fails, so does open */
    int fd = open(part, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
    bool good = fd >= 0 && write_all(fd, parcel->message) && fsync(fd) == 0;
    good = (fd < 0 || close(fd) == 0) && good && rename(part, path) == 0;
    snprintf(parcel->detail, sizeof parcel->detail, "%s%s%s", path, good ? "" : ": ", good ? "" : strerror(errno));
    return good ? MAIL_CARRIED : MAIL_FAILED;
}

/* ---- the thread ---- */

static void *run(void *memory)
{
    struct errand *errand = memory;
    bool has_server = *errand->carrier->smtp_url != '\0';
    errand->outcome = has_server ? send_by_smtp(errand) : write_file(errand);
    uint64_t one = 1;
    if (write(errand->done_fd, &one, sizeof one) != sizeof one)
        abort(); /* nobody would ever know */
    return NULL;
}

/* ---- the fiber ---- */

static void on_done(void *fiber, bool readable, bool writable)
{
    (void)readable, (void)writable;
    fiber_resume(fiber);
}

static void on_look(void *fiber)
{
    fiber_resume(fiber);
}

static bool is_done(const struct errand *errand)
{
    uint64_t count;
    return read(errand->done_fd, &count, sizeof count) == sizeof count;
}

/* Woken when the thread has ended, and now and then before, to see whether it should. */
static void await(struct errand *errand, struct loop *loop, bool (*is_stopping)(void *context), void *context)
{
    struct loop_watch *watch = loop_watch(loop, errand->done_fd, on_done, fiber_current());
    struct loop_timer *look = loop_timer_new(loop, on_look, fiber_current());
    loop_watch_set(watch, true, false);
    loop_timer_start(look, LOOK_MS, LOOK_MS);
    do {
        fiber_suspend();
        if (is_stopping(context))
            atomic_store(&errand->is_given_up, true);
    } while (!is_done(errand));
    loop_timer_destroy(&look);
    loop_watch_destroy(&watch);
}

enum mail_outcome mail_carry(const struct mail_carrier *carrier, struct loop *loop, struct mail_parcel *parcel,
                             bool (*is_stopping)(void *context), void *context)
{
    struct errand errand = {.carrier = carrier, .parcel = parcel, .outcome = MAIL_FAILED, .socket = -1};
    pthread_t thread;
    errand.done_fd = eventfd(0, EFD_CLOEXEC | EFD_NONBLOCK);
    if (errand.done_fd < 0 || pthread_create(&thread, NULL, run, &errand) != 0) {
        snprintf(parcel->detail, sizeof parcel->detail, "no thread: %s", strerror(errno));
        if (errand.done_fd >= 0)
            close(errand.done_fd);
        return MAIL_FAILED;
    }
    await(&errand, loop, is_stopping, context);
    pthread_join(thread, NULL);
    close(errand.done_fd);
    return errand.outcome;
}
