#include "daemon/users.h"

#include <stdlib.h>
#include <unistd.h>

#include "common/alloc.h"
#include "daemon/limits.h"

void users_init(struct users *users)
{
    *users = (struct users){.clients = 0};
    TAILQ_INIT(&users->turns);
}

void users_done(struct users *users)
{
    must(users->clients == 0 && users->by_id == NULL);
}

/* --- Places --- */

static struct user *find(const struct users *users, uid_t id)
{
    struct user *user;

    HASH_FIND(hh, users->by_id, &id, sizeof(id), user);
    return user;
}

size_t users_clients_of(const struct users *users, uid_t id)
{
    const struct user *user = find(users, id);

    return user != NULL ? user->clients : 0;
}

/* Whoever is in another user namespace shows as this one (user_namespaces(7), "Unmapped user and
 * group IDs"): all the others, where the service has PrivateUsers=. So it is nobody in particular,
 * and not the owner, even where the daemon runs as this user. */
enum { OVERFLOW_USER = 65534 };

static bool is_owner(uid_t id)
{
    return id == 0 || (id == geteuid() && id != OVERFLOW_USER);
}

static bool has_share(size_t own, size_t all, size_t max, bool is_owner)
{
    return all < max && (is_owner || own < max - all);
}

bool users_have_place(const struct users *users, uid_t id)
{
    const size_t places = is_owner(id) ? CLIENTS_MAX : CLIENTS_MAX - CLIENTS_KEPT;

    return has_share(users_clients_of(users, id), users->clients, places, is_owner(id));
}

void users_enter(struct users *users, struct client *client)
{
    const uid_t id = client->caller.user;
    struct user *user = find(users, id);

    must(users_have_place(users, id));
    if (user == NULL) {
        user = xcalloc(1, sizeof(*user));
        user->id = id;
        user->is_owner = is_owner(id);
        TAILQ_INIT(&user->turns);
        for (enum users_share share = 0; share < USERS_HELD_SHARES; share++)
            TAILQ_INIT(&user->held[share]);
        HASH_ADD(hh, users->by_id, id, sizeof(user->id), user);
    }
    client->user = user;
    user->clients++;
    users->clients++;
}

static void count(struct users *users, struct client *client, enum users_share share, size_t bytes)
{
    struct user *user = client->user;
    size_t *counted = share == USERS_INPUT ? &client->counted_in : &client->counted_out;

    user->has[share] = user->has[share] - *counted + bytes;
    users->has[share] = users->has[share] - *counted + bytes;
    *counted = bytes;
}

static void let_go(struct client *client)
{
    if (client->kept_in != NULL)
        TAILQ_REMOVE(client->kept_in, client, in_held);
    client->kept_in = NULL;
}

void users_leave(struct users *users, struct client *client)
{
    struct user *user = client->user;

    must(client->call_count == 0);
    count(users, client, USERS_INPUT, 0);
    count(users, client, USERS_OUTPUT, 0);
    let_go(client);
    if (client->has_turn) {
        TAILQ_REMOVE(&user->turns, client, in_turns);
        client->has_turn = false;
        users->waiting--;
        if (TAILQ_EMPTY(&user->turns))
            TAILQ_REMOVE(&users->turns, user, in_turns);
    }
    users->clients--;
    if (--user->clients > 0)
        return;
    HASH_DELETE(hh, users->by_id, user);
    free(user);
}

/* --- What waits for them --- */

void users_call_begins(struct users *users, struct client *client)
{
    client->call_count++;
    client->user->has[USERS_CALLS]++;
    users->has[USERS_CALLS]++;
}

void users_call_ends(struct users *users, struct client *client)
{
    client->call_count--;
    client->user->has[USERS_CALLS]--;
    users->has[USERS_CALLS]--;
}

void users_count(struct users *users, struct client *client)
{
    count(users, client, USERS_INPUT, bytes_length(&client->lines.in));
    count(users, client, USERS_OUTPUT, bytes_length(&client->out));
}

bool users_have_room(const struct users *users, const struct user *user, enum users_share share)
{
    static const size_t max[] = {[USERS_CALLS] = CLIENTS_CALLS_MAX,
                                 [USERS_INPUT] = CLIENTS_INPUT_MAX,
                                 [USERS_OUTPUT] = CLIENTS_OUTPUT_MAX};

    return has_share(user->has[share], users->has[share], max[share], user->is_owner);
}

void users_hold(struct client *client, enum users_share share)
{
    struct clients *held = &client->user->held[share];

    must(share < USERS_HELD_SHARES);
    if (client->kept_in == held)
        return;
    let_go(client);
    client->kept_in = held;
    TAILQ_INSERT_TAIL(held, client, in_held);
}

void users_release(struct users *users, void (*wake)(struct client *client))
{
    for (struct user *user = users->by_id; user != NULL; user = user->hh.next) {
        for (enum users_share share = 0; share < USERS_HELD_SHARES; share++) {
            struct client *client = TAILQ_FIRST(&user->held[share]);

            if (client == NULL || !users_have_room(users, user, share))
                continue;
            let_go(client);
            wake(client);
        }
    }
}

/* --- Turns --- */

void users_wait(struct users *users, struct client *client)
{
    struct user *user = client->user;

    if (client->has_turn)
        return;
    client->has_turn = true;
    users->waiting++;
    if (TAILQ_EMPTY(&user->turns))
        TAILQ_INSERT_TAIL(&users->turns, user, in_turns);
    TAILQ_INSERT_TAIL(&user->turns, client, in_turns);
}

struct client *users_next(struct users *users)
{
    struct user *user = TAILQ_FIRST(&users->turns);
    struct client *client;

    if (user == NULL)
        return NULL;
    client = TAILQ_FIRST(&user->turns);
    TAILQ_REMOVE(&user->turns, client, in_turns);
    client->has_turn = false;
    users->waiting--;
    TAILQ_REMOVE(&users->turns, user, in_turns);
    if (!TAILQ_EMPTY(&user->turns))
        TAILQ_INSERT_TAIL(&users->turns, user, in_turns);
    return client;
}

size_t users_waiting(const struct users *users)
{
    return users->waiting;
}
