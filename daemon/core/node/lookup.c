/* Questions to trackers: who is asked, what of the answers is believed, and when it is enough. */
#include "daemon/core/node/lookup.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/link/message_tracker.h"
#include "daemon/core/name.h"
#include "daemon/core/node/call.h"
#include "daemon/core/node/session.h"
#include "daemon/core/node/trackers.h"
#include "daemon/core/overlay/peer_record.h"

/* --- What was seen before: sequences of keys, by a hash of the key --- */

/* Where the hash stands if it is known: in one set of the table, newest first. */
static struct seen_record *seen_set(struct node *node, uint64_t hash)
{
    const size_t sets = SEEN_RECORDS_MAX / SEEN_RECORDS_SET;

    return &node->seen_records[hash % sets * SEEN_RECORDS_SET];
}

static uint64_t seen_sequence(struct node *node, const uint8_t key[KEY_LENGTH])
{
    const uint64_t hash = hash_bytes(&node->hash_key, key, KEY_LENGTH);
    const struct seen_record *set = seen_set(node, hash);

    for (size_t i = 0; i < SEEN_RECORDS_SET; i++)
        if (set[i].hash == hash)
            return set[i].sequence;
    return 0;
}

/* The highest sequence of this key that we know of; 0: none. A contact's record that was issued in
 * the future is not believed, and so is no measure. */
static uint64_t known_sequence(struct node *node, const uint8_t key[KEY_LENGTH])
{
    const struct contact *contact = contacts_by_key(&node->contacts, key);
    struct peer_record record;
    uint64_t sequence = seen_sequence(node, key);

    if (contact != NULL && contact->row.record != NULL &&
        peer_record_decode(contact->row.record, contact->row.record_length, &record) == OK &&
        peer_record_validity(&record, node->now.unix_ms) != PEER_RECORD_AHEAD &&
        record.sequence > sequence)
        sequence = record.sequence;
    return sequence;
}

/* When its set is full, the key that was not seen for longest is forgotten. */
static void remember_sequence(struct node *node, const struct lookup_entry *entry)
{
    const uint64_t hash = hash_bytes(&node->hash_key, entry->key, KEY_LENGTH);
    struct seen_record *set = seen_set(node, hash), seen = {.hash = hash};
    size_t place = 0;

    while (place < SEEN_RECORDS_SET - 1 && set[place].hash != hash)
        place++;
    if (set[place].hash == hash)
        seen.sequence = set[place].sequence;
    if (entry->sequence > seen.sequence)
        seen.sequence = entry->sequence;
    memmove(&set[1], &set[0], place * sizeof *set);
    set[0] = seen;
}

/* --- Classic peers that were listed lately, by a hash of their address --- */

static uint64_t hash_of_address(const struct node *node, const struct host_port *at)
{
    char text[ADDRESS_HOST_PORT_MAX + 1];

    host_port_format(at, text);
    return hash_bytes(&node->hash_key, text, strlen(text));
}

static void remember_classic(struct node *node, const struct host_port *at)
{
    const uint64_t hash = hash_of_address(node, at);

    node->listed_classic[hash % LISTED_CLASSIC_MAX] = (struct listed_classic){
        .hash = hash, .until = mono_after(node->now.mono, LISTED_CLASSIC_MS)};
}

bool lookup_was_classic(const struct node *node, const struct host_port *at)
{
    const uint64_t hash = hash_of_address(node, at);
    const struct listed_classic *listed = &node->listed_classic[hash % LISTED_CLASSIC_MAX];

    return listed->hash == hash && mono_left_ms(node->now.mono, listed->until) > 0;
}

/* --- Merging --- */

static void free_entry(struct lookup_entry *entry)
{
    free(entry->folded);
    free(entry->addresses);
    free(entry->record);
}

static int by_name_and_key(const void *left, const void *right)
{
    const struct lookup_entry *a = left, *b = right;
    int order = strcmp(a->folded, b->folded);

    if (order == 0)
        order = (int)b->has_key - (int)a->has_key; /* keys first */
    if (order == 0)
        order = memcmp(a->key, b->key, KEY_LENGTH);
    if (order == 0)
        order = strcmp(a->addresses[0].host, b->addresses[0].host);
    if (order == 0)
        order = (int)a->addresses[0].port - (int)b->addresses[0].port;
    return order;
}

