#include "tests/unit/unit.h"

#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "ctl/event_text.h"
#include "ctl/output.h"
#include "ctl/table.h"

static struct json *parse(const char *json)
{
    struct json *root = NULL;

    assert_int_equal(json_parse(json, strlen(json), &root), OK);
    return root;
}

static void assert_said(struct bytes *out, const char *wanted)
{
    bytes_u8(out, '\0');
    assert_string_equal((char *)bytes_data(out), wanted);
    bytes_done(out);
}

static void assert_result(enum api_method method, const char *json, const char *wanted)
{
    struct json *result = parse(json);
    struct bytes out = BYTES_EMPTY;

    OUTPUT_TEXT.result(&out, LOOK_PLAIN, method, result);
    assert_said(&out, wanted);
    json_free(result);
}

static void assert_event(enum look look, const char *json, const char *wanted)
{
    struct json *event = parse(json);
    struct bytes out = BYTES_EMPTY;

    OUTPUT_TEXT.event(&out, look, event);
    assert_said(&out, wanted);
    json_free(event);
}

/* An event at noon, of peer alice, with further members. */
#define EVENT_JSON(type, members)                                                                \
    "{\"seq\":7,\"time\":\"2026-01-31T12:00:00.123Z\",\"type\":\"" type "\",\"peer\":\"alice\"," \
    "\"peer_id\":\"abc\"" members "}"
#define EVENT_TIME "2026-01-31 12:00:00  "

/* --- JSON --- */

static void test_json_is_one_safe_line(void **state)
{
    (void)state;
    struct json *value =
        parse("{ \"text\" : \"a\\n\\u001b\\u009b\\u202e\\u007f\\u00ad\xe2\x82\xac\",\n"
              "  \"more\": [1, 2.5, null, true, {}] }");
    struct bytes out = BYTES_EMPTY;

    OUTPUT_JSON.result(&out, LOOK_COLOUR, API_STATUS, value);
    assert_said(&out, "{\"text\":\"a\\n\\u001b\\u009b\\u202e\\u007f\\u00ad\xe2\x82\xac\","
                      "\"more\":[1,2.5,null,true,{}]}\n");
    OUTPUT_JSON.event(&out, LOOK_COLOUR, value);
    assert_said(&out, "{\"text\":\"a\\n\\u001b\\u009b\\u202e\\u007f\\u00ad\xe2\x82\xac\","
                      "\"more\":[1,2.5,null,true,{}]}\n");
    json_free(value);
}

/* --- Tables --- */

static void test_widths(void **state)
{
    (void)state;
    assert_int_equal(table_width("", 0), 0);
    assert_int_equal(table_width("alice", 5), 5);
    assert_int_equal(table_width("\xc3\xa4", 2), 1);
    assert_int_equal(table_width("\xe4\xbd\xa0\xe5\xa5\xbd", 6), 4);
    assert_int_equal(table_width("e\xcc\x81", 3), 1);
    assert_int_equal(table_width("\xf0\x9f\x98\x80", 4), 2);
}

static void test_columns_align(void **state)
{
    (void)state;
    struct bytes out = BYTES_EMPTY;
    struct table table;

    table_init(&table, 2);
    table_text(&table, "NAME");
    table_text(&table, "X");
    table_text(&table, "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd\xa0");
    table_text(&table, "1");
    table_text(&table, "");
    table_text(&table, "2");
    table_print(&table, &out, LOOK_PLAIN, TABLE_WITH_HEAD);
    assert_said(&out, "NAME    X\n"
                      "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd\xa0  1\n"
                      "        2\n");
    table_print(&table, &out, LOOK_COLOUR, TABLE_WITH_HEAD);
    assert_said(&out, "\033[1mNAME\033[0m    \033[1mX\033[0m\n"
                      "\xe4\xbd\xa0\xe5\xa5\xbd\xe4\xbd\xa0  1\n"
                      "        2\n");
    table_done(&table);
}

/* --- Results --- */

