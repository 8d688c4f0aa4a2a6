/* A node and visitors who have proved a key and then break the rules: whatever they say on their
 * links, the node keeps to its bounds and nothing of it becomes true. */
#include "tests/unit/unit.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/link/crypto.h"
#include "daemon/core/link/link.h"
#include "daemon/core/node.h"
#include "tests/support/model_store.h"
#include "tests/unit/seeded.h"

enum { VISITORS_MAX = 300 };

/* Somebody with a key of its own, and one link to the node. */
struct visitor {
    struct identity identity;
    struct link_settings settings;
    struct link *link; /* NULL: the node closed it */
    uint64_t carrier;
    struct bytes heard; /* the types of messages that came, one word each */
    char epoch[17];     /* of the last CHAT_MESSAGE among them */
};

struct house {
    uint64_t seed;
    struct now now;
    struct identity identity;
    struct node *node;
    struct model_store *store;
    bool disk_waits; /* nothing becomes durable */
    struct bytes hello;
    struct visitor visitors[VISITORS_MAX];
    size_t visitor_count;
    uint64_t last_carrier, last_call;
    enum error replied;      /* to the last call */
    char ended[32];          /* why the node ended the last link that it ended */
    size_t rows, messages;   /* of the log */
    size_t reads, reads_max; /* not answered; the most at one time */
};

static const struct host_port home = {.host = "192.0.2.1", .port = 4000};

/* --- The node's world --- */

static struct visitor *visitor_of(struct house *house, uint64_t carrier)
{
    for (size_t i = 0; i < house->visitor_count; i++)
        if (house->visitors[i].carrier == carrier && house->visitors[i].link != NULL)
            return &house->visitors[i];
    return NULL;
}

static void hang_up(struct visitor *visitor)
{
    link_free(visitor->link);
    visitor->link = NULL;
}

static void act(struct house *house, const struct action *action)
{
    struct visitor *visitor;

    switch (action->kind) {
    case ACTION_SEND:
        visitor = visitor_of(house, action->send.carrier);
        if (visitor != NULL)
            link_input(visitor->link, action->send.bytes, action->send.length, house->now);
        break;
    case ACTION_CLOSE:
        visitor = visitor_of(house, action->close.carrier);
        if (visitor != NULL)
            link_lost(visitor->link);
        break;
    case ACTION_APPEND:
        model_store_append(house->store, action->append.transaction);
        break;
    case ACTION_READ:
        if (++house->reads > house->reads_max)
            house->reads_max = house->reads;
        model_store_read_stream(house->store, action->read.read, action->read.stream,
                                action->read.after_seq, action->read.rows_max,
                                action->read.bytes_max);
        break;
    case ACTION_REPLY:
        house->replied = action->reply.error;
        break;
    case ACTION_NOTE:
        if (strcmp(action->note.code, "link_closed") == 0)
            snprintf(house->ended, sizeof house->ended, "%s", action->note.detail);
        break;
    case ACTION_DIAL:
    case ACTION_DIAL_CANCEL:
    case ACTION_EVENT:
        break;
    }
}

static void take_actions(struct house *house)
{
    struct action action;

    while (node_next_action(house->node, &action))
        act(house, &action);
}

static void give(struct house *house, const struct input *input)
{
    node_input(house->node, input, house->now);
    take_actions(house);
}

static void hear(struct visitor *visitor, enum message_type type, const struct json *data)
{
    const char *epoch;
    size_t length;

    bytes_text(&visitor->heard, message_row(type)->name);
    bytes_text(&visitor->heard, " ");
    if (type != MESSAGE_CHAT_MESSAGE)
        return;
    assert_true(json_string(json_member(data, "epoch"), &epoch, &length));
    snprintf(visitor->epoch, sizeof visitor->epoch, "%.*s", (int)length, epoch);
}

