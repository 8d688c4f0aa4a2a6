#include "tests/unit/member_rig.h"
#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "common/alloc.h"
#include "daemon/core/limits.h"
#include "daemon/core/node/trackers.h"

enum { SECOND_MS = 1000, MINUTE_MS = 60 * SECOND_MS };

#define FIRST  "192.0.2.1:28471"
#define SECOND "192.0.2.2:28471"
#define BOB_AT "198.51.100.20:5000"

/* Its link is closed for that, so we are with it no more. */
#define LIED(tracker)                                                                             \
    "security.warning \"reason\":\"tracker_lied\",\"address\":\"" tracker "\",\"suppressed\":0\n" \
    "register.failed \"name\":\"alice\",\"tracker\":\"" tracker "\",\"reason\":\"malformed\"\n"
#define OUTDATED(tracker)                                                           \
    "security.warning \"reason\":\"tracker_outdated\",\"address\":\"" tracker "\"," \
    "\"suppressed\":0\n"

/* A node that is registered with so many trackers, and what there is to be known of bob. */
struct scene {
    struct member_rig rig;
    struct rig_peer bob, mallory;
    struct rig_record bobs;
};

static void begin(struct scene *s, size_t trackers)
{
    member_rig_init(&s->rig, trackers);
    rig_peer_init(&s->rig, &s->bob);
    rig_peer_init(&s->rig, &s->mallory);
    s->bobs = rig_record(&s->rig, &s->bob, "bob", 7, BOB_AT);
    member_rig_start(&s->rig);
    member_rig_wait(&s->rig, 2 * SECOND_MS);
    for (size_t i = 0; i < trackers; i++)
        rig_assert_heard(&s->rig.trackers[i], "REGISTER ");
    s->rig.log[0] = '\0';
}

static uint64_t ask(struct scene *s, const char *to)
{
    s->rig.dialled[0] = '\0';
    return member_rig_call(&s->rig, API_CHAT_REQUEST, "{\"to\":\"%s\"}", to);
}

static uint64_t list(struct scene *s, const char *params)
{
    return member_rig_call(&s->rig, API_LISTPEER, "%s", params);
}

/* --- By name and by key --- */

static void test_by_name(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 2);
    rig_show(&s.rig.trackers[1], &s.bobs);
    const uint64_t call = ask(&s, "Bob");
    for (size_t i = 0; i < 2; i++)
        rig_assert_heard(&s.rig.trackers[i], "LISTPEER ");
    rig_assert_has(s.rig.trackers[0].said, ",\"name\":\"Bob\",\"limit\":1}");
    assert_string_equal(s.rig.dialled, BOB_AT " ");
    member_rig_expect_open(&s.rig, call); /* being dialled */
    member_rig_done(&s.rig);
}

static void test_by_key(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 1);
    rig_show(&s.rig.trackers[0], &s.bobs);
    ask(&s, s.bob.id);
    rig_assert_has(s.rig.trackers[0].said, s.bob.id);
    assert_string_equal(s.rig.dialled, BOB_AT " ");
    ask(&s, "198.51.100.30:1"); /* a place is not asked for */
    rig_assert_heard(&s.rig.trackers[0], "LISTPEER ");
    member_rig_done(&s.rig);
}

/* Loopback addresses count when they are learnt over such a link; these trackers are elsewhere. */
static void test_local_addresses(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 1);
    s.bobs = rig_record(&s.rig, &s.bob, "bob", 7, "127.0.0.1:5000");
    rig_show(&s.rig.trackers[0], &s.bobs);
    member_rig_expect(&s.rig, ask(&s, "bob"), ERR_UNREACHABLE);
    assert_string_equal(s.rig.dialled, "");
    member_rig_expect(&s.rig, list(&s, "{}"), OK);
    rig_assert_has(s.rig.result, "\"addresses\":[]");
    member_rig_done(&s.rig);
}

