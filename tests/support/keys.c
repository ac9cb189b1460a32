/* Keys by the openssl command; new settings by a restart of the two that have them. */
#include "tests/support/keys.h"

#include <assert.h>
#include <signal.h>
#include <string.h>

#include "tests/support/factories.h"
#include "tests/support/scratch.h"

static const char *arguments_of(const char *algorithm)
{
    static const char *const arguments[][2] = {
        {"ES256", "-algorithm EC -pkeyopt ec_paramgen_curve:P-256"},
        {"EdDSA", "-algorithm ed25519"},
        {"ES384", "-algorithm EC -pkeyopt ec_paramgen_curve:P-384"},
        {"RS256", "-algorithm RSA -pkeyopt rsa_keygen_bits:2048 2>/dev/null"},
    };
    size_t i = 0;
    while (strcmp(arguments[i][0], algorithm) != 0)
        assert(++i < sizeof arguments / sizeof *arguments);
    return arguments[i][1];
}

struct key_pair make_key(const struct stack *stack, const char *algorithm)
{
    char *path = text("%s/%s", stack->folder, unique("key"));
    struct key_pair pair = {text("%s.pem", path), text("%s.pub.pem", path), NULL, NULL};
    shell("openssl genpkey -out %s %s", pair.private_path, arguments_of(algorithm));
    shell("openssl pkey -in %s -pubout -out %s", pair.private_path, pair.public_path);
    pair.private_pem = text("%s\n", shell("cat %s", pair.private_path));
    pair.public_pem = text("%s\n", shell("cat %s", pair.public_path));
    return pair;
}

static void restart(struct stack *stack)
{
    static const enum stack_part parts[] = {STACK_GATEWAY, STACK_AUTH};
    for (size_t i = 0; i < sizeof parts / sizeof *parts; i++) {
        stack_kill(stack, parts[i], SIGTERM);
        stack_revive(stack, parts[i]);
    }
    stack_await_ready(stack, 20000);
}

void use_keys(struct stack *stack, const char *algorithm, const char *current_path, const char *previous_path)
{
    stack_set(stack, text("JWT_ALG=%s", algorithm));
    stack_set(stack, text("JWT_KEY_FILE=%s", current_path));
    stack_set(stack, text("JWT_PREVIOUS_KEYS_FILE=%s", previous_path));
    stack_set(stack, "JWT_PREVIOUS_SECRET=");
    restart(stack);
}

void use_secrets(struct stack *stack, const char *current, const char *previous)
{
    stack_set(stack, "JWT_ALG=HS256");
    stack_set(stack, text("JWT_SECRET=%s", current));
    stack_set(stack, text("JWT_PREVIOUS_SECRET=%s", previous));
    stack_set(stack, "JWT_KEY_FILE=");
    stack_set(stack, "JWT_PREVIOUS_KEYS_FILE=");
    restart(stack);
}
