#include "tests/support/model_claims.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"

struct model_claim {
    char *name;
    uint8_t key[KEY_LENGTH];
    bool is_held;
    uint64_t taken_ms;
    uint64_t released_ms; /* when not held */
    int64_t held_ms;      /* in all, before it was taken or until it was released */
};

static struct model_claim *claim_at(const struct list *claims, size_t index)
{
    return list_at(claims, index, sizeof(struct model_claim));
}

static struct model_claim *find(const struct list *claims, const char *name)
{
    for (size_t i = 0; i < claims->count; i++)
        if (strcmp(claim_at(claims, i)->name, name) == 0)
            return claim_at(claims, i);
    return NULL;
}

/* Whether the name is anybody's again. */
static bool is_over(const struct model_claim *known, uint64_t age_ms)
{
    return !known->is_held && age_ms >= known->released_ms + (uint64_t)known->held_ms;
}

static void end_holding(struct model_claim *known, uint64_t age_ms, int64_t least_ms)
{
    known->held_ms += (int64_t)(age_ms - known->taken_ms);
    if (known->held_ms < least_ms)
        known->held_ms = least_ms;
    if (known->held_ms > (int64_t)CLAIM_RESERVED_MAX_MS)
        known->held_ms = (int64_t)CLAIM_RESERVED_MAX_MS;
    known->is_held = false;
    known->released_ms = age_ms;
}

void model_claims_take(struct list *claims, struct claim *claim, uint64_t age_ms)
{
    struct model_claim *known = find(claims, claim->name);
    const bool is_free = known == NULL || is_over(known, age_ms);
    const bool is_ours =
        known != NULL && !claim->is_question && memcmp(known->key, claim->key, KEY_LENGTH) == 0;

    claim->result = is_free || is_ours ? OK : ERR_NAME_TAKEN;
    if (claim->result != OK || claim->is_question)
        return;
    if (known == NULL && claims->count == CLAIMS_MAX) {
        claim->result = ERR_LIMIT_EXCEEDED;
        return;
    }
    if (known == NULL) {
        known = list_add(claims, sizeof(*known));
        known->name = xstrdup(claim->name);
    }
    if (is_free)
        known->held_ms = 0;
    if (!known->is_held)
        known->taken_ms = age_ms;
    memcpy(known->key, claim->key, KEY_LENGTH);
    known->is_held = true;
}

void model_claims_release(struct list *claims, const struct claim *claim, uint64_t age_ms)
{
    struct model_claim *known = find(claims, claim->name);

    if (known == NULL || !known->is_held || memcmp(known->key, claim->key, KEY_LENGTH) != 0)
        return;
    end_holding(known, age_ms, 0);
}

void model_claims_release_all(struct list *claims, uint64_t age_ms)
{
    for (size_t i = 0; i < claims->count; i++) {
        struct model_claim *known = claim_at(claims, i);

        if (known->is_held)
            end_holding(known, age_ms, REGISTRATION_MS);
    }
}

void model_claims_trim(struct list *claims, uint64_t age_ms)
{
    for (size_t i = claims->count; i > 0; i--) {
        struct model_claim *known = claim_at(claims, i - 1);

        if (is_over(known, age_ms)) {
            free(known->name);
            list_remove(claims, known, sizeof(*known));
        }
    }
}

void model_claims_done(struct list *claims)
{
    for (size_t i = 0; i < claims->count; i++)
        free(claim_at(claims, i)->name);
    free(claims->items);
}