/* Nor do names that lead there; but whose user gives one, means it. */
static void test_names_of_local_addresses(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 1);
    s.bobs = rig_record(&s.rig, &s.bob, "bob", 7, "localhost:5000");
    rig_show(&s.rig.trackers[0], &s.bobs);
    ask(&s, "bob");
    assert_string_equal(s.rig.dialled, "localhost:5000 ");
    assert_true(s.rig.not_local);
    ask(&s, "localhost:5001");
    assert_string_equal(s.rig.dialled, "localhost:5001 ");
    assert_false(s.rig.not_local);
    member_rig_done(&s.rig);
}

static void test_unknown_name(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 1);
    member_rig_expect(&s.rig, ask(&s, "bob"), ERR_NO_SUCH_PEER);
    member_rig_expect(&s.rig, ask(&s, "-bob"), ERR_BAD_NAME);
    s.rig.trackers[0].is_up = false;
    member_rig_cut(&s.rig, &s.rig.trackers[0]);
    member_rig_wait(&s.rig, 3 * SECOND_MS);
    member_rig_expect(&s.rig, ask(&s, "bob"),
                      ERR_UNREACHABLE); /* at once: it is known to be away */
    member_rig_done(&s.rig);
}

static void test_without_trackers(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 0);
    member_rig_expect(&s.rig, ask(&s, "bob"), ERR_NO_TRACKER);
    member_rig_expect(&s.rig, ask(&s, s.bob.id), ERR_NO_TRACKER);
    member_rig_expect(&s.rig, list(&s, "{}"), ERR_NO_TRACKER);
    member_rig_done(&s.rig);
}

static void test_our_own_name(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 1);
    rig_show(&s.rig.trackers[0], &s.rig.trackers[0].registered);
    member_rig_expect(&s.rig, ask(&s, "alice"), ERR_INVALID_PARAMS);
    member_rig_expect(&s.rig, list(&s, "{}"), OK);
    rig_assert_has(s.rig.result, "{\"name\":\"alice\"");
    member_rig_done(&s.rig);
}

/* --- Trackers that disagree, are slow, or away --- */

static void test_trackers_that_disagree(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 2);
    const struct rig_record other = rig_record(&s.rig, &s.mallory, "Bob", 9, "198.51.100.66:1");
    rig_show(&s.rig.trackers[0], &s.bobs);
    rig_show(&s.rig.trackers[1], &other);
    member_rig_expect(&s.rig, ask(&s, "bob"), ERR_AMBIGUOUS_PEER);
    assert_string_equal(s.rig.dialled, "");
    rig_assert_has(s.rig.result, "\"candidates\":[{");
    rig_assert_has(s.rig.result, s.bob.id);
    rig_assert_has(s.rig.result, s.mallory.id);
    rig_assert_has(s.rig.result, "\"name\":\"bob\",\"source\":\"tracker\",\"tracker\":\"" FIRST);
    rig_assert_has(s.rig.result, "\"name\":\"Bob\",\"source\":\"tracker\",\"tracker\":\"" SECOND);
    s.rig.trackers[1].shown_count = 0;
    ask(&s, s.bob.id); /* the way out */
    assert_string_equal(s.rig.dialled, BOB_AT " ");
    member_rig_done(&s.rig);
}

/* Two records of one key: the newer one is used, and nobody is ambiguous. */
static void test_trackers_of_different_age(void **state)
{
    (void)state;

    for (int swapped = 0; swapped < 2; swapped++) {
        struct scene s;

        begin(&s, 2);
        const struct rig_record newer = rig_record(&s.rig, &s.bob, "bob", 8, "198.51.100.21:5001");
        rig_show(&s.rig.trackers[swapped], &s.bobs);
        rig_show(&s.rig.trackers[!swapped], &newer);
        ask(&s, "bob");
        assert_string_equal(s.rig.dialled, "198.51.100.21:5001 ");
        rig_assert_log(&s.rig, "");
        member_rig_done(&s.rig);
    }
}

