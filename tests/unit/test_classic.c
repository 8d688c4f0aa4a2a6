#include "tests/unit/unit.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/text.h"
#include "daemon/core/link/classic.h"

#define TEN "0123456789"
#define N60 TEN TEN TEN TEN TEN TEN

static enum classic_outcome read_whole(const void *bytes, size_t length,
                                       struct classic_object *object)
{
    struct classic_reader reader = {0};
    enum classic_outcome outcome = classic_reader_take(&reader, bytes, length, object);

    classic_reader_done(&reader);
    return outcome;
}

static enum classic_outcome read_text(const char *text, struct classic_object *object)
{
    return read_whole(text, strlen(text), object);
}

static void assert_reads(const char *text, struct classic_object *object)
{
    if (read_text(text, object) != CLASSIC_OBJECT)
        fail_msg("refused: %s", text);
}

/* `count` times the character, between two texts. */
static void put_run(struct bytes *out, const char *before, char c, size_t count, const char *after)
{
    bytes_text(out, before);
    memset(bytes_reserve(out, count), c, count);
    bytes_commit(out, count);
    bytes_text(out, after);
}

/* --- Every type, as a program in Python writes it --- */

struct type_row {
    const char *json;
    enum classic_type type;
    const char *name, *host;
    unsigned port;
    const char *text;
};

static const struct type_row types[] = {
    {"{\"msgtype\": \"REGISTER\", \"msgdata\": {\"peername\": \"alice\", \"host\": \"localhost\", "
     "\"port\": 40000}}",
     CLASSIC_REGISTER, "alice", "localhost", 40000, NULL},
    {"{\"msgtype\": \"REGISTER\", \"msgdata\": {\"peername\": \"-al:ice\", \"host\": \"h\", "
     "\"port\": 1}}",
     CLASSIC_REGISTER, "", "h", 1, NULL},
    {"{\"msgtype\": \"REGISTER_SUCCESS\", \"msgdata\": {}}", CLASSIC_REGISTER_SUCCESS, "", "", 0,
     NULL},
    {"{\"msgtype\": \"REGISTER_ERROR\", \"msgdata\": {}}", CLASSIC_REGISTER_ERROR, "", "", 0, NULL},
    {"{\"msgtype\": \"LISTPEER\", \"msgdata\": {\"peername\": \"alice\"}}", CLASSIC_LISTPEER,
     "alice", "", 0, NULL},
    {"{\"msgtype\": \"LISTPEER\", \"msgdata\": {\"peerlist\": {}}}", CLASSIC_PEERLIST, "", "", 0,
     NULL},
    {"{\"msgtype\": \"EXIT_NETWORK\", \"msgdata\": {\"peername\": \"Zo\\u00eb\"}}",
     CLASSIC_EXIT_NETWORK, "Zo\xC3\xAB", "", 0, NULL},
    {"{\"msgtype\": \"CHAT_REQUEST\", \"msgdata\": {\"peername\": \"bob\", \"host\": "
     "\"192.0.2.1\", "
     "\"port\": \"40001\"}}",
     CLASSIC_CHAT_REQUEST, "bob", "192.0.2.1", 40001, NULL},
    {"{\"msgtype\": \"REQUEST\", \"msgdata\": {\"peername\": \"bob\", \"host\": \"2001:DB8::1\", "
     "\"port\": 65535.0}}",
     CLASSIC_CHAT_REQUEST, "bob", "2001:db8::1", 65535, NULL},
    {"{\"msgdata\": {\"port\": \"00080\", \"host\": \"::ffff:192.0.2.1\", \"peername\": \"bob\", "
     "\"more\": [1]}, \"more\": null, \"msgtype\": \"CHAT_ACCEPT\"}",
     CLASSIC_CHAT_ACCEPT, "bob", "192.0.2.1", 80, NULL},
    {"{\"msgtype\": \"CHAT_REFUSE\", \"msgdata\": {}}", CLASSIC_CHAT_REFUSE, "", "", 0, NULL},
    {" \r\n\t{\"msgtype\":\"CHAT_MESSAGE\",\"msgdata\":{\"peername\":\"bob\",\"message\":\"a "
     "\\\"{[\\\\\\\"\\n\\tz\"}}\n",
     CLASSIC_CHAT_MESSAGE, "bob", "", 0, "a \"{[\\\"\n\tz"},
    {"{\"msgtype\": \"DISCONNECT\", \"msgdata\": {\"peername\": \"bob\"}}", CLASSIC_DISCONNECT,
     "bob", "", 0, NULL},
    {"{\"msgtype\": \"FILE_TRANSFER\", \"msgdata\": {\"peername\": \"bob\", \"filename\": "
     "\"../x\", \"filenum\": 1, \"curnum\": 0, \"filedata\": \"\"}}",
     CLASSIC_FILE_TRANSFER, "", "", 0, NULL},
};

