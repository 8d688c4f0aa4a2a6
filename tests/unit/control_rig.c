#include "tests/unit/control_rig.h"

#include "tests/unit/unit.h"

#include <errno.h>
#include <event2/event.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <unistd.h>

#include "common/alloc.h"
#include "daemon/core/link/identity.h"
#include "daemon/core/node.h"
#include "daemon/net.h"
#include "daemon/reload.h"
#include "daemon/store/store.h"

struct rig rig;

/* --- What is replaced --- */

struct now pump_now(struct pump *pump)
{
    (void)pump;
    return (struct now){.mono = {60000 + rig.passed_ms}, .unix_ms = 0};
}

uint64_t pump_clock_us(void)
{
    return rig.clock_us += rig.clock_step_us;
}

void pump_stop(struct pump *pump)
{
    pump->is_stopping = true;
    rig.is_stopped = true;
}

bool reload_run(struct reload *reload, const struct log_caller *caller,
                struct reload_found *ret_found, struct bytes *mistakes)
{
    (void)caller;
    (void)reload;
    if (rig.mistakes != NULL) {
        bytes_text(mistakes, rig.mistakes);
        return false;
    }
    *ret_found = (struct reload_found){.at_once_count = 0};
    for (size_t i = 0; i < settings_count; i++) {
        if (settings[i].section == NULL)
            continue;
        if (strcmp(settings[i].section, "Log") == 0)
            ret_found->at_once[ret_found->at_once_count++] = &settings[i];
        else if (strcmp(settings[i].section, "Control") == 0)
            ret_found->at_restart[ret_found->at_restart_count++] = &settings[i];
    }
    return true;
}

bool reload_look(const struct reload *reload, struct reload_found *ret_found, char **ret_file,
                 struct bytes *mistakes)
{
    *ret_file = NULL;
    return reload_run((struct reload *)reload, NULL, ret_found, mistakes);
}

static void answer_call(const struct rig_call *call)
{
    struct action reply = {.kind = ACTION_REPLY, .reply = {.call = call->call}};
    char json[40];

    reply.reply.length = (size_t)snprintf(json, sizeof(json), "{\"n\":%zu}", ++rig.replied);
    reply.reply.json = json;
    control_reply(rig.pump.control, &reply);
}

void pump_input(struct pump *pump, const struct input *input)
{
    struct rig_call *call;

    assert_ptr_equal(pump, &rig.pump);
    if (input->kind == INPUT_CALL_GONE) {
        rig.gone = input->call_gone.client;
        return;
    }
    assert_int_equal(input->kind, INPUT_CALL);
    assert_true(rig.call_count < RIG_CALLS_MAX);
    call = &rig.calls[rig.call_count];
    *call = (struct rig_call){input->call.call, input->call.client, input->call.method, ""};
    if (call->method == API_CHAT_MESSAGE)
        snprintf(call->peer, sizeof(call->peer), "%s",
                 api_string(input->call.args, ARG_CHAT_MESSAGE_PEER));
    if (strcmp(call->peer, "later") == 0)
        rig.call_count++;
    else
        answer_call(call);
}

struct node_counts node_counts(const struct node *node)
{
    (void)node;
    return (struct node_counts){.links = 1, .contacts = 2, .queued = 3};
}

const struct node_totals *node_totals(const struct node *node)
{
    static const struct node_totals totals = {.messages_sent = 4, .link_ends[LINK_END_LOST] = 5};

    (void)node;
    return &totals;
}

bool node_trackers_in(const struct node *node, size_t state, const char **ret_name,
                      size_t *ret_count)
{
    (void)node;
    if (state > 0)
        return false;
    *ret_name = "registered";
    *ret_count = 1;
    return true;
}

const char *node_name(const struct node *node)
{
    (void)node;
    return "bob";
}

bool node_public_address(const struct node *node, struct host_port *ret_at)
{
    (void)node;
    if (rig.public_address.port == 0)
        return false;
    *ret_at = rig.public_address;
    return true;
}

void node_write_trackers(const struct node *node, struct json_writer *w)
{
    (void)node;
    json_write_open(w, '[');
    json_write_string(w, "a tracker");
    json_write_close(w, ']');
}