/* Whether another entry tells the same of this peer, or something newer. Of two that are alike the
 * first stays. */
static bool is_told_better(const struct lookup *lookup, size_t index)
{
    const struct lookup_entry *entry = &lookup->entries[index];

    for (size_t i = 0; i < lookup->entry_count; i++) {
        const struct lookup_entry *other = &lookup->entries[i];
        if (i == index || other->has_key != entry->has_key)
            continue;
        if (!entry->has_key) {
            if (i < index && by_name_and_key(entry, other) == 0)
                return true;
        } else if (memcmp(entry->key, other->key, KEY_LENGTH) == 0 &&
                   (other->sequence > entry->sequence ||
                    (other->sequence == entry->sequence && i < index))) {
            return true;
        }
    }
    return false;
}

/* Sorts the entries by name, then by key; of those of one key only the newest stays. */
static void merge(struct lookup *lookup)
{
    size_t kept = 0;
    bool *is_gone = xcalloc(lookup->entry_count + 1, sizeof *is_gone);

    for (size_t i = 0; i < lookup->entry_count; i++)
        is_gone[i] = is_told_better(lookup, i);
    for (size_t i = 0; i < lookup->entry_count; i++)
        if (is_gone[i])
            free_entry(&lookup->entries[i]);
        else
            lookup->entries[kept++] = lookup->entries[i];
    lookup->entry_count = kept;
    free(is_gone);
    if (kept > 1)
        qsort(lookup->entries, kept, sizeof *lookup->entries, by_name_and_key);
}

/* --- Asking --- */

static struct lookup *by_number(const struct node *node, uint64_t number)
{
    struct lookup *lookup = node->lookups;

    while (lookup != NULL && lookup->number != number)
        lookup = lookup->next;
    return lookup;
}

static void ask(struct node *node, struct lookup *lookup, struct lookup_part *part,
                struct session *session)
{
    struct message_listpeer question = {.query = ++node->last_query,
                                        .asks = lookup->asks,
                                        .text = lookup->text,
                                        .key = lookup->key,
                                        .after = lookup->after,
                                        .limit = lookup->limit};
    struct bytes data = BYTES_EMPTY;

    message_listpeer_encode(&data, &question);
    session_send(node, session, MESSAGE_LISTPEER, &data);
    bytes_done(&data);
    session->owed_records++;
    part->query = question.query;
    part->progress = LOOKUP_ASKED;
}

/* Not one that is away, or has sent us away; but one that did because we have no business there, as
 * our name is another's, goes on answering. */
static bool is_waited_for(const struct tracker *tracker)
{
    if (tracker->setting.is_classic)
        return tracker->state == TRACKER_REGISTERED || tracker->state == TRACKER_CONNECTING;
    return tracker->state != TRACKER_AWAY &&
           (!tracker->is_held_off || tracker->state == TRACKER_NAME_TAKEN);
}

static void add_part(struct node *node, struct lookup *lookup, struct tracker *tracker)
{
    struct session *session = trackers_session(node, tracker);
    struct lookup_part *part = &lookup->parts[lookup->part_count];

    lookup->part_count++;
    *part = (struct lookup_part){.tracker = tracker->number};
    if (session != NULL) {
        ask(node, lookup, part, session);
    } else if (!is_waited_for(tracker)) {
        part->progress = LOOKUP_FAILED;
    } else {
        part->progress = LOOKUP_WAITS;
        if (tracker->setting.is_classic)
            classic_server_look_up(node, tracker);
        else
            trackers_hurry(node, tracker);
    }
}

static size_t count_lookups(const struct node *node)
{
    size_t count = 0;

    for (const struct lookup *lookup = node->lookups; lookup != NULL; lookup = lookup->next)
        count++;
    return count;
}

