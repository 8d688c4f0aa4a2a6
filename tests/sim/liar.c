#include "tests/sim/liar.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/link/message_tracker.h"
#include "daemon/core/overlay/peer_record.h"

/* The first record of a key that any tracker handed out. */
struct first_record {
    struct peer_record record;
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    size_t length;
    struct first_record *next;
};

/* The linker's hooks know no world: whose node is at work. */
static struct actor *acting;

void liar_turn(struct actor *actor)
{
    acting = actor;
}

void liar_done(struct sim *sim)
{
    for (struct first_record *f = sim->first_records, *next; f != NULL; f = next) {
        next = f->next;
        free(f);
    }
    acting = NULL;
}

static const struct first_record *first_of(struct sim *sim, const struct peer_record *record,
                                           const uint8_t *bytes, size_t length)
{
    struct first_record *f = sim->first_records;

    while (f != NULL && memcmp(f->record.key, record->key, sizeof record->key) != 0)
        f = f->next;
    if (f != NULL)
        return f;
    f = xcalloc(1, sizeof *f);
    f->record = *record;
    memcpy(f->bytes, bytes, length);
    f->length = length;
    f->next = sim->first_records;
    sim->first_records = f;
    return f;
}

/* Any record of another key with another name; the first of this one when there is none. */
static const struct first_record *other_than(struct sim *sim, const struct first_record *first)
{
    const struct first_record *other = sim->first_records;

    while (other != NULL && (other == first || strcmp(other->record.name, first->record.name) == 0))
        other = other->next;
    return other != NULL ? other : first;
}

/* The same name and addresses, and a key that nobody has. */
static size_t invent(struct sim *sim, struct peer_record record,
                     uint8_t ret_bytes[PEER_RECORD_BYTES_MAX])
{
    struct identity nobody;
    size_t length;

    identity_create(&sim->random, &nobody);
    memcpy(record.key, nobody.key.bytes, sizeof record.key);
    must(peer_record_encode(&record, &nobody, ret_bytes, &length) == OK);
    identity_done(&nobody);
    return length;
}

bool __real_records_add(struct records_writer *w, const uint8_t *record, size_t length);
bool __wrap_records_add(struct records_writer *w, const uint8_t *record, size_t length);

bool __wrap_records_add(struct records_writer *w, const uint8_t *record, size_t length)
{
    uint8_t lie[PEER_RECORD_BYTES_MAX];
    const struct first_record *first;
    struct peer_record decoded;

    must(acting != NULL && peer_record_decode(record, length, &decoded) == OK);
    struct sim *sim = acting->sim;
    first = first_of(sim, &decoded, record, length);
    switch (acting->lie) {
    case LIE_NONE:
        return __real_records_add(w, record, length);
    case LIE_ALTERED:
        memcpy(lie, record, length);
        lie[sim_below(sim, (uint32_t)length)] ^= (uint8_t)(1 + sim_below(sim, 255));
        return __real_records_add(w, lie, length);
    case LIE_OTHER:
        first = other_than(sim, first);
        return __real_records_add(w, first->bytes, first->length);
    case LIE_OLDER:
        return __real_records_add(w, first->bytes, first->length);
    case LIE_INVENTED:
        return __real_records_add(w, lie, invent(sim, decoded, lie));
    }
    must(!"a lie");
}