static void test_identity_and_status(void **state)
{
    (void)state;
    assert_result(API_IDENTITY,
                  "{\"peer_id\":\"abc\",\"name\":\"al\\u202eice\",\"address\":\"p2pchat:abc@h:1\"}",
                  "name     al<U+202E>ice\n"
                  "peer id  abc\n"
                  "address  p2pchat:abc@h:1\n");
    assert_result(
        API_STATUS,
        "{\"version\":\"0.1.0\",\"role\":\"node\",\"peer_id\":\"abc\",\"name\":\"al\","
        "\"listen\":[\"[::]:28470\",\"127.0.0.1:1\"],\"classic_listen\":[\"[::]:40000\"],"
        "\"network_key\":false,\"trackers\":[{\"address\":\"t:1\","
        "\"state\":\"up\"}],\"links\":1,\"contacts\":2,\"queued\":0,\"log\":{\"last_seq\":9,"
        "\"size_bytes\":1572864,\"state\":\"full\",\"reason\":\"writing: no "
        "room\"},\"uptime_s\":90061}",
        "version     0.1.0\n"
        "role        node\n"
        "name        al\n"
        "peer id     abc\n"
        "listens on  [::]:28470, 127.0.0.1:1\n"
        "classic on  [::]:40000\n"
        "trackers    t:1 (up)\n"
        "links       1\n"
        "contacts    2\n"
        "queued      0\n"
        "log         full (writing: no room), up to 9, 1.5 MiB\n"
        "up for      1 d 1 h\n");
    assert_result(API_STATUS,
                  "{\"version\":\"0.1.0\",\"role\":\"tracker\",\"peer_id\":\"abc\",\"name\":\"t\","
                  "\"listen\":[\"[::]:28471\"],\"classic_listen\":[],"
                  "\"metrics_listen\":[\"127.0.0.1:9470\"],\"network_key\":true,"
                  "\"trackers\":[],\"links\":1,"
                  "\"contacts\":0,\"queued\":0,\"registered\":4,\"log\":{\"last_seq\":90,"
                  "\"size_bytes\":1572864,\"wal_bytes\":1,\"free_bytes\":2147483648,"
                  "\"first_seq\":17,\"state\":\"ok\"},\"uptime_s\":1}",
                  "version     0.1.0\n"
                  "role        tracker\n"
                  "name        t\n"
                  "peer id     abc\n"
                  "listens on  [::]:28471\n"
                  "metrics on  127.0.0.1:9470\n"
                  "network     closed, with a key\n"
                  "registered  4\n"
                  "links       1\n"
                  "log         ok, from 17 up to 90, 1.5 MiB, 2.0 GiB free\n"
                  "up for      1 s\n");
    assert_result(API_METRICS, "{\"text\":\"# TYPE a gauge\\na{b=\\\"c\\\"} 1\\n\"}",
                  "# TYPE a gauge\na{b=\"c\"} 1\n");
}

/* A daemon that says nothing, or nonsense, is shown as such and harms nobody. */
static void test_odd_results(void **state)
{
    (void)state;
    static const char *const odd[] = {
        "{}",
        ("{\"peer_id\":[],\"alias\":{},\"peers\":1,\"requests\":\"x\",\"contacts\":{\"a\":1},"
         "\"messages\":[1,[],null,\"x\"],\"log\":7,\"listen\":{\"a\":{}},\"trackers\":[1],"
         "\"state\":5,\"safety_number\":12,\"uptime_s\":-1e300,\"next\":\"\\u001b\"}"),
        ("{\"requests\":[{\"expires_in_s\":1e300,\"greeting\":7}],"
         "\"peers\":[{\"last_seen\":\"9\"}],\"contacts\":[[]],"
         "\"messages\":[{\"time\":\"2026-13-99T99:99:99Z\"}],\"uptime_s\":\"x\"}")};

    for (size_t i = 0; i < sizeof(odd) / sizeof(odd[0]); i++) {
        for (unsigned method = 0; method < API_METHOD_COUNT; method++) {
            struct json *result = parse(odd[i]);
            struct bytes out = BYTES_EMPTY;

            OUTPUT_TEXT.result(&out, LOOK_PLAIN, (enum api_method)method, result);
            assert_true(bytes_length(&out) > 0);
            assert_int_equal(bytes_data(&out)[bytes_length(&out) - 1], '\n');
            assert_null(memchr(bytes_data(&out), '\033', bytes_length(&out)));
            bytes_done(&out);
            json_free(result);
        }
    }
}

