#include "tests/unit/unit.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

#include "daemon/diagnosis.h"
#include "daemon/limits.h"

static const struct now now = {.mono = {5000000}, .unix_ms = INT64_C(1800000000000)};

/* The node is this test's list of trackers. */
static const struct node_tracker *trackers;
static size_t tracker_count;

bool node_tracker(const struct node *node, size_t index, struct node_tracker *ret_tracker)
{
    assert_null(node);
    if (index >= tracker_count)
        return false;
    *ret_tracker = trackers[index];
    return true;
}

/* --- What was said --- */

static struct bytes said = BYTES_EMPTY;
static struct json_writer writer;

static struct json_writer *begin(void)
{
    bytes_clear(&said);
    json_write_init(&writer, &said);
    json_write_open(&writer, '[');
    return &writer;
}

/* Fails the test unless one finding of that name says so. */
static void check(const char *name, enum verdict verdict, const char *part)
{
    struct json *root;
    bool is_found = false;

    json_write_close(&writer, ']');
    assert_int_equal(json_parse((const char *)bytes_data(&said), bytes_length(&said), &root), OK);
    for (const struct json *each = json_first(root); each != NULL; each = json_next(each)) {
        const char *text, *message;
        size_t length;
        bool ok;

        assert_int_equal(json_count(each), 3);
        assert_true(json_string(json_member(each, "name"), &text, &length));
        assert_true(json_string(json_member(each, "message"), &message, &length));
        assert_true(json_bool(json_member(each, "ok"), &ok));
        is_found |=
            strcmp(text, name) == 0 && ok == (verdict == WELL) && strstr(message, part) != NULL;
    }
    if (!is_found)
        fail_msg("\"%s\" is not said of %s in %.*s", part, name, (int)bytes_length(&said),
                 (const char *)bytes_data(&said));
    json_free(root);
    bytes_done(&said);
}

/* --- Host --- */

static void check_disk(const struct diagnosis_log *log, const struct vital_disk *disk,
                       enum verdict verdict, const char *part)
{
    diagnosis_disk(begin(), "/state", log, disk);
    check("disk", verdict, part);
}

static void test_log(void **state)
{
    const struct vital_disk disk = {.size_bytes = UINT64_C(1) << 30,
                                    .free_bytes = UINT64_C(1) << 29,
                                    .inodes = 1000,
                                    .free_inodes = 500};
    struct diagnosis_log log = {.state = STORE_OK};

    (void)state;
    check_disk(&log, &disk, WELL, "512.0 MiB are free of 1.0 GiB where /state is");
    log.demands_check = true;
    check_disk(&log, &disk, PROBLEM, "restart the daemon, which checks all of it");
    log.is_lost = true;
    check_disk(&log, &disk, PROBLEM, "/state/p2pchat.db was moved, replaced or removed");
    log = (struct diagnosis_log){.state = STORE_FAILING, .is_silent = true, .reason = "it sleeps"};
    check_disk(&log, &disk, PROBLEM, "where /state is, it sleeps: until it does, ");
    log = (struct diagnosis_log){.state = STORE_FULL, .reason = "writing: no room"};
    check_disk(&log, &disk, PROBLEM, "there is no room for the log (writing: no room)");
    log.state = STORE_FAILING;
    check_disk(&log, &disk, PROBLEM, "the daemon goes on by itself");
    log.demands_check = true;
    check_disk(&log, &disk, PROBLEM, "then restart the daemon");
}

static void test_room(void **state)
{
    struct diagnosis_log log = {.state = STORE_OK};
    const uint64_t size = DISK_FREE_LOW * 10;
    struct vital_disk disk = {
        .size_bytes = size, .free_bytes = DISK_FREE_LOW, .inodes = 1000, .free_inodes = 500};

    (void)state;
    check_disk(&log, &disk, WELL, "the log works");
    disk.free_bytes--;
    check_disk(&log, &disk, PROBLEM, "where /state is: nothing is taken when none is; make room");
    log.can_be_trimmed = true;
    check_disk(&log, &disk, PROBLEM, "make room, or have less kept ([Store] RetainBytes=)");
    disk.free_bytes = 4096;
    disk.size_bytes = 320 << 10;
    check_disk(&log, &disk, PROBLEM, "4.0 KiB are free of 320.0 KiB");
    disk.free_bytes = disk.size_bytes = size;
    disk.free_inodes = DISK_FREE_INODES_LOW - 1;
    check_disk(&log, &disk, PROBLEM, "more files can be made");
    disk.inodes = 0; /* not counted there */
    check_disk(&log, &disk, WELL, "the log works");
    disk.is_read_only = true;
    check_disk(&log, &disk, PROBLEM, "can only be read");
    disk = (struct vital_disk){.error = EIO};
    check_disk(&log, &disk, PROBLEM, "Input/output error");
}

