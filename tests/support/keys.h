/* Key pairs for tokens, made by openssl as README says, and a stack that changes to them. */
#ifndef TESTS_SUPPORT_KEYS_H
#define TESTS_SUPPORT_KEYS_H

#include "tests/support/stack.h"

struct key_pair {
    char *private_path, *public_path; /* in the stack's folder */
    char *private_pem, *public_pem;
};

/* algorithm: ES256, EdDSA, and what is none of ours: RS256, ES384. Each call makes a new pair. */
struct key_pair make_key(const struct stack *stack, const char *algorithm);

/* Restarts auth and gateway with JWT_ALG and JWT_KEY_FILE; previous is a file of PEMs, "" = none. */
void use_keys(struct stack *stack, const char *algorithm, const char *current_path, const char *previous_path);
/* The same with HS256 and two secrets; previous may be "". */
void use_secrets(struct stack *stack, const char *current, const char *previous);

#endif