bool node_tracker(const struct node *node, size_t index, struct node_tracker *ret_tracker)
{
    (void)node;
    (void)index;
    (void)ret_tracker;
    return false;
}

enum error node_find_peer(const struct node *node, const char *text, uint32_t *ret_peer)
{
    (void)node;
    if (strcmp(text, "alice") != 0)
        return ERR_NO_SUCH_PEER;
    *ret_peer = 1;
    return OK;
}

bool node_peer(const struct node *node, uint32_t peer, struct node_peer *ret_peer)
{
    (void)node;
    if (peer != 1)
        return false;
    *ret_peer = (struct node_peer){.alias = "alice", .name = "alice", .peer_id = "cd3dr3oj"};
    return true;
}

bool node_peer_state(const struct node *node, uint32_t peer, struct now now,
                     struct node_peer_state *ret_state)
{
    (void)node;
    (void)now;
    if (peer != 1)
        return false;
    *ret_state = (struct node_peer_state){.consent = CONSENT_MUTUAL, .is_online = true};
    return true;
}

bool node_is_delivered(const struct node *node, uint32_t peer, uint32_t stream, uint64_t number)
{
    (void)node;
    (void)peer;
    (void)stream;
    (void)number;
    return false;
}

uint64_t store_last_seq(const struct store *store)
{
    (void)store;
    return rig.last_seq;
}

uint64_t store_size_bytes(const struct store *store)
{
    (void)store;
    return 4096;
}

size_t net_count(const struct net *net)
{
    (void)net;
    return 7;
}

uint64_t store_wal_bytes(const struct store *store)
{
    (void)store;
    return 1024;
}

bool store_free_bytes(const struct store *store, uint64_t *ret_bytes)
{
    (void)store;
    *ret_bytes = 8192;
    return true;
}

const struct store_totals *store_totals(const struct store *store)
{
    static const struct store_totals totals = {.transactions = 6};

    (void)store;
    return &totals;
}

uint64_t store_floor(const struct store *store)
{
    (void)store;
    return rig.floor;
}

uint64_t store_age_ms(const struct store *store, struct mono now)
{
    (void)store;
    (void)now;
    return rig.age_ms;
}

enum store_state store_state(const struct store *store)
{
    (void)store;
    return STORE_FULL;
}

size_t store_queued_bytes(const struct store *store)
{
    (void)store;
    return rig.queued_bytes;
}

const char *store_reason(const struct store *store)
{
    (void)store;
    return "writing: no room";
}

bool store_demands_check(const struct store *store)
{
    (void)store;
    return false;
}

bool store_is_lost(const struct store *store)
{
    (void)store;
    return false;
}

uint64_t store_silence_ms(const struct store *store, struct mono now)
{
    (void)store;
    (void)now;
    return rig.silence_ms;
}

static void ask(const struct rig_question *question)
{
    assert_true(rig.question_count < RIG_QUESTIONS_MAX);
    rig.questions[rig.question_count++] = *question;
}

void store_read_range(struct store *store, uint64_t id, uint64_t after_seq, uint64_t types,
                      uint32_t peer, size_t rows_max, size_t bytes_max)
{
    (void)store;
    ask(&(struct rig_question){.id = id,
                               .peer = peer,
                               .seq = after_seq,
                               .types = types,
                               .rows_max = rows_max,
                               .bytes_max = bytes_max});
}

static void keep(const struct rig_write *write)
{
    assert_true(rig.write_count < RIG_WRITES_MAX);
    rig.writes[rig.write_count++] = *write;
}

void store_put_consumer(struct store *store, uint64_t id, const struct consumer_row *row, bool lazy)
{
    (void)store;
    keep(&(struct rig_write){.id = id, .row = *row, .is_lazy = lazy});
}

void store_drop_consumer(struct store *store, uint64_t id, const char *name)
{
    struct rig_write write = {.id = id, .is_removal = true};

    (void)store;
    snprintf(write.row.name, sizeof(write.row.name), "%s", name);
    keep(&write);
}