static void test_one_that_is_slow(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 2);
    rig_show(&s.rig.trackers[0], &s.bobs);
    s.rig.trackers[1].is_silent = true;
    ask(&s, "bob");
    const uint64_t listed = list(&s, "{}");
    member_rig_wait(&s.rig, 2900);
    assert_string_equal(s.rig.dialled, ""); /* it may disagree */
    member_rig_expect_open(&s.rig, listed);
    member_rig_wait(&s.rig, 100);
    assert_string_equal(s.rig.dialled, BOB_AT " ");
    member_rig_expect(&s.rig, listed, OK);
    rig_assert_has(s.rig.result, "\"unanswered\":[\"" SECOND "\"]");

    /* What it says when it is over changes nothing, and what was not asked for ends the link. */
    char late[128];
    snprintf(late, sizeof late, "{\"query\":%d,\"records\":[],\"classic\":[],\"next\":null}",
             (int)s.rig.trackers[1].query);
    member_rig_say(&s.rig, &s.rig.trackers[1], MESSAGE_RECORDS, late);
    member_rig_say(&s.rig, &s.rig.trackers[1], MESSAGE_RECORDS, late);
    assert_non_null(s.rig.trackers[1].link);
    member_rig_say(&s.rig, &s.rig.trackers[1], MESSAGE_RECORDS, late);
    assert_null(s.rig.trackers[1].link);
    member_rig_done(&s.rig);
}

/* A tracker that is being dialled for the first time is waited for. */
static void test_one_that_is_being_dialled(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 1);
    rig_show(member_rig_open(&s.rig), &s.bobs);
    member_rig_call(&s.rig, API_REGISTER, "{\"tracker\":\"" SECOND "\"}");
    member_rig_restart(&s.rig);
    ask(&s, "bob");
    member_rig_wait(&s.rig, 10);
    assert_string_equal(s.rig.dialled, BOB_AT " ");
    member_rig_done(&s.rig);
}

/* The link is lost while it is asked. */
static void test_one_that_goes(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 2);
    rig_show(&s.rig.trackers[0], &s.bobs);
    s.rig.trackers[1].is_silent = true;
    ask(&s, "bob");
    member_rig_cut(&s.rig, &s.rig.trackers[1]);
    assert_string_equal(s.rig.dialled, BOB_AT " ");
    member_rig_done(&s.rig);
}

/* --- Lies --- */

static void lie_by_signature(struct scene *s)
{
    s->bobs.bytes[s->bobs.length - 1] ^= 1;
    rig_show(&s->rig.trackers[0], &s->bobs);
}

static void lie_by_content(struct scene *s)
{
    s->bobs.bytes[60] ^= 1; /* within the name or the addresses: altered on the way */
    rig_show(&s->rig.trackers[0], &s->bobs);
}

static void lie_by_another_name(struct scene *s)
{
    s->bobs = rig_record(&s->rig, &s->mallory, "bobby", 7, BOB_AT);
    rig_show(&s->rig.trackers[0], &s->bobs);
}

static void lie_by_more_than_asked(struct scene *s)
{
    const struct rig_record more = rig_record(&s->rig, &s->mallory, "bob", 7, BOB_AT);

    rig_show(&s->rig.trackers[0], &s->bobs);
    rig_show(&s->rig.trackers[0], &more);
}

static void lie_by_a_classic_name(struct scene *s)
{
    s->rig.trackers[0].classic = "{\"name\":\"bobby\",\"address\":\"198.51.100.66:40000\"}";
}

/* The liar is not believed, sent away until the next renewal, and warned of once. */
static void test_lies_about_a_name(void **state)
{
    (void)state;
    static void (*const lies[])(struct scene *) = {
        lie_by_signature,       lie_by_content,        lie_by_another_name,
        lie_by_more_than_asked, lie_by_a_classic_name,
    };

    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct scene s;

        begin(&s, 1);
        lies[i](&s);
        member_rig_expect(&s.rig, ask(&s, "bob"), ERR_UNREACHABLE);
        assert_string_equal(s.rig.dialled, "");
        assert_null(s.rig.trackers[0].link);
        rig_assert_log(&s.rig, LIED(FIRST));
        s.rig.dials = 0;
        member_rig_expect(&s.rig, ask(&s, "bob"), ERR_UNREACHABLE);
        assert_int_equal(s.rig.dials, 0);
        rig_assert_log(&s.rig, "");
        member_rig_wait(&s.rig, 2 * MINUTE_MS);
        assert_int_equal(s.rig.dials, 1);
        member_rig_done(&s.rig);
    }
}

