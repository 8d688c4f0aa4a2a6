/* Limits of the shell, with their reasons. Those of the protocol are the core's. */
#ifndef P2PCHAT_DAEMON_LIMITS_H
#define P2PCHAT_DAEMON_LIMITS_H

#include <stdint.h>

enum {
    /* More sockets to listen on than any host has reason for; bounds what a name may resolve to. */
    LISTEN_MAX = 16,

    /* Connections that wait for accept: a burst of a whole group coming back at once. */
    LISTEN_BACKLOG = 512,

    /* Accepted in one turn of one listener, so that a flood of new ones does not keep the others
     * waiting. */
    ACCEPT_PER_TURN = 32,

    /* Without a free descriptor, accepting rests for so long: short for people, long for a loop. */
    ACCEPT_PAUSE_MS = 250,

    /* Read from a carrier in one turn, into the one buffer that all share: about the largest
     * record. */
    CARRIER_READ_MAX = 64 << 10,

    /* Output that a carrier may have waiting here; what the core may send is counted against it. */
    CARRIER_OUTPUT_MAX = 256 << 10,

    /* What was sent before CLOSE gets so long to go out and to be taken by the other side. */
    CARRIER_LINGER_MS = 2000,

    /* Carriers that may linger at once; with more, the descriptors are needed elsewhere. */
    CARRIERS_LINGERING_MAX = 256,

    /* Data that nobody acknowledges end a connection (p2pchat-protocol(7), Links). */
    CARRIER_USER_TIMEOUT_MS = 20000,

    /* Addresses that a signed peer record has room for. */
    ANNOUNCE_MAX = 8,

    /* How often the addresses of the host are looked at again when we listen on all of them. */
    ANNOUNCE_PERIOD_MS = 30000,

    /* A dial ends after so long, whatever its attempts are doing: longer than TCP's first three
     * retransmissions of SYN, shorter than a person's patience. */
    DIAL_TOTAL_MS = 30000,

    /* RFC 8305, section 8: the defaults. */
    DIAL_ATTEMPT_DELAY_MS = 250,
    DIAL_RESOLUTION_DELAY_MS = 50,

    /* Addresses tried in one dial, and those taken from one answer of one name. */
    DIAL_CANDIDATES_MAX = 32,
    DIAL_PER_ANSWER_MAX = 8,

    /* A line of the daemon's own log is cut here. */
    LOG_LINE_MAX = 2048,

    /* Keys that are accepted at once: they are looked through one by one. */
    ACCEPT_FROM_MAX = 1024,

    /* How long a request for a chat stays open, by default and at most. */
    REQUEST_TIMEOUT_S = 600,
    REQUEST_TIMEOUT_MAX_S = 30 * 24 * 3600,

    /* Messages that wait for one peer, by default and at most (p2pchatd.conf(5), Limits). */
    OUTBOX_MESSAGES_MAX = 1000000,
    OUTBOX_MESSAGES_TOP = 1000000000
};

/* Their text. At least one message of the largest size must fit. */
#define OUTBOX_BYTES_MAX    (UINT64_C(1) << 30)
#define OUTBOX_BYTES_BOTTOM (UINT64_C(64) << 10)
#define OUTBOX_BYTES_TOP    (UINT64_C(1) << 40)

#endif