void store_read_history(struct store *store, uint64_t id, const struct history_query *query)
{
    (void)store;
    ask(&(struct rig_question){.id = id,
                               .is_history = true,
                               .order = query->order,
                               .peer = query->peer,
                               .seq = query->seq,
                               .search = query->search,
                               .rows_max = query->limit});
}

/* --- The rig --- */

int rig_setup(void **state)
{
    static struct identity identity;
    static const struct host_port listen[] = {{"::", 28470}, {"127.0.0.1", 28471}};
    static struct facts facts;
    struct control_socket socket;
    struct refusal refusal;

    (void)state;
    memset(&rig, 0, sizeof(rig));
    memset(identity.id, 'a', PEER_ID_LENGTH);
    facts = (struct facts){.identity = &identity,
                           .name = "bob",
                           .role = ROLE_NODE,
                           .listen = listen,
                           .listen_count = 2,
                           .addresses = {{"2001:db8::1", 28470}},
                           .address_count = 1,
                           .started = {1000}};
    rig.last_seq = 100;
    rig.pump.facts = &facts;
    rig.pump.base = event_base_new();
    strcpy(rig.directory, "/tmp/test-control-XXXXXX");
    if (mkdtemp(rig.directory) == NULL)
        return -1;
    snprintf(rig.path, sizeof(rig.path), "%s/s", rig.directory);
    if (!control_socket_make(rig.path, &socket, &refusal))
        return -1;
    rig.pump.control = control_new(&rig.pump, &socket);
    return 0;
}

int rig_teardown(void **state)
{
    (void)state;
    control_free(rig.pump.control);
    event_base_free(rig.pump.base);
    metrics_done(&rig.pump.metrics);
    return rmdir(rig.directory);
}

void rig_turn(void)
{
    event_base_loop(rig.pump.base, EVLOOP_ONCE | EVLOOP_NONBLOCK);
}

void rig_run(void)
{
    for (int i = 0; i < 5; i++)
        rig_turn();
}

/* --- Clients --- */

int rig_connect_with(int descriptor)
{
    struct sockaddr_un address = {.sun_family = AF_UNIX};

    assert_return_code(descriptor, errno);
    memcpy(address.sun_path, rig.path, strlen(rig.path));
    assert_return_code(connect(descriptor, (struct sockaddr *)&address, sizeof(address)), errno);
    rig_run();
    return descriptor;
}

int rig_connect(void)
{
    return rig_connect_with(socket(AF_UNIX, SOCK_STREAM | SOCK_NONBLOCK, 0));
}

void rig_send_bytes(int client, const void *bytes, size_t length)
{
    const char *at = bytes;

    for (int turn = 0; length > 0; turn++) {
        ssize_t sent = send(client, at, length, MSG_NOSIGNAL);

        assert_true(turn < 100000);
        if (sent > 0) {
            at += sent;
            length -= (size_t)sent;
        } else {
            assert_int_equal(errno, EAGAIN);
            rig_turn();
        }
    }
}

void rig_send(int client, const char *text)
{
    rig_send_bytes(client, text, strlen(text));
}

/* Up to the end of the line, and no further. How many bytes; 0 at the end of the stream, -1 when
 * nothing comes. */
static ssize_t take_some(int client, char *ret_bytes, size_t size)
{
    for (int turn = 0; turn < 50; turn++) {
        ssize_t there = recv(client, ret_bytes, size, MSG_PEEK);

        if (there > 0) {
            const char *end = memchr(ret_bytes, '\n', (size_t)there);

            return recv(client, ret_bytes,
                        end != NULL ? (size_t)(end - ret_bytes) + 1 : (size_t)there, 0);
        }
        if (there == 0 || errno == ECONNRESET)
            return 0;
        assert_int_equal(errno, EAGAIN);
        rig_turn();
    }
    return -1;
}

const char *rig_line(int client)
{
    static char line[RIG_LINE_MAX];
    size_t length = 0;

    while (length == 0 || line[length - 1] != '\n') {
        ssize_t got = take_some(client, line + length, sizeof(line) - length);

        if (got < 0)
            fail_msg("no line comes after \"%.*s\"", (int)length, line);
        if (got == 0) {
            assert_int_equal(length, 0);
            return NULL;
        }
        length += (size_t)got;
        assert_true(length < sizeof(line));
    }
    line[length - 1] = '\0';
    return line;
}

