/* The users whose programs are connected to the control socket: how many may be, what may wait for
 * them, and whose turn it is.
 *
 * Whoever may connect at all is one of several who trust each other to speak for this node, but not
 * to be free of mistakes: a program that connects again and again, or asks without end, takes from
 * its own user, not from the others. So places, memory and turns go by user first.
 *
 * Of what is bounded for all, nobody may have more than is still free: one alone has half of it,
 * and whoever comes after that finds some. Root and the daemon's own user may have all that is
 * free. */
#ifndef P2PCHAT_DAEMON_USERS_H
#define P2PCHAT_DAEMON_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "daemon/client.h"

/* What waits for clients. Who has too much of the first two is kept waiting (users_hold); of the
 * last, there is nothing to wait for. */
enum users_share {
    USERS_CALLS,  /* that are not answered; CLIENTS_CALLS_MAX in all */
    USERS_OUTPUT, /* bytes that they have not read; CLIENTS_OUTPUT_MAX in all */
    USERS_INPUT,  /* bytes of requests that are not whole; CLIENTS_INPUT_MAX in all */
    USERS_SHARES,
    USERS_HELD_SHARES = USERS_INPUT
};

struct user {
    uid_t id;
    bool is_owner;  /* root, or whom the daemon runs as; nobody else shows as either */
    size_t clients; /* connected */

    /* Private to users.c. */
    size_t has[USERS_SHARES];
    struct clients held[USERS_HELD_SHARES]; /* clients that wait until this user has less of it */
    struct clients turns; /* clients of this user that wait for their turn, in order */
    TAILQ_ENTRY(user) in_turns;
    UT_hash_handle hh;
};

struct users {
    size_t clients; /* connected, of all users */

    /* Private to users.c. */
    size_t has[USERS_SHARES];
    struct user *by_id;
    TAILQ_HEAD(, user) turns; /* users with clients that wait, in order */
    size_t waiting;           /* such clients, of all users */
};

void users_init(struct users *users);

/* All clients have left. */
void users_done(struct users *users);

/* How many clients a user has, of all that are connected. */
size_t users_clients_of(const struct users *users, uid_t id);

/* Whether there is a place for one more client of this user: of CLIENTS_MAX, the last CLIENTS_KEPT
 * are for root and the daemon's own user alone. */
bool users_have_place(const struct users *users, uid_t id);

/* A client, whose caller is known, takes its place: sets client->user. There is one. */
void users_enter(struct users *users, struct client *client);

/* It goes away, with its turn if it has one. */
void users_leave(struct users *users, struct client *client);

/* --- What waits for them --- */

/* A client has a call more, or less. */
void users_call_begins(struct users *users, struct client *client);
void users_call_ends(struct users *users, struct client *client);

/* Counts what a client has in `lines` and `out` now. */
void users_count(struct users *users, struct client *client);

/* Whether more of it may wait for clients of this user. */
bool users_have_room(const struct users *users, const struct user *user, enum users_share share);

/* Keeps a client until there is room for its user, of a share before USERS_HELD_SHARES: then
 * users_release gives it back, in order, one of each user at a time, as each may need what there
 * is. */
void users_hold(struct client *client, enum users_share share);
void users_release(struct users *users, void (*wake)(struct client *client));

/* --- Turns --- */

/* Puts a client in line; does nothing when it stands there. */
void users_wait(struct users *users, struct client *client);

/* Takes the client whose turn it is out of the line: the first of a user, and then the first of the
 * next user. NULL when nobody waits. */
struct client *users_next(struct users *users);

/* How many wait. */
size_t users_waiting(const struct users *users);

#endif