static void assert_is(const struct classic_object *object, const struct type_row *row)
{
    assert_int_equal(object->type, row->type);
    assert_string_equal(object->name, row->name);
    assert_string_equal(object->at.host, row->host);
    assert_int_equal(object->at.port, row->port);
    assert_int_equal(object->text != NULL, row->text != NULL);
    if (row->text != NULL) {
        assert_int_equal(object->text_length, strlen(row->text));
        assert_memory_equal(object->text, row->text, object->text_length);
    }
}

static void test_every_type(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        struct classic_object object;

        assert_reads(types[i].json, &object);
        assert_is(&object, &types[i]);
        classic_object_done(&object);
    }
}

/* Whole, cut in two at every place, and byte by byte: the same. */
static void test_cut_anywhere(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof(types) / sizeof(types[0]); i++) {
        const char *json = types[i].json;
        size_t end = (size_t)(strrchr(json, '}') + 1 - json); /* what follows is white space */

        for (size_t cut = 1; cut < end; cut++) {
            struct classic_reader reader = {0};
            struct classic_object object;

            assert_int_equal(classic_reader_take(&reader, json, cut, &object), CLASSIC_MORE);
            assert_int_equal(classic_reader_take(&reader, json + cut, end - cut, &object),
                             CLASSIC_OBJECT);
            assert_is(&object, &types[i]);
            classic_object_done(&object);
            classic_reader_done(&reader);
        }
    }
}

static void test_complete_with_its_last_byte(void **state)
{
    (void)state;
    const struct type_row *row = &types[0];
    size_t length = strlen(row->json);
    struct classic_reader reader = {0};
    struct classic_object object;

    assert_false(classic_reader_has_begun(&reader));
    for (size_t i = 0; i + 1 < length; i++) {
        assert_int_equal(classic_reader_take(&reader, row->json + i, 1, &object), CLASSIC_MORE);
        assert_true(classic_reader_has_begun(&reader));
    }
    assert_int_equal(classic_reader_take(&reader, row->json + length - 1, 1, &object),
                     CLASSIC_OBJECT);
    assert_is(&object, row);
    classic_object_done(&object);
    classic_reader_done(&reader);
}

/* --- What is no object --- */

#define REQUEST(peername, host, port)                                                     \
    "{\"msgtype\":\"CHAT_REQUEST\",\"msgdata\":{\"peername\":" peername ",\"host\":" host \
    ",\"port\":" port "}}"
#define MESSAGE(text) \
    "{\"msgtype\":\"CHAT_MESSAGE\",\"msgdata\":{\"peername\":\"bob\",\"message\":" text "}}"

