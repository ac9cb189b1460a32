/* The outbox's other end. A row says what a mail is about; its text, and the token in it, are made when it is sent, so
 * that no token lies in the database. Whoever sends one holds its row for a while: dead, the row is due again, and the
 * mail goes out once more rather than never. */
#include "services/auth/mail.h"

#include <sodium.h>
#include <stdlib.h>
#include <time.h>

#include "common/allocate.h"
#include "common/log.h"
#include "services/auth/auth.h"

enum {
    SENDERS = 4, /* at a time */
    LOOK_MS = 1000,
    HOLD_S = 60,
    NEXT_TOKEN_S = 60, /* a minute between mails of a kind to one user */
    FIRST_PAUSE_S = 2,
    LONGEST_PAUSE_S = 3600,
    GIVE_UP_S = 3 * 24 * 3600,
    TOKEN_LEN = 32, /* 256 bits */
};

/* ---- what is measured ---- */

struct mail_stats {
#define MAIL METRIC_MEMBER
#include "services/auth/metrics.def"
};
#define MAIL_ROW(...) METRIC_ROW(mail_stats, __VA_ARGS__)
static const struct metric rows[] = {
#define MAIL MAIL_ROW
#include "services/auth/metrics.def"
};
static const struct metric_group mail_metrics = {rows, sizeof rows / sizeof *rows};

struct mailer {
    struct mail_stats stats;
    struct service *service;
    const struct mail_config *config;
    struct loop_timer *look;
    unsigned senders;
};

/* ---- settings ---- */

void mail_check_config(struct mail_config *config)
{
    struct arena *arena = arena_new();
    const char *mistake = NULL;
    struct str address = mail_address_of(str_from(config->from));
    if (!mail_address_is_sendable(address) || !mail_text_is_plain(str_from(config->from)))
        config_mistake("MAIL_FROM", "is no mailbox like \"Name <name@example.org>\", in ASCII");
    config->templates = mail_templates_load(config->templates_folder, arena, &mistake);
    if (config->templates == NULL)
        config_mistake("MAIL_TEMPLATES", "%s", mistake);
    if (strstr(config->verify_email_url, "{token}") == NULL)
        config_mistake("VERIFY_EMAIL_URL", "has no {token} in it");
    if (strstr(config->reset_password_url, "{token}") == NULL)
        config_mistake("RESET_PASSWORD_URL", "has no {token} in it");
    arena_destroy(&arena);
}

/* ---- one mail ---- */

struct letter {
    int64_t id, user_id, attempts, age_s; /* of the row; user_id 0 = whoever has the email */
    struct str email;
    enum mail_kind kind;
    /* What is found out */
    struct user_view user;
    struct str to, link;
};

static enum error find_user(struct call *call, struct letter *letter)
{
    if (letter->user_id == 0) {
        TRY(call_service(call, &user_find_email_method, &(struct user_by_email){.email = letter->email},
                         &letter->user));
        letter->user_id = letter->user.id;
        return OK;
    }
    call->caller.id = letter->user_id; /* as the user sees it: with the email */
    return call_service(call, &user_profile_method, &(struct empty){0}, &letter->user);
}

/* Empty: there is nothing to say. */
static struct str recipient_of(const struct letter *letter)
{
    const struct user_view *user = &letter->user;
    switch (letter->kind) {
    case MAIL_VERIFY_EMAIL:
        if (user->has_pending_email)
            return user->pending_email;
        return user->email_verified ? STR("") : user->email;
    case MAIL_EMAIL_CHANGED:
        return letter->email;
    default:
        return user->email;
    }
}

static struct str link_with(struct arena *arena, const char *url, struct str token)
{
    static const char place[] = "{token}";
    const char *at = strstr(url, place);
    return arena_printf(arena, "%.*s%.*s%s", (int)(at - url), url, STR_ARGS(token), at + sizeof place - 1);
}

/* A new token, kept as its hash. *is_early: the last one was made just now; none is made. */
static enum error make_link(struct call *call, const struct mail_config *config, struct letter *letter, bool *is_early)
{
    unsigned char bytes[TOKEN_LEN];
    enum { SIZE = sodium_base64_ENCODED_LEN(TOKEN_LEN, sodium_base64_VARIANT_URLSAFE_NO_PADDING) };
    char *text = arena_alloc(call->arena, SIZE);
    randombytes_buf(bytes, sizeof bytes);
    sodium_bin2base64(text, SIZE, bytes, sizeof bytes, sodium_base64_VARIANT_URLSAFE_NO_PADDING);
    struct str token = {text, SIZE - 1};
    bool is_reset = letter->kind == MAIL_PASSWORD_RESET;
    struct db_result result;
    TRY(call_query(call, &sql_mail_token_set, &result, DB_INTEGER(letter->user_id),
                   DB_TEXT(str_from(mail_kind_name(letter->kind))),
                   DB_TEXT(digest_hex(call->arena, token.ptr, token.len)), DB_TEXT(letter->to),
                   DB_INTEGER(config->token_ttl_s), DB_INTEGER(letter->attempts > 1 ? 0 : NEXT_TOKEN_S)));
    *is_early = result.rows == 0;
    letter->link = link_with(call->arena, is_reset ? config->reset_password_url : config->verify_email_url, token);
    return OK;
}