/* It answers a known key with another. */
static void test_a_lie_about_a_key(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 2);
    const struct rig_record other = rig_record(&s.rig, &s.mallory, "bob", 9, "198.51.100.66:1");
    rig_show(&s.rig.trackers[0], &other);
    rig_show(&s.rig.trackers[1], &s.bobs);
    ask(&s, s.bob.id);
    assert_string_equal(s.rig.dialled, BOB_AT " "); /* the other one is believed */
    rig_assert_log(&s.rig, LIED(FIRST));
    member_rig_done(&s.rig);
}

static void test_lies_about_a_list(void **state)
{
    (void)state;
    static const struct {
        const char *params, *next;
    } lies[] = {
        {"{\"prefix\":\"bobb\"}", NULL},               /* bob does not begin so */
        {"{\"after\":\"bob\"}", NULL},                 /* nor stands behind */
        {"{\"prefix\":\"b\",\"after\":\"aa\"}", "aa"}, /* and this would never end */
        {"{\"prefix\":\"b\",\"after\":\"aa\"}", "Aa"},
        {"{}", "boa"}, /* a page ends with its last name */
        {"{}", "bobb"},
    };

    for (size_t i = 0; i < sizeof lies / sizeof lies[0]; i++) {
        struct scene s;

        begin(&s, 1);
        rig_show(&s.rig.trackers[0], &s.bobs);
        s.rig.trackers[0].next = lies[i].next;
        member_rig_expect(&s.rig, list(&s, lies[i].params), ERR_UNREACHABLE);
        rig_assert_log(&s.rig, LIED(FIRST));
        member_rig_done(&s.rig);
    }
}

/* --- Records that are older than what is known --- */

static void test_an_older_record(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 1);
    rig_show(&s.rig.trackers[0], &s.bobs);
    member_rig_expect(&s.rig, list(&s, "{}"), OK); /* from here on it is known */
    s.rig.trackers[0].shown[0] = rig_record(&s.rig, &s.bob, "bob", 6, "198.51.100.66:1");
    member_rig_expect(&s.rig, ask(&s, "bob"), ERR_NO_SUCH_PEER);
    rig_assert_has(s.rig.message, "older than what is known");
    assert_string_equal(s.rig.dialled, "");
    rig_assert_log(&s.rig, OUTDATED(FIRST));
    assert_non_null(s.rig.trackers[0].link); /* it may be behind: that is no lie */
    member_rig_expect(&s.rig, list(&s, "{}"), OK);
    rig_assert_has(s.rig.result, "{\"peers\":[],");
    rig_assert_log(&s.rig, "");
    member_rig_wait(&s.rig, MINUTE_MS);
    ask(&s, s.bob.id);
    rig_assert_log(&s.rig, "security.warning \"reason\":\"tracker_outdated\",\"address\":\"" FIRST
                           "\",\"suppressed\":1\n");
    member_rig_done(&s.rig);
}

/* One that was issued in the future is not believed, and is no measure of others. */
static void test_a_record_of_the_future(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 1);
    s.rig.now.unix_ms += 11 * MINUTE_MS;
    const struct rig_record ahead = rig_record(&s.rig, &s.bob, "bob", 9, BOB_AT);
    s.rig.now.unix_ms -= 11 * MINUTE_MS;
    rig_show(&s.rig.trackers[0], &ahead);
    member_rig_expect(&s.rig, ask(&s, "bob"), ERR_NO_SUCH_PEER);
    rig_assert_log(&s.rig, "");
    s.rig.trackers[0].shown[0] = s.bobs;
    ask(&s, "bob");
    assert_string_equal(s.rig.dialled, BOB_AT " ");
    member_rig_done(&s.rig);
}

/* One that has expired is left out, and the tracker that shows it is not warned of. */
static void test_a_record_of_long_ago(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 1);
    s.rig.now.unix_ms -= INT64_C(400) * 24 * 60 * MINUTE_MS;
    const struct rig_record expired = rig_record(&s.rig, &s.bob, "bob", 9, BOB_AT);
    s.rig.now.unix_ms += INT64_C(400) * 24 * 60 * MINUTE_MS;
    rig_show(&s.rig.trackers[0], &expired);
    member_rig_expect(&s.rig, ask(&s, "bob"), ERR_NO_SUCH_PEER);
    s.rig.trackers[0].next = "bob"; /* it is the last one of its page all the same */
    member_rig_expect(&s.rig, list(&s, "{}"), OK);
    rig_assert_has(s.rig.result, "{\"peers\":[]");
    rig_assert_log(&s.rig, "");
    member_rig_done(&s.rig);
}

