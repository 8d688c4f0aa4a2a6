/* The contact.* methods. */
#include "daemon/core/node/call.h"

#include <string.h>

#include "daemon/core/name.h"
#include "daemon/core/node/consent.h"
#include "daemon/core/node/ledger.h"

static const char *consent_name(enum consent consent)
{
    switch (consent) {
    case CONSENT_NONE:
        return "none";
    case CONSENT_ASKED:
        return "asked";
    case CONSENT_WAS_ASKED:
        return "was_asked";
    case CONSENT_PENDING:
        return "pending";
    case CONSENT_MUTUAL:
        return "mutual";
    case CONSENT_ENDING:
        return "ending";
    }
    return "none";
}

static bool write_contact(const struct node *node, struct json_writer *w, const struct contact *c)
{
    (void)node;
    if (c->row.alias == NULL)
        return false;
    json_write_open(w, '{');
    json_put_string(w, "alias", c->row.alias);
    call_put_peer_id(w, c);
    json_put_string(w, "name", c->row.name);
    json_put_string(w, "consent", consent_name(c->row.consent));
    json_put_bool(w, "verified", c->row.verified);
    json_put_bool(w, "blocked", c->row.blocked);
    json_write_close(w, '}');
    return true;
}

struct outcome method_contact_list(struct node *node, const struct input *input)
{
    const struct api_args *args = input->call.args;

    return call_contacts(node, "contacts", api_integer(args, ARG_CONTACT_LIST_AFTER, 0),
                         api_integer(args, ARG_CONTACT_LIST_LIMIT, 0), write_contact);
}

enum error call_check_alias(const struct node *node, const struct contact *contact,
                            const char *alias)
{
    if (name_check(alias) != OK)
        return ERR_BAD_NAME;
    const struct contact *holder = contacts_by_alias(&node->contacts, alias);
    return holder != NULL && holder != contact ? ERR_NAME_TAKEN : OK;
}

struct outcome method_contact_rename(struct node *node, const struct input *input)
{
    const struct api_args *args = input->call.args;
    const char *alias = api_string(args, ARG_CONTACT_RENAME_ALIAS);
    struct contact *contact;
    enum error error =
        contacts_find(&node->contacts, api_string(args, ARG_CONTACT_RENAME_PEER), &contact);

    if (error == OK)
        error = call_check_alias(node, contact, alias);
    if (error != OK)
        return outcome_error(error, NULL);
    struct peer_row row = contact->row;
    row.alias = (char *)alias;
    ledger_put_peer(node, &row);
    return outcome_when_durable(node, input->call.call, call_contact_result(contact));
}

/* Whether `text` is these digits, white space aside. */
static bool is_number(const char *text, const char digits[SAFETY_NUMBER_DIGITS + 1])
{
    for (; *text != '\0'; text++)
        if (strchr(" \t\n", *text) == NULL && *text != *digits++)
            return false;
    return *digits == '\0';
}

struct outcome method_contact_verify(struct node *node, const struct input *input)
{
    const struct api_args *args = input->call.args;
    const char *number = api_string(args, ARG_CONTACT_VERIFY_NUMBER);
    char digits[SAFETY_NUMBER_DIGITS + 1];
    struct bytes result = BYTES_EMPTY;
    struct json_writer w;
    struct contact *contact;
    enum error error =
        contacts_find(&node->contacts, api_string(args, ARG_CONTACT_VERIFY_PEER), &contact);

    if (error != OK)
        return outcome_error(error, NULL);
    if (contact->row.is_classic)
        return outcome_error(ERR_INVALID_PARAMS,
                             "a classic peer has no key, and so nothing that could be verified");
    safety_number(node->identity->key.bytes, contact->row.key, digits);
    if (number != NULL && !is_number(number, digits))
        return outcome_error(
            ERR_INVALID_PARAMS,
            "the number is not the same: mistyped, or somebody is between the two of "
            "you; nothing was marked");
    if (number != NULL && !contact->row.verified) {
        struct peer_row row = contact->row;
        row.verified = true;
        ledger_put_peer(node, &row);
    }
    json_write_init(&w, &result);
    json_write_open(&w, '{');
    call_put_peer_id(&w, contact);
    json_put_string(&w, "alias", contact->row.alias);
    json_put_string(&w, "safety_number", digits);
    json_put_bool(&w, "verified", contact->row.verified);
    json_write_close(&w, '}');
    return number != NULL ? outcome_when_durable(node, input->call.call, result)
                          : outcome_in_turn(node, input->call.call, result);
}

/* contact.remove, contact.block and contact.unblock: find the contact, do it, answer {peer_id,
 * alias}. */
static struct outcome change_contact(struct node *node, const struct input *input, int place,
                                     void (*change)(struct node *node, struct contact *contact))
{
    struct contact *contact;
    enum error error =
        contacts_find(&node->contacts, api_string(input->call.args, place), &contact);

    if (error != OK)
        return outcome_error(error, NULL);
    struct bytes result = call_contact_result(contact);
    change(node, contact);
    return outcome_when_durable(node, input->call.call, result);
}

struct outcome method_contact_remove(struct node *node, const struct input *input)
{
    return change_contact(node, input, ARG_CONTACT_REMOVE_PEER, consent_remove);
}

struct outcome method_contact_block(struct node *node, const struct input *input)
{
    return change_contact(node, input, ARG_CONTACT_BLOCK_PEER, consent_block);
}

struct outcome method_contact_unblock(struct node *node, const struct input *input)
{
    return change_contact(node, input, ARG_CONTACT_UNBLOCK_PEER, consent_unblock);
}