bool lookup_is_possible(const struct node *node)
{
    for (const struct tracker *t = node->trackers; t != NULL; t = t->hh.next)
        if (trackers_is_wanted(t))
            return true;
    return false;
}

/* An address as it is compared: "localhost" is one (RFC 6761). */
static void write_place(const struct host_port *at, char out[ADDRESS_HOST_PORT_MAX + 1])
{
    struct host_port place = *at;

    if (strcmp(place.host, "localhost") == 0)
        memcpy(place.host, "127.0.0.1", sizeof "127.0.0.1");
    host_port_format(&place, out);
}

static void set_text(struct lookup *lookup, const char *text)
{
    char where[ADDRESS_HOST_PORT_MAX + 1];
    struct host_port at;

    switch (lookup->asks) {
    case ASKS_PEER_ID:
        break;
    case ASKS_NAME:
    case ASKS_PREFIX:
        lookup->text = xstrdup(text);
        lookup->folded = name_fold(text);
        break;
    case ASKS_ADDRESS:
        must(host_port_parse(text, PORT_ZERO_REFUSED, &at) == OK);
        write_place(&at, where);
        lookup->text = xstrdup(where);
        break;
    }
}

enum error lookup_start(struct node *node, const struct message_listpeer *question,
                        struct lookup **ret_lookup)
{
    struct lookup *lookup;

    if (!lookup_is_possible(node))
        return ERR_NO_TRACKER;
    if (count_lookups(node) >= LOOKUPS_MAX)
        return ERR_LIMIT_EXCEEDED;
    lookup = xcalloc(1, sizeof *lookup);
    lookup->number = ++node->last_query;
    lookup->asks = question->asks;
    lookup->limit = question->limit;
    lookup->key = question->key;
    set_text(lookup, question->text);
    if (question->after != NULL) {
        lookup->after = xstrdup(question->after);
        lookup->after_folded = name_fold(question->after);
    }
    lookup->timer.kind = TIMER_LOOKUP;
    timers_set(&node->timers, &lookup->timer, mono_after(node->now.mono, LOOKUP_MS));
    lookup->next = node->lookups;
    node->lookups = lookup;
    *ret_lookup = lookup;
    return OK;
}

static bool is_complete(const struct lookup *lookup)
{
    for (size_t i = 0; i < lookup->part_count; i++)
        if (lookup->parts[i].progress == LOOKUP_WAITS || lookup->parts[i].progress == LOOKUP_ASKED)
            return false;
    return true;
}

bool lookup_was_answered(const struct lookup *lookup)
{
    for (size_t i = 0; i < lookup->part_count; i++)
        if (lookup->parts[i].progress == LOOKUP_ANSWERED)
            return true;
    return false;
}

static void end(struct node *node, struct lookup *lookup)
{
    struct attempt *attempt = lookup->attempt;

    for (size_t i = 0; i < lookup->entry_count; i++)
        if (lookup->entries[i].has_key)
            remember_sequence(node, &lookup->entries[i]);
    merge(lookup);
    if (attempt != NULL) {
        lookup->attempt = NULL;
        attempt->lookup = NULL;
        request_looked_up(node, attempt, lookup);
    } else if (lookup->sought != 0) {
        seek_looked_up(node, lookup);
    } else {
        list_looked_up(node, lookup);
    }
    lookup_free(node, lookup);
}

static void end_if_complete(struct node *node, struct lookup *lookup)
{
    if (is_complete(lookup))
        end(node, lookup);
}

void lookup_go(struct node *node, struct lookup *lookup)
{
    for (struct tracker *t = node->trackers; t != NULL; t = t->hh.next)
        if (trackers_is_wanted(t) && lookup->part_count < LOOKUP_PARTS_MAX)
            add_part(node, lookup, t);
    end_if_complete(node, lookup);
}

