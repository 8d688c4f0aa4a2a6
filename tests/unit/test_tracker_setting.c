#include "tests/unit/unit.h"

#include <stdio.h>
#include <string.h>

#include "daemon/core/link/identity.h"
#include "daemon/core/overlay/tracker_setting.h"
#include "tests/unit/seeded.h"

static struct tracker_setting parsed(const char *text)
{
    struct tracker_setting setting, again;

    assert_int_equal(tracker_setting_parse(text, &setting), OK);
    assert_true(setting.address.has_host);
    assert_string_equal(setting.address.name, "");
    assert_int_equal(tracker_setting_parse(setting.text, &again), OK);
    assert_string_equal(again.text, setting.text);
    assert_string_equal(again.address.at.host, setting.address.at.host);
    assert_string_equal(again.address.peer_id, "");
    assert_int_equal(again.is_classic, setting.is_classic);
    return setting;
}

static void test_hosts(void **state)
{
    (void)state;
    struct tracker_setting setting = parsed("Tracker.example.org:443");

    assert_string_equal(setting.text, "tracker.example.org:443");
    assert_string_equal(setting.address.peer_id, "");
    assert_false(setting.is_classic);
    assert_string_equal(parsed("[2001:DB8:0::1]:28471").text, "[2001:db8::1]:28471");
}

static void test_peer_ids(void **state)
{
    (void)state;
    uint64_t seed = 1;
    const struct random random = seeded(&seed);
    struct identity identity;
    struct tracker_setting setting;
    char text[TRACKER_TEXT_MAX + 1], other[TRACKER_TEXT_MAX + 1];

    identity_create(&random, &identity);
    snprintf(text, sizeof text, "%s@192.0.2.1:28471", identity.id);
    setting = parsed(text);
    assert_string_equal(setting.address.peer_id, identity.id);
    assert_string_equal(setting.text, "192.0.2.1:28471"); /* what it is known by */
    snprintf(other, sizeof other, "p2pchat:%s@192.0.2.1:28471?name=t", identity.id);
    assert_string_equal(parsed(other).text, setting.text);
    assert_string_equal(parsed(other).address.peer_id, identity.id);

    text[0] = text[0] == 'a' ? 'b' : 'a';
    assert_int_equal(tracker_setting_parse(text, &setting), ERR_BAD_CHECKSUM);
    assert_int_equal(tracker_setting_parse(identity.id, &setting), ERR_INVALID_PARAMS);
    identity_done(&identity);
}

static void test_classic(void **state)
{
    (void)state;
    const struct tracker_setting setting = parsed("classic:localhost:30000");

    assert_true(setting.is_classic);
    assert_string_equal(setting.text, "classic:localhost:30000");
    assert_string_equal(setting.address.at.host, "localhost");
    assert_int_equal(setting.address.at.port, 30000);
    assert_string_equal(parsed("classic:[::1]:30000").address.at.host, "::1");
    assert_false(parsed("classic:28471").is_classic); /* a host of that name */
}

static void test_none_of_them(void **state)
{
    (void)state;
    static const char *const texts[] = {
        "",         "alice",        "192.0.2.1",         "host:0",           "host:65536",
        "classic:", "classic:host", "classic:host:",     "classic:host:0",   "classic::30000",
        "p2pchat:", "[::1]",        "classic:a b:30000", "classic:::1:30000"};
    struct tracker_setting setting;

    for (size_t i = 0; i < sizeof texts / sizeof texts[0]; i++)
        if (tracker_setting_parse(texts[i], &setting) != ERR_INVALID_PARAMS)
            fail_msg("\"%s\" is taken", texts[i]);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_hosts),
        cmocka_unit_test(test_peer_ids),
        cmocka_unit_test(test_classic),
        cmocka_unit_test(test_none_of_them),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
