/* The tracker's part: who is registered, under which name, and for how long (p2pchat-protocol(7),
 * The tracker).
 *
 * Registrations are in memory only: after a restart everybody registers again. What is on the disk
 * is whose a name is (daemon/store/claims.h). A key claims a name before it is registered by it,
 * and releases it when its registration ends; to renew a registration nothing is written. So what
 * the registry holds is always claimed. */
#include "daemon/core/node/registrar.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/name.h"
#include "daemon/core/node/ledger.h"
#include "daemon/core/node/session.h"

/* --- Beginning and end --- */

struct registrar *registrar_new(struct node *node, const struct node_settings *settings)
{
    struct registrar *registrar = xcalloc(1, sizeof *registrar);

    registry_init(&registrar->registry, &node->random);
    registrar->timer.kind = TIMER_REGISTRY;
    registrar->is_classic = settings->classic.is_on;
    classic_board_init(&registrar->board, &node->timers, TIMER_BOARD);
    return registrar;
}

void registrar_free(struct node *node)
{
    struct registrar *registrar = node->registrar;

    if (registrar == NULL)
        return;
    registry_done(&registrar->registry);
    registrar_classic_done(registrar);
    classic_board_done(&registrar->board);
    dial_back_done(node);
    timers_stop(&node->timers, &registrar->timer);
    bytes_done(&registrar->answer);
    records_done(&registrar->writer);
    free(registrar);
}

size_t registrar_count(const struct node *node)
{
    return node->registrar != NULL ? node->registrar->registry.count : 0;
}

size_t registrar_listed(const struct node *node)
{
    return node->registrar != NULL
               ? node->registrar->board.count - node->registrar->board.keyed_count
               : 0;
}

bool registrar_is_busy(const struct node *node, const struct session *session)
{
    return registry_of_key(&node->registrar->registry, session->key) != REGISTRY_NONE ||
           mono_left_ms(session->asked, node->now.mono) < STRANGER_IDLE_MS;
}

struct host_port registrar_source(const struct session *session)
{
    struct host_port source;

    must(host_port_parse(session->remote, PORT_ZERO_REFUSED, &source) == OK);
    return source;
}

/* --- Answers --- */

static void answer(struct node *node, struct session *session, enum message_type type)
{
    session_send(node, session, type, &node->registrar->answer);
    bytes_clear(&node->registrar->answer);
}

static void confirm(struct node *node, struct session *session, const char *name)
{
    const struct host_port source = registrar_source(session);
    const struct message_registered m = {
        .name = name, .seen = source.host, .lifetime_s = REGISTRATION_MS / 1000};

    node->totals.registrations++;
    message_registered_encode(&node->registrar->answer, &m);
    answer(node, session, MESSAGE_REGISTER_SUCCESS);
}

/* Why there is no registration; who is outdated is shown what we hold. */
static void refuse(struct node *node, struct session *session, enum register_refusal why)
{
    const struct registry *registry = &node->registrar->registry;
    struct message_refused m = {.why = why};

    node->totals.registrations_refused[why]++;
    if (why == REGISTER_OUTDATED) {
        const struct registration held =
            registry_at(registry, registry_of_key(registry, session->key));
        m.has_record = true;
        m.record_length = held.record_length;
        memcpy(m.record, held.record, held.record_length);
    }
    message_refused_encode(&node->registrar->answer, &m);
    answer(node, session, MESSAGE_REGISTER_ERROR);
}

static enum register_refusal refusal_of(enum error error)
{
    if (error == ERR_NAME_TAKEN)
        return REGISTER_NAME_TAKEN;
    if (error == ERR_LIMIT_EXCEEDED)
        return REGISTER_LIMIT_EXCEEDED;
    return REGISTER_STORAGE_FAILED;
}

/* --- Registering --- */

/* What a peer wants to be registered with. */
struct application {
    const uint8_t *bytes; /* the record as it was signed */
    size_t length;
    struct peer_record record;
    const char *name; /* folded */
    uint64_t block;
};

static bool is_same(const uint8_t *bytes, size_t length, const uint8_t *known, size_t known_length)
{
    return known != NULL && length == known_length && memcmp(bytes, known, length) == 0;
}

/* Whether these bytes were verified before: as the record of HELLO, or as the one that is held. */
static bool is_known(const struct node *node, const struct session *session, const uint8_t *bytes,
                     size_t length)
{
    const struct registry *registry = &node->registrar->registry;
    const uint32_t number = registry_of_key(registry, session->key);
    struct registration held = {.record = NULL};

    if (number != REGISTRY_NONE)
        held = registry_at(registry, number);
    return is_same(bytes, length, held.record, held.record_length) ||
           is_same(bytes, length, session->record, session->record_length);
}