/* Nor is one used by which somebody said that they can no longer be reached. */
static void test_a_withdrawal(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 1);
    const struct rig_record withdrawal = rig_record(&s.rig, &s.bob, "bob", 9, NULL);
    rig_show(&s.rig.trackers[0], &withdrawal);
    member_rig_expect(&s.rig, ask(&s, "bob"), ERR_NO_SUCH_PEER);
    member_rig_expect(&s.rig, list(&s, "{}"), OK);
    rig_assert_has(s.rig.result, "{\"peers\":[]");
    rig_assert_log(&s.rig, "");
    member_rig_done(&s.rig);
}

/* --- Lists --- */

/* Pages without anybody could go on for ever. */
static void test_an_empty_page_that_goes_on(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 1);
    s.rig.trackers[0].next = "a";
    member_rig_expect(&s.rig, list(&s, "{}"), ERR_UNREACHABLE);
    rig_assert_log(&s.rig, LIED(FIRST));
    member_rig_done(&s.rig);
}

static void test_list(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 2);
    const struct rig_record carol = rig_record(&s.rig, &s.mallory, "Carol", 1, "example.org:443");
    rig_show(&s.rig.trackers[0], &s.bobs);
    rig_show(&s.rig.trackers[1], &s.bobs);
    rig_show(&s.rig.trackers[1], &carol);
    s.rig.trackers[1].classic = "{\"name\":\"zoe\",\"address\":\"198.51.100.77:40000\"}";
    member_rig_expect(&s.rig, list(&s, "{}"), OK);
    char expected[1024];
    snprintf(expected, sizeof expected,
             "{\"peers\":[{\"name\":\"bob\",\"peer_id\":\"%s\",\"addresses\":[\"" BOB_AT
             "\"],\"connected\":false,\"source\":\"tracker\"},"
             "{\"name\":\"Carol\",\"peer_id\":\"%s\",\"addresses\":[\"example.org:443\"],"
             "\"connected\":false,\"source\":\"tracker\"},"
             "{\"name\":\"zoe\",\"peer_id\":null,\"addresses\":[\"198.51.100.77:40000\"],"
             "\"connected\":false,\"source\":\"classic\"}],\"unanswered\":[],\"next\":null}",
             s.bob.id, s.mallory.id);
    assert_string_equal(s.rig.result, expected);
    rig_assert_has(s.rig.trackers[0].said, ",\"prefix\":\"\",\"limit\":100}");
    member_rig_done(&s.rig);
}

/* A page is true up to where the first incomplete answer ends. */
static void test_pages(void **state)
{
    (void)state;
    struct scene s;
    struct rig_peer peers[6];
    static const char *const names[] = {"a", "b", "c", "d", "e", "f"};
    struct rig_record records[6];

    begin(&s, 2);
    for (size_t i = 0; i < 6; i++) {
        rig_peer_init(&s.rig, &peers[i]);
        records[i] = rig_record(&s.rig, &peers[i], names[i], 1, BOB_AT);
    }
    /* The first has a b c and goes on; the second has b d f and is complete. */
    for (size_t i = 0; i < 3; i++)
        rig_show(&s.rig.trackers[0], &records[i]);
    s.rig.trackers[0].next = "c";
    rig_show(&s.rig.trackers[1], &records[1]);
    rig_show(&s.rig.trackers[1], &records[3]);
    rig_show(&s.rig.trackers[1], &records[5]);
    member_rig_expect(&s.rig, list(&s, "{}"), OK);
    rig_assert_has(s.rig.result, "\"name\":\"c\"");
    rig_assert_has_not(s.rig.result, "\"name\":\"d\"");
    rig_assert_has(s.rig.result, "\"next\":\"c\"}");

    /* As many as were asked for, the rest with the next page. */
    member_rig_expect(&s.rig, list(&s, "{\"limit\":3}"), OK);
    rig_assert_has(s.rig.result, "\"next\":\"c\"}");
    s.rig.trackers[0].next = NULL;
    member_rig_expect(&s.rig, list(&s, "{\"limit\":3}"), OK);
    rig_assert_has_not(s.rig.result, "\"name\":\"d\"");
    rig_assert_has(s.rig.result, "\"next\":\"c\"}");
    member_rig_expect(&s.rig, list(&s, "{\"limit\":5}"), OK);
    rig_assert_has(s.rig.result, "\"name\":\"f\"");
    rig_assert_has(s.rig.result, "\"next\":null}");
    member_rig_done(&s.rig);
}