static const struct {
    const char *json;
    enum classic_outcome outcome;
} refused[] = {
    /* no JSON */
    {"[]", CLASSIC_MALFORMED},
    {"P2PC", CLASSIC_MALFORMED},
    {"\xEF\xBB\xBF{}", CLASSIC_MALFORMED},
    {"{]", CLASSIC_MALFORMED},
    {"{\"a\":1]", CLASSIC_MALFORMED},
    {"{\"a\":'b'}", CLASSIC_MALFORMED},
    {"{\"msgtype\":\"CHAT_REFUSE\",\"msgdata\":{},}", CLASSIC_MALFORMED},
    {"{\"msgtype\":\"CHAT_REFUSE\",\"msgdata\":{},\"msgdata\":{}}", CLASSIC_MALFORMED},
    {MESSAGE("\"\xC3\""), CLASSIC_MALFORMED},
    {MESSAGE("\"\xED\xA0\x80\""), CLASSIC_MALFORMED},
    {MESSAGE("\"\\ud800\""), CLASSIC_MALFORMED},
    {MESSAGE("\"a\\u0000b\""), CLASSIC_MALFORMED},
    {MESSAGE("\"a\nb\""), CLASSIC_MALFORMED},
    /* more than one */
    {MESSAGE("\"a\"") MESSAGE("\"b\""), CLASSIC_MALFORMED},
    {MESSAGE("\"a\"") "x", CLASSIC_MALFORMED},
    {MESSAGE("\"a\"") "}", CLASSIC_MALFORMED},
    {MESSAGE("\"a\"") " {", CLASSIC_MALFORMED},
    /* half of one */
    {"", CLASSIC_MORE},
    {" \n", CLASSIC_MORE},
    {"{", CLASSIC_MORE},
    {"{\"msgtype\":\"CHAT_REFUSE\",\"msgdata\":{}", CLASSIC_MORE},
    {"{\"msgtype\":\"CHAT_REFUSE}}", CLASSIC_MORE},
    {"{\"msgtype\":\"CHAT_REFUSE\\\"}}", CLASSIC_MORE},
    /* not the object */
    {"{}", CLASSIC_MALFORMED},
    {"{\"msgtype\":\"CHAT_REFUSE\"}", CLASSIC_MALFORMED},
    {"{\"msgdata\":{}}", CLASSIC_MALFORMED},
    {"{\"msgtype\":1,\"msgdata\":{}}", CLASSIC_MALFORMED},
    {"{\"msgtype\":\"CHAT_REFUSE\",\"msgdata\":[]}", CLASSIC_MALFORMED},
    {"{\"msgtype\":\"CHAT_REFUSE\",\"msgdata\":null}", CLASSIC_MALFORMED},
    {"{\"MSGTYPE\":\"CHAT_REFUSE\",\"msgdata\":{}}", CLASSIC_MALFORMED},
    {"{\"msgtype\":\"HELLO\",\"msgdata\":{}}", CLASSIC_UNKNOWN},
    {"{\"msgtype\":\"\",\"msgdata\":{}}", CLASSIC_UNKNOWN},
    {"{\"msgtype\":\"chat_refuse\",\"msgdata\":{}}", CLASSIC_UNKNOWN},
    /* names */
    {REQUEST("1", "\"h\"", "1"), CLASSIC_MALFORMED},
    {REQUEST("\"\"", "\"h\"", "1"), CLASSIC_MALFORMED},
    {REQUEST("\"a/b\"", "\"h\"", "1"), CLASSIC_MALFORMED},
    {REQUEST("\"a\\u202eb\"", "\"h\"", "1"), CLASSIC_MALFORMED},
    {REQUEST("\"" N60 "01234\"", "\"h\"", "1"), CLASSIC_MALFORMED},
    {"{\"msgtype\":\"CHAT_REQUEST\",\"msgdata\":{\"host\":\"h\",\"port\":1}}", CLASSIC_MALFORMED},
    {"{\"msgtype\":\"REGISTER\",\"msgdata\":{\"host\":\"h\",\"port\":1}}", CLASSIC_MALFORMED},
    {"{\"msgtype\":\"LISTPEER\",\"msgdata\":{}}", CLASSIC_MALFORMED},
    {"{\"msgtype\":\"LISTPEER\",\"msgdata\":{\"peerlist\":[]}}", CLASSIC_MALFORMED},
    {"{\"msgtype\":\"EXIT_NETWORK\",\"msgdata\":{}}", CLASSIC_MALFORMED},
    {"{\"msgtype\":\"DISCONNECT\",\"msgdata\":{\"peername\":null}}", CLASSIC_MALFORMED},
    /* hosts and ports */
    {REQUEST("\"bob\"", "1", "1"), CLASSIC_MALFORMED},
    {REQUEST("\"bob\"", "\"\"", "1"), CLASSIC_MALFORMED},
    {REQUEST("\"bob\"", "\"a b\"", "1"), CLASSIC_MALFORMED},
    {REQUEST("\"bob\"", "\"127.1\"", "1"), CLASSIC_MALFORMED},
    {REQUEST("\"bob\"", "\"[::1]\"", "1"), CLASSIC_MALFORMED},
    {REQUEST("\"bob\"", "\"h\"", "0"), CLASSIC_MALFORMED},
    {REQUEST("\"bob\"", "\"h\"", "-1"), CLASSIC_MALFORMED},
    {REQUEST("\"bob\"", "\"h\"", "65536"), CLASSIC_MALFORMED},
    {REQUEST("\"bob\"", "\"h\"", "1.5"), CLASSIC_MALFORMED},
    {REQUEST("\"bob\"", "\"h\"", "true"), CLASSIC_MALFORMED},
    {REQUEST("\"bob\"", "\"h\"", "[1]"), CLASSIC_MALFORMED},
    {REQUEST("\"bob\"", "\"h\"", "\"\""), CLASSIC_MALFORMED},
    {REQUEST("\"bob\"", "\"h\"", "\"0\""), CLASSIC_MALFORMED},
    {REQUEST("\"bob\"", "\"h\"", "\"65536\""), CLASSIC_MALFORMED},
    {REQUEST("\"bob\"", "\"h\"", "\"000001\""), CLASSIC_MALFORMED},
    {REQUEST("\"bob\"", "\"h\"", "\"1x\""), CLASSIC_MALFORMED},
    {REQUEST("\"bob\"", "\"h\"", "\"+1\""), CLASSIC_MALFORMED},
    /* texts */
    {MESSAGE("\"\""), CLASSIC_MALFORMED},
    {MESSAGE("1"), CLASSIC_MALFORMED},
    {MESSAGE("\"a\\u001b[2J\""), CLASSIC_MALFORMED},
    {MESSAGE("\"a\\rb\""), CLASSIC_MALFORMED},
    {MESSAGE("\"a\\u0085b\""), CLASSIC_MALFORMED},
};

