/* The users whose programs are connected to the control socket: how many may be, and whose turn it
 * is.
 *
 * Whoever may connect at all is one of several who trust each other to speak for this node, but not
 * to be free of mistakes: a program that connects again and again, or asks without end, takes from
 * its own user, not from the others. So places and turns go by user first. */
#ifndef P2PCHAT_DAEMON_USERS_H
#define P2PCHAT_DAEMON_USERS_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "daemon/client.h"

struct user {
    uid_t id;
    bool is_owner;  /* root, or whom the daemon runs as; nobody else shows as either */
    size_t clients; /* connected */

    /* Private to users.c. */
    struct clients turns; /* clients of this user that wait for their turn, in order */
    TAILQ_ENTRY(user) in_turns;
    UT_hash_handle hh;
};

struct users {
    size_t clients; /* connected, of all users */

    /* Private to users.c. */
    struct user *by_id;
    TAILQ_HEAD(, user) turns; /* users with clients that wait, in order */
    size_t waiting;           /* such clients, of all users */
};

void users_init(struct users *users);

/* All clients have left. */
void users_done(struct users *users);

/* How many clients a user has, of all that are connected. */
size_t users_clients_of(const struct users *users, uid_t id);

/* Whether there is a place for one more client of this user. Of CLIENTS_MAX, the last CLIENTS_KEPT
 * are for root and the daemon's own user; of the others nobody may have more than are still free:
 * one alone has half of them, and whoever comes after that finds a place. */
bool users_have_place(const struct users *users, uid_t id);

/* A client, whose caller is known, takes its place: sets client->user. There is one. */
void users_enter(struct users *users, struct client *client);

/* It goes away, with its turn if it has one. */
void users_leave(struct users *users, struct client *client);

/* Puts a client in line; does nothing when it stands there. */
void users_wait(struct users *users, struct client *client);

/* Takes the client whose turn it is out of the line: the first of a user, and then the first of the
 * next user. NULL when nobody waits. */
struct client *users_next(struct users *users);

/* How many wait. */
size_t users_waiting(const struct users *users);

#endif
