/* Who asks a tracker for others: LISTPEER over links, listpeer on the control socket
 * (p2pchat-protocol(7), The tracker). */
#include "daemon/core/node/registrar.h"

#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/name.h"
#include "daemon/core/node/call.h"
#include "daemon/core/node/session.h"

/* "One that is expired is not passed on." */
static bool is_shown(const struct node *node, const struct registration *registration)
{
    const struct peer_record_head head = peer_record_peek(registration->record);

    return peer_record_head_validity(&head, node->now.unix_ms) == PEER_RECORD_VALID;
}

/* --- Pages: those who registered with a key, and classic ones among them, by name --- */

/* Somebody on a page. */
struct listed {
    struct registration keyed;
    const struct classic_entry *classic; /* NULL: it is `keyed` */
};

struct page {
    const struct node *node;
    char *prefix; /* folded */
    struct name_order_place place;
    bool has_keyed;
    struct registration keyed; /* the next one, if there is any */
    size_t classic;            /* the place on the board of the next one */
};

static bool has_prefix(const char *name, const char *prefix)
{
    return strncmp(name, prefix, strlen(prefix)) == 0;
}

static void find_keyed(struct page *page)
{
    do {
        page->has_keyed =
            registry_next(&page->node->registrar->registry, &page->place, &page->keyed) &&
            has_prefix(page->keyed.name, page->prefix);
    } while (page->has_keyed && !is_shown(page->node, &page->keyed));
}

/* The next classic peer on the board, if it comes before the next one with a key, or NULL. Those
 * with a key stand on the board, too. */
static const struct classic_entry *find_classic(struct page *page)
{
    const struct classic_board *board = &page->node->registrar->board;

    for (; page->classic < board->count; page->classic++) {
        const struct classic_entry *entry = board->entries[page->classic];
        if (!has_prefix(entry->folded, page->prefix) ||
            (page->has_keyed && strcmp(entry->folded, page->keyed.name) > 0))
            return NULL;
        if (!entry->is_keyed)
            return entry;
    }
    return NULL;
}

/* Begins before the first whose name begins with the prefix that is asked for, and behind `after`.
 */
static void page_begin(struct page *page, const struct node *node,
                       const struct message_listpeer *question)
{
    const struct registry *registry = &node->registrar->registry;
    const struct classic_board *board = &node->registrar->board;
    char *prefix = name_fold(question->text);
    char *after = question->after != NULL ? name_fold(question->after) : NULL;

    must(prefix != NULL && (after != NULL) == (question->after != NULL));
    *page = (struct page){.node = node, .prefix = prefix};
    if (after != NULL && strcmp(after, prefix) >= 0) {
        page->place = registry_behind(registry, after);
        page->classic = classic_board_behind(board, after);
    } else {
        page->place = registry_from(registry, prefix);
        page->classic = classic_board_behind(board, prefix);
        if (classic_board_find(board, prefix) != NULL)
            page->classic--;
    }
    find_keyed(page);
    free(after);
}

static void page_end(struct page *page)
{
    free(page->prefix);
}

static bool page_next(struct page *page, struct listed *ret_listed)
{
    const struct classic_entry *classic = find_classic(page);

    if (classic == NULL && !page->has_keyed)
        return false;
    *ret_listed = (struct listed){.keyed = page->keyed, .classic = classic};
    if (classic != NULL)
        page->classic++;
    else
        find_keyed(page);
    return true;
}

/* The name as its owner writes it. */
static void name_of(const struct listed *listed, char name[ADDRESS_NAME_MAX + 1])
{
    struct peer_record record;

    if (listed->classic != NULL) {
        memcpy(name, listed->classic->name, strlen(listed->classic->name) + 1);
        return;
    }
    peer_record_read(listed->keyed.record, listed->keyed.record_length, &record);
    memcpy(name, record.name, sizeof record.name);
}

/* --- LISTPEER --- */

static bool add(struct records_writer *w, const struct listed *listed)
{
    if (listed->classic != NULL)
        return records_add_classic(w, listed->classic->name, &listed->classic->at);
    return records_add(w, listed->keyed.record, listed->keyed.record_length);
}

static void write_keyed(struct node *node, struct records_writer *w, uint32_t number)
{
    if (number == REGISTRY_NONE)
        return;
    const struct listed listed = {.keyed = registry_at(&node->registrar->registry, number)};
    if (is_shown(node, &listed.keyed))
        add(w, &listed);
}

static void write_named(struct node *node, struct records_writer *w, const char *name)
{
    char *folded = name_fold(name);
    struct listed listed = {.classic = classic_board_find(&node->registrar->board, folded)};

    if (listed.classic != NULL && !listed.classic->is_keyed)
        add(w, &listed);
    else
        write_keyed(node, w, registry_of_name(&node->registrar->registry, folded));
    free(folded);
}

