/* Who is who on tcp://: the process's own CURVE key pair, and the names of all whose public keys it knows. A wire that
 * answers on tcp:// lets in nobody else, and knows each peer's name; one that connects talks to nobody but the peer it
 * means. ipc:// needs none of this: there the folder's mode decides who gets in.
 *
 * A name may have several public keys, so that keys can be changed while others run (deploy/README.md). */
#ifndef COMMON_WIRE_KEYS_H
#define COMMON_WIRE_KEYS_H

#include <stdint.h>

#include "common/config.h"

enum {
    WIRE_KEY_SIZE = 32,
    WIRE_KEY_TEXT = 40, /* characters of a key in Z85 */
    WIRE_NAME_MAX = 32,
    WIRE_PEERS_MAX = 64,
};

struct wire_key_settings {
    const char *key;   /* the secret one */
    const char *peers; /* lines of "name public-key" */
};
/* clang-format off */
#define WIRE_KEY_SETTINGS(type, member)                                                                                \
    {"BUS_KEY", SETTING_SECRET, "", 0, 0, NULL, offsetof(type, member.key),                                            \
     "tcp://: this process's secret key, as deploy/keys makes it"},                                                    \
    {"BUS_PEERS", SETTING_STRING, "", 0, 0, NULL, offsetof(type, member.peers),                                        \
     "tcp://: the names and public keys of all, as deploy/keys lists them"}
/* clang-format on */

struct wire_keys;

/* What is wrong with keys: which of the settings, and why. */
struct wire_keys_mistake {
    const char *setting;
    char text[160];
};

/* Returns owned: the keys of the process called name. NULL, and *mistake, where secret is no key, peers no list, or the
 * list knows the secret's public key by another name or not at all. */
struct wire_keys *wire_keys_new(const char *name, const char *secret, const char *peers,
                                struct wire_keys_mistake *mistake);
/* All wires that use them must be closed. */
void wire_keys_destroy(struct wire_keys **keys);

/* From the check of a program's settings: returns owned, NULL where neither is set. What is wrong is told by
 * config_mistake; then NULL too. */
struct wire_keys *wire_keys_load(const struct wire_key_settings *settings, const char *name);
/* The same: tells of each setting NAME_LISTEN or NAME_ENDPOINTS that has a tcp:// address where there are no keys. */
void wire_keys_check(const struct wire_keys *keys, const struct setting *settings, size_t count, const void *config);

/* How many connections were refused since: their keys are nobody's. From any thread. */
uint64_t wire_keys_refused(const struct wire_keys *keys);

#endif