/* What a visitor's link wants to send goes to the node; true when there was anything. */
static bool serve(struct house *house, struct visitor *visitor)
{
    struct link_output output;
    bool were_any = false;

    while (visitor->link != NULL && link_next(visitor->link, &output)) {
        struct input input = {.kind = INPUT_BYTES, .bytes.carrier = visitor->carrier};
        uint8_t *copy;
        were_any = true;
        switch (output.kind) {
        case LINK_SEND:
            copy = xmemdup(output.send.bytes, output.send.length);
            input.bytes.bytes = copy;
            input.bytes.length = output.send.length;
            give(house, &input);
            free(copy);
            break;
        case LINK_MESSAGE:
            hear(visitor, output.message.type, output.message.data);
            break;
        case LINK_ENDED:
            hang_up(visitor);
            break;
        case LINK_PROVED:
        case LINK_HELLO:
            break;
        }
    }
    return were_any;
}

static void count_rows(struct house *house, const struct transaction *transaction)
{
    for (size_t i = 0; i < transaction->count; i++) {
        const struct change *change = &transaction->changes[i];
        house->rows += change->kind == CHANGE_LOG;
        house->messages += change->kind == CHANGE_LOG && change->log.type == EVENT_MESSAGE_RECEIVED;
    }
}

static void give_rows(struct house *house, const struct store_answer *answer)
{
    struct input input = {.kind = INPUT_ROWS, .rows = {.read = answer->id, .end = answer->end}};
    struct outbox_row *rows = xcalloc(answer->count + 1, sizeof *rows);

    house->reads--;
    for (size_t i = 0; i < answer->count; i++) {
        const struct log_row *row = &answer->rows[i].log;
        rows[i] = (struct outbox_row){.seq = row->seq,
                                      .number = row->number,
                                      .time_ms = row->time_ms,
                                      .text = row->body,
                                      .text_length = row->body_length};
    }
    input.rows.rows = rows;
    input.rows.count = answer->count;
    give(house, &input);
    free(rows);
}

static bool serve_store(struct house *house)
{
    struct store_answer answer;
    bool were_any = false;

    if (house->disk_waits)
        return false;
    model_store_commit(house->store, SIZE_MAX);
    while (model_store_take(house->store, &answer)) {
        struct input input = {.kind = INPUT_DURABLE};
        were_any = true;
        if (answer.kind == STORE_ROWS) {
            give_rows(house, &answer);
        } else {
            count_rows(house, answer.transaction);
            input.durable.transaction = answer.transaction;
            give(house, &input);
        }
        model_store_answer_done(&answer);
    }
    return were_any;
}

static void run(struct house *house)
{
    bool goes_on;

    do {
        goes_on = serve_store(house);
        for (size_t i = 0; i < house->visitor_count; i++)
            goes_on = serve(house, &house->visitors[i]) || goes_on;
    } while (goes_on);
}

static void pass(struct house *house, uint64_t ms)
{
    house->now.mono.ms += ms;
    house->now.unix_ms += (int64_t)ms;
    node_expire(house->node, house->now);
    take_actions(house);
    run(house);
}

static void call(struct house *house, enum api_method method, const char *params)
{
    char message[API_MESSAGE_MAX];
    struct api_args args;
    struct json *json;
    struct input input = {.kind = INPUT_CALL};

    assert_int_equal(json_parse(params, strlen(params), &json), OK);
    assert_int_equal(api_check(method, json, &args, message), OK);
    input.call.call = input.call.client = ++house->last_call;
    input.call.method = method;
    input.call.args = &args;
    house->replied = ERR_BAD_STATE;
    give(house, &input);
    json_free(json);
    run(house);
}

/* --- Visitors --- */

/* Somebody with a new key. */
static struct visitor *come(struct house *house)
{
    struct visitor *visitor = &house->visitors[house->visitor_count++];
    struct random random = seeded(&house->seed);

