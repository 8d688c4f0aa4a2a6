/* uthash calls this with the table's key in scope: every function below names its table `contacts`.
 */
#define HASH_FUNCTION(bytes, length, ret_hash) \
    ((ret_hash) = (unsigned)hash_bytes(&contacts->hash_key, (bytes), (length)))

#include "daemon/core/chat/contact.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/hash.h"
#include "daemon/core/link/identity.h"
#include "daemon/core/name.h"

/* How many contacts with consent were last seen in an address block. */
struct known_block {
    uint64_t block;
    uint32_t contacts;
    UT_hash_handle hh;
};

void contacts_init(struct contacts *contacts, const struct hash_key *key)
{
    *contacts = (struct contacts){.hash_key = *key};
}

static void leave_block(struct contacts *contacts, struct contact *contact)
{
    struct known_block *known;

    if (contact->block == 0)
        return;
    HASH_FIND(hh, contacts->blocks, &contact->block, sizeof contact->block, known);
    must(known != NULL);
    contact->block = 0;
    if (--known->contacts == 0) {
        HASH_DELETE(hh, contacts->blocks, known);
        free(known);
    }
}

static void enter_block(struct contacts *contacts, struct contact *contact, uint64_t block)
{
    struct known_block *known;

    HASH_FIND(hh, contacts->blocks, &block, sizeof block, known);
    if (known == NULL) {
        known = xcalloc(1, sizeof *known);
        known->block = block;
        HASH_ADD(hh, contacts->blocks, block, sizeof known->block, known);
    }
    known->contacts++;
    contact->block = block;
}

void contacts_seen_in(struct contacts *contacts, struct contact *contact, uint64_t block)
{
    if (contact->block == block)
        return;
    leave_block(contacts, contact);
    if (block != 0)
        enter_block(contacts, contact, block);
}

bool contacts_know_block(const struct contacts *contacts, uint64_t block)
{
    struct known_block *known;

    HASH_FIND(hh, contacts->blocks, &block, sizeof block, known);
    return known != NULL;
}

static void forget_alias(struct contacts *contacts, struct contact *contact)
{
    if (contact->alias_folded == NULL)
        return;
    HASH_DELETE(by_alias, contacts->by_alias, contact);
    free(contact->alias_folded);
    contact->alias_folded = NULL;
}

void contacts_remove(struct contacts *contacts, struct contact *contact)
{
    must(contact->session == NULL && !contact->is_dirty);
    leave_block(contacts, contact);
    forget_alias(contacts, contact);
    free(contact->name_folded);
    HASH_DELETE(by_number, contacts->by_number, contact);
    HASH_DELETE(by_key, contacts->by_key, contact);
    free(contact->talk.text);
    free(contact->tried.found);
    outbox_done(&contact->outbox);
    inbox_done(&contact->inbox);
    peer_row_done(&contact->row);
    free(contact);
}

void contacts_done(struct contacts *contacts)
{
    struct contact *contact, *next;

    HASH_ITER(by_number, contacts->by_number, contact, next) {
        contact->session = NULL;
        contact->is_dirty = false;
        contacts_remove(contacts, contact);
    }
    *contacts = (struct contacts){0};
}

static uint64_t block_of_address(const char *address)
{
    struct host_port at;

    if (address == NULL || host_port_parse(address, PORT_ZERO_REFUSED, &at) != OK)
        return 0;
    return address_block(at.host);
}

struct contact *contacts_put(struct contacts *contacts, const struct peer_row *row)
{
    struct contact *contact = contacts_by_number(contacts, row->peer);
    struct peer_row copy;

    peer_row_copy(&copy, row);
    if (contact == NULL) {
        contact = xcalloc(1, sizeof *contact);
        contact->row.peer = row->peer;
        memcpy(contact->row.key, row->key, KEY_LENGTH);
        if (!row->is_classic)
            peer_id_encode(row->key, contact->peer_id);
        HASH_ADD(by_number, contacts->by_number, row.peer, sizeof contact->row.peer, contact);
        HASH_ADD(by_key, contacts->by_key, row.key, KEY_LENGTH, contact);
    }
    must(memcmp(contact->row.key, row->key, KEY_LENGTH) == 0);
    forget_alias(contacts, contact);
    peer_row_done(&contact->row);
    contact->row = copy;
    free(contact->name_folded);
    contact->name_folded = copy.name != NULL ? name_fold(copy.name) : NULL;
    if (copy.alias != NULL) {
        contact->alias_folded = name_fold(copy.alias);
        HASH_ADD_KEYPTR(by_alias, contacts->by_alias, contact->alias_folded,
                        strlen(contact->alias_folded), contact);
    }
    if (contact->block == 0 && !copy.is_classic)
        contacts_seen_in(contacts, contact, block_of_address(copy.address));
    if (row->peer > contacts->last_peer)
        contacts->last_peer = row->peer;
    return contact;
}

struct contact *contacts_by_number(const struct contacts *contacts, uint32_t peer)
{
    struct contact *contact;

    HASH_FIND(by_number, contacts->by_number, &peer, sizeof peer, contact);
    return contact;
}

struct contact *contacts_by_key(const struct contacts *contacts, const uint8_t key[KEY_LENGTH])
{
    struct contact *contact;

    HASH_FIND(by_key, contacts->by_key, key, KEY_LENGTH, contact);
    return contact;
}