/* Whether it is a good record of the peer's own, and valid now. */
static bool read_record(const struct node *node, const struct session *session,
                        const uint8_t *bytes, size_t length, struct peer_record *ret_record)
{
    if (is_known(node, session, bytes, length))
        peer_record_read(bytes, length, ret_record);
    else if (peer_record_decode(bytes, length, ret_record) != OK)
        return false;
    return memcmp(ret_record->key, session->key, KEY_LENGTH) == 0 &&
           peer_record_validity(ret_record, node->now.unix_ms) == PEER_RECORD_VALID;
}

/* "Its sequence is not below that of the record that is held." */
static bool is_outdated(const struct registry *registry, const struct peer_record *record)
{
    const uint32_t number = registry_of_key(registry, record->key);

    return number != REGISTRY_NONE &&
           record->sequence < peer_record_peek(registry_at(registry, number).record).sequence;
}

/* Whether the key is registered by that very name: then the name is claimed. */
static bool has_name(const struct registry *registry, const uint8_t *key, const char *name)
{
    const uint32_t number = registry_of_key(registry, key);

    return number != REGISTRY_NONE && strcmp(registry_at(registry, number).name, name) == 0;
}

/* The timer is moved when it is due, not at each renewal. */
static void arm(struct node *node)
{
    struct registrar *registrar = node->registrar;

    if (registrar->timer.place == 0)
        timers_set(&node->timers, &registrar->timer, registry_deadline(&registrar->registry));
}

/* Classic peers are shown who can be reached in their dialect; and who of them has the name of a
 * key loses it. */
static void put_on_board(struct registrar *registrar, const struct application *a)
{
    if (registrar->is_classic)
        classic_board_put_keyed(&registrar->board, a->record.name, a->name,
                                a->record.has_classic ? &a->record.classic : NULL);
}

/* What is claimed is registered, and what was claimed before it is released. */
static void enter(struct node *node, const struct application *a)
{
    struct registrar *registrar = node->registrar;
    struct registry *registry = &registrar->registry;
    const uint32_t number = registry_of_key(registry, a->record.key);

    if (number != REGISTRY_NONE) {
        const struct registration held = registry_at(registry, number);
        const bool is_renamed = strcmp(held.name, a->name) != 0;
        if (is_renamed)
            ledger_release(node, held.name, a->record.key);
        if (is_renamed && registrar->is_classic)
            classic_board_remove_keyed(&registrar->board, held.name);
        if (is_renamed || !is_same(a->bytes, a->length, held.record, held.record_length))
            put_on_board(registrar, a);
    } else {
        put_on_board(registrar, a);
    }
    registry_put(registry, a->name, a->bytes, a->length, a->block,
                 mono_after(node->now.mono, REGISTRATION_MS));
    arm(node);
}

/* "It dials back once for each registration." */
static void dial_back(struct node *node, struct session *session, const struct peer_record *record)
{
    if (session->owes_dial_back && dial_back_start(node, session, record))
        session->owes_dial_back = false;
}

/* A name that the key may not have yet. */
static void claim(struct node *node, struct session *session, const struct application *a)
{
    const struct token_rate rate = {.per_minute = NAME_CHANGES_PER_MINUTE,
                                    .burst = NAME_CHANGES_PER_MINUTE};

    if (!token_bucket_take(&session->names, rate, 1, node->now.mono)) {
        refuse(node, session, REGISTER_LIMIT_EXCEEDED);
        return;
    }
    const size_t row = ledger_claim(node, a->name, a->record.key);
    struct effect *effect = ledger_effect(node, EFFECT_CLAIMED);
    effect->row = row;
    effect->carrier = session->carrier;
    effect->block = a->block;
    bytes_append(&effect->bytes, a->bytes, a->length);
    session->is_claiming = true;
}

static void apply(struct node *node, struct session *session, const struct application *a)
{
    const struct registry *registry = &node->registrar->registry;
    enum error error;

    if (is_outdated(registry, &a->record)) {
        refuse(node, session, REGISTER_OUTDATED);
        return;
    }
    error = registry_check(registry, a->record.key, a->name, a->block);
    if (error != OK) {
        refuse(node, session, refusal_of(error));
    } else if (has_name(registry, a->record.key, a->name)) {
        enter(node, a);
        confirm(node, session, a->record.name);
        dial_back(node, session, &a->record);
    } else {
        claim(node, session, a);
    }
}

