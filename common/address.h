/* IP addresses and networks, as text and as bytes. An IPv4 address is held as the IPv6 address that stands for it
 * (::ffff:192.0.2.1): a socket for both says the same as one for IPv4 alone. */
#ifndef COMMON_ADDRESS_H
#define COMMON_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/socket.h>

#include "common/str.h"

enum { ADDRESS_BYTES = 16, ADDRESS_MAX_TEXT = 45 };

struct address {
    unsigned char bytes[ADDRESS_BYTES];
};

/* Whether text is one address, alone; else *out stays. */
bool address_read(struct str text, struct address *out);
/* Writes its text, terminated, to ADDRESS_MAX_TEXT + 1 bytes; returns the length. */
size_t address_write(const struct address *address, char *out);
/* False for a socket of another family. */
bool address_of_socket(const struct sockaddr *socket, struct address *out);
/* Fills in what bind and connect take; returns its length, or 0 where host is no address. */
socklen_t address_to_socket(const char *host, int64_t port, struct sockaddr_storage *out);
bool address_is_ipv4(const struct address *address);

/* Makes all bits zero but the first. */
void address_cut(struct address *address, unsigned bits);

/* All addresses that begin with the same bits. */
struct network {
    struct address address;
    unsigned bits;
};

/* Reads "192.0.2.0/24", "2001:db8::/32", or an address, which is a network of one. */
bool network_read(struct str text, struct network *out);
bool network_holds(const struct network *network, const struct address *address);

#endif