static void test_refused(void **state)
{
    (void)state;

    for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++) {
        struct classic_object object = {.type = CLASSIC_FILE_TRANSFER};
        enum classic_outcome outcome = read_text(refused[i].json, &object);

        if (outcome != refused[i].outcome)
            fail_msg("%d: %s", outcome, refused[i].json);
        assert_null(object.root);
        assert_int_equal(object.type, CLASSIC_FILE_TRANSFER);
    }
}

/* Another program than ours is told at its first byte. */
static void test_no_object_is_told_at_once(void **state)
{
    (void)state;
    struct classic_reader reader = {0};
    struct classic_object object;

    assert_int_equal(classic_reader_take(&reader, " ", 1, &object), CLASSIC_MORE);
    assert_int_equal(classic_reader_take(&reader, "\x16", 1, &object), CLASSIC_MALFORMED);
    classic_reader_done(&reader);
}

static void test_depth(void **state)
{
    (void)state;

    /* The object and its msgdata are two. */
    for (size_t inner = JSON_DEPTH_MAX - 3; inner <= JSON_DEPTH_MAX; inner++) {
        bool fits = inner + 2 <= JSON_DEPTH_MAX;
        struct bytes text = BYTES_EMPTY;
        struct classic_object object;

        put_run(&text, "{\"msgtype\":\"CHAT_REFUSE\",\"msgdata\":{\"x\":", '[', inner, "");
        assert_int_equal(read_whole(bytes_data(&text), bytes_length(&text), &object),
                         fits ? CLASSIC_MORE : CLASSIC_MALFORMED);
        put_run(&text, "", ']', inner, "}}");
        assert_int_equal(read_whole(bytes_data(&text), bytes_length(&text), &object),
                         fits ? CLASSIC_OBJECT : CLASSIC_MALFORMED);
        if (fits)
            classic_object_done(&object);
        bytes_done(&text);
    }
}