static void test_requests(void **state)
{
    (void)state;
    assert_result(API_CHAT_REQUESTS, "{\"requests\":[]}", "no requests\n");
    assert_result(
        API_CHAT_REQUESTS,
        "{\"requests\":[{\"request\":\"r1\",\"direction\":\"in\",\"peer_id\":\"abc\","
        "\"alias\":\"alice\",\"name\":\"Alice\",\"address\":\"h:1\",\"greeting\":\"a\\nb\","
        "\"expires_in_s\":599.5},{\"request\":\"r12\",\"direction\":\"out\",\"peer_id\":"
        "\"def\",\"alias\":null,\"name\":null,\"address\":\"h:2\",\"greeting\":null,"
        "\"expires_in_s\":0}]}",
        "REQUEST  DIRECTION  PEER   NAME   ADDRESS  EXPIRES IN\n"
        "r1       in         alice  Alice  h:1      9 min 59 s\n"
        "r12      out        def    -      h:2      0 s\n"
        "r1 alice: a\n"
        "    b\n");
    assert_result(
        API_CHAT_REQUEST,
        "{\"request\":\"r2\",\"peer_id\":\"abc\",\"alias\":\"alice\",\"source\":\"direct\","
        "\"state\":\"sent\"}",
        "asked alice for a chat: request r2\nits key, from direct: abc\n");
    assert_result(API_CHAT_REQUEST, "{\"alias\":\"alice\",\"state\":\"accepted\"}",
                  "there is a chat with alice\n");
    assert_result(API_CHAT_REQUEST, "{\"alias\":\"alice\",\"state\":\"refused\"}",
                  "alice refused\n");
}

static void test_sentences(void **state)
{
    (void)state;
    static const char alice[] = "{\"peer_id\":\"abc\",\"alias\":\"alice\",\"request\":\"r1\"}";

    assert_result(API_CHAT_ACCEPT, alice,
                  "accepted; the chat with alice is open as soon as they confirm it\n");
    assert_result(API_CHAT_REFUSE, alice, "the request of alice is refused\n");
    assert_result(API_CHAT_DISCONNECT, alice, "the chat with alice is ended\n");
    assert_result(API_CONTACT_BLOCK, alice, "alice is blocked\n");
    assert_result(API_CONTACT_UNBLOCK, alice, "alice may ask for a chat again\n");
    assert_result(API_CONTACT_REMOVE, alice, "alice is forgotten; its history stays\n");
    assert_result(API_CONTACT_RENAME, alice, "now known as alice\n");
    assert_result(API_RELOAD, "{\"changed\":[],\"needs_restart\":[]}", "nothing has changed\n");
    assert_result(API_RELOAD,
                  "{\"changed\":[\"Log.Level\",\"Node.Name\"],\"needs_restart\":[\"Node.Listen\"]}",
                  "changed:\n    Log.Level\n    Node.Name\n"
                  "changed by a restart only:\n    Node.Listen\n");
    assert_result(API_SHUTDOWN, "{\"socket_stays\":false}", "the daemon is stopping\n");
    assert_result(
        API_SHUTDOWN, "{\"socket_stays\":true}",
        "the daemon is stopping\n"
        "its socket stays, and the next who connects starts it again; p2pchatd(8), Day by "
        "day, says how it is stopped for good\n");
    assert_result(API_CHAT_MESSAGE, "{\"seq\":12,\"peer\":\"alice\",\"state\":\"queued\"}",
                  "queued for alice, as 12\n");
    assert_result(API_CHAT_MESSAGE, "{\"seq\":12,\"peer\":\"alice\",\"state\":\"delivered\"}",
                  "delivered to alice, as 12\n");
}

static void test_lists(void **state)
{
    (void)state;
    assert_result(API_CHAT_CONNECTED, "{\"peers\":[]}", "no chats\n");
    assert_result(
        API_CHAT_CONNECTED,
        "{\"peers\":[{\"alias\":\"alice\",\"peer_id\":\"abc\",\"name\":\"A\",\"online\":true,"
        "\"via\":\"direct\",\"hops\":1,\"address\":\"h:1\",\"verified\":false,\"queued\":0,"
        "\"last_seen\":\"2026-01-31T12:00:00.000Z\"},{\"alias\":\"bob\",\"peer_id\":\"def\","
        "\"name\":\"B\",\"online\":false,\"via\":null,\"hops\":null,\"address\":\"h:2\","
        "\"verified\":true,\"queued\":3,\"last_seen\":null}]}",
        "PEER   ONLINE  VIA     HOPS  ADDRESS  VERIFIED  QUEUED  LAST SEEN\n"
        "alice  yes     direct  1     h:1      no        0       2026-01-31 12:00:00\n"
        "bob    no      -       -     h:2      yes       3       -\n");
    assert_result(API_CONTACT_LIST, "{\"contacts\":[]}", "no contacts\n");
    assert_result(API_CONTACT_LIST,
                  "{\"contacts\":[{\"alias\":\"alice\",\"peer_id\":\"abc\",\"name\":\"A\","
                  "\"consent\":\"full\",\"verified\":true,\"blocked\":false}]}",
                  "PEER   NAME  CONSENT  VERIFIED  BLOCKED  PEER ID\n"
                  "alice  A     full     yes       no       abc\n");
}