/* Two keys of one name stand on one page, as the next one begins behind the name. */
static void test_a_page_ends_behind_a_name(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 2);
    const struct rig_record other = rig_record(&s.rig, &s.mallory, "BOB", 9, BOB_AT);
    rig_show(&s.rig.trackers[0], &s.bobs);
    rig_show(&s.rig.trackers[1], &other);
    member_rig_expect(&s.rig, list(&s, "{\"limit\":1}"), OK);
    rig_assert_has(s.rig.result, s.bob.id);
    rig_assert_has(s.rig.result, s.mallory.id);
    rig_assert_has(s.rig.result, "\"next\":null}");
    member_rig_done(&s.rig);
}

static void test_bad_lists(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 1);
    member_rig_expect(&s.rig, list(&s, "{\"after\":\"a:b\"}"), ERR_INVALID_PARAMS);
    member_rig_expect(&s.rig, list(&s, "{\"prefix\":\"\\u0007\"}"), ERR_INVALID_PARAMS);
    rig_assert_heard(&s.rig.trackers[0], "");
    member_rig_done(&s.rig);
}

/* --- Calls --- */

static void test_callers_that_go(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 1);
    rig_show(&s.rig.trackers[0], &s.bobs);
    s.rig.trackers[0].is_silent = true;
    const uint64_t asked = ask(&s, "bob"), listed = list(&s, "{}");
    member_rig_gone(&s.rig, asked);
    member_rig_gone(&s.rig, listed);
    member_rig_wait(&s.rig, 5 * SECOND_MS);
    member_rig_expect_open(&s.rig, asked);
    member_rig_expect_open(&s.rig, listed);
    assert_string_equal(s.rig.dialled, "");
    member_rig_done(&s.rig);
}

static void test_stop_while_asking(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 1);
    s.rig.trackers[0].is_silent = true;
    const uint64_t asked = ask(&s, "bob"), listed = list(&s, "{}");
    member_rig_stop(&s.rig);
    member_rig_expect(&s.rig, asked, ERR_SHUTTING_DOWN);
    member_rig_expect(&s.rig, listed, ERR_SHUTTING_DOWN);
    member_rig_done(&s.rig);
}

static void test_lookups_to_the_bound(void **state)
{
    (void)state;
    struct scene s;

    begin(&s, 1);
    s.rig.trackers[0].is_silent = true;
    for (int i = 0; i < LOOKUPS_MAX; i++)
        member_rig_expect_open(&s.rig, list(&s, "{}"));
    member_rig_expect(&s.rig, list(&s, "{}"), ERR_LIMIT_EXCEEDED);
    member_rig_expect(&s.rig, ask(&s, "bob"), ERR_LIMIT_EXCEEDED);
    member_rig_wait(&s.rig, 3 * SECOND_MS);
    s.rig.trackers[0].is_silent = false;
    member_rig_expect(&s.rig, list(&s, "{}"), OK);
    member_rig_done(&s.rig);
}