/* An object of exactly `length` bytes. */
static void put_object(struct bytes *out, size_t length)
{
    static const char head[] = "{\"msgtype\":\"CHAT_REFUSE\",\"msgdata\":{\"x\":\"";
    static const char tail[] = "\"}}";

    put_run(out, head, 'x', length - strlen(head) - strlen(tail), tail);
}

static void test_length(void **state)
{
    (void)state;

    for (size_t over = 0; over <= 1; over++) {
        struct bytes text = BYTES_EMPTY;
        struct classic_object object;

        put_object(&text, CLASSIC_READ_MAX + over);
        assert_int_equal(read_whole(bytes_data(&text), bytes_length(&text), &object),
                         over ? CLASSIC_TOO_LONG : CLASSIC_OBJECT);
        if (!over)
            classic_object_done(&object);
        bytes_done(&text);
    }
}

/* However it comes, no more is kept than may be read. */
static void test_endless(void **state)
{
    (void)state;
    static const char *const beginnings[] = {"", " ", "{\"x\":\"", "{\"x\":[1,", "{{"};
    static const char fillers[] = {' ', ' ', 'x', '1', ' '};

    for (size_t i = 0; i < sizeof(fillers); i++) {
        struct classic_reader reader = {0};
        enum classic_outcome outcome;
        struct classic_object object;
        size_t taken = strlen(beginnings[i]);
        char chunk[1000];

        memset(chunk, fillers[i], sizeof(chunk));
        outcome = classic_reader_take(&reader, beginnings[i], taken, &object);
        while (outcome == CLASSIC_MORE) {
            outcome = classic_reader_take(&reader, chunk, sizeof(chunk), &object);
            taken += sizeof(chunk);
            assert_true(bytes_length(&reader.bytes) <= CLASSIC_READ_MAX);
        }
        assert_int_equal(outcome, CLASSIC_TOO_LONG);
        assert_true(taken >= CLASSIC_READ_MAX && taken < CLASSIC_READ_MAX + sizeof(chunk));
        classic_reader_done(&reader);
    }
}

/* What stands behind an object that fills the room is seen too. */
static void test_second_object_beyond_the_room(void **state)
{
    (void)state;
    struct bytes text = BYTES_EMPTY;
    struct classic_object object;

    put_object(&text, CLASSIC_READ_MAX);
    bytes_text(&text, "{}");
    assert_int_equal(read_whole(bytes_data(&text), bytes_length(&text), &object),
                     CLASSIC_MALFORMED);
    bytes_done(&text);
}

/* --- Lists --- */