    assert_true(house->visitor_count <= VISITORS_MAX);
    *visitor = (struct visitor){.link = NULL};
    identity_create(&random, &visitor->identity);
    visitor->settings = (struct link_settings){
        .identity = &visitor->identity, .random = random, .hello = &house->hello};
    return visitor;
}

/* Opens a link; what was heard before is forgotten. */
static void enter(struct house *house, struct visitor *visitor, const char *host)
{
    struct input input = {.kind = INPUT_CARRIER_UP,
                          .carrier_up = {.carrier = ++house->last_carrier, .remote.port = 5000}};

    if (visitor->link != NULL) {
        const struct input down = {.kind = INPUT_CARRIER_DOWN,
                                   .carrier_down.carrier = visitor->carrier};
        hang_up(visitor);
        give(house, &down);
    }
    bytes_clear(&visitor->heard);
    visitor->carrier = house->last_carrier;
    assert_int_equal(
        link_new_dialled(&visitor->settings, house->identity.key.bytes, house->now, &visitor->link),
        OK);
    link_set_tier(visitor->link, LINK_CONTACT);
    snprintf(input.carrier_up.remote.host, sizeof input.carrier_up.remote.host, "%s", host);
    give(house, &input);
    run(house);
}

static struct visitor *stranger(struct house *house, const char *host)
{
    struct visitor *visitor = come(house);

    enter(house, visitor, host);
    return visitor;
}

static void say(struct house *house, struct visitor *visitor, enum message_type type,
                const char *data)
{
    if (visitor->link == NULL || !link_is_proved(visitor->link))
        return;
    link_send(visitor->link, type, data, strlen(data));
    run(house);
}

#define assert_heard(visitor, expected) check_heard(visitor, expected, __FILE__, __LINE__)
static void check_heard(struct visitor *visitor, const char *expected, const char *file, int line)
{
    bytes_u8(&visitor->heard, '\0');
    _assert_string_equal((const char *)bytes_data(&visitor->heard), expected, file, line);
    bytes_clear(&visitor->heard);
}

#define ID      "00112233445566778899aabbccddeeff"
#define OTHER   "ffeeddccbbaa99887766554433221100"
#define EPOCH   "1111111111111111"
#define ANOTHER "2222222222222222"

static void ask(struct house *house, struct visitor *visitor, unsigned number)
{
    char data[128];

    snprintf(data, sizeof data, "{\"request\":\"%032x\",\"name\":\"visitor\"}", number);
    say(house, visitor, MESSAGE_CHAT_REQUEST, data);
}

static const char have_nothing[] = "{\"consent\":\"" ID "\",\"live\":[\"" EPOCH "\"],\"have\":[]}";

/* A visitor with mutual consent, whose HAVE came. */
static struct visitor *befriend(struct house *house)
{
    struct visitor *visitor = stranger(house, "198.51.100.1");

    say(house, visitor, MESSAGE_CHAT_REQUEST, "{\"request\":\"" ID "\",\"name\":\"visitor\"}");
    call(house, API_CHAT_ACCEPT, "{\"request\":\"visitor\"}");
    assert_int_equal(house->replied, OK);
    assert_heard(visitor, "CHAT_ACCEPT HAVE ");
    say(house, visitor, MESSAGE_HAVE, have_nothing);
    assert_int_equal(node_counts(house->node).contacts, 1);
    house->rows = 0;
    return visitor;
}

static void say_text(struct house *house, struct visitor *visitor, unsigned number,
                     const char *text)
{
    char *data = xmalloc(strlen(text) + 128);

    sprintf(data, "{\"epoch\":\"" EPOCH "\",\"number\":%u,\"time\":0,\"text\":\"%s\"}", number,
            text);
    say(house, visitor, MESSAGE_CHAT_MESSAGE, data);
    free(data);
}

static char *text_of(size_t length)
{
    char *text = xmalloc(length + 1);

    memset(text, 'x', length);
    text[length] = '\0';
    return text;
}

/* --- Setup --- */

