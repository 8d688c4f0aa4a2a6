/* A link of the core to a daemon that is measured, from a loopback address of its own: of one
 * address, a daemon lets in only so many. Its socket blocks: whoever asks much at once takes care
 * that the answers fit into the sockets' buffers. */
#ifndef P2PCHAT_TESTS_BENCH_GUEST_H
#define P2PCHAT_TESTS_BENCH_GUEST_H

#include <stddef.h>
#include <stdint.h>

#include "daemon/core/link/link.h"

/* Whom they visit. */
struct guest_host {
    struct peer_key key;
    uint16_t port; /* on 127.0.0.1 */
};

struct guest {
    int fd;
    struct link *link; /* NULL: not open */
    struct bytes hello;
    struct link_settings settings;
    struct random random;
};

/* The host with that peer id. */
struct guest_host guest_host(const char *peer_id, uint16_t port);

/* The address of guest number `index` (below GUESTS_MAX), as text and in host order. */
enum { GUESTS_MAX = 1 << 23, GUEST_ADDRESS_LENGTH = 16 };
uint32_t guest_address(size_t index);
void guest_address_format(size_t index, char ret_text[GUEST_ADDRESS_LENGTH]);

/* Connects from the address of that number and begins the handshake. The identity is borrowed;
 * HELLO has the signed record. Ends the benchmark when it does not work, as all of these do. */
void guest_open(struct guest *guest, size_t index, const struct identity *identity,
                const uint8_t *record, size_t record_length, const struct guest_host *host);

/* Ends it at once, without CLOSE and without TIME_WAIT. */
void guest_close(struct guest *guest);

/* Puts a message in line; guest_send sends what is there, in one piece. */
void guest_say(struct guest *guest, enum message_type type, const void *data, size_t length);
void guest_send(struct guest *guest);

/* What came in: HELLO first. */
typedef void guest_hears(void *context, struct guest *guest, enum message_type type,
                         const struct json *data);

/* Reads once (the socket is readable), hands over what came, and sends what that led to. */
void guest_receive(struct guest *guest, guest_hears *hears, void *context);

/* Lets this process have so many descriptors. */
void guest_allow_descriptors(size_t count);

#endif