/* Who has no key is marked wherever it is named. */
static void test_classic_peers(void **state)
{
    (void)state;
    static const char bob[] =
        "{\"request\":\"r1\",\"peer_id\":null,\"classic\":true,\"alias\":\"bob\"}";

    assert_result(API_CHAT_REQUEST,
                  "{\"request\":\"r2\",\"peer_id\":null,\"classic\":true,\"alias\":\"bob\","
                  "\"source\":\"classic\",\"state\":\"sent\"}",
                  "asked bob (classic, insecure) for a chat: request r2\n"
                  "it has no key: whoever can send from its address can pass for it\n");
    assert_result(
        API_CHAT_ACCEPT, bob,
        "accepted; the chat with bob (classic, insecure) is open as soon as they are told "
        "so\n");
    assert_result(API_CHAT_DISCONNECT, bob, "the chat with bob (classic, insecure) is ended\n");
    assert_result(API_CHAT_MESSAGE,
                  "{\"seq\":12,\"peer\":\"bob\",\"peer_id\":null,\"classic\":true,"
                  "\"state\":\"sent\"}",
                  "sent to bob (classic, insecure), as 12\n");
    assert_result(API_CONTACT_LIST,
                  "{\"contacts\":[{\"alias\":\"bob\",\"peer_id\":null,\"classic\":true,"
                  "\"name\":\"B\",\"consent\":\"mutual\",\"verified\":false,"
                  "\"blocked\":false}]}",
                  "PEER                     NAME  CONSENT  VERIFIED  BLOCKED  PEER ID\n"
                  "bob (classic, insecure)  B     mutual   no        no       -\n");
    assert_event(LOOK_PLAIN, EVENT_JSON("message.received", ",\"classic\":true,\"text\":\"hi\""),
                 EVENT_TIME "alice (classic, insecure): hi\n");
    assert_event(LOOK_PLAIN,
                 EVENT_JSON("security.warning",
                            ",\"classic\":true,\"reason\":\"name_claimed\",\"address\":\"h:1\""),
                 EVENT_TIME "* warning: alice (classic, insecure) (h:1) calls itself by a name "
                            "that a contact with a key has, and is not it\n");
}

#define NBSP "\\u00a0"

/* A peer calls itself as it likes. */
static void test_names_are_told_from_words(void **state)
{
    (void)state;
    assert_event(LOOK_PLAIN,
                 "{\"time\":\"2026-01-31T12:00:00Z\",\"type\":\"message.received\","
                 "\"peer\":\"*" NBSP "warning\",\"text\":\"run\"}",
                 EVENT_TIME "\"*\u00a0warning\": run\n");
    assert_event(
        LOOK_PLAIN,
        EVENT_JSON("chat.requested", ",\"direction\":\"in\",\"name\":\"x\\\" is\\\\verified\""),
        EVENT_TIME "* alice asks for a chat, calls itself \"x\\\" is\\\\verified\"\n");
    assert_result(API_CONTACT_LIST,
                  "{\"contacts\":[{\"alias\":\"two" NBSP "yes\",\"peer_id\":\"abc\","
                  "\"name\":\"B  full\",\"consent\":\"none\"}]}",
                  "PEER       NAME       CONSENT  VERIFIED  BLOCKED  PEER ID\n"
                  "\"two\u00a0yes\"  \"B  full\"  none     -         -        abc\n");
    assert_result(API_CHAT_REQUESTS,
                  "{\"requests\":[{\"request\":\"r1\",\"peer_id\":\"abc\",\"name\":\"a b\"}]}",
                  "REQUEST  DIRECTION  PEER  NAME   ADDRESS  EXPIRES IN\n"
                  "r1       -          abc   \"a b\"  -        -\n");
    assert_result(API_LISTPEER,
                  "{\"peers\":[{\"name\":\"*\",\"peer_id\":\"abc\"}],\"next\":\"x';echo y\"}",
                  "NAME  CONNECTED  SOURCE  ADDRESSES  PEER ID\n"
                  "\"*\"   -          -       -          abc\n"
                  "(more: --after='x'\\'';echo y')\n");
}