static int setup(void **state)
{
    struct house *house = xcalloc(1, sizeof *house);
    struct random random = seeded(&house->seed);

    house->now = (struct now){.mono = {1000000}, .unix_ms = 1700000000000};
    identity_create(&random, &house->identity);
    const struct node_settings settings = {.identity = &house->identity,
                                           .random = random,
                                           .name = "house",
                                           .agent = "p2pchat/0",
                                           .request_timeout_ms = 600000,
                                           .outbox_messages_max = 1000000,
                                           .outbox_bytes_max = 1 << 30};
    house->node = node_new(&settings);
    house->store = model_store_new();
    message_hello_encode(&house->hello, "node", "visitor/0", 1, NULL, 0);
    node_set_addresses(house->node, &home, 1, house->now);
    node_start(house->node, house->now);
    take_actions(house);
    run(house);
    *state = house;
    return 0;
}

static int teardown(void **state)
{
    struct house *house = *state;

    node_free(house->node);
    model_store_free(house->store);
    for (size_t i = 0; i < house->visitor_count; i++) {
        link_free(house->visitors[i].link);
        bytes_done(&house->visitors[i].heard);
    }
    bytes_done(&house->hello);
    free(house);
    return 0;
}

/* --- Strangers --- */

static void assert_nothing_came_of_it(const struct house *house)
{
    uint32_t peer;

    assert_int_equal(house->rows, 0);
    assert_int_equal(node_counts(house->node).contacts, 0);
    assert_int_equal(node_find_peer(house->node, "visitor", &peer), ERR_NO_SUCH_PEER);
}

static void test_stranger_says_what_contacts_say(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = stranger(house, "198.51.100.1");

    say(house, visitor, MESSAGE_CHAT_MESSAGE,
        "{\"epoch\":\"" EPOCH "\",\"number\":1,\"time\":0,\"text\":\"hi\"}");
    assert_nothing_came_of_it(house);
    enter(house, visitor, "198.51.100.1");
    say(house, visitor, MESSAGE_CHAT_ACK,
        "{\"epoch\":\"" EPOCH "\",\"through\":1,\"credit_bytes\":1}");
    assert_nothing_came_of_it(house);
}

static void test_consent_that_was_never_given(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = stranger(house, "198.51.100.1");

    say(house, visitor, MESSAGE_HAVE, have_nothing);
    assert_heard(visitor, "NO_CONSENT ");
    say(house, visitor, MESSAGE_CHAT_ACCEPT, "{\"request\":\"" ID "\",\"name\":\"visitor\"}");
    assert_heard(visitor, "NO_CONSENT ");
    say(house, visitor, MESSAGE_DISCONNECT, "{\"consent\":\"" ID "\"}");
    assert_heard(visitor, "NO_CONSENT ");
    say(house, visitor, MESSAGE_CHAT_REFUSE, "{\"request\":\"" ID "\"}");
    say(house, visitor, MESSAGE_NO_CONSENT, "{\"consent\":\"" ID "\"}");
    assert_heard(visitor, "");
    assert_nothing_came_of_it(house);
}

/* It accepts its own request, or confirms what nobody accepted. */
static void test_answers_to_its_own_request(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = stranger(house, "198.51.100.1");

    say(house, visitor, MESSAGE_CHAT_REQUEST, "{\"request\":\"" ID "\",\"name\":\"visitor\"}");
    say(house, visitor, MESSAGE_CHAT_ACCEPT, "{\"request\":\"" ID "\",\"name\":\"visitor\"}");
    assert_heard(visitor, "NO_CONSENT ");
    say(house, visitor, MESSAGE_HAVE, have_nothing);
    assert_heard(visitor, "NO_CONSENT ");
    say_text(house, visitor, 1, "hi");
    assert_int_equal(house->messages, 0);
    assert_int_equal(node_counts(house->node).contacts, 0);
}

