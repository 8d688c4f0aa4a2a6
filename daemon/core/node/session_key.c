/* The sessions of a key: a peer may have several links, and of peers there may be thousands. */
#define HASH_FUNCTION(bytes, length, ret_hash) \
    ((ret_hash) = (unsigned)hash_bytes(&node->hash_key, (bytes), (length)))

#include "daemon/core/node/session.h"

#include <string.h>

#include "daemon/core/node/consent.h"

/* The one whose carrier came last; the others follow by `older`. */
static struct session *newest_of_key(const struct node *node, const uint8_t key[KEY_LENGTH])
{
    struct session *newest;

    HASH_FIND(by_key, node->keyed_sessions, key, KEY_LENGTH, newest);
    return newest;
}

static void replace_newest(struct node *node, struct session *newest, struct session *by)
{
    if (newest != NULL)
        HASH_DELETE(by_key, node->keyed_sessions, newest);
    if (by != NULL)
        HASH_ADD(by_key, node->keyed_sessions, key, KEY_LENGTH, by);
}

void session_enter_key(struct node *node, struct session *session, const uint8_t key[KEY_LENGTH])
{
    struct session *newest = newest_of_key(node, key), *newer = newest;

    session->proved = true;
    memcpy(session->key, key, KEY_LENGTH);
    if (newest == NULL || newest->carrier < session->carrier) {
        session->older = newest;
        replace_newest(node, newest, session);
        return;
    }
    while (newer->older != NULL && newer->older->carrier > session->carrier)
        newer = newer->older;
    session->older = newer->older;
    newer->older = session;
}

void session_leave_key(struct node *node, struct session *session)
{
    struct session *newer = newest_of_key(node, session->key);

    if (newer == session) {
        replace_newest(node, session, session->older);
        return;
    }
    while (newer->older != session)
        newer = newer->older;
    newer->older = session->older;
}

struct session *session_newest_greeted(const struct node *node, const uint8_t key[KEY_LENGTH],
                                       const struct session * not )
{
    struct session *s = newest_of_key(node, key);

    while (s != NULL && (s == not || !s->greeted || !link_is_proved(s->link)))
        s = s->older;
    return s;
}

struct session *session_of_key(const struct node *node, const uint8_t key[KEY_LENGTH])
{
    return session_newest_greeted(node, key, NULL);
}

/* "Only the lower key closes any: it keeps the newest authenticated one." Another instance has no
 * say in that: it is gone, or a clone. */
void session_close_others(struct node *node, const struct session *keep)
{
    const bool is_lower = peer_key_compare(node->identity->key.bytes, keep->key) < 0;

    for (struct session *s = newest_of_key(node, keep->key); s != NULL; s = s->older)
        if (s != keep && s->greeted && (is_lower || s->instance != keep->instance))
            session_close(node, s, LINK_END_DUPLICATE);
}

void session_close_key(struct node *node, const uint8_t key[KEY_LENGTH], enum link_end why)
{
    for (struct session *s = newest_of_key(node, key); s != NULL; s = s->older)
        session_close(node, s, why);
}

void session_of_contact(struct node *node, struct contact *contact)
{
    for (struct session *s = newest_of_key(node, contact->row.key); s != NULL; s = s->older) {
        s->contact = contact;
        link_set_tier(s->link, consent_is_open(contact) ? LINK_CONTACT : LINK_STRANGER);
        if (consent_is_open(contact))
            doorman_proved(&node->doorman, s->carrier, DOORMAN_CONTACT, NULL);
        session_judge_idle(node, s);
    }
}