static void test_safety_number(void **state)
{
    (void)state;
    assert_result(API_CONTACT_VERIFY,
                  "{\"peer_id\":\"abc\",\"alias\":\"alice\",\"verified\":true,\"safety_number\":"
                  "\"012345678901234567890123456789012345678901234567890123456789\"}",
                  "safety number with alice (verified):\n"
                  "    01234 56789 01234 56789\n"
                  "    01234 56789 01234 56789\n"
                  "    01234 56789 01234 56789\n");
    assert_result(API_CONTACT_VERIFY,
                  "{\"alias\":\"alice\",\"verified\":false,\"safety_number\":\"1\\u001b\"}",
                  "safety number with alice (not verified):\n"
                  "1<U+001B>\n"
                  "compare it with what the other side shows, over another way than this\n");
}

static void test_checks(void **state)
{
    struct json *result = parse("{\"checks\":[{\"name\":\"dns\",\"ok\":false,\"message\":\"x\"}]}");
    struct bytes out = BYTES_EMPTY;

    (void)state;
    assert_result(API_DOCTOR, "{\"checks\":[]}", "nothing was checked\n");
    assert_result(API_DOCTOR,
                  "{\"checks\":["
                  "{\"name\":\"configuration\",\"ok\":true,\"message\":\"it is fine\"},"
                  "{\"name\":\"disk\",\"ok\":false,\"message\":\"one\\ntwo\\u001b[31m\"},"
                  "{\"name\":\"a-very-long-check\",\"ok\":\"\",\"message\":null}]}",
                  "ok       configuration  it is fine\n"
                  "PROBLEM  disk           one\n"
                  "                        two<U+001B>[31m\n"
                  "PROBLEM  a-very-long-check \n");
    OUTPUT_TEXT.result(&out, LOOK_COLOUR, API_DOCTOR, result);
    assert_said(&out, "\033[1;31mPROBLEM  dns            \033[0mx\n");
    json_free(result);
}

static void test_history(void **state)
{
    (void)state;
    assert_result(API_HISTORY, "{\"messages\":[],\"next\":null}", "no messages\n");
    assert_result(API_HISTORY,
                  "{\"messages\":["
                  "{\"seq\":3,\"time\":\"2026-01-31T12:00:00.000Z\",\"direction\":\"in\",\"peer\":"
                  "\"alice\",\"text\":\"one\\ntwo\\u001b[31m\",\"state\":\"received\"},"
                  "{\"seq\":4,\"time\":\"2026-01-31T12:00:01.000Z\",\"direction\":\"out\",\"peer\":"
                  "\"alice\",\"text\":\"hi\",\"state\":\"queued\"},"
                  "{\"seq\":5,\"time\":\"2026-01-31T12:00:02.000Z\",\"direction\":\"out\",\"peer\":"
                  "\"alice\",\"text\":\"ho\",\"state\":\"delivered\"}],\"next\":3}",
                  "(earlier ones: --before=3)\n"
                  "3  2026-01-31 12:00:00  alice: one\n"
                  "    two<U+001B>[31m\n"
                  "4  2026-01-31 12:00:01  to alice (queued): hi\n"
                  "5  2026-01-31 12:00:02  to alice: ho\n");
}

/* --- Events --- */

static void test_message_events(void **state)
{
    (void)state;
    assert_event(LOOK_PLAIN, EVENT_JSON("message.received", ",\"text\":\"one\\ntwo\\u202e\\t\""),
                 EVENT_TIME "alice: one\n                     two<U+202E>    \n");
    assert_event(LOOK_PLAIN, EVENT_JSON("message.sent", ",\"text\":\"hi\""),
                 EVENT_TIME "to alice: hi\n");
    assert_event(LOOK_PLAIN, EVENT_JSON("message.delivered", ",\"through\":7,\"count\":2"),
                 EVENT_TIME "* delivered: 2 messages to alice, up to 7\n");
    assert_event(LOOK_PLAIN,
                 EVENT_JSON("message.failed", ",\"through\":7,\"count\":1,\"reason\":\"blocked\""),
                 EVENT_TIME "* not delivered: 1 message to alice, up to 7 (blocked)\n");
    assert_event(LOOK_COLOUR, EVENT_JSON("message.sent", ",\"text\":\"hi\""),
                 "\033[2m2026-01-31 12:00:00\033[0m  to \033[1malice\033[0m: hi\n");
}