static void test_stranger_says_too_much(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = stranger(house, "198.51.100.1");
    char *data = xmalloc(LINK_STRANGER_FRAME_MAX + 32), *text = text_of(LINK_STRANGER_FRAME_MAX);

    sprintf(data, "{\"request\":\"%s\"}", text);
    say(house, visitor, MESSAGE_CHAT_REQUEST, data);
    free(data);
    free(text);
    assert_null(visitor->link);
    assert_string_equal(house->ended, "malformed");
    assert_nothing_came_of_it(house);
}

static void test_stranger_without_business_is_sent_away(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = stranger(house, "198.51.100.1");

    pass(house, STRANGER_IDLE_MS - 1);
    assert_non_null(visitor->link);
    pass(house, 1);
    assert_null(visitor->link);
    assert_nothing_came_of_it(house);
}

/* Link after link, request after request: one waits, and the log has one row of it a minute. */
static void test_one_key_asks_and_asks(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = stranger(house, "198.51.100.1");
    unsigned number = 0;

    for (int links = 0; links < 20; links++) {
        while (visitor->link != NULL)
            ask(house, visitor, ++number);
        assert_string_equal(house->ended, "limit");
        enter(house, visitor, "198.51.100.1");
    }
    assert_true(number >= 20 * message_row(MESSAGE_CHAT_REQUEST)->per_minute);
    assert_int_equal(house->rows, 1);
    call(house, API_CHAT_REFUSE, "{\"request\":\"visitor\"}"); /* would be ambiguous */
    assert_int_equal(house->replied, OK);
    call(house, API_CHAT_REFUSE, "{\"request\":\"visitor\"}");
    assert_int_equal(house->replied, ERR_NO_SUCH_REQUEST);
    house->rows = 0;
    for (int i = 0; i < 15; i++)
        ask(house, visitor, ++number); /* still a stranger: the minute is not over */
    assert_int_equal(house->rows, 0);
}

static void count_request(void *count, const struct change *row)
{
    *(size_t *)count += row->kind == CHANGE_REQUEST;
}

static size_t count_kept(const struct house *house)
{
    size_t count = 0;

    model_store_load(house->store, count_request, &count);
    return count;
}

static void take_back(struct house *house, struct visitor *visitor, unsigned number)
{
    char data[128];

    snprintf(data, sizeof data, "{\"consent\":\"%032x\"}", number);
    say(house, visitor, MESSAGE_DISCONNECT, data);
}

/* What was asked and taken back is not kept for each time, nor for each key. */
static void test_asked_and_taken_back(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = stranger(house, "198.51.100.1");

    for (unsigned number = 0; number < 200; number++) {
        ask(house, visitor, number);
        take_back(house, visitor, number);
        if (visitor->link == NULL)
            enter(house, visitor, "198.51.100.1");
    }
    assert_in_range(count_kept(house), 0, 1);
    assert_in_range(house->rows, 1, 2);
    for (unsigned number = 0; number < 200; number++) {
        visitor = stranger(house, "198.51.100.1");
        ask(house, visitor, number);
        take_back(house, visitor, number);
    }
    assert_in_range(count_kept(house), 0, 1);
    assert_in_range(house->rows, 1, 3); /* and a warning */
}

/* A contact's requests are accepted as they come; only the last answer is kept. */
static void test_contact_asks_and_asks(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = befriend(house);

    for (unsigned number = 0; number < 15; number++)
        ask(house, visitor, number);
    assert_int_equal(node_counts(house->node).contacts, 1);
    assert_int_equal(count_kept(house), 1);
}

static unsigned count_waiting(const struct house *house)
{
    unsigned count = 0;
    struct node_peer peer; /* one that was forgotten has no name */

    for (uint32_t number = 1; node_peer(house->node, number, &peer) || number < 1024; number++)
        count += node_peer(house->node, number, &peer) && strcmp(peer.alias, peer.short_id) != 0;
    return count;
}

