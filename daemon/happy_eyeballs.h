/* The race of connection attempts of one dial (RFC 8305), without sockets, resolver or clock.
 *
 * A dial has entries, most useful first: literals, and names whose IPv6 and IPv4 answers come in by
 * themselves. Their addresses are tried in the order of the entries, IPv6 first within a name, then
 * with the families taking turns; the next attempt begins when one fails, or 250 ms after the one
 * before it. IPv4 addresses of a name wait 50 ms for the IPv6 answer. The first attempt that
 * connects wins: whoever drives the race closes the other attempts, and then drops it or, when what
 * was won turns out to be worth nothing, lets it go on with them. */
#ifndef P2PCHAT_DAEMON_HAPPY_EYEBALLS_H
#define P2PCHAT_DAEMON_HAPPY_EYEBALLS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "common/error.h"
#include "common/mono.h"
#include "daemon/core/action.h"
#include "daemon/limits.h"
#include "daemon/socket_address.h"

enum race_family { RACE_IPV6, RACE_IPV4, RACE_FAMILIES };

enum race_attempt_state {
    RACE_WAITING, /* its turn has not come */
    RACE_CHOSEN,  /* to be told by the next action */
    RACE_TRYING,
    RACE_WON, /* connected, while it is not known whether to whom it should */
    RACE_FAILED
};

struct race_attempt {
    struct socket_address address;
    size_t entry;
    enum race_attempt_state state;
};

struct happy_eyeballs {
    struct race_attempt attempts[DIAL_CANDIDATES_MAX]; /* in the order of their arrival */
    size_t count;
    bool awaited[DIAL_ADDRESSES_MAX][RACE_FAMILIES]; /* answers that have not come */
    struct mono held[DIAL_ADDRESSES_MAX];            /* IPv4 of a name waits for IPv6 until then */
    bool has_tried;
    enum race_family last_family; /* of the newest attempt */
    struct mono next_attempt;     /* not before */
    struct mono end;              /* of the whole dial */
    bool is_won;                  /* rests until it goes on */
    bool has_ended;
    bool end_is_told;
    enum error error;
};

/* The dial ends DIAL_TOTAL_MS after now. */
void happy_eyeballs_init(struct happy_eyeballs *race, struct now now);

/* Entry number `entry` (below DIAL_ADDRESSES_MAX) is a literal, or a name that is being looked up
 * in both families. To be told before the first action is taken. */
void happy_eyeballs_add_literal(struct happy_eyeballs *race, size_t entry,
                                const struct socket_address *address);
void happy_eyeballs_add_name(struct happy_eyeballs *race, size_t entry);

/* All entries are known: the race begins. */
void happy_eyeballs_start(struct happy_eyeballs *race, struct now now);

/* The answer for one family of a name; none when `count` is 0. The first DIAL_PER_ANSWER_MAX are
 * taken, what is there already is not taken again. */
void happy_eyeballs_resolved(struct happy_eyeballs *race, size_t entry, enum race_family family,
                             const struct socket_address *addresses, size_t count, struct now now);

/* The attempt came to nothing. */
void happy_eyeballs_failed(struct happy_eyeballs *race, size_t attempt, struct now now);

/* The attempt has connected. The others that were begun are to be closed; they wait again. Until
 * the race goes on there is no action and no deadline. */
void happy_eyeballs_won(struct happy_eyeballs *race, size_t attempt);

/* What was won is worth nothing. */
void happy_eyeballs_go_on(struct happy_eyeballs *race, struct now now);

void happy_eyeballs_expire(struct happy_eyeballs *race, struct now now);

/* MONO_NEVER when the race has ended, or is won. */
struct mono happy_eyeballs_deadline(const struct happy_eyeballs *race);

enum race_action_kind {
    RACE_TRY, /* begin to connect to `address`, which is of `entry`; `attempt` is its number */
    RACE_LOST /* nothing connected: ERR_UNREACHABLE; ERR_NOT_FOUND: no name has an address;
                 ERR_TIMED_OUT. Nothing comes after it */
};

/* Borrowed from the race. */
struct race_action {
    enum race_action_kind kind;
    size_t attempt, entry;
    const struct socket_address *address;
    enum error error;
};
bool happy_eyeballs_next_action(struct happy_eyeballs *race, struct race_action *ret_action);

#endif