static void take_register(struct node *node, struct session *session, const struct json *data)
{
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    struct application a = {.bytes = bytes};
    char *name;

    if (message_register_decode(data, bytes, &a.length) != OK) {
        session_close(node, session, LINK_END_MALFORMED);
        return;
    }
    if (!read_record(node, session, bytes, a.length, &a.record)) {
        refuse(node, session, REGISTER_BAD_RECORD);
        return;
    }
    a.name = name = name_fold(a.record.name);
    must(name != NULL);
    a.block = session_block(session);
    apply(node, session, &a);
    free(name);
}

/* --- The disk has answered --- */

/* The name is the key's now. Another link of the same key may have registered something newer
 * meanwhile, and others may have taken the last places: then it is given back. */
static bool enter_claimed(struct node *node, const struct application *a,
                          enum register_refusal *ret_why)
{
    const struct registry *registry = &node->registrar->registry;
    const enum error error = registry_check(registry, a->record.key, a->name, a->block);

    if (error == OK && !is_outdated(registry, &a->record)) {
        enter(node, a);
        return true;
    }
    if (!has_name(registry, a->record.key, a->name))
        ledger_release(node, a->name, a->record.key);
    *ret_why = error != OK ? refusal_of(error) : REGISTER_OUTDATED;
    return false;
}

void registrar_claimed(struct node *node, const struct effect *effect, const struct claim *claim)
{
    struct session *session = session_by_carrier(node, effect->carrier);
    struct application a = {.bytes = bytes_data(&effect->bytes),
                            .length = bytes_length(&effect->bytes),
                            .name = claim->name,
                            .block = effect->block};
    enum register_refusal why = refusal_of(claim->result);
    bool is_new, is_entered;

    peer_record_read(a.bytes, a.length, &a.record);
    is_new = registry_of_key(&node->registrar->registry, a.record.key) == REGISTRY_NONE;
    is_entered = claim->result == OK && enter_claimed(node, &a, &why);
    if (session == NULL)
        return;
    session->is_claiming = false;
    if (!is_entered) {
        refuse(node, session, why);
        return;
    }
    confirm(node, session, a.record.name);
    session->owes_dial_back = session->owes_dial_back || is_new;
    dial_back(node, session, &a.record);
}

void registrar_not_claimed(struct node *node, const struct effect *effect)
{
    struct session *session = session_by_carrier(node, effect->carrier);

    if (session == NULL)
        return;
    session->is_claiming = false;
    refuse(node, session, REGISTER_STORAGE_FAILED);
}

/* --- The end of a registration --- */

static void end_registration(struct node *node, uint32_t number)
{
    struct registrar *registrar = node->registrar;
    const struct registration held = registry_at(&registrar->registry, number);

    ledger_release(node, held.name, peer_record_peek(held.record).key);
    classic_board_remove_keyed(&registrar->board, held.name);
    registry_remove(&registrar->registry, number);
}

static void take_exit(struct node *node, struct session *session)
{
    const uint32_t number = registry_of_key(&node->registrar->registry, session->key);

    if (number != REGISTRY_NONE)
        end_registration(node, number);
    session->owes_dial_back = false;
    bytes_text(&node->registrar->answer, "{}");
    answer(node, session, MESSAGE_EXIT_NETWORK);
}

void registrar_expire(struct node *node)
{
    struct registrar *registrar = node->registrar;
    const struct mono now = node->now.mono;
    uint32_t number;

    for (int i = 0; i < REGISTRY_ENDS_MAX && registry_due(&registrar->registry, now, &number); i++)
        end_registration(node, number);
    const struct mono next = registry_deadline(&registrar->registry);
    timers_set(&node->timers, &registrar->timer,
               mono_due(next, now) ? mono_after(now, REGISTRY_PAUSE_MS) : next);
}

void registrar_forget_classic(struct node *node, struct classic_entry *entry)
{
    classic_board_remove(&node->registrar->board, entry);
}

/* --- */

void registrar_message(struct node *node, struct session *session, enum message_type type,
                       const struct json *data)
{
    session->asked = node->now.mono;
    if (type == MESSAGE_REGISTER)
        take_register(node, session, data);
    else if (type == MESSAGE_EXIT_NETWORK)
        take_exit(node, session);
    else
        registrar_asked(node, session, data);
}
