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

bool users_have_place(const struct users *users, uid_t id)
{
    const size_t places = is_owner(id) ? CLIENTS_MAX : CLIENTS_MAX - CLIENTS_KEPT;

    if (users->clients >= places)
        return false;
    return is_owner(id) || users_clients_of(users, id) < places - users->clients;
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
        HASH_ADD(hh, users->by_id, id, sizeof(user->id), user);
    }
    client->user = user;
    user->clients++;
    users->clients++;
}

void users_leave(struct users *users, struct client *client)
{
    struct user *user = client->user;

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