static void check_clock(struct vital_clock clock, enum verdict verdict, const char *part)
{
    diagnosis_clock(begin(), &clock);
    check("clock", verdict, part);
}

static void test_clock(void **state)
{
    (void)state;
    check_clock((struct vital_clock){now.unix_ms, true, true}, WELL, "kept right");
    check_clock((struct vital_clock){now.unix_ms, true, false}, WELL, "nothing keeps it right");
    check_clock((struct vital_clock){now.unix_ms, false, false}, WELL, "timedatectl tells");
    check_clock((struct vital_clock){CLOCK_SANE_FROM_MS - 1, true, true}, PROBLEM, "set it");
    check_clock((struct vital_clock){0, false, false}, PROBLEM, "set it");
}

static void check_limits(uint64_t open, uint64_t max, enum verdict verdict, const char *part)
{
    const struct vital_limits limits = {.descriptors = open, .descriptors_max = max};

    diagnosis_limits(begin(), &limits);
    check("limits", verdict, part);
}

static void test_limits(void **state)
{
    (void)state;
    check_limits(20, 1000, WELL, "20 of 1000 descriptors");
    check_limits(900, 1000, WELL, "900 of 1000 descriptors");
    check_limits(901, 1000, PROBLEM, "LimitNOFILE=");
    check_limits(22, 30, WELL, "22 of 30");
    check_limits(23, 30, PROBLEM, "23 of 30");
    check_limits(3, 5, PROBLEM, "3 of 5");
    check_limits(40, UINT64_MAX, WELL, "40 of ");
}

/* --- Network --- */

static void check_place(int error, enum verdict verdict, const char *part)
{
    const struct host_port at = {"::", 28470};

    diagnosis_listening(begin(), &at, error);
    check("listening", verdict, part);
}

static void test_listening(void **state)
{
    (void)state;
    check_place(0, WELL, "[::]:28470 accepts");
    check_place(EINVAL, WELL, "cannot be tried");
    check_place(ECONNREFUSED, PROBLEM, "packet filter");
    check_place(ETIMEDOUT, PROBLEM, "packet filter");
    check_place(ENETUNREACH, PROBLEM, "has that address no more");
    check_place(EMFILE, PROBLEM, "allow more descriptors");
}

static void test_names(void **state)
{
    (void)state;
    diagnosis_name(begin(), "a.example", "which is ours", OK, "192.0.2.1");
    check("dns", WELL, "a.example, which is ours, is 192.0.2.1");
    diagnosis_name(begin(), "a.example", "which is ours", ERR_NOT_FOUND, NULL);
    check("dns", PROBLEM, "a.example, which is ours, has no address");
    diagnosis_name(begin(), "a.example", "which is ours", ERR_TIMED_OUT, NULL);
    check("dns", PROBLEM, "no name server answers");
}

static void check_trackers(const struct node_tracker *list, size_t count, enum verdict verdict,
                           const char *part)
{
    trackers = list;
    tracker_count = count;
    diagnosis_trackers(begin(), NULL);
    check("trackers", verdict, part);
}

