/* The mails a stack has written or sent, as files in a folder, one message each. */
#ifndef TESTS_SUPPORT_MAIL_H
#define TESTS_SUPPORT_MAIL_H

#include <stddef.h>

struct stack;

/* Where the stack's mails are that go to no server. */
char *mail_folder(const struct stack *stack);

/* How many messages to the address there are whose subject holds the words. */
size_t mail_count(const char *folder, const char *address, const char *subject);

/* The plain text of the n-th such message (from 1, in the order of their files' times); waits for it, and fails the
 * test when it does not come. In scratch. */
char *mail_await(const char *folder, const char *address, const char *subject, size_t n);

/* The token in a text's link. */
char *mail_token(const char *text);

/* The message itself, as awaited last. */
const char *mail_message(void);

#endif