static void test_many_keys_of_one_block_ask(void **state)
{
    struct house *house = *state;
    enum { KEYS = 3 * REQUESTS_BLOCK_MAX };

    for (unsigned i = 0; i < KEYS; i++)
        ask(house, stranger(house, "198.51.100.1"), i);
    assert_int_equal(count_waiting(house), REQUESTS_BLOCK_MAX);
    assert_int_equal(house->rows, 3); /* a request, its end, and a warning of the many names */
    assert_int_equal(node_counts(house->node).contacts, 0);
}

static void test_many_keys_of_many_blocks_ask(void **state)
{
    struct house *house = *state;
    enum { KEYS = REQUESTS_MAX + 32 };

    for (unsigned i = 0; i < KEYS; i++) {
        char host[32];
        snprintf(host, sizeof host, "198.51.%u.%u", i / 100, i % 100);
        ask(house, stranger(house, host), i);
    }
    assert_int_equal(count_waiting(house), REQUESTS_MAX);
}

static void test_many_links_of_strangers(void **state)
{
    struct house *house = *state;
    enum { LINKS = DOORMAN_STRANGERS_BLOCK_MAX };

    for (int i = 0; i < LINKS; i++)
        assert_non_null(stranger(house, "198.51.100.1")->link);
    assert_int_equal(node_counts(house->node).links, LINKS);
    assert_null(stranger(house, "198.51.100.1")->link);
    assert_string_equal(house->ended, "limit");
    assert_non_null(stranger(house, "198.51.100.2")->link);
}

/* --- Contacts --- */

static void test_message_before_have(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = befriend(house);

    enter(house, visitor, "198.51.100.1");
    say_text(house, visitor, 1, "hi");
    assert_null(visitor->link);
    assert_string_equal(house->ended, "malformed");
    assert_int_equal(house->messages, 0);
}

static void test_messages_out_of_turn(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = befriend(house);

    say_text(house, visitor, 2, "two");
    assert_heard(visitor, "HAVE ");
    for (unsigned number = 3; number < 100; number++)
        say_text(house, visitor, number, "more");
    assert_heard(visitor, ""); /* it was told */
    say_text(house, visitor, 1, "one");
    assert_heard(visitor, "CHAT_ACK ");
    say_text(house, visitor, 1, "one, and altered");
    assert_heard(visitor, "HAVE ");
    assert_int_equal(house->messages, 1);
}

static void test_acknowledges_what_was_never_said(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = befriend(house);

    say(house, visitor, MESSAGE_CHAT_ACK,
        "{\"epoch\":\"" ANOTHER "\",\"through\":7,\"credit_bytes\":9007199254740991}");
    assert_non_null(visitor->link); /* an epoch may be forgotten */
    assert_int_equal(house->rows, 0);
}

static void test_acknowledges_more_than_was_said(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = befriend(house);
    char data[128];

    call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"hi\"}");
    assert_heard(visitor, "CHAT_MESSAGE ");
    snprintf(data, sizeof data, "{\"epoch\":\"%s\",\"through\":2,\"credit_bytes\":1}",
             visitor->epoch);
    say(house, visitor, MESSAGE_CHAT_ACK, data);
    assert_null(visitor->link);
    assert_string_equal(house->ended, "malformed");
    assert_int_equal(node_counts(house->node).queued, 1);
}

/* Nothing becomes durable, and it sends on: what waits for the disk is bounded. */
static void test_more_than_its_credit(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = befriend(house);
    char *text = text_of(MESSAGE_TEXT_MAX);
    unsigned number = 0;

    house->disk_waits = true;
    while (visitor->link != NULL && number < 100)
        say_text(house, visitor, ++number, text);
    free(text);
    assert_null(visitor->link);
    assert_string_equal(house->ended, "credit");
    assert_int_equal(number, OUTBOX_WINDOW_BYTES / MESSAGE_TEXT_MAX + 1);
    house->disk_waits = false;
    run(house);
    assert_int_equal(house->messages, number - 1);
}