static void test_chat_events(void **state)
{
    (void)state;
    assert_event(LOOK_PLAIN,
                 EVENT_JSON("chat.requested",
                            ",\"request\":\"r1\",\"direction\":\"in\",\"name\":\"Alice\","
                            "\"address\":\"h:1\",\"greeting\":\"hello\""),
                 EVENT_TIME "* alice asks for a chat (r1), calls itself Alice, at h:1: hello\n");
    assert_event(LOOK_PLAIN,
                 EVENT_JSON("chat.requested", ",\"request\":\"r2\",\"direction\":\"out\""),
                 EVENT_TIME "* asked alice for a chat (r2)\n");
    assert_event(LOOK_PLAIN,
                 EVENT_JSON("chat.accepted", ",\"request\":\"r2\",\"direction\":\"out\""),
                 EVENT_TIME "* the request to alice (r2) is accepted\n");
    assert_event(LOOK_PLAIN, EVENT_JSON("chat.refused", ",\"request\":\"r2\",\"direction\":\"in\""),
                 EVENT_TIME "* the request of alice (r2) is refused\n");
    assert_event(LOOK_PLAIN,
                 EVENT_JSON("chat.expired", ",\"request\":\"r2\",\"direction\":\"out\""),
                 EVENT_TIME "* the request to alice (r2) is over, unanswered\n");
    assert_event(LOOK_PLAIN, EVENT_JSON("chat.disconnected", ",\"by\":\"them\""),
                 EVENT_TIME "* the chat with alice was ended by them\n");
    assert_event(LOOK_PLAIN, EVENT_JSON("chat.disconnected", ",\"by\":\"us\""),
                 EVENT_TIME "* the chat with alice was ended by us\n");
}

static void test_other_events(void **state)
{
    (void)state;
    assert_event(LOOK_PLAIN, EVENT_JSON("peer.online", ",\"via\":\"direct\",\"reason\":null"),
                 EVENT_TIME "* alice is online (direct)\n");
    assert_event(LOOK_PLAIN, EVENT_JSON("peer.offline", ",\"via\":null,\"reason\":\"lost\""),
                 EVENT_TIME "* alice is offline (lost)\n");
    assert_event(LOOK_PLAIN,
                 "{\"time\":\"yester\\u001bday\",\"type\":\"new.kind\",\"x\":\"\\u202e\"}",
                 "yester<U+001B>day  * {\"time\":\"yester\\u001bday\",\"type\":\"new.kind\","
                 "\"x\":\"\\u202e\"}\n");
    assert_event(LOOK_PLAIN, "{}", "-  * {}\n");
}

#define TRACKER_JSON(address, members) "{\"address\":\"" address "\"" members "}"
#define TRACKER_SEEN(address, reachable)                                                     \
    TRACKER_JSON(address, ",\"state\":\"registered\",\"error\":null,\"seen\":\"192.0.2.9\"," \
                          "\"reachable\":" reachable)

static void test_registration(void **state)
{
    (void)state;
    static const char result[] =
        "{\"name\":\"al\\u202eice\",\"trackers\":[" TRACKER_SEEN("t:1", "null") "," TRACKER_SEEN(
            "t:2", "true") "," TRACKER_SEEN("t:3", "false") ",{\"address\":\"t:4\",\"state\":"
                                                            "\"away\",\"error\":\"no\\u001bbody\","
                                                            "\"seen\":null,\"reachable\":null}]}";

    assert_result(API_REGISTER, result,
                  "listed as \"al<U+202E>ice\"\n"
                  "t:1 (registered, seen at 192.0.2.9)\n"
                  "t:2 (registered, seen at 192.0.2.9, reachable there)\n"
                  "t:3 (registered, seen at 192.0.2.9, not reachable there)\n"
                  "t:4 (away: no<U+001B>body)\n");
    assert_result(API_EXIT_NETWORK,
                  "{\"trackers\":[" TRACKER_JSON("t:1", ",\"state\":\"off\"") "]}",
                  "not listed any more\nt:1 (off)\n");
    assert_result(API_STATUS,
                  "{\"trackers\":[" TRACKER_JSON("t:1", ",\"state\":\"off\"") "," TRACKER_JSON(
                      "t:2", ",\"state\":\"connecting\"") "]}",
                  "version     -\nrole        -\nname        -\npeer id     -\nlistens on  -\n"
                  "trackers    t:1 (off)\n"
                  "            t:2 (connecting)\n"
                  "links       -\ncontacts    -\nqueued      -\nlog         -, up to -, -\n"
                  "up for      -\n");
}