void lookup_free(struct node *node, struct lookup *lookup)
{
    struct lookup **link = &node->lookups;

    while (*link != lookup)
        link = &(*link)->next;
    *link = lookup->next;
    timers_stop(&node->timers, &lookup->timer);
    if (lookup->attempt != NULL)
        lookup->attempt->lookup = NULL;
    for (size_t i = 0; i < lookup->part_count; i++) {
        free(lookup->parts[i].next);
        free(lookup->parts[i].next_folded);
        free(lookup->parts[i].greatest);
    }
    for (size_t i = 0; i < lookup->entry_count; i++)
        free_entry(&lookup->entries[i]);
    free(lookup->entries);
    free(lookup->text);
    free(lookup->folded);
    free(lookup->after);
    free(lookup->after_folded);
    free(lookup);
}

/* Who has not answered by now does not count. */
void lookup_expire(struct node *node, struct lookup *lookup)
{
    end(node, lookup);
}

void lookup_client_gone(struct node *node, uint64_t client)
{
    for (struct lookup *lookup = node->lookups, *next; lookup != NULL; lookup = next) {
        next = lookup->next;
        if (lookup->attempt == NULL && lookup->sought == 0 && lookup->client == client)
            lookup_free(node, lookup);
    }
}

void lookup_done(struct node *node)
{
    while (node->lookups != NULL)
        lookup_free(node, node->lookups);
}

void lookup_stop(struct node *node)
{
    for (struct lookup *lookup = node->lookups, *next; lookup != NULL; lookup = next) {
        next = lookup->next;
        if (lookup->attempt == NULL && lookup->sought == 0)
            call_reply_error(node, lookup->call, ERR_SHUTTING_DOWN, NULL);
        lookup_free(node, lookup);
    }
}

/* --- Links come and go --- */

static struct lookup_part *part_of(struct lookup *lookup, uint32_t tracker)
{
    for (size_t i = 0; i < lookup->part_count; i++)
        if (lookup->parts[i].tracker == tracker)
            return &lookup->parts[i];
    return NULL;
}

void lookup_tracker_up(struct node *node, const struct tracker *tracker)
{
    struct session *session = trackers_session(node, tracker);

    for (struct lookup *lookup = node->lookups; lookup != NULL; lookup = lookup->next) {
        struct lookup_part *part = part_of(lookup, tracker->number);
        if (session != NULL && part != NULL && part->progress == LOOKUP_WAITS)
            ask(node, lookup, part, session);
    }
}

void lookup_tracker_gone(struct node *node, const struct tracker *tracker)
{
    const uint32_t number = tracker->number;

    for (struct lookup *lookup = node->lookups, *next; lookup != NULL; lookup = next) {
        struct lookup_part *part = part_of(lookup, number);
        next = lookup->next;
        if (part == NULL || part->progress == LOOKUP_ANSWERED || part->progress == LOOKUP_FAILED)
            continue;
        part->progress = LOOKUP_FAILED;
        end_if_complete(node, lookup);
    }
}

/* --- Answers --- */

/* Whether a peer is what was asked for: one with a key, or a classic one, which is at `at`. */
static bool fits(const struct lookup *lookup, const char *folded, const uint8_t *key,
                 const struct host_port *at)
{
    char where[ADDRESS_HOST_PORT_MAX + 1];

    switch (lookup->asks) {
    case ASKS_NAME:
        return lookup->folded != NULL && strcmp(folded, lookup->folded) == 0;
    case ASKS_PEER_ID:
        return key != NULL && memcmp(key, lookup->key.bytes, KEY_LENGTH) == 0;
    case ASKS_PREFIX:
        return lookup->folded != NULL &&
               strncmp(folded, lookup->folded, strlen(lookup->folded)) == 0 &&
               (lookup->after_folded == NULL || strcmp(folded, lookup->after_folded) > 0);
    case ASKS_ADDRESS:
        if (at == NULL)
            return false;
        write_place(at, where);
        return strcmp(where, lookup->text) == 0;
    }
    return false;
}

static struct lookup_entry *add_entry(struct lookup *lookup, const struct lookup_part *part,
                                      const char *name, char *folded)
{
    if (lookup->entry_count == lookup->entry_room) {
        lookup->entry_room = 2 * lookup->entry_room + 8;
        lookup->entries =
            xreallocarray(lookup->entries, lookup->entry_room, sizeof *lookup->entries);
    }
    struct lookup_entry *entry = &lookup->entries[lookup->entry_count++];
    *entry = (struct lookup_entry){.tracker = part->tracker, .folded = folded};
    memcpy(entry->name, name, strlen(name) + 1);
    return entry;
}

