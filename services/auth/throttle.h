/* How often somebody may try what attackers try often: who, what, how often (common/tries.h counts). */
#ifndef SERVICES_AUTH_THROTTLE_H
#define SERVICES_AUTH_THROTTLE_H

#include "common/service.h"

/* Events in a window; 0 = as many as they like. */
struct throttle_limits {
    int64_t login_failures; /* of an account */
    int64_t login_address;
    int64_t login_window_s; /* of both */
    int64_t registrations, forgot, refreshes;
};

/* Rows of a table of settings whose struct has the limits as member. */
/* clang-format off */
#define THROTTLE_SETTINGS(type, member)                                                                                \
    {"LOGIN_FAILURES_LIMIT", SETTING_INTEGER, "10", 0, 1000000, NULL, offsetof(type, member.login_failures),           \
     "failed logins of an account, or wrong current passwords, before it waits; 0 = no limit, here and below"},                                     \
    {"LOGIN_ADDRESS_LIMIT", SETTING_INTEGER, "100", 0, 1000000000, NULL, offsetof(type, member.login_address),         \
     "failed logins from an address before it waits"},                                                                 \
    {"LOGIN_FAILURES_WINDOW_S", SETTING_INTEGER, "900", 1, 86400, NULL, offsetof(type, member.login_window_s),         \
     "seconds that failed logins count"},                                                                              \
    {"REGISTER_LIMIT", SETTING_INTEGER, "100", 0, 1000000000, NULL, offsetof(type, member.registrations),              \
     "registrations from an address, an hour"},                                                                        \
    {"FORGOT_LIMIT", SETTING_INTEGER, "20", 0, 1000000000, NULL, offsetof(type, member.forgot),                        \
     "mails that an address may ask for, of each kind, an hour"},                                                      \
    {"REFRESH_LIMIT", SETTING_INTEGER, "3000", 0, 1000000000, NULL, offsetof(type, member.refreshes),                  \
     "refreshed sessions from an address, a quarter of an hour"}
/* clang-format on */

/* What is counted. Of the kinds by address the key is call->client.address: IPv6 counts by network of 64 bits, which is
 * what one client has; an unknown address has no limit. */
enum throttle_kind {
    THROTTLE_LOGIN_ACCOUNT, /* key: the username, in any case */
    THROTTLE_LOGIN_ADDRESS,
    THROTTLE_PASSWORD, /* key: the user's id */
    THROTTLE_REGISTER,
    THROTTLE_FORGOT,
    THROTTLE_VERIFY, /* also by another email of one's own */
    THROTTLE_REFRESH,
};

/* Counts one more, and tells the client how many are left (call_set_rate). ERROR_TOO_MANY_REQUESTS beyond the limit. */
enum error throttle(struct call *call, enum throttle_kind kind, struct str key) MUST_USE;

/* What was counted of the key was right after all: nothing of it counts any more. */
void throttle_forgive(struct call *call, enum throttle_kind kind, struct str key);

/* Counts a login before its password is looked at, as if it failed: many at once can not outrun the limit. *failures
 * gets how many the account has then, whether or not there is such an account; 0 = nobody counts. */
enum error throttle_login(struct call *call, struct str username, int64_t *failures) MUST_USE;

/* What throttle_login counted, as values for the statement that takes it back; NULL = not counted. */
struct login_counts {
    struct db_value address, address_limit, account;
};
struct login_counts throttle_login_counts(const struct call *call, struct str username);

/* Settles what throttle_login counted. OK: the session that has begun has forgiven it and the failures before it.
 * ERROR_UNAUTHORIZED: it stays counted, and from the fourth on the answer is held back, longer each time. Anything else
 * says nothing about the password and does not count. Returns outcome. */
enum error throttle_login_end(struct call *call, struct str username, int64_t failures, enum error outcome) MUST_USE;

#endif