static void test_trackers(void **state)
{
    struct node_tracker t = {.address = "a.example:1", .error = "why"};

    (void)state;
    check_trackers(NULL, 0, WELL, "none is used");
    t.state = TRACKER_OFF;
    check_trackers(&t, 1, WELL, "a.example:1 is not used");
    t.state = TRACKER_CONNECTING;
    check_trackers(&t, 1, WELL, "has not answered yet");
    t.state = TRACKER_REGISTERED;
    check_trackers(&t, 1, WELL, "lists this node");
    t.state = TRACKER_NAME_TAKEN;
    check_trackers(&t, 1, PROBLEM, "under our name (why)");
    t.state = TRACKER_FAILED;
    check_trackers(&t, 1, PROBLEM, "does not list us (why)");
    t.state = TRACKER_AWAY;
    check_trackers(&t, 1, PROBLEM, "is not reached (why): look whether it runs");
    t.met = DIAL_MET_OTHER;
    check_trackers(&t, 1, PROBLEM, "is not reached (why): compare p2pchat.network-key on both");
    t.met = DIAL_MET_OURSELVES;
    check_trackers(&t, 1, PROBLEM, "is no tracker (why): give the address of one");
}

static void check_reachability(const struct node_tracker *list, size_t count, enum verdict verdict,
                               const char *part)
{
    trackers = list;
    tracker_count = count;
    diagnosis_reachability(begin(), NULL, 0);
    check("reachability", verdict, part);
}

static void test_reachability(void **state)
{
    const struct node_tracker t[] = {
        {.address = "a.example:1", .reached = NODE_REACHED_UNKNOWN},
        {.address = "b.example:1", .seen = "192.0.2.1", .reached = NODE_REACHED_NO},
        {.address = "c.example:1", .seen = "192.0.2.2", .reached = NODE_REACHED_YES},
        {.address = "d.example:1", .reached = NODE_REACHED_YES}};

    (void)state;
    check_reachability(t, 0, WELL, "nobody has told");
    check_reachability(t, 1, WELL, "nobody has told");
    check_reachability(t, 2, PROBLEM, "b.example:1 sees us at 192.0.2.1 and does not reach us");
    check_reachability(t, 3, WELL, "c.example:1 reaches us at 192.0.2.2");
    check_reachability(&t[3], 1, WELL, "d.example:1 reaches us"); /* and has not said where */
    trackers = t;
    tracker_count = 2;
    diagnosis_reachability(begin(), NULL, 1);
    check("reachability", WELL, "nobody has told whether what we advertise leads here");
}

/* --- Peers --- */

static void check_peer(const struct node_peer_state *peer, const char *name, enum verdict verdict,
                       const char *part)
{
    diagnosis_peer(begin(), "bob", peer, now);
    check(name, verdict, part);
}

static void test_consent(void **state)
{
    struct node_peer_state peer = {.consent = CONSENT_MUTUAL};

    (void)state;
    check_peer(&peer, "consent", WELL, "not verified yet");
    peer.is_verified = true;
    check_peer(&peer, "consent", WELL, "whose key was verified");
    peer.is_classic = true;
    check_peer(&peer, "consent", WELL, "it has no key");
    peer = (struct node_peer_state){.consent = CONSENT_PENDING};
    check_peer(&peer, "consent", PROBLEM, "bob does not know it yet");
    peer.consent = CONSENT_NONE;
    check_peer(&peer, "consent", PROBLEM, "there is no chat with bob");
    peer.consent = CONSENT_ENDING;
    check_peer(&peer, "consent", PROBLEM, "there is no chat with bob");
    peer = (struct node_peer_state){.consent = CONSENT_ASKED,
                                    .request = 7,
                                    .direction = DIRECTION_OUT,
                                    .request_left_ms = 90000};
    check_peer(&peer, "consent", PROBLEM,
               "has not answered our request (r7, open for another 1 min 30 s)");
    peer.consent = CONSENT_WAS_ASKED;
    peer.direction = DIRECTION_IN;
    check_peer(&peer, "consent", PROBLEM, "'chat accept r7'");
    peer.is_blocked = true;
    check_peer(&peer, "consent", PROBLEM, "'unblock bob'");
}

/* Names are chosen by others. */
static void test_what_may_be_copied(void **state)
{
    const struct node_peer_state peer = {.consent = CONSENT_MUTUAL};

    (void)state;
    diagnosis_peer(begin(), "x';id;'", &peer, now);
    check("consent", WELL,
          "a chat with \"x';id;'\"; its key was not verified yet ('contact verify PEER')");
    diagnosis_peer(begin(), "x\" is verified", &peer, now);
    check("consent", WELL, "a chat with \"x\\\" is verified\"; its key");
    diagnosis_peer(begin(), "-x", &peer, now);
    check("consent", WELL, "('contact verify PEER')");
}