static void set_addresses(struct lookup_entry *entry, const struct host_port *addresses,
                          size_t count)
{
    entry->addresses = xmemdup(addresses, count * sizeof *addresses);
    entry->address_count = count;
}

/* The names of a page, one by one: the greatest is where it ends. */
static void note_name(struct lookup_part *part, const char *folded)
{
    if (part->greatest != NULL && strcmp(folded, part->greatest) <= 0)
        return;
    free(part->greatest);
    part->greatest = xstrdup(folded);
}

/* Whether somebody can be found by it: "expired, ahead of our clock or withdrawn: left out". */
static bool is_usable(const struct node *node, const struct peer_record *record)
{
    return peer_record_validity(record, node->now.unix_ms) == PEER_RECORD_VALID &&
           !peer_record_is_withdrawal(record);
}

/* A record that a tracker shows. False: it is not what was asked for, or no record at all. */
static bool take_record(struct node *node, struct lookup *lookup, struct lookup_part *part,
                        const struct session *session, const struct json *element)
{
    uint8_t bytes[PEER_RECORD_BYTES_MAX];
    struct peer_record record;
    size_t length;
    char *folded;

    records_record(element, bytes, &length);
    if (peer_record_decode(bytes, length, &record) != OK)
        return false;
    folded = name_fold(record.name);
    if (folded == NULL || !fits(lookup, folded, record.key, NULL)) {
        free(folded);
        return false;
    }
    note_name(part, folded);
    if (!is_usable(node, &record)) {
        free(folded);
        return true;
    }
    struct lookup_entry *entry = add_entry(lookup, part, record.name, folded);
    entry->has_key = true;
    memcpy(entry->key, record.key, KEY_LENGTH);
    entry->sequence = record.sequence;
    entry->is_local = session_is_local(session);
    set_addresses(entry, record.addresses, record.address_count);
    if (lookup->asks == ASKS_PEER_ID) {
        entry->record = xmemdup(bytes, length);
        entry->record_length = length;
    }
    return true;
}

/* A classic peer that one of our sources shows. False: it is not what was asked for. */
static bool take_classic(struct node *node, struct lookup *lookup, struct lookup_part *part,
                         bool is_local, const struct classic_peer *peer)
{
    char *folded = name_fold(peer->name);

    if (folded == NULL || !fits(lookup, folded, NULL, &peer->at)) {
        free(folded);
        return false;
    }
    note_name(part, folded);
    if (!is_local && host_is_local(peer->at.host)) {
        free(folded); /* it has no other address */
        return true;
    }
    remember_classic(node, &peer->at);
    struct lookup_entry *entry = add_entry(lookup, part, peer->name, folded);
    entry->is_local = is_local;
    set_addresses(entry, &peer->at, 1);
    return true;
}

/* All that a tracker says in one answer. False: something in it cannot be true. */
static bool take_page(struct node *node, struct lookup *lookup, struct lookup_part *part,
                      const struct session *session, const struct message_records *page)
{
    if (json_count(page->records) + json_count(page->classic) > lookup->limit)
        return false;
    for (const struct json *e = json_first(page->records); e != NULL; e = json_next(e))
        if (!take_record(node, lookup, part, session, e))
            return false;
    for (const struct json *e = json_first(page->classic); e != NULL; e = json_next(e)) {
        struct classic_peer peer;

        records_classic(e, &peer.name, &peer.at);
        if (!take_classic(node, lookup, part, session_is_local(session), &peer))
            return false;
    }
    if (page->next == NULL || lookup->asks != ASKS_PREFIX)
        return true;
    part->next = xstrdup(page->next);
    part->next_folded = name_fold(page->next);
    return part->next_folded != NULL && part->greatest != NULL &&
           strcmp(part->next_folded, part->greatest) == 0;
}