static void write_classic_at(const struct node *node, struct records_writer *w, const char *text)
{
    struct host_port at;

    must(host_port_parse(text, PORT_ZERO_REFUSED, &at) == OK);
    const struct listed listed = {.classic = classic_board_at(&node->registrar->board, &at)};
    if (listed.classic != NULL)
        add(w, &listed);
}

/* Returns whether more would follow, and then the name of the last one. */
static bool write_page(struct node *node, struct records_writer *w,
                       const struct message_listpeer *m, char last_name[ADDRESS_NAME_MAX + 1])
{
    struct listed listed, last;
    struct page page;
    uint32_t count = 0;
    bool goes_on = false;

    page_begin(&page, node, m);
    while (!goes_on && page_next(&page, &listed)) {
        goes_on = count == m->limit || !add(w, &listed);
        if (goes_on)
            name_of(&last, last_name);
        last = listed;
        count++;
    }
    page_end(&page);
    return goes_on;
}

void registrar_asked(struct node *node, struct session *session, const struct json *data)
{
    struct registrar *registrar = node->registrar;
    struct records_writer *w = &registrar->writer;
    char last_name[ADDRESS_NAME_MAX + 1];
    struct message_listpeer m;
    bool goes_on = false;

    if (message_listpeer_decode(data, &m) != OK) {
        session_close(node, session, LINK_END_MALFORMED);
        return;
    }
    records_begin(w, &registrar->answer, m.query);
    switch (m.asks) {
    case ASKS_NAME:
        write_named(node, w, m.text);
        break;
    case ASKS_PEER_ID:
        write_keyed(node, w, registry_of_key(&registrar->registry, m.key.bytes));
        break;
    case ASKS_PREFIX:
        goes_on = write_page(node, w, &m, last_name);
        break;
    case ASKS_ADDRESS:
        write_classic_at(node, w, m.text);
        break;
    }
    records_end(w, goes_on ? last_name : NULL);
    session_send(node, session, MESSAGE_RECORDS, &registrar->answer);
    bytes_clear(&registrar->answer);
}

/* --- listpeer --- */

static void write_addresses(struct json_writer *w, const struct host_port *addresses, size_t count)
{
    char text[ADDRESS_HOST_PORT_MAX + 1];

    json_write_name(w, "addresses");
    json_write_open(w, '[');
    for (size_t i = 0; i < count; i++) {
        host_port_format(&addresses[i], text);
        json_write_string(w, text);
    }
    json_write_close(w, ']');
}

static void write_peer(const struct node *node, struct json_writer *w, const struct listed *listed)
{
    struct peer_record record;
    char peer_id[PEER_ID_LENGTH + 1];

    json_write_open(w, '{');
    if (listed->classic != NULL) {
        json_put_string(w, "name", listed->classic->name);
        json_put_null(w, "peer_id");
        write_addresses(w, &listed->classic->at, 1);
        json_put_bool(w, "connected", false);
        json_put_string(w, "source", "classic");
    } else {
        peer_record_read(listed->keyed.record, listed->keyed.record_length, &record);
        peer_id_encode(record.key, peer_id);
        json_put_string(w, "name", record.name);
        json_put_string(w, "peer_id", peer_id);
        write_addresses(w, record.addresses, record.address_count);
        json_put_bool(w, "connected", session_of_key(node, record.key) != NULL);
        json_put_string(w, "source", "tracker");
    }
    json_write_close(w, '}');
}

struct outcome registrar_listpeer(const struct node *node, const struct message_listpeer *question)
{
    char last_name[ADDRESS_NAME_MAX + 1];
    struct bytes result = BYTES_EMPTY;
    struct listed listed, last;
    bool goes_on = false;
    struct json_writer w;
    struct page page;

    page_begin(&page, node, question);
    json_write_init(&w, &result);
    json_write_open(&w, '{');
    json_write_name(&w, "peers");
    json_write_open(&w, '[');
    for (uint32_t count = 0; !goes_on && page_next(&page, &listed); count++) {
        goes_on = count == question->limit;
        if (goes_on)
            name_of(&last, last_name);
        else
            write_peer(node, &w, &listed);
        last = listed;
    }
    json_write_close(&w, ']');
    json_write_name(&w, "unanswered");
    json_write_open(&w, '[');
    json_write_close(&w, ']');
    json_put_string(&w, "next", goes_on ? last_name : NULL);
    json_write_close(&w, '}');
    page_end(&page);
    return outcome_result(result);
}
