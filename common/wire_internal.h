/* What the files of wires share. Private to common/wire*.c.
 *   wire.c       sockets
 *   wire_keys.c  keys and names, and their settings
 *   wire_zap.c   libzmq's question whose key it is, answered in a thread of its own */
#ifndef COMMON_WIRE_INTERNAL_H
#define COMMON_WIRE_INTERNAL_H

#include <stdatomic.h>
#include <stdbool.h>
#include <stddef.h>

#include "common/wire_keys.h"

struct wire_peer {
    char name[WIRE_NAME_MAX + 1];
    unsigned char key[WIRE_KEY_SIZE];
};

struct wire_keys {
    unsigned char public_key[WIRE_KEY_SIZE], secret_key[WIRE_KEY_SIZE];
    struct wire_peer peers[WIRE_PEERS_MAX];
    size_t peer_count;
    char domain[16]; /* what libzmq calls them when it asks; "" until a wire answers with them */
    atomic_uint_least64_t refused;
    struct wire_keys *next; /* of those that it may ask of */
};

/* The n-th public key of a name, counted round and round; NULL for a name that is not known. */
const unsigned char *wire_keys_of(const struct wire_keys *keys, const char *name, size_t n);
/* Whose public key it is; NULL = nobody's. */
const char *wire_keys_name(const struct wire_keys *keys, const unsigned char key[WIRE_KEY_SIZE]);

/* Sees to it that libzmq's questions about these keys are answered. */
void wire_zap_begin(struct wire_keys *keys);
/* Does nothing for keys that were never asked about. */
void wire_zap_end(struct wire_keys *keys);

#endif