/* More keys than are remembered: those that have no place are forgotten, and nothing else. */
static void test_seen_records_to_the_bound(void **state)
{
    (void)state;
    struct scene s;
    size_t caught = 0;

    begin(&s, 1);
    rig_show(&s.rig.trackers[0], &s.bobs);
    member_rig_expect(&s.rig, list(&s, "{}"), OK);
    for (size_t i = 0; i < 60; i++) {
        s.rig.last_call = 10;
        memset(s.rig.answered, 0, sizeof s.rig.answered);
        s.rig.trackers[0].shown_count = 0;
        for (size_t j = 0; j < RIG_SHOWN_MAX; j++) {
            struct rig_peer peer;
            rig_peer_init(&s.rig, &peer);
            const struct rig_record record = rig_record(&s.rig, &peer, "x", 1, BOB_AT);
            rig_show(&s.rig.trackers[0], &record);
        }
        member_rig_expect(&s.rig, list(&s, "{}"), OK);
        s.rig.trackers[0].shown_count = 0;
        const struct rig_record older = rig_record(&s.rig, &s.bob, "bob", 6, BOB_AT);
        rig_show(&s.rig.trackers[0], &older);
        s.rig.log[0] = '\0';
        member_rig_wait(&s.rig, MINUTE_MS);
        member_rig_expect(&s.rig, list(&s, "{}"), OK);
        if (strstr(s.rig.log, "tracker_outdated") == NULL)
            break; /* bob's place is another's: what was shown last is the measure now */
        caught++;
    }
    assert_true(caught >= 10);
    member_rig_done(&s.rig);
}

/* Rows that were kept are as many as they are, and those of a configuration come on top. */
static void test_more_trackers_than_are_asked(void **state)
{
    (void)state;
    struct scene s;
    char address[] = "203.0.113.10:28471";

    begin(&s, 1);
    for (char tens = '1'; tens <= '4'; tens++)
        for (char ones = '0'; ones <= '9'; ones++) {
            address[sizeof "203.0.113." - 1] = tens;
            address[sizeof "203.0.113.1" - 1] = ones;
            trackers_put_row(s.rig.node, &(const struct tracker_row){.address = address,
                                                                     .wish = TRACKER_WANTED});
        }
    const uint64_t call = list(&s, "{}");
    member_rig_wait(&s.rig, LOOKUP_MS);
    member_rig_expect(&s.rig, call, OK);
    member_rig_done(&s.rig);
}

/* Nobody chats with a tracker, also not over the link that there is to it. */
static void test_a_tracker_is_no_peer(void **state)
{
    (void)state;
    struct scene s;
    char id[PEER_ID_LENGTH + 1];

    begin(&s, 1);
    peer_id_encode(s.rig.trackers[0].identity.key.bytes, id);
    member_rig_expect(&s.rig, ask(&s, id), ERR_UNREACHABLE);
    rig_assert_has(s.rig.message, "a tracker");
    rig_assert_heard(&s.rig.trackers[0], "");
    member_rig_done(&s.rig);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_by_name),
        cmocka_unit_test(test_by_key),
        cmocka_unit_test(test_local_addresses),
        cmocka_unit_test(test_names_of_local_addresses),
        cmocka_unit_test(test_unknown_name),
        cmocka_unit_test(test_without_trackers),
        cmocka_unit_test(test_our_own_name),
        cmocka_unit_test(test_trackers_that_disagree),
        cmocka_unit_test(test_trackers_of_different_age),
        cmocka_unit_test(test_one_that_is_slow),
        cmocka_unit_test(test_one_that_is_being_dialled),
        cmocka_unit_test(test_one_that_goes),
        cmocka_unit_test(test_lies_about_a_name),
        cmocka_unit_test(test_a_lie_about_a_key),
        cmocka_unit_test(test_lies_about_a_list),
        cmocka_unit_test(test_an_older_record),
        cmocka_unit_test(test_a_record_of_the_future),
        cmocka_unit_test(test_a_record_of_long_ago),
        cmocka_unit_test(test_a_withdrawal),
        cmocka_unit_test(test_an_empty_page_that_goes_on),
        cmocka_unit_test(test_list),
        cmocka_unit_test(test_pages),
        cmocka_unit_test(test_a_page_ends_behind_a_name),
        cmocka_unit_test(test_bad_lists),
        cmocka_unit_test(test_callers_that_go),
        cmocka_unit_test(test_stop_while_asking),
        cmocka_unit_test(test_a_tracker_is_no_peer),
        cmocka_unit_test(test_lookups_to_the_bound),
        cmocka_unit_test(test_more_trackers_than_are_asked),
        cmocka_unit_test(test_seen_records_to_the_bound),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