static struct str name_of(struct call *call, const struct letter *letter)
{
    unsigned char random[8];
    char hex[2 * sizeof random + 1];
    randombytes_buf(random, sizeof random);
    sodium_bin2hex(hex, sizeof hex, random, sizeof random);
    return arena_printf(call->arena, "%lld-%s-%s", (long long)letter->id, mail_kind_name(letter->kind), hex);
}

static bool is_stopping(void *service)
{
    return service_is_stopping(service);
}

static enum mail_outcome carry(struct call *call, const struct mail_config *config, const struct letter *letter,
                               const char **detail)
{
    struct mail_values values = {.username = letter->user.username,
                                 .email = letter->to,
                                 .link = letter->link,
                                 .minutes = config->token_ttl_s / 60};
    struct buffer message = {0};
    struct mail_parcel parcel = {
        .from = mail_address_of(str_from(config->from)), .to = letter->to, .file = name_of(call, letter)};
    mail_compose(&message, config->templates, letter->kind, str_from(config->from), letter->to, &values, parcel.file,
                 time(NULL));
    parcel.message = buffer_str(&message);
    enum mail_outcome outcome =
        mail_carry(&config->carrier, service_loop(call->service), &parcel, is_stopping, call->service);
    buffer_free(&message);
    *detail = arena_printf(call->arena, "%s", parcel.detail).ptr;
    return outcome;
}

/* ---- what becomes of its row ---- */

static struct mail_stats *stats_of(struct call *call)
{
    return &((struct auth *)service_state(call->service))->mailer->stats;
}

static void settle(struct call *call, const struct letter *letter, const struct statement *statement,
                   struct db_value pause_s)
{
    struct db_result result;
    const struct db_value values[] = {DB_INTEGER(letter->id), pause_s};
    enum error error = call_query_values(call, statement, &result, values, statement->parameters);
    if (error != OK)
        log_warn("a mail's row stays: it is tried again", LOG_I("mail", letter->id),
                 LOG_Z("reason", error_message(error)));
}

/* Twice as long each time, and a little more or less, so that what failed together does not come back together. */
static void put_off(struct call *call, const struct letter *letter, const char *reason)
{
    counter_add(&stats_of(call)->put_off, 1);
    if (letter->age_s > GIVE_UP_S) {
        log_error("a mail is given up", LOG_I("mail", letter->id), LOG_Z("reason", reason));
        settle(call, letter, &sql_mail_put_off, DB_NULL);
        return;
    }
    int64_t pause_s = letter->attempts < 12 ? (int64_t)FIRST_PAUSE_S << (letter->attempts - 1) : LONGEST_PAUSE_S;
    pause_s = pause_s < LONGEST_PAUSE_S ? pause_s : LONGEST_PAUSE_S;
    pause_s += randombytes_uniform((uint32_t)(pause_s / 4 + 1));
    if (service_is_stopping(call->service))
        pause_s = 0;
    log_warn("a mail is not sent yet", LOG_I("mail", letter->id), LOG_Z("kind", mail_kind_name(letter->kind)),
             LOG_I("attempts", letter->attempts), LOG_I("again_in_s", pause_s), LOG_Z("reason", reason));
    settle(call, letter, &sql_mail_put_off, DB_INTEGER(pause_s));
}

static void give_up(struct call *call, const struct letter *letter, const char *reason)
{
    counter_add(&stats_of(call)->refused, 1);
    log_error("a mail is refused", LOG_I("mail", letter->id), LOG_Z("kind", mail_kind_name(letter->kind)),
              LOG_I("user_id", letter->user_id), LOG_Z("reason", reason));
    settle(call, letter, &sql_mail_put_off, DB_NULL);
}

static void send_letter(struct call *call, const struct mail_config *config, struct letter *letter)
{
    const char *detail;
    switch (carry(call, config, letter, &detail)) {
    case MAIL_CARRIED:
        if (*config->carrier.smtp_url == '\0')
            log_info("mail written", LOG_Z("file", detail), LOG_I("user_id", letter->user_id));
        else
            log_info("mail sent", LOG_Z("kind", mail_kind_name(letter->kind)), LOG_I("user_id", letter->user_id));
        counter_add(&stats_of(call)->sent, 1);
        settle(call, letter, &sql_mail_done, DB_NULL);
        break;
    case MAIL_FAILED:
        put_off(call, letter, detail);
        break;
    case MAIL_REFUSED:
        give_up(call, letter, detail);
        break;
    }
}