static void test_more_messages_than_the_window(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = befriend(house);
    unsigned number = 0;

    house->disk_waits = true;
    while (visitor->link != NULL && number < 2 * OUTBOX_WINDOW_MESSAGES)
        say_text(house, visitor, ++number, "x");
    assert_string_equal(house->ended, "credit");
    assert_int_equal(number, OUTBOX_WINDOW_MESSAGES + 1);
}

/* HAVE, again and again, while much waits in the log: no more is read than was asked for. */
static void test_have_again_and_again(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = befriend(house);

    enter(house, visitor, "198.51.100.1");
    for (int i = 0; i < 50; i++)
        call(house, API_CHAT_MESSAGE, "{\"peer\":\"visitor\",\"text\":\"hi\"}");
    house->disk_waits = true;
    for (int i = 0; i < 500 && visitor->link != NULL; i++)
        say(house, visitor, MESSAGE_HAVE, have_nothing);
    assert_int_equal(house->reads_max, 1);
    house->disk_waits = false;
    run(house);
    if (visitor->link == NULL)
        enter(house, visitor, "198.51.100.1");
    say(house, visitor, MESSAGE_HAVE, have_nothing);
    assert_non_null(visitor->link);
    assert_int_equal(node_counts(house->node).queued, 50);
}

static void test_wrong_consent(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = befriend(house);

    say(house, visitor, MESSAGE_HAVE, "{\"consent\":\"" OTHER "\",\"live\":[],\"have\":[]}");
    assert_heard(visitor, "NO_CONSENT ");
    say(house, visitor, MESSAGE_NO_CONSENT, "{\"consent\":\"" OTHER "\"}");
    say(house, visitor, MESSAGE_DISCONNECT, "{\"consent\":\"" OTHER "\"}");
    assert_heard(visitor, "NO_CONSENT ");
    assert_int_equal(node_counts(house->node).contacts, 1);
    assert_int_equal(house->rows, 0);
}

/* What one says in the name of another: consent ids are nothing without the key. */
static void test_consent_of_another(void **state)
{
    struct house *house = *state;
    struct visitor *visitor = befriend(house);
    struct visitor *thief = stranger(house, "198.51.100.9");

    say(house, thief, MESSAGE_HAVE, have_nothing);
    assert_heard(thief, "NO_CONSENT ");
    say(house, thief, MESSAGE_DISCONNECT, "{\"consent\":\"" ID "\"}");
    say(house, thief, MESSAGE_NO_CONSENT, "{\"consent\":\"" ID "\"}");
    say_text(house, thief, 1, "hi");
    assert_int_equal(house->messages, 0);
    assert_int_equal(node_counts(house->node).contacts, 1);
    say_text(house, visitor, 1, "hi");
    assert_int_equal(house->messages, 1);
}

#define TEST(test) cmocka_unit_test_setup_teardown(test, setup, teardown)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_stranger_says_what_contacts_say),
        TEST(test_consent_that_was_never_given),
        TEST(test_answers_to_its_own_request),
        TEST(test_stranger_says_too_much),
        TEST(test_stranger_without_business_is_sent_away),
        TEST(test_one_key_asks_and_asks),
        TEST(test_asked_and_taken_back),
        TEST(test_contact_asks_and_asks),
        TEST(test_many_keys_of_one_block_ask),
        TEST(test_many_keys_of_many_blocks_ask),
        TEST(test_many_links_of_strangers),
        TEST(test_message_before_have),
        TEST(test_messages_out_of_turn),
        TEST(test_acknowledges_what_was_never_said),
        TEST(test_acknowledges_more_than_was_said),
        TEST(test_more_than_its_credit),
        TEST(test_more_messages_than_the_window),
        TEST(test_have_again_and_again),
        TEST(test_wrong_consent),
        TEST(test_consent_of_another),
    };

    crypto_init();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