static void test_odd_entries_of_a_list_are_passed_over(void **state)
{
    (void)state;
    struct classic_object object;
    struct classic_peer peer;
    const struct json *place = NULL;

    assert_reads("{\"msgtype\": \"LISTPEER\", \"msgdata\": {\"peerlist\": {"
                 "\"alice\": [\"192.0.2.1\", 40000], \"a/b\": [\"192.0.2.2\", 1], "
                 "\"c\": [\"a b\", 1], \"d\": [\"h\", 0], \"e\": [\"h\"], \"f\": [\"h\", 1, 2], "
                 "\"g\": {\"host\": \"h\", \"port\": 1}, \"h\": null, \"i\": [], "
                 "\"bob\": [\"localhost\", \"40001\"]}}}",
                 &object);
    assert_int_equal(object.type, CLASSIC_PEERLIST);
    assert_true(classic_object_next_peer(&object, &place, &peer));
    assert_string_equal(peer.name, "alice");
    assert_string_equal(peer.at.host, "192.0.2.1");
    assert_int_equal(peer.at.port, 40000);
    assert_true(classic_object_next_peer(&object, &place, &peer));
    assert_string_equal(peer.name, "bob");
    assert_string_equal(peer.at.host, "localhost");
    assert_int_equal(peer.at.port, 40001);
    assert_false(classic_object_next_peer(&object, &place, &peer));
    classic_object_done(&object);
}

/* As many peers as the bytes can hold. */
static void test_longest_list(void **state)
{
    (void)state;
    struct bytes text = BYTES_EMPTY;
    struct classic_object object;
    struct classic_peer peer;
    const struct json *place = NULL;
    size_t count = 0, found = 0;

    bytes_text(&text, "{\"msgtype\":\"LISTPEER\",\"msgdata\":{\"peerlist\":{");
    while (bytes_length(&text) < CLASSIC_READ_MAX - 32) {
        char name[] = "000";

        for (size_t i = 0, rest = count; i < 3; i++, rest /= 36)
            name[i] = "0123456789ABCDEFGHIJKLMNOPQRSTUVWXYZ"[rest % 36];
        bytes_text(&text, count++ > 0 ? ",\"" : "\"");
        bytes_text(&text, name);
        bytes_text(&text, "\":[\"h\",1]");
    }
    bytes_text(&text, "}}}");
    assert_int_equal(read_whole(bytes_data(&text), bytes_length(&text), &object), CLASSIC_OBJECT);
    while (classic_object_next_peer(&object, &place, &peer))
        found++;
    assert_int_equal(found, count);
    assert_true(count > 4000);
    classic_object_done(&object);
    bytes_done(&text);
}

/* --- Writing --- */

static void assert_written(struct bytes *out, const char *expected)
{
    bytes_u8(out, '\0');
    assert_string_equal((const char *)bytes_data(out), expected);
    bytes_clear(out);
}

static void test_written_forms(void **state)
{
    (void)state;
    const struct host_port at = {.host = "2001:db8::1", .port = 40000};
    struct bytes out = BYTES_EMPTY;
    struct classic_list list;

    classic_write(&out, CLASSIC_REGISTER_SUCCESS);
    assert_written(&out, "{\"msgtype\":\"REGISTER_SUCCESS\",\"msgdata\":{}}");
    classic_write_name(&out, CLASSIC_LISTPEER, "a\"b");
    assert_written(&out, "{\"msgtype\":\"LISTPEER\",\"msgdata\":{\"peername\":\"a\\\"b\"}}");
    classic_write_at(&out, CLASSIC_CHAT_ACCEPT, "alice", &at);
    assert_written(&out, "{\"msgtype\":\"CHAT_ACCEPT\",\"msgdata\":{\"peername\":\"alice\","
                         "\"host\":\"2001:db8::1\",\"port\":40000}}");
    classic_write_message(&out, "alice", "hi\nbob", 6);
    assert_written(&out, "{\"msgtype\":\"CHAT_MESSAGE\",\"msgdata\":{\"peername\":\"alice\","
                         "\"message\":\"hi\\nbob\"}}");
    classic_list_begin(&list, &out);
    classic_list_end(&list);
    assert_written(&out, "{\"msgtype\":\"LISTPEER\",\"msgdata\":{\"peerlist\":{}}}");
    classic_list_begin(&list, &out);
    assert_true(classic_list_add(&list, "alice", &at));
    assert_true(classic_list_add(&list, "bob", &(struct host_port){.host = "h", .port = 1}));
    classic_list_end(&list);
    assert_written(&out, "{\"msgtype\":\"LISTPEER\",\"msgdata\":{\"peerlist\":{\"alice\":"
                         "[\"2001:db8::1\",40000],\"bob\":[\"h\",1]}}}");
    bytes_done(&out);
}