struct contact *contacts_by_alias(const struct contacts *contacts, const char *alias)
{
    struct contact *contact = NULL;
    char *folded = name_fold(alias);

    if (folded == NULL)
        return NULL;
    HASH_FIND(by_alias, contacts->by_alias, folded, strlen(folded), contact);
    free(folded);
    return contact;
}

struct contact *contacts_by_address(const struct contacts *contacts, const char *address)
{
    for (struct contact *c = contacts->by_number; c != NULL; c = c->by_number.next)
        if (c->row.alias != NULL && c->row.address != NULL && !c->row.is_classic &&
            strcmp(c->row.address, address) == 0)
            return c;
    return NULL;
}

static enum error find_by_prefix(const struct contacts *contacts, const char *prefix,
                                 struct contact **ret_contact)
{
    struct contact *found = NULL;

    for (struct contact *c = contacts->by_number; c != NULL; c = c->by_number.next) {
        if (c->row.alias == NULL || c->row.is_classic)
            continue;
        if (strncmp(c->peer_id, prefix, strlen(prefix)) != 0)
            continue;
        if (found != NULL)
            return ERR_AMBIGUOUS_PEER;
        found = c;
    }
    if (found == NULL)
        return ERR_NO_SUCH_PEER;
    *ret_contact = found;
    return OK;
}

enum error contacts_find(const struct contacts *contacts, const char *text,
                         struct contact **ret_contact)
{
    struct contact *found;

    /* No alias is like an id; one of an older version that folds to it is not meant by it. */
    if (name_is_like_id(text))
        return find_by_prefix(contacts, text, ret_contact);
    found = contacts_by_alias(contacts, text);
    if (found == NULL)
        return ERR_NO_SUCH_PEER;
    *ret_contact = found;
    return OK;
}

void contacts_retire_alias(struct contacts *contacts, const struct contact *contact)
{
    if (contact->alias_folded == NULL)
        return;
    contacts->last_retired = (contacts->last_retired + 1) % RETIRED_ALIASES_MAX;
    contacts->retired[contacts->last_retired] = (struct retired_alias){
        .alias =
            hash_bytes(&contacts->hash_key, contact->alias_folded, strlen(contact->alias_folded)),
        .key = hash_bytes(&contacts->hash_key, contact->row.key, KEY_LENGTH),
    };
}

/* Whether somebody may still mean another peer by this alias. */
static bool is_retired(const struct contacts *contacts, const char *alias,
                       const uint8_t key[KEY_LENGTH])
{
    uint64_t key_hash = hash_bytes(&contacts->hash_key, key, KEY_LENGTH);
    char *folded = name_fold(alias);
    uint64_t alias_hash = hash_bytes(&contacts->hash_key, folded, strlen(folded));
    bool is = false;

    free(folded);
    for (size_t i = 0; i < RETIRED_ALIASES_MAX && !is; i++)
        is = contacts->retired[i].alias == alias_hash && contacts->retired[i].key != key_hash;
    return is;
}

char *contacts_new_alias(const struct contacts *contacts, const char *name,
                         const uint8_t key[KEY_LENGTH])
{
    enum { ID_BEGINNING = 8 };
    char base[ADDRESS_NAME_MAX + 1] = "peer-";

    if (name != NULL && name_check(name) == OK) {
        memcpy(base, name, strlen(name) + 1);
    } else {
        char peer_id[PEER_ID_LENGTH + 1];
        peer_id_encode(key, peer_id);
        memcpy(base + 5, peer_id, ID_BEGINNING);
    }
    char *alias = xstrdup(base);
    for (uint32_t n = 2;
         contacts_by_alias(contacts, alias) != NULL || is_retired(contacts, alias, key); n++) {
        free(alias);
        alias = name_with_suffix(base, n);
    }
    return alias;
}

struct contact *contacts_named(const struct contacts *contacts, const char *name,
                               const uint8_t key[KEY_LENGTH])
{
    struct contact *found = contacts_by_alias(contacts, name);
    char *folded = name_fold(name);

    if (found != NULL && (found->row.is_classic || memcmp(found->row.key, key, KEY_LENGTH) == 0))
        found = NULL;
    for (struct contact *c = contacts->by_number; c != NULL && found == NULL; c = c->by_number.next)
        if (c->row.alias != NULL && !c->row.is_classic && c->name_folded != NULL &&
            folded != NULL && strcmp(c->name_folded, folded) == 0 &&
            memcmp(c->row.key, key, KEY_LENGTH) != 0)
            found = c;
    free(folded);
    return found;
}

void contact_note_tried(struct contact *contact, const char *found, enum dial_met met,
                        struct mono now)
{
    size_t length = strlen(found);

    if (length > CONTACT_TRIED_MAX)
        length = CONTACT_TRIED_MAX;
    free(contact->tried.found);
    contact->tried.found = xcalloc(1, length + 1);
    memcpy(contact->tried.found, found, length);
    contact->tried.met = met;
    contact->tried.at = now;
}

void contact_forget_tried(struct contact *contact)
{
    free(contact->tried.found);
    contact->tried = (struct contact_tried){.at = {0}};
}

bool contact_is_stranger(const struct contact *contact)
{
    const struct peer_row *row = &contact->row;

    return (row->consent == CONSENT_NONE || row->consent == CONSENT_WAS_ASKED) &&
           row->last_seen_ms == 0 && (row->address == NULL || row->is_classic) && !row->verified &&
           !row->blocked;
}
