#include "daemon/happy_eyeballs.h"

#include <string.h>

#include "common/alloc.h"

void happy_eyeballs_init(struct happy_eyeballs *race, struct now now)
{
    memset(race, 0, sizeof(*race));
    race->next_attempt = now.mono;
    race->end = mono_after(now.mono, DIAL_TOTAL_MS);
}

static enum race_family family_of(const struct race_attempt *attempt)
{
    return socket_address_family(&attempt->address) == AF_INET6 ? RACE_IPV6 : RACE_IPV4;
}

static void add(struct happy_eyeballs *race, size_t entry, const struct socket_address *address)
{
    for (size_t i = 0; i < race->count; i++) {
        if (socket_address_equal(&race->attempts[i].address, address))
            return;
    }
    if (race->count == DIAL_CANDIDATES_MAX)
        return;
    race->attempts[race->count++] =
        (struct race_attempt){.address = *address, .entry = entry, .state = RACE_WAITING};
}

/* When the attempt may begin as far as it alone is concerned. */
static struct mono ready_at(const struct happy_eyeballs *race, const struct race_attempt *attempt)
{
    struct mono at = race->next_attempt;

    if (family_of(attempt) == RACE_IPV4 && race->held[attempt->entry].ms > at.ms)
        at = race->held[attempt->entry];
    return at;
}

/* Whether `a` goes before `b`: the family whose turn it is, then the entry, then IPv6; what is
 * equal goes by arrival. */
static bool precedes(const struct happy_eyeballs *race, const struct race_attempt *a,
                     const struct race_attempt *b)
{
    enum race_family family_a = family_of(a), family_b = family_of(b);

    if (race->has_tried && family_a != family_b)
        return family_a != race->last_family;
    if (a->entry != b->entry)
        return a->entry < b->entry;
    return family_a < family_b;
}

static struct race_attempt *choose(struct happy_eyeballs *race, struct now now)
{
    struct race_attempt *best = NULL;

    for (size_t i = 0; i < race->count; i++) {
        struct race_attempt *attempt = &race->attempts[i];

        if (attempt->state != RACE_WAITING || !mono_due(ready_at(race, attempt), now.mono))
            continue;
        if (best == NULL || precedes(race, attempt, best))
            best = attempt;
    }
    return best;
}

static bool is_hopeless(const struct happy_eyeballs *race)
{
    for (size_t i = 0; i < race->count; i++) {
        if (race->attempts[i].state != RACE_FAILED)
            return false;
    }
    for (size_t entry = 0; entry < DIAL_ADDRESSES_MAX; entry++) {
        if (race->awaited[entry][RACE_IPV6] || race->awaited[entry][RACE_IPV4])
            return false;
    }
    return true;
}

static void end(struct happy_eyeballs *race, enum error error)
{
    race->has_ended = true;
    race->error = error;
}

static void advance(struct happy_eyeballs *race, struct now now)
{
    struct race_attempt *attempt;

    if (race->has_ended || race->is_won)
        return;
    if (mono_due(race->end, now.mono)) {
        end(race, ERR_TIMED_OUT);
        return;
    }
    if (is_hopeless(race)) {
        end(race, race->count > 0 ? ERR_UNREACHABLE : ERR_NOT_FOUND);
        return;
    }
    attempt = choose(race, now);
    if (attempt == NULL)
        return;
    attempt->state = RACE_CHOSEN;
    race->has_tried = true;
    race->last_family = family_of(attempt);
    race->next_attempt = mono_after(now.mono, DIAL_ATTEMPT_DELAY_MS);
}

void happy_eyeballs_add_literal(struct happy_eyeballs *race, size_t entry,
                                const struct socket_address *address)
{
    must(entry < DIAL_ADDRESSES_MAX);
    add(race, entry, address);
}

void happy_eyeballs_add_name(struct happy_eyeballs *race, size_t entry)
{
    must(entry < DIAL_ADDRESSES_MAX);
    race->awaited[entry][RACE_IPV6] = true;
    race->awaited[entry][RACE_IPV4] = true;
}

void happy_eyeballs_start(struct happy_eyeballs *race, struct now now)
{
    advance(race, now);
}

void happy_eyeballs_resolved(struct happy_eyeballs *race, size_t entry, enum race_family family,
                             const struct socket_address *addresses, size_t count, struct now now)
{
    must(entry < DIAL_ADDRESSES_MAX && race->awaited[entry][family]);
    race->awaited[entry][family] = false;
    for (size_t i = 0; i < count && i < DIAL_PER_ANSWER_MAX; i++)
        add(race, entry, &addresses[i]);

    if (family == RACE_IPV6)
        race->held[entry] = now.mono;
    else if (race->awaited[entry][RACE_IPV6])
        race->held[entry] = mono_after(now.mono, DIAL_RESOLUTION_DELAY_MS);
    advance(race, now);
}

void happy_eyeballs_failed(struct happy_eyeballs *race, size_t attempt, struct now now)
{
    must(attempt < race->count && race->attempts[attempt].state == RACE_TRYING);
    race->attempts[attempt].state = RACE_FAILED;
    race->next_attempt = now.mono;
    advance(race, now);
}

void happy_eyeballs_won(struct happy_eyeballs *race, size_t attempt)
{
    must(attempt < race->count && race->attempts[attempt].state == RACE_TRYING && !race->is_won);
    for (size_t i = 0; i < race->count; i++) {
        if (race->attempts[i].state == RACE_TRYING || race->attempts[i].state == RACE_CHOSEN)
            race->attempts[i].state = RACE_WAITING;
    }
    race->attempts[attempt].state = RACE_WON;
    race->is_won = true;
}

void happy_eyeballs_go_on(struct happy_eyeballs *race, struct now now)
{
    must(race->is_won);
    for (size_t i = 0; i < race->count; i++) {
        if (race->attempts[i].state == RACE_WON)
            race->attempts[i].state = RACE_FAILED;
    }
    race->is_won = false;
    race->next_attempt = now.mono;
    advance(race, now);
}

void happy_eyeballs_expire(struct happy_eyeballs *race, struct now now)
{
    advance(race, now);
}

struct mono happy_eyeballs_deadline(const struct happy_eyeballs *race)
{
    struct mono deadline = race->end;

    if (race->has_ended || race->is_won)
        return MONO_NEVER;
    for (size_t i = 0; i < race->count; i++) {
        if (race->attempts[i].state == RACE_WAITING)
            deadline = mono_earlier(deadline, ready_at(race, &race->attempts[i]));
    }
    return deadline;
}

bool happy_eyeballs_next_action(struct happy_eyeballs *race, struct race_action *ret_action)
{
    if (race->has_ended) {
        if (race->end_is_told)
            return false;
        race->end_is_told = true;
        *ret_action = (struct race_action){.kind = RACE_LOST, .error = race->error};
        return true;
    }
    for (size_t i = 0; i < race->count; i++) {
        if (race->attempts[i].state == RACE_CHOSEN) {
            race->attempts[i].state = RACE_TRYING;
            *ret_action = (struct race_action){.kind = RACE_TRY,
                                               .attempt = i,
                                               .entry = race->attempts[i].entry,
                                               .address = &race->attempts[i].address};
            return true;
        }
    }
    return false;
}
