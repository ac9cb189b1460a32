/* Keys and names: read from settings, and looked up. */
#include "common/wire_keys.h"

#include <sodium.h>
#include <stdarg.h>
#include <string.h>
#include <zmq.h>

#include "common/allocate.h"
#include "common/banned.h"
#include "common/str.h"
#include "common/wire_internal.h"

/* ---- mistakes ---- */

__attribute__((format(printf, 3, 4))) static bool refuse(struct wire_keys_mistake *mistake, const char *setting,
                                                         const char *format, ...)
{
    va_list arguments;
    va_start(arguments, format);
    mistake->setting = setting;
    vsnprintf(mistake->text, sizeof mistake->text, format, arguments);
    va_end(arguments);
    return false;
}

/* ---- reading ---- */

static bool read_key(struct str text, unsigned char key[WIRE_KEY_SIZE])
{
    char z85[WIRE_KEY_TEXT + 1];
    if (text.len != WIRE_KEY_TEXT || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(z85, text.ptr, WIRE_KEY_TEXT);
    z85[WIRE_KEY_TEXT] = '\0';
    bool is_read = zmq_z85_decode(key, z85) != NULL;
    sodium_memzero(z85, sizeof z85);
    return is_read;
}

static bool is_name(struct str text)
{
    if (text.len == 0 || text.len > WIRE_NAME_MAX)
        return false;
    for (size_t i = 0; i < text.len; i++)
        if (strchr("abcdefghijklmnopqrstuvwxyz0123456789-_", text.ptr[i]) == NULL)
            return false;
    return true;
}

static bool is_blank(char c)
{
    return c == ' ' || c == '\t' || c == '\r';
}

/* Cuts the first word off *rest; empty at its end. */
static struct str next_word(struct str *rest)
{
    while (rest->len > 0 && is_blank(*rest->ptr))
        *rest = (struct str){rest->ptr + 1, rest->len - 1};
    size_t len = 0;
    while (len < rest->len && !is_blank(rest->ptr[len]))
        len++;
    struct str word = {rest->ptr, len};
    *rest = (struct str){rest->ptr + len, rest->len - len};
    return word;
}

static bool add_peer(struct wire_keys *keys, struct str line, size_t number, struct wire_keys_mistake *mistake)
{
    struct str rest = line, name = next_word(&rest), key = next_word(&rest);
    if (name.len == 0 || *name.ptr == '#')
        return true;
    if (keys->peer_count == WIRE_PEERS_MAX)
        return refuse(mistake, "BUS_PEERS", "names more than %d keys", WIRE_PEERS_MAX);
    struct wire_peer *peer = &keys->peers[keys->peer_count];
    if (!is_name(name) || !read_key(key, peer->key) || next_word(&rest).len > 0)
        return refuse(mistake, "BUS_PEERS", "line %zu is not a name and its public key, as deploy/keys writes them",
                      number);
    if (wire_keys_name(keys, peer->key) != NULL)
        return refuse(mistake, "BUS_PEERS", "line %zu repeats a key", number);
    memcpy(peer->name, name.ptr, name.len);
    keys->peer_count++;
    return true;
}

static bool read_peers(struct wire_keys *keys, const char *text, struct wire_keys_mistake *mistake)
{
    size_t number = 1;
    for (const char *at = text; *at != '\0'; number++) {
        size_t len = strcspn(at, "\n");
        if (!add_peer(keys, (struct str){at, len}, number, mistake))
            return false;
        at += len + (at[len] == '\n');
    }
    return true;
}

static bool read_own(struct wire_keys *keys, const char *name, const char *secret, struct wire_keys_mistake *mistake)
{
    if (!read_key(str_from(secret), keys->secret_key))
        return refuse(mistake, "BUS_KEY", "is no key: 40 characters of Z85, as deploy/keys makes it");
    crypto_scalarmult_base(keys->public_key, keys->secret_key);
    const char *known = wire_keys_name(keys, keys->public_key);
    if (known == NULL)
        return refuse(mistake, "BUS_KEY", "is a key that BUS_PEERS does not list: the others would not know it");
    if (strcmp(known, name) != 0)
        return refuse(mistake, "BUS_KEY", "is the key of '%s' by BUS_PEERS, not of '%s'", known, name);
    return true;
}

struct wire_keys *wire_keys_new(const char *name, const char *secret, const char *peers,
                                struct wire_keys_mistake *mistake)
{
    struct wire_keys *keys = allocate(sizeof *keys);
    if (!read_peers(keys, peers, mistake) || !read_own(keys, name, secret, mistake))
        wire_keys_destroy(&keys);
    return keys;
}

void wire_keys_destroy(struct wire_keys **keys)
{
    if (*keys == NULL)
        return;
    wire_zap_end(*keys);
    sodium_memzero(*keys, sizeof **keys);
    free(*keys);
    *keys = NULL;
}

/* ---- from settings ---- */

struct wire_keys *wire_keys_load(const struct wire_key_settings *settings, const char *name)
{
    bool has_key = *settings->key != '\0', has_peers = *settings->peers != '\0';
    struct wire_keys_mistake mistake;
    if (has_key != has_peers)
        config_mistake(has_key ? "BUS_PEERS" : "BUS_KEY", "is not set, and %s is: tcp:// needs both",
                       has_key ? "BUS_KEY" : "BUS_PEERS");
    if (!has_key || !has_peers)
        return NULL;
    struct wire_keys *keys = wire_keys_new(name, settings->key, settings->peers, &mistake);
    if (keys == NULL)
        config_mistake(mistake.setting, "%s", mistake.text);
    return keys;
}

static bool ends_with(const char *text, const char *end)
{
    size_t len = strlen(text), end_len = strlen(end);
    return len >= end_len && strcmp(text + len - end_len, end) == 0;
}

void wire_keys_check(const struct wire_keys *keys, const struct setting *settings, size_t count, const void *config)
{
    for (size_t i = 0; keys == NULL && i < count; i++) {
        if (settings[i].type != SETTING_STRING ||
            !(ends_with(settings[i].name, "_LISTEN") || ends_with(settings[i].name, "_ENDPOINTS")))
            continue;
        const char *addresses = *(const char *const *)((const char *)config + settings[i].offset);
        if (strstr(addresses, "tcp://") != NULL)
            config_mistake(settings[i].name,
                           "has a tcp:// address, which needs keys: BUS_KEY and BUS_PEERS (deploy/keys makes them); on "
                           "one host ipc:// does without");
    }
}

/* ---- looking up ---- */

const unsigned char *wire_keys_of(const struct wire_keys *keys, const char *name, size_t n)
{
    const struct wire_peer *known[WIRE_PEERS_MAX];
    size_t count = 0;
    for (size_t i = 0; i < keys->peer_count; i++)
        if (strcmp(keys->peers[i].name, name) == 0)
            known[count++] = &keys->peers[i];
    return count > 0 ? known[n % count]->key : NULL;
}

const char *wire_keys_name(const struct wire_keys *keys, const unsigned char key[WIRE_KEY_SIZE])
{
    for (size_t i = 0; i < keys->peer_count; i++)
        if (memcmp(keys->peers[i].key, key, WIRE_KEY_SIZE) ==
            0) /* a public key: nothing to hide in the time it takes */
            return keys->peers[i].name;
    return NULL;
}

uint64_t wire_keys_refused(const struct wire_keys *keys)
{
    return atomic_load(&keys->refused);
}