/* What is left out of the entries of this tracker. */
enum sieve { SIEVE_ALL, SIEVE_OUTDATED };

static bool is_sieved(struct node *node, const struct lookup_entry *entry, enum sieve sieve)
{
    if (sieve == SIEVE_ALL)
        return true;
    return entry->has_key && memcmp(entry->key, node->identity->key.bytes, KEY_LENGTH) != 0 &&
           entry->sequence < known_sequence(node, entry->key);
}

/* Takes them out; returns how many there were. */
static size_t sieve_entries(struct node *node, struct lookup *lookup, uint32_t tracker,
                            enum sieve sieve)
{
    size_t kept = 0, count = lookup->entry_count;

    for (size_t i = 0; i < count; i++) {
        struct lookup_entry *entry = &lookup->entries[i];
        if (entry->tracker == tracker && is_sieved(node, entry, sieve))
            free_entry(entry);
        else
            lookup->entries[kept++] = *entry;
    }
    lookup->entry_count = kept;
    return count - kept;
}

static void answered(struct node *node, struct lookup *lookup, struct lookup_part *part,
                     const struct session *session, const struct message_records *page)
{
    struct tracker *tracker = trackers_by_number(node, part->tracker);
    size_t outdated;

    must(tracker != NULL);
    if (!take_page(node, lookup, part, session, page)) {
        sieve_entries(node, lookup, part->tracker, SIEVE_ALL);
        part->progress = LOOKUP_FAILED;
        registration_warn(node, tracker, TRACKER_LIED);
        trackers_hold_off(node, tracker, LINK_END_MALFORMED);
        return;
    }
    part->progress = LOOKUP_ANSWERED;
    outdated = sieve_entries(node, lookup, part->tracker, SIEVE_OUTDATED);
    lookup->outdated += outdated;
    if (outdated > 0)
        registration_warn(node, tracker, TRACKER_OUTDATED);
}

/* The part of a look-up that has asked so, of a tracker that this link leads to. */
static struct lookup_part *asked_part(struct node *node, const struct session *session,
                                      uint64_t query, struct lookup **ret_lookup)
{
    for (struct lookup *lookup = node->lookups; lookup != NULL; lookup = lookup->next)
        for (size_t i = 0; i < lookup->part_count; i++) {
            struct lookup_part *part = &lookup->parts[i];
            const struct tracker *tracker = trackers_by_number(node, part->tracker);
            if (part->progress != LOOKUP_ASKED || part->query != query || tracker == NULL ||
                memcmp(tracker->row.key, session->key, KEY_LENGTH) != 0)
                continue;
            *ret_lookup = lookup;
            return part;
        }
    return NULL;
}

void lookup_records(struct node *node, struct session *session, const struct json *data)
{
    struct message_records page;
    struct lookup_part *part;
    struct lookup *lookup;

    if (session->owed_records == 0 || message_records_decode(data, &page) != OK) {
        session_close(node, session, LINK_END_MALFORMED);
        return;
    }
    session->owed_records--;
    part = asked_part(node, session, page.query, &lookup);
    if (part == NULL)
        return; /* it came too late, or whoever asked is gone */
    answered(node, lookup, part, session, &page);
    end_if_complete(node, lookup);
}

/* --- Other sources --- */

void lookup_found_classic(struct node *node, uint64_t number, const struct tracker *tracker,
                          const struct classic_peer *peer)
{
    struct lookup *lookup = by_number(node, number);
    struct lookup_part *part = lookup != NULL ? part_of(lookup, tracker->number) : NULL;

    if (part != NULL)
        take_classic(node, lookup, part, host_is_local(tracker->server.source), peer);
}

void lookup_source_done(struct node *node, uint64_t number, uint32_t tracker,
                        enum lookup_progress progress)
{
    struct lookup *lookup = by_number(node, number);
    struct lookup_part *part = lookup != NULL ? part_of(lookup, tracker) : NULL;

    if (part == NULL)
        return;
    part->progress = progress;
    end_if_complete(node, lookup);
}