/* Nobody has the email, the email is verified already, or the last mail of the kind left just now: nothing is sent. */
static void handle(struct call *call, const struct mail_config *config, struct letter *letter)
{
    bool is_early = false, has_link = letter->kind == MAIL_VERIFY_EMAIL || letter->kind == MAIL_PASSWORD_RESET;
    enum error error = find_user(call, letter);
    bool is_nobody = error == ERROR_USER_NOT_FOUND || error == ERROR_UNAUTHORIZED;
    letter->to = error == OK ? recipient_of(letter) : STR("");
    letter->link = str_from(config->forgot_password_url);
    if (error == OK && letter->to.len > 0 && !mail_address_is_sendable(letter->to)) {
        give_up(call, letter, "the address has characters that this service cannot send to");
        return;
    }
    if (error == OK && letter->to.len > 0 && has_link)
        error = make_link(call, config, letter, &is_early);
    if (is_nobody || (error == OK && (letter->to.len == 0 || is_early)))
        settle(call, letter, &sql_mail_done, DB_NULL);
    else if (error != OK)
        put_off(call, letter, error_message(error));
    else
        send_letter(call, config, letter);
}

/* ---- the senders ---- */

static bool claim(struct call *call, struct letter *letter)
{
    struct db_result result;
    if (call_query(call, &sql_mail_claim, &result, DB_INTEGER(HOLD_S)) != OK || result.rows == 0)
        return false;
    *letter = (struct letter){.id = db_integer(&result, 0, 0),
                              .user_id = db_is_null(&result, 0, 2) ? 0 : db_integer(&result, 0, 2),
                              .email = db_text(&result, 0, 3),
                              .attempts = db_integer(&result, 0, 4),
                              .age_s = db_integer(&result, 0, 5)};
    if (mail_kind_of(db_text(&result, 0, 1), &letter->kind))
        return true;
    log_error("a mail of an unknown kind", LOG_I("mail", letter->id), LOG_S("kind", db_text(&result, 0, 1)));
    settle(call, letter, &sql_mail_put_off, DB_NULL);
    return false;
}

static void start_sender(struct mailer *mailer);

/* Where there was one there may be more. */
static void send_one(struct call *call)
{
    struct mailer *mailer = ((struct auth *)service_state(call->service))->mailer;
    struct letter letter;
    bool found = claim(call, &letter);
    if (found)
        handle(call, mailer->config, &letter);
    mailer->senders--;
    if (found)
        start_sender(mailer);
}

static void start_sender(struct mailer *mailer)
{
    if (mailer->senders == SENDERS || service_is_stopping(mailer->service))
        return;
    mailer->senders++;
    if (!service_spawn(mailer->service, HOLD_S * 1000, send_one))
        mailer->senders--;
}

static void on_look(void *context)
{
    start_sender(context);
}

struct mailer *mailer_new(struct service *service, const struct mail_config *config)
{
    struct mailer *mailer = allocate(sizeof *mailer);
    mailer->service = service;
    mailer->config = config;
    mailer->look = loop_timer_new(service_loop(service), on_look, mailer);
    loop_timer_start(mailer->look, LOOK_MS, LOOK_MS);
    service_add_metrics(service, &mail_metrics, &mailer->stats);
    return mailer;
}

void mailer_measure(struct call *call)
{
    struct mail_stats *stats = stats_of(call);
    struct db_result result;
    if (call_query_values(call, &sql_mail_count, &result, NULL, 0) != OK)
        return; /* the database's own numbers say so */
    counter_set(&stats->waiting, (uint64_t)db_integer(&result, 0, 0));
    counter_set(&stats->oldest_s, (uint64_t)db_integer(&result, 0, 1));
    counter_set(&stats->given_up, (uint64_t)db_integer(&result, 0, 2));
}

void mailer_destroy(struct mailer **mailer)
{
    if (*mailer == NULL)
        return;
    loop_timer_destroy(&(*mailer)->look);
    free(*mailer);
    *mailer = NULL;
}

enum error mail_queue(struct call *call, struct mailer *mailer, enum mail_kind kind, int64_t user_id, struct str email)
{
    struct db_result result;
    TRY(call_query(call, &sql_mail_add, &result, DB_TEXT(str_from(mail_kind_name(kind))),
                   DB_OPTIONAL(user_id != 0, DB_INTEGER(user_id)), DB_TEXT(email)));
    start_sender(mailer);
    return OK;
}