static void test_listed(void **state)
{
    (void)state;
    assert_result(API_LISTPEER, "{\"peers\":[],\"unanswered\":[],\"next\":null}",
                  "nobody is listed\n");
    assert_result(
        API_LISTPEER,
        "{\"peers\":[{\"name\":\"al\\u202eice\",\"peer_id\":\"abc\",\"addresses\":[\"h:1\","
        "\"[::1]:2\"],\"connected\":true,\"source\":\"tracker\"},{\"name\":\"zoe\",\"peer_id\":"
        "null,\"addresses\":[],\"connected\":false,\"source\":\"classic\"}],"
        "\"unanswered\":[\"t:1\",\"t:2\"],\"next\":\"zoe\"}",
        "NAME             CONNECTED  SOURCE   ADDRESSES     PEER ID\n"
        "\"al<U+202E>ice\"  yes        tracker  h:1, [::1]:2  abc\n"
        "zoe              no         classic  -             -\n"
        "(without the peers of t:1, t:2: no answer)\n"
        "(more: --after='zoe')\n");
}

/* An event of no peer. */
#define TRACKER_EVENT(type, reason)                                                         \
    "{\"seq\":7,\"time\":\"2026-01-31T12:00:00.123Z\",\"type\":\"" type "\",\"peer\":null," \
    "\"peer_id\":null,\"name\":\"alice\",\"tracker\":\"t:1\",\"address\":\"t:1\","          \
    "\"reason\":" reason "}"

static void test_tracker_events(void **state)
{
    (void)state;
    assert_event(LOOK_PLAIN, TRACKER_EVENT("registered", "null"),
                 EVENT_TIME "* the tracker t:1 lists us as alice\n");
    assert_event(LOOK_PLAIN, TRACKER_EVENT("register.failed", "\"name_taken\""),
                 EVENT_TIME "* the tracker t:1 does not list us as alice (name_taken)\n");
    assert_event(LOOK_PLAIN, TRACKER_EVENT("unregistered", "\"shutdown\""),
                 EVENT_TIME "* the tracker t:1 is asked no more to list us as alice (shutdown)\n");
    assert_event(LOOK_PLAIN, TRACKER_EVENT("security.warning", "\"tracker_lied\""),
                 EVENT_TIME "* warning: a tracker (t:1) answered with what nobody asked for, or "
                            "nobody signed; its answer is not used\n");
    assert_event(LOOK_PLAIN, TRACKER_EVENT("security.warning", "\"tracker_outdated\""),
                 EVENT_TIME "* warning: a tracker (t:1) shows records that are older than what is "
                            "known of the same peers; they are not used\n");
}

static void test_gaps(void **state)
{
    (void)state;
    assert_event(LOOK_PLAIN,
                 "{\"seq\":null,\"time\":\"x\",\"type\":\"gap\",\"peer\":null,\"peer_id\":null,"
                 "\"from\":1,\"to\":70}",
                 "x  * events 1 to 70 are no longer kept\n");
    assert_event(LOOK_PLAIN, EVENT_JSON("gap", ",\"from\":3,\"to\":9"),
                 EVENT_TIME "* messages of alice will not come any more: numbers 3 to 9 are no "
                            "longer kept there\n");
}

static void test_warnings(void **state)
{
    (void)state;
    assert_event(LOOK_PLAIN,
                 EVENT_JSON("security.warning",
                            ",\"reason\":\"name_claimed\",\"address\":\"h:1\",\"suppressed\":0"),
                 EVENT_TIME
                 "* warning: the peer that is known here as alice (h:1) calls itself by a "
                 "name that another contact has: compare safety numbers before you "
                 "trust either\n");
    assert_event(LOOK_PLAIN,
                 EVENT_JSON("security.warning",
                            ",\"reason\":\"cloned_identity\",\"address\":null,\"suppressed\":2"),
                 EVENT_TIME "* warning: two programs use the key of alice and take turns: it runs "
                            "twice there, or somebody has a copy of the key; warnings left "
                            "out before it: 2\n");
    assert_event(LOOK_PLAIN, EVENT_JSON("security.warning", ",\"reason\":\"database_restored\""),
                 EVENT_TIME "* warning: alice has messages of ours that our log does not know: was "
                            "p2pchat.db here restored from an older copy?\n");
    assert_event(LOOK_PLAIN,
                 EVENT_JSON("security.warning",
                            ",\"reason\":\"new\\u001b\",\"address\":\"h:1\",\"suppressed\":3"),
                 EVENT_TIME
                 "* warning: new<U+001B>, alice (h:1); warnings left out before it: 3\n");
}