static void assert_read_again(const struct bytes *out, enum classic_type type, const char *name,
                              const struct host_port *at)
{
    struct classic_object object;

    assert_int_equal(read_whole(bytes_data(out), bytes_length(out), &object), CLASSIC_OBJECT);
    assert_int_equal(object.type, type);
    assert_string_equal(object.name, name);
    assert_string_equal(object.at.host, at != NULL ? at->host : "");
    assert_int_equal(object.at.port, at != NULL ? at->port : 0);
    classic_object_done(&object);
}

/* The worst name and host fit, and what is written is read. */
static void test_written_is_read(void **state)
{
    (void)state;
    static const enum classic_type bare[] = {CLASSIC_REGISTER_SUCCESS, CLASSIC_REGISTER_ERROR,
                                             CLASSIC_CHAT_REFUSE};
    static const enum classic_type named[] = {CLASSIC_LISTPEER, CLASSIC_EXIT_NETWORK,
                                              CLASSIC_DISCONNECT};
    static const enum classic_type placed[] = {CLASSIC_REGISTER, CLASSIC_CHAT_REQUEST,
                                               CLASSIC_CHAT_ACCEPT};
    struct host_port at = {.port = UINT16_MAX};
    char name[ADDRESS_NAME_MAX + 1] = {0};
    struct bytes out = BYTES_EMPTY;

    memset(name, '"', ADDRESS_NAME_MAX);
    for (size_t i = 0; i < ADDRESS_HOST_MAX; i++)
        at.host[i] = i % 50 == 49 ? '.' : 'h';
    for (size_t i = 0; i < 3; i++) {
        classic_write(&out, bare[i]);
        assert_read_again(&out, bare[i], "", NULL);
        bytes_clear(&out);
        classic_write_name(&out, named[i], name);
        assert_read_again(&out, named[i], name, NULL);
        bytes_clear(&out);
        classic_write_at(&out, placed[i], name, &at);
        assert_read_again(&out, placed[i], name, &at);
        bytes_clear(&out);
    }
    bytes_done(&out);
}

static void test_list_ends_before_it_is_too_long(void **state)
{
    (void)state;
    struct bytes out = BYTES_EMPTY;
    struct classic_object object;
    struct classic_peer peer;
    struct classic_list list;
    const struct json *place = NULL;
    size_t added = 0, found = 0;
    bool fits;

    bytes_text(&out, "before");
    classic_list_begin(&list, &out);
    do {
        char name[] = "peerAA";

        name[4] = (char)('A' + added / 26);
        name[5] = (char)('A' + added % 26);
        fits = classic_list_add(&list, name, &(struct host_port){.host = "192.0.2.1", .port = 1});
        added += fits;
    } while (fits);
    classic_list_end(&list);
    bytes_consume(&out, strlen("before"));
    assert_true(bytes_length(&out) <= CLASSIC_OBJECT_MAX);
    assert_true(bytes_length(&out) > CLASSIC_OBJECT_MAX - strlen(",\"peerAA\":[\"192.0.2.1\",1]"));
    assert_int_equal(read_whole(bytes_data(&out), bytes_length(&out), &object), CLASSIC_OBJECT);
    while (classic_object_next_peer(&object, &place, &peer))
        found++;
    assert_int_equal(found, added);
    classic_object_done(&object);
    bytes_done(&out);
}

/* --- Long texts --- */

/* The parts of a text, read again: each within the limit, each but the last as full as whole
 * characters allow, and joined they are the text. */
