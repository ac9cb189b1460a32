/* Mails as text: templates from files, and the message that one becomes (RFC 5322, RFC 2045). */
#ifndef SERVICES_AUTH_MAIL_TEXT_H
#define SERVICES_AUTH_MAIL_TEXT_H

#include <stdbool.h>
#include <stdint.h>

#include "common/arena.h"
#include "common/buffer.h"
#include "common/str.h"

enum mail_kind { MAIL_VERIFY_EMAIL, MAIL_PASSWORD_RESET, MAIL_PASSWORD_CHANGED, MAIL_EMAIL_CHANGED, MAIL_KINDS };

/* "verify_email": as in the database, and the names of the templates. */
const char *mail_kind_name(enum mail_kind kind);
/* False for a name of none. */
bool mail_kind_of(struct str name, enum mail_kind *kind);

/* ---- templates: FOLDER/KIND.txt, whose first line is "Subject: …" and whose second is empty, and FOLDER/KIND.html
 * ---- */
struct mail_templates;

/* Returns owned. NULL where one is missing or no template: then *mistake says which and why, in the arena. */
struct mail_templates *mail_templates_load(const char *folder, struct arena *arena, const char **mistake);
void mail_templates_destroy(struct mail_templates **templates);

/* What stands for {{username}}, {{email}}, {{link}} and {{minutes}}. In HTML it is escaped. */
struct mail_values {
    struct str username, email, link;
    int64_t minutes;
};

/* Whether it is visible ASCII and spaces: what may stand in a header field as it is. */
bool mail_text_is_plain(struct str text);
/* Whether a mail can be addressed so: visible ASCII, with an @, nothing that could end the line or the brackets. */
bool mail_address_is_sendable(struct str address);

/* Appends the whole message. from is a mailbox ("Name <a@b>" or "a@b"), id makes the Message-ID; unix_s is its Date. */
void mail_compose(struct buffer *message, const struct mail_templates *templates, enum mail_kind kind, struct str from,
                  struct str to, const struct mail_values *values, struct str id, int64_t unix_s);

/* The address in a mailbox. */
struct str mail_address_of(struct str mailbox);

#endif