static void test_link(void **state)
{
    struct node_peer_state peer = {.consent = CONSENT_MUTUAL,
                                   .is_online = true,
                                   .remote = "192.0.2.1:28470",
                                   .up_ms = UINT64_C(3) * 86400 * 1000 + 7200 * 1000};

    (void)state;
    check_peer(&peer, "link", WELL, "up for 3 d 2 h, to 192.0.2.1:28470");
    peer.remote = NULL;
    check_peer(&peer, "link", WELL, "was reached the last time");
    peer.is_online = false;
    check_peer(&peer, "link", PROBLEM, "without a chat none is looked for");
    peer.is_wanted = true;
    peer.next_dial_ms = 5000;
    check_peer(&peer, "link", PROBLEM,
               "there is none (last: never); bob is looked for again in 5 s");
    peer.last_seen_ms = now.unix_ms - 3600 * 1000;
    peer.is_being_dialled = true;
    check_peer(&peer, "link", PROBLEM, "(last: 1 h 0 min ago); bob is looked for right now");
    peer.last_seen_ms = now.unix_ms + 1; /* the clock was set back */
    check_peer(&peer, "link", PROBLEM, "(last: a moment ago)");
}

static void test_address(void **state)
{
    struct node_peer_state peer = {.consent = CONSENT_MUTUAL};

    (void)state;
    check_peer(&peer, "address", PROBLEM, "none is known");
    peer.address_count = 2;
    peer.addresses[0] = (struct host_port){"2001:db8::1", 1};
    peer.addresses[1] = (struct host_port){"b.example", 2};
    check_peer(&peer, "address", WELL, "known: [2001:db8::1]:1, b.example:2; none was tried yet");
    peer.tried = "b.example: no such host";
    peer.tried_ms = 60000;
    check_peer(&peer, "address", PROBLEM,
               "1 min 0 s ago: b.example: no such host. Look whether its daemon runs");
    peer.met = DIAL_MET_OTHER;
    check_peer(&peer, "address", PROBLEM, ". Compare p2pchat.network-key on both sides");
    peer.met = DIAL_MET_OURSELVES;
    check_peer(&peer, "address", PROBLEM, ". Look what its address is");
    peer.is_online = true;
    check_peer(&peer, "address", WELL, "known: [2001:db8::1]:1");
    peer.address_count = 0;
    check_peer(&peer, "address", WELL, "it came to us");
}

static void test_record_and_queue(void **state)
{
    struct node_peer_state peer = {.consent = CONSENT_MUTUAL};

    (void)state;
    check_peer(&peer, "record", WELL, "has not said yet");
    peer.record_issued_ms = now.unix_ms - 3000;
    check_peer(&peer, "record", WELL, "bob said where it is reached 3 s ago");
    peer.is_record_expired = true;
    check_peer(&peer, "record", WELL, "too long ago");
    peer.is_record_ahead = true;
    check_peer(&peer, "record", PROBLEM, "its clock is wrong, or ours");
    check_peer(&peer, "queue", WELL, "nothing waits for bob");
    peer.queued = 3;
    peer.queued_bytes = 12;
    check_peer(&peer, "queue", WELL, "wait for bob: 3 (12 bytes)");
    peer.is_queue_low_on_room = true;
    check_peer(&peer, "queue", PROBLEM, "(12 bytes), nearly as much as may: ");
    peer.is_queue_full = true;
    peer.queued_bytes = 3 << 10;
    check_peer(&peer, "queue", PROBLEM, "(3.0 KiB), as much as may: no more are taken until");
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_log),
        cmocka_unit_test(test_room),
        cmocka_unit_test(test_clock),
        cmocka_unit_test(test_limits),
        cmocka_unit_test(test_listening),
        cmocka_unit_test(test_names),
        cmocka_unit_test(test_trackers),
        cmocka_unit_test(test_reachability),
        cmocka_unit_test(test_consent),
        cmocka_unit_test(test_what_may_be_copied),
        cmocka_unit_test(test_link),
        cmocka_unit_test(test_address),
        cmocka_unit_test(test_record_and_queue),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