static void check_parts(const char *name, const char *text, size_t length)
{
    size_t parts = 0;

    for (size_t at = 0; at < length; parts++) {
        size_t fit = classic_message_fit(name, text + at, length - at);
        struct bytes out = BYTES_EMPTY;
        struct classic_object object;

        assert_true(fit > 0);
        assert_true(text_is_utf8(text + at, fit));
        classic_write_message(&out, name, text + at, fit);
        assert_true(bytes_length(&out) <= CLASSIC_OBJECT_MAX);
        if (at + fit < length)
            assert_true(bytes_length(&out) > CLASSIC_OBJECT_MAX - strlen("\\udc00\\udc00"));
        assert_int_equal(read_whole(bytes_data(&out), bytes_length(&out), &object), CLASSIC_OBJECT);
        assert_int_equal(object.text_length, fit);
        assert_memory_equal(object.text, text + at, fit);
        classic_object_done(&object);
        bytes_done(&out);
        at += fit;
    }
    assert_int_equal(parts > 1, length > CLASSIC_OBJECT_MAX);
}

static void test_long_texts_are_cut_between_characters(void **state)
{
    (void)state;
    /* Characters of one to four bytes, and those that are escaped, short and long. */
    static const char *const characters[] = {
        "a",  "\xC3\xAB", "\xE2\x82\xAC", "\xF0\x9F\x98\x80",
        "\"", "\n",       "\xE2\x80\xAE", "\xF3\xA0\x81\x81",
    };
    char name[ADDRESS_NAME_MAX + 1] = {0};

    memset(name, '"', ADDRESS_NAME_MAX);
    for (size_t i = 0; i < sizeof(characters) / sizeof(characters[0]); i++) {
        size_t size = strlen(characters[i]);

        for (size_t odd = 0; odd < 8; odd++) { /* every place of the cut within a character */
            struct bytes text = BYTES_EMPTY;

            put_run(&text, "", 'x', odd, "");
            while (bytes_length(&text) + size <= 10000)
                bytes_text(&text, characters[i]);
            check_parts("bob", (const char *)bytes_data(&text), bytes_length(&text));
            check_parts(name, (const char *)bytes_data(&text), bytes_length(&text));
            bytes_done(&text);
        }
    }
}

static void test_exact_fit(void **state)
{
    (void)state;
    struct bytes out = BYTES_EMPTY, text = BYTES_EMPTY;
    size_t most;

    classic_write_message(&out, "bob", "x", 1);
    most = CLASSIC_OBJECT_MAX - bytes_length(&out) + 1;
    put_run(&text, "", 'x', most + 1, "");
    assert_int_equal(classic_message_fit("bob", (const char *)bytes_data(&text), most), most);
    assert_int_equal(classic_message_fit("bob", (const char *)bytes_data(&text), most + 1), most);
    bytes_clear(&out);
    classic_write_message(&out, "bob", (const char *)bytes_data(&text), most);
    assert_int_equal(bytes_length(&out), CLASSIC_OBJECT_MAX);
    bytes_done(&out);
    bytes_done(&text);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_every_type),
        cmocka_unit_test(test_cut_anywhere),
        cmocka_unit_test(test_complete_with_its_last_byte),
        cmocka_unit_test(test_refused),
        cmocka_unit_test(test_no_object_is_told_at_once),
        cmocka_unit_test(test_depth),
        cmocka_unit_test(test_length),
        cmocka_unit_test(test_endless),
        cmocka_unit_test(test_second_object_beyond_the_room),
        cmocka_unit_test(test_odd_entries_of_a_list_are_passed_over),
        cmocka_unit_test(test_longest_list),
        cmocka_unit_test(test_written_forms),
        cmocka_unit_test(test_written_is_read),
        cmocka_unit_test(test_list_ends_before_it_is_too_long),
        cmocka_unit_test(test_long_texts_are_cut_between_characters),
        cmocka_unit_test(test_exact_fit),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
