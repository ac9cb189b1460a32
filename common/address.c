/* Addresses by inet_pton and inet_ntop; networks by comparing bits. */
#include "common/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <netinet/in.h>
#include <string.h>

enum { IPV4_BYTES = 4, IPV4_AT = ADDRESS_BYTES - IPV4_BYTES, IPV4_BITS = 32, BITS = 8 * ADDRESS_BYTES };

static const unsigned char ipv4_prefix[IPV4_AT] = {[10] = 0xFF, [11] = 0xFF};

static void set_ipv4(struct address *address, const void *bytes)
{
    memcpy(address->bytes, ipv4_prefix, IPV4_AT);
    memcpy(address->bytes + IPV4_AT, bytes, IPV4_BYTES);
}

bool address_read(struct str text, struct address *out)
{
    char terminated[ADDRESS_MAX_TEXT + 1];
    unsigned char bytes[ADDRESS_BYTES];
    if (text.len == 0 || text.len > ADDRESS_MAX_TEXT || memchr(text.ptr, '\0', text.len) != NULL)
        return false;
    memcpy(terminated, text.ptr, text.len);
    terminated[text.len] = '\0';
    if (inet_pton(AF_INET, terminated, bytes) == 1) {
        set_ipv4(out, bytes);
        return true;
    }
    if (inet_pton(AF_INET6, terminated, bytes) != 1)
        return false;
    memcpy(out->bytes, bytes, ADDRESS_BYTES);
    return true;
}

size_t address_write(const struct address *address, char *out)
{
    const char *written = address_is_ipv4(address)
                              ? inet_ntop(AF_INET, address->bytes + IPV4_AT, out, ADDRESS_MAX_TEXT + 1)
                              : inet_ntop(AF_INET6, address->bytes, out, ADDRESS_MAX_TEXT + 1);
    assert(written != NULL);
    return strlen(out);
}

bool address_of_socket(const struct sockaddr *socket, struct address *out)
{
    if (socket->sa_family == AF_INET)
        set_ipv4(out, &((const struct sockaddr_in *)(const void *)socket)->sin_addr);
    else if (socket->sa_family == AF_INET6)
        memcpy(out->bytes, &((const struct sockaddr_in6 *)(const void *)socket)->sin6_addr, ADDRESS_BYTES);
    else
        return false;
    return true;
}

socklen_t address_to_socket(const char *host, int64_t port, struct sockaddr_storage *out)
{
    struct sockaddr_in *v4 = (struct sockaddr_in *)out;
    struct sockaddr_in6 *v6 = (struct sockaddr_in6 *)out;
    memset(out, 0, sizeof *out);
    if (inet_pton(AF_INET, host, &v4->sin_addr) == 1) {
        v4->sin_family = AF_INET;
        v4->sin_port = htons((uint16_t)port);
        return sizeof *v4;
    }
    if (inet_pton(AF_INET6, host, &v6->sin6_addr) == 1) {
        v6->sin6_family = AF_INET6;
        v6->sin6_port = htons((uint16_t)port);
        return sizeof *v6;
    }
    return 0;
}

bool address_is_ipv4(const struct address *address)
{
    return memcmp(address->bytes, ipv4_prefix, IPV4_AT) == 0;
}

void address_cut(struct address *address, unsigned bits)
{
    assert(bits <= BITS);
    for (unsigned i = 0; i < ADDRESS_BYTES; i++) {
        unsigned kept = bits > 8 * i ? bits - 8 * i : 0;
        if (kept < 8)
            address->bytes[i] &= (unsigned char)(0xFF00 >> kept);
    }
}

bool network_read(struct str text, struct network *out)
{
    const char *slash = text.len > 0 ? memchr(text.ptr, '/', text.len) : NULL;
    struct str address_text = {text.ptr, slash != NULL ? (size_t)(slash - text.ptr) : text.len};
    struct address address;
    if (!address_read(address_text, &address))
        return false;
    /* What is written with dots is counted by its own 32 bits. */
    bool is_ipv4 = memchr(address_text.ptr, ':', address_text.len) == NULL;
    int64_t most = is_ipv4 ? IPV4_BITS : BITS, bits = most;
    if (slash != NULL) {
        struct str count = {slash + 1, text.len - address_text.len - 1};
        if (!str_to_int64(count, &bits) || bits < 0 || bits > most || count.ptr[0] == '+' || count.ptr[0] == '-')
            return false;
    }
    *out = (struct network){address, (unsigned)(bits + (BITS - most))};
    return true;
}

bool network_holds(const struct network *network, const struct address *address)
{
    size_t whole = network->bits / 8;
    unsigned rest = network->bits % 8;
    const unsigned char *a = network->address.bytes, *b = address->bytes;
    return memcmp(a, b, whole) == 0 && (rest == 0 || (a[whole] ^ b[whole]) >> (8 - rest) == 0);
}
