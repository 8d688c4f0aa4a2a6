/* Effects: what the world may see of an input, once its transaction is durable; or hears, when it
 * failed. */
#include "daemon/core/node/ledger.h"

#include <stdlib.h>

#include "common/alloc.h"
#include "daemon/core/node/call.h"
#include "daemon/core/node/classic.h"
#include "daemon/core/node/consent.h"
#include "daemon/core/node/hello.h"
#include "daemon/core/node/registrar.h"
#include "daemon/core/node/session.h"
#include "daemon/core/node/stream.h"
#include "daemon/core/node/trackers.h"
#include "daemon/core/node/wait.h"

void effect_free(struct effect *effect)
{
    if (effect->waiter != NULL)
        free(effect->waiter);
    bytes_done(&effect->bytes);
    free(effect);
}

static void happen_send(struct node *node, const struct effect *effect)
{
    struct contact *contact = contacts_by_number(&node->contacts, effect->peer);

    if (contact != NULL && contact->row.is_classic)
        classic_talk_news(node, contact);
    else if (contact != NULL && contact->session != NULL)
        session_send(node, contact->session, effect->type, &effect->bytes);
}

static void happen_have(struct node *node, const struct effect *effect)
{
    struct contact *contact = contacts_by_number(&node->contacts, effect->peer);

    if (contact == NULL || !consent_is_open(contact))
        return;
    contact->owes_have = true;
    stream_touch(node, contact);
    if (contact->row.is_classic)
        classic_talk_news(node, contact);
}

static void happen_online(struct node *node, const struct effect *effect)
{
    struct contact *contact = contacts_by_number(&node->contacts, effect->peer);

    if (contact != NULL)
        session_tell_online(node, contact);
}

static bool has_results(enum effect_kind kind)
{
    return kind == EFFECT_STORED || kind == EFFECT_FOUND || kind == EFFECT_SEEN ||
           kind == EFFECT_CLAIMED || kind == EFFECT_CLASSIC_CLAIMED;
}

void effect_happen(struct node *node, struct effect *effect, const struct transaction *transaction)
{
    const struct change *results = NULL;

    if (has_results(effect->kind)) {
        must(transaction != NULL);
        results = &transaction->changes[effect->row];
    }
    switch (effect->kind) {
    case EFFECT_REPLY:
        if (effect->error == OK)
            call_reply(node, effect->call, &effect->bytes);
        else
            call_reply_error(node, effect->call, effect->error, NULL);
        break;
    case EFFECT_WAIT:
        wait_begin(node, effect->waiter);
        effect->waiter = NULL;
        break;
    case EFFECT_SEND:
        happen_send(node, effect);
        break;
    case EFFECT_CLASSIC:
        classic_say(node, effect);
        break;
    case EFFECT_STORED:
        stream_stored(node, effect, &results->log);
        break;
    case EFFECT_FOUND:
        call_found(node, effect, &results->log);
        break;
    case EFFECT_SEEN:
        stream_seen(node, effect, results);
        break;
    case EFFECT_TAKEN:
        stream_taken(node, effect);
        break;
    case EFFECT_HAVE:
        happen_have(node, effect);
        break;
    case EFFECT_EVENT:
        node_event(node, effect->event, effect->peer, &effect->bytes);
        break;
    case EFFECT_ONLINE:
        happen_online(node, effect);
        break;
    case EFFECT_CLOSE_LINK:
        session_close_key(node, effect->key, effect->why);
        break;
    case EFFECT_NEW_RECORD:
        hello_set_record(node, bytes_data(&effect->bytes), bytes_length(&effect->bytes));
        registration_record_changed(node);
        break;
    case EFFECT_REGISTER:
    case EFFECT_EXIT_NETWORK:
        tracker_call_happen(node, effect);
        break;
    case EFFECT_CLASSIC_CLAIMED:
        registrar_classic_claimed(node, effect, results->claim.result);
        break;
    case EFFECT_CLAIMED:
        registrar_claimed(node, effect, &results->claim);
        break;
    }
}

void effect_fail(struct node *node, const struct effect *effect, enum error error)
{
    switch (effect->kind) {
    case EFFECT_REPLY:
    case EFFECT_FOUND:
    case EFFECT_REGISTER:
    case EFFECT_EXIT_NETWORK:
        call_reply_error(node, effect->call, error, NULL);
        break;
    case EFFECT_STORED:
        stream_not_stored(node, effect);
        call_reply_error(node, effect->call, error, NULL);
        break;
    case EFFECT_WAIT:
        call_reply_error(node, effect->waiter->call, error, NULL);
        break;
    case EFFECT_TAKEN:
        stream_not_taken(node, effect);
        break;
    case EFFECT_CLASSIC:
        classic_not_said(node, effect);
        break;
    case EFFECT_CLASSIC_CLAIMED:
        registrar_classic_claimed(node, effect, error);
        break;
    case EFFECT_CLAIMED:
        registrar_not_claimed(node, effect);
        break;
    case EFFECT_SEND:
    case EFFECT_SEEN:
    case EFFECT_HAVE:
    case EFFECT_EVENT:
    case EFFECT_ONLINE:
    case EFFECT_CLOSE_LINK:
    case EFFECT_NEW_RECORD:
        break;
    }
}