void rig_expect(int client, const char *line)
{
    const char *got = rig_line(client);

    assert_non_null(got);
    assert_string_equal(got, line);
}

void rig_expect_part(int client, const char *part)
{
    const char *got = rig_line(client);

    assert_non_null(got);
    if (strstr(got, part) == NULL)
        fail_msg("\"%s\" is not in \"%.300s\"", part, got);
}

void rig_expect_silence(int client)
{
    char byte;

    assert_int_equal(take_some(client, &byte, 1), -1);
}

void rig_expect_end(int client)
{
    assert_null(rig_line(client));
}

/* --- Node and log --- */

void rig_reply(size_t i, enum error error, const char *message_or_json)
{
    struct action reply = {.kind = ACTION_REPLY, .reply = {.call = rig.calls[i].call}};

    assert_true(i < rig.call_count);
    reply.reply.error = error;
    if (error == OK) {
        reply.reply.json = message_or_json;
        reply.reply.length = strlen(message_or_json);
    } else {
        reply.reply.message = message_or_json;
    }
    control_reply(rig.pump.control, &reply);
}

void rig_commit(int type, uint32_t peer, const char *fields)
{
    struct transaction *t = transaction_new(1);
    struct log_row *row = &transaction_add(t, CHANGE_LOG)->log;

    row->type = type;
    row->peer = peer;
    row->stream = type == EVENT_MESSAGE_RECEIVED || type == EVENT_MESSAGE_SENT;
    row->number = row->stream;
    row->body = xstrdup(fields);
    row->body_length = strlen(fields);
    row->seq = ++rig.last_seq;
    control_durable(rig.pump.control, t);
    transaction_free(t);
}

void rig_tell(int type, uint32_t peer, const char *fields)
{
    const struct action action = {
        .kind = ACTION_EVENT,
        .event = {.type = type, .peer = peer, .fields = fields, .length = strlen(fields)}};

    control_event(rig.pump.control, &action);
}

static uint64_t take_question(void)
{
    uint64_t id = rig.questions[0].id;

    assert_true(rig.question_count > 0);
    rig.question_count--;
    memmove(rig.questions, rig.questions + 1, rig.question_count * sizeof(rig.questions[0]));
    return id;
}

void rig_answer_messages(size_t count, uint64_t last_seq, size_t length, bool end)
{
    const bool is_after = rig.questions[0].order == HISTORY_AFTER;
    struct store_row *rows = xcalloc(count, sizeof(*rows));
    struct store_answer answer = {.kind = STORE_ROWS,
                                  .id = take_question(),
                                  .rows = rows,
                                  .count = count,
                                  .scanned_through = last_seq,
                                  .indexed_through = last_seq,
                                  .next = is_after ? last_seq : last_seq + 1 - count,
                                  .end = end};
    char *text = xmalloc(length);

    memset(text, 'x', length);
    for (size_t i = 0; i < count; i++) {
        rows[i].log.seq = last_seq - count + 1 + i;
        rows[i].log.type = i % 2 == 0 ? EVENT_MESSAGE_RECEIVED : EVENT_MESSAGE_SENT;
        rows[i].log.peer = 1;
        rows[i].log.stream = 1;
        rows[i].log.number = i;
        rows[i].log.body = text;
        rows[i].log.body_length = length;
        rows[i].state = i % 2 == 0 ? MESSAGE_STATE_RECEIVED : MESSAGE_STATE_DELIVERED;
    }
    control_rows(rig.pump.control, &answer);
    free(text);
    free(rows);
}

void rig_answer_error(enum error error)
{
    const struct store_answer answer = {.kind = STORE_ROWS, .id = take_question(), .error = error};

    control_rows(rig.pump.control, &answer);
}

void rig_kept(enum error error)
{
    const struct store_answer answer = {.kind = STORE_KEPT, .id = rig.writes[0].id, .error = error};

    assert_true(rig.write_count > 0);
    rig.write_count--;
    memmove(rig.writes, rig.writes + 1, rig.write_count * sizeof(rig.writes[0]));
    control_kept(rig.pump.control, &answer);
}
