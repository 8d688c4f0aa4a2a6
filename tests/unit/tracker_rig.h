/* A house that is a tracker's: what its visitors say to it, and hear. */
#ifndef P2PCHAT_TESTS_UNIT_TRACKER_RIG_H
#define P2PCHAT_TESTS_UNIT_TRACKER_RIG_H

#include "daemon/core/overlay/peer_record.h"
#include "tests/unit/house.h"

#define PEER_HOST  "198.51.100.1"
#define OTHER_HOST "198.51.100.2"

/* A record of the visitor's, as of now: with an address elsewhere, and one at PEER_HOST, whose port
 * is 4002. */
struct peer_record tracker_record_of(const struct house *house, const struct visitor *visitor,
                                     const char *name);
size_t tracker_sign(const struct visitor *visitor, const struct peer_record *record,
                    uint8_t bytes[PEER_RECORD_BYTES_MAX]);

/* REGISTER with those bytes, with that record, with one as above; EXIT_NETWORK. */
void tracker_say_bytes(struct house *house, struct visitor *visitor, const uint8_t *bytes,
                       size_t length);
void tracker_say_record(struct house *house, struct visitor *visitor,
                        const struct peer_record *record);
void tracker_register_as(struct house *house, struct visitor *visitor, const char *name);
void tracker_leave(struct house *house, struct visitor *visitor);

/* What the visitor heard since this was asked last, which must be that. */
void tracker_expect_success(struct visitor *visitor);
void tracker_expect_refused(struct visitor *visitor, const char *why);

/* Somebody new, who has registered by a link from `host`. */
struct visitor *tracker_registered(struct house *house, const char *host, const char *name);

/* How many are. */
size_t tracker_count(const struct house *house);

/* LISTPEER with that msgdata, or for everybody: the names of the answer with a blank after each,
 * those of classic peers behind them in parentheses, and "next:" with the next, or "-". Scratch. */
const char *tracker_ask(struct house *house, struct visitor *visitor, const char *question);
const char *tracker_list(struct house *house, struct visitor *visitor);

#endif