/* Every event that there is makes one line, also when it holds nothing. */
static void test_every_event(void **state)
{
    (void)state;
    for (size_t i = 0; api_event_at(i) != NULL; i++) {
        struct bytes json = BYTES_EMPTY, out = BYTES_EMPTY;
        struct json_writer w;
        struct json *event;

        json_write_init(&w, &json);
        json_write_open(&w, '{');
        json_put_string(&w, "type", api_event_at(i)->name);
        json_write_close(&w, '}');
        bytes_u8(&json, '\0');
        event = parse((char *)bytes_data(&json));
        OUTPUT_TEXT.event(&out, LOOK_PLAIN, event);
        assert_int_equal((uint8_t *)memchr(bytes_data(&out), '\n', bytes_length(&out)) -
                             bytes_data(&out),
                         bytes_length(&out) - 1);
        assert_null(memchr(bytes_data(&out), '{', bytes_length(&out)));
        json_free(event);
        bytes_done(&json);
        bytes_done(&out);
    }
}

static void test_time_is_local(void **state)
{
    (void)state;
    struct json *event =
        parse("{\"a\":\"2026-07-31T23:30:00.999Z\",\"b\":\"2026-07-31T23:30:00+01:00\"}");
    struct bytes out = BYTES_EMPTY;

    setenv("TZ", "CET-1CEST,M3.5.0,M10.5.0/3", 1);
    phrase_time(&out, event, "a");
    assert_said(&out, "2026-08-01 01:30:00");
    phrase_time(&out, event, "b");
    assert_said(&out, "2026-07-31T23:30:00+01:00");
    setenv("TZ", "UTC0", 1);
    json_free(event);
}

static void test_durations_and_sizes(void **state)
{
    (void)state;
    struct json *value = parse("{\"a\":0,\"b\":59.9,\"c\":3600,\"d\":86461,\"e\":1023,\"f\":1024}");
    struct bytes out = BYTES_EMPTY;

    phrase_duration(&out, value, "a");
    assert_said(&out, "0 s");
    phrase_duration(&out, value, "b");
    assert_said(&out, "59 s");
    phrase_duration(&out, value, "c");
    assert_said(&out, "1 h");
    phrase_duration(&out, value, "d");
    assert_said(&out, "1 d 1 min");
    phrase_size(&out, value, "e");
    assert_said(&out, "1023 bytes");
    phrase_size(&out, value, "f");
    assert_said(&out, "1.0 KiB");
    json_free(value);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_json_is_one_safe_line),
        cmocka_unit_test(test_widths),
        cmocka_unit_test(test_columns_align),
        cmocka_unit_test(test_identity_and_status),
        cmocka_unit_test(test_odd_results),
        cmocka_unit_test(test_requests),
        cmocka_unit_test(test_sentences),
        cmocka_unit_test(test_lists),
        cmocka_unit_test(test_classic_peers),
        cmocka_unit_test(test_names_are_told_from_words),
        cmocka_unit_test(test_safety_number),
        cmocka_unit_test(test_history),
        cmocka_unit_test(test_message_events),
        cmocka_unit_test(test_chat_events),
        cmocka_unit_test(test_other_events),
        cmocka_unit_test(test_registration),
        cmocka_unit_test(test_listed),
        cmocka_unit_test(test_tracker_events),
        cmocka_unit_test(test_gaps),
        cmocka_unit_test(test_checks),
        cmocka_unit_test(test_warnings),
        cmocka_unit_test(test_every_event),
        cmocka_unit_test(test_time_is_local),
        cmocka_unit_test(test_durations_and_sizes),
    };

    setenv("TZ", "UTC0", 1);
    return cmocka_run_group_tests(tests, NULL, NULL);
}
