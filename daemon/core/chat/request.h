/* Requests for consent: those that wait for an answer, and those that had one and are remembered
 * until their time is over (p2pchat-protocol(7), Consent). */
#ifndef P2PCHAT_DAEMON_CORE_CHAT_REQUEST_H
#define P2PCHAT_DAEMON_CORE_CHAT_REQUEST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/mono.h"
#include "daemon/core/timers.h"
#include "daemon/core/transaction.h"

struct request {
    struct request_row row;
    struct timer timer;   /* when it expires, or is forgotten */
    uint64_t block;       /* address block it came from */
    bool is_logged;       /* the log tells that it came */
    bool is_classic;      /* the peer's */
    struct request *next; /* in order of number: oldest first */
};

struct requests {
    struct request *first;
    size_t count;          /* all */
    uint32_t last_request; /* highest number given */
};

void requests_done(struct requests *requests, struct timers *timers);

/* Adds the request of that number, or gives the known one a new row. Copied. The timer is the
 * caller's to set. */
struct request *requests_put(struct requests *requests, const struct request_row *row);
void requests_remove(struct requests *requests, struct timers *timers, struct request *request);

struct request *requests_by_number(const struct requests *requests, uint32_t number);
struct request *requests_by_id(const struct requests *requests, uint32_t peer,
                               enum direction direction, const uint8_t id[CONSENT_ID_LENGTH]);

/* The pending request of a peer in one direction, or NULL: there is at most one. */
struct request *requests_pending(const struct requests *requests, uint32_t peer,
                                 enum direction direction);

/* How many of others wait in all, or from one address block (0: all), of peers with a key or of
 * classic ones, and the oldest of them. */
size_t requests_waiting(const struct requests *requests, uint64_t block, bool is_classic,
                        struct request **ret_oldest);

/* The number in "r12"; 0 when it is not of that form. */
uint32_t request_number(const char *text);

#endif
