/* Mails: put into the outbox when something is done, made and sent afterwards, and again until they are gone. */
#ifndef SERVICES_AUTH_MAIL_H
#define SERVICES_AUTH_MAIL_H

#include "common/service.h"
#include "services/auth/mail_carrier.h"
#include "services/auth/mail_text.h"

struct mail_config {
    struct mail_carrier carrier;
    const char *from;
    const char *templates_folder;
    struct mail_templates *templates; /* of it; ours */
    const char *verify_email_url, *reset_password_url, *forgot_password_url;
    int64_t token_ttl_s;
};
/* clang-format off */
#define MAIL_SETTINGS(type, member)                                                                                    \
    {"SMTP_URL", SETTING_SECRET, "", 0, 0, NULL, offsetof(type, member.carrier.smtp_url),                              \
     "smtp://USER:PASSWORD@HOST:PORT, or smtps:// (default none: mails become files in MAIL_DIR)"},                    \
    {"SMTP_TLS", SETTING_CHOICE, "required", 0, 0, "required|opportunistic|off", offsetof(type, member.carrier.tls),   \
     "whether smtp:// goes on without STARTTLS"},                                                                      \
    {"SMTP_CA", SETTING_STRING, "", 0, 0, NULL, offsetof(type, member.carrier.smtp_ca),                      \
     "file of the certificates to trust (default the system's)"},                                                                  \
    {"SMTP_TIMEOUT_MS", SETTING_INTEGER, "20000", 100, 50000, NULL, offsetof(type, member.carrier.timeout_ms),         \
     "how long sending one mail may take"},                                                                            \
    {"MAIL_DIR", SETTING_STRING, "/var/mail/backend", 1, 300, NULL, offsetof(type, member.carrier.folder),             \
     "folder of the mails where there is no SMTP_URL"},                                                                \
    {"MAIL_FROM", SETTING_STRING, "backend <noreply@localhost>", 3, 254, NULL, offsetof(type, member.from),            \
     "whom mails come from"},                                                                                          \
    {"MAIL_TEMPLATES", SETTING_STRING, "/usr/share/backend/mail", 1, 300, NULL,                                        \
     offsetof(type, member.templates_folder), "folder of the mails' texts"},                                           \
    {"VERIFY_EMAIL_URL", SETTING_STRING, "http://localhost:8080/verify-email?token={token}", 1, 2000, NULL,            \
     offsetof(type, member.verify_email_url), "page that takes the {token} of a mail to POST /auth/verify-email"},     \
    {"RESET_PASSWORD_URL", SETTING_STRING, "http://localhost:8080/reset-password?token={token}", 1, 2000, NULL,        \
     offsetof(type, member.reset_password_url), "the same of POST /auth/password/reset"},                              \
    {"FORGOT_PASSWORD_URL", SETTING_STRING, "http://localhost:8080/forgot-password", 1, 2000, NULL,                    \
     offsetof(type, member.forgot_password_url), "page that asks for a reset"},                                        \
    {"MAIL_TOKEN_TTL_S", SETTING_INTEGER, "3600", 60, 604800, NULL, offsetof(type, member.token_ttl_s),                \
     "seconds the token in a mail is good for"}
/* clang-format on */

/* From the check of the settings: loads the templates; what is wrong is told by config_mistake. */
void mail_check_config(struct mail_config *config);

struct mailer;

/* Sends what is in the outbox and what comes into it; returns owned. */
struct mailer *mailer_new(struct service *service, const struct mail_config *config);
void mailer_destroy(struct mailer **mailer);
/* As service_definition's measure: how many mails wait. */
void mailer_measure(struct call *call);

/* Puts a mail into the outbox: about the user (0: whoever has the email, if anybody), to the email ("": the user's).
 * It goes out as soon as may be. */
enum error mail_queue(struct call *call, struct mailer *mailer, enum mail_kind kind, int64_t user_id,
                      struct str email) MUST_USE;

#endif
