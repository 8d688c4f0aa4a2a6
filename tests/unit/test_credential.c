#include "tests/unit/unit.h"

#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "common/alloc.h"
#include "daemon/credential.h"
#include "daemon/entropy.h"
#include "daemon/identity_file.h"

static const char hex[] = "000102030405060708090a0b0c0d0e0f101112131415161718191a1b1c1d1e1f";
static const char hex_large[] = "000102030405060708090A0B0C0D0E0F101112131415161718191A1B1C1D1E1F";
static const char base64[] = "AAECAwQFBgcICQoLDA0ODxAREhMUFRYXGBkaGxwdHh8=";

struct rig {
    char top[32];
    char credentials[64];
    struct state_dir dir;
    struct refusal refusal;
};

static int setup(void **state)
{
    struct rig *rig = xcalloc(1, sizeof(*rig));
    char path[64];

    strcpy(rig->top, "/tmp/test_credential.XXXXXX");
    if (mkdtemp(rig->top) == NULL)
        return -1;
    snprintf(rig->credentials, sizeof(rig->credentials), "%s/credentials", rig->top);
    snprintf(path, sizeof(path), "%s/state", rig->top);
    setenv("CREDENTIALS_DIRECTORY", rig->credentials, 1);
    *state = rig;
    return state_dir_open(path, &rig->dir, &rig->refusal) ? 0 : -1;
}

static int teardown(void **state)
{
    struct rig *rig = *state;
    char command[64];

    unsetenv("CREDENTIALS_DIRECTORY");
    state_dir_close(&rig->dir);
    snprintf(command, sizeof(command), "rm -rf %s", rig->top);
    assert_int_equal(system(command), 0);
    free(rig);
    return 0;
}

static void hand_over(const struct rig *rig, const char *name, const void *content, size_t length)
{
    char path[128];
    int fd;

    mkdir(rig->credentials, 0700);
    snprintf(path, sizeof(path), "%s/%s", rig->credentials, name);
    unlink(path);
    fd = open(path, O_WRONLY | O_CREAT | O_EXCL, 0440); /* group: as the mask of an ACL shows */
    assert_true(fd >= 0);
    assert_int_equal(write(fd, content, length), length);
    close(fd);
}

static void take_back(const struct rig *rig, const char *name)
{
    char path[128];

    snprintf(path, sizeof(path), "%s/%s", rig->credentials, name);
    assert_int_equal(unlink(path), 0);
}

static void assert_refused(const struct rig *rig, const char *why)
{
    assert_int_equal(rig->refusal.exit_code, EX_CONFIG);
    if (strstr(rig->refusal.why, why) == NULL)
        fail_msg("%s", rig->refusal.why);
}

/* --- The network key --- */

static void raw_key(uint8_t key[NETWORK_KEY_SIZE])
{
    for (int i = 0; i < NETWORK_KEY_SIZE; i++)
        key[i] = (uint8_t)i;
}

static void test_what_a_key_may_be(void **state)
{
    static const char *const texts[] = {hex, hex_large, base64};
    uint8_t expected[NETWORK_KEY_SIZE], key[NETWORK_KEY_SIZE];
    char line[80];

    (void)state;
    raw_key(expected);
    assert_true(network_key_parse((const char *)expected, sizeof(expected), key));
    assert_memory_equal(key, expected, sizeof(key));
    for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++) {
        const int length = snprintf(line, sizeof(line), "%s\n", texts[i]);

        for (int cut = 0; cut < 2; cut++) { /* with its newline, and without */
            memset(key, 0, sizeof(key));
            assert_true(network_key_parse(line, (size_t)(length - cut), key));
            assert_memory_equal(key, expected, sizeof(key));
        }
        assert_false(network_key_parse(line, (size_t)length - 2, key));
        line[length] = '\n';
        assert_false(network_key_parse(line, (size_t)length + 1, key));
    }
}

static void test_what_is_no_key(void **state)
{
    uint8_t key[NETWORK_KEY_SIZE], raw[NETWORK_KEY_SIZE + 1];
    char text[sizeof(hex)];

    (void)state;
    assert_false(network_key_parse("", 0, key));
    assert_false(network_key_parse("\n", 1, key));
    raw_key(raw);
    raw[NETWORK_KEY_SIZE] = '\n';
    assert_false(network_key_parse((const char *)raw, sizeof(raw), key));
    assert_false(network_key_parse((const char *)raw, NETWORK_KEY_SIZE - 1, key));
    memset(raw, 'k', sizeof(raw));
    assert_false(network_key_parse((const char *)raw, NETWORK_KEY_SIZE, key));
    for (size_t i = 0; i < sizeof(hex) - 1; i++) {
        memcpy(text, hex, sizeof(hex));
        text[i] = 'g';
        assert_false(network_key_parse(text, sizeof(hex) - 1, key));
        text[i] = '\0';
        assert_false(network_key_parse(text, sizeof(hex) - 1, key));
    }
    memset(text, '0', sizeof(text));
    assert_false(network_key_parse(text, sizeof(hex) - 1, key));
}

static void test_network_key(void **state)
{
    struct rig *rig = *state;
    uint8_t expected[NETWORK_KEY_SIZE], *key = expected;

    assert_true(credential_network_key(&key, &rig->refusal)); /* not even the directory is there */
    assert_null(key);
    hand_over(rig, "other", "", 0);
    assert_true(credential_network_key(&key, &rig->refusal));
    assert_null(key);
    unsetenv("CREDENTIALS_DIRECTORY");
    assert_true(credential_network_key(&key, &rig->refusal));
    assert_null(key);

    setenv("CREDENTIALS_DIRECTORY", rig->credentials, 1);
    hand_over(rig, CREDENTIAL_NETWORK_KEY, hex, sizeof(hex) - 1);
    assert_true(credential_network_key(&key, &rig->refusal));
    raw_key(expected);
    assert_memory_equal(key, expected, sizeof(expected));
    secret_free(key, NETWORK_KEY_SIZE);

    hand_over(rig, CREDENTIAL_NETWORK_KEY, "secret", 6);
    key = expected;
    assert_false(credential_network_key(&key, &rig->refusal));
    assert_refused(rig, "the credential p2pchat.network-key is no key");
    assert_null(strstr(rig->refusal.why, "secret"));
    assert_ptr_equal(key, expected);
    hand_over(rig, CREDENTIAL_NETWORK_KEY, rig, sizeof(*rig));
    assert_false(credential_network_key(&key, &rig->refusal));
    assert_refused(rig, "too large");
}

/* --- The directory --- */

static void test_a_directory_that_is_none(void **state)
{
    struct rig *rig = *state;
    uint8_t *key;
    char path[128];

    setenv("CREDENTIALS_DIRECTORY", "credentials", 1);
    assert_false(credential_network_key(&key, &rig->refusal));
    assert_refused(rig, "CREDENTIALS_DIRECTORY=credentials: must be an absolute path");
    hand_over(rig, "file", "", 0);
    snprintf(path, sizeof(path), "%s/file", rig->credentials);
    setenv("CREDENTIALS_DIRECTORY", path, 1);
    assert_false(credential_network_key(&key, &rig->refusal));
    assert_refused(rig, "/file: cannot be opened: Not a directory");
    setenv("CREDENTIALS_DIRECTORY", "", 1);
    assert_true(credential_network_key(&key, &rig->refusal));
}

/* A name that is not quite right is told of, and what is another program's is not. */
static void test_misnamed(void **state)
{
    static const char *const names[] = {"p2pchat.networkkey", "network_key", "P2PCHAT"};
    struct rig *rig = *state;
    struct bytes text = BYTES_EMPTY;

    assert_false(credential_tell_unknown(&text));
    hand_over(rig, CREDENTIAL_NETWORK_KEY, hex, sizeof(hex) - 1);
    hand_over(rig, CREDENTIAL_IDENTITY, "", 0);
    hand_over(rig, "tls-key", "", 0);
    assert_false(credential_tell_unknown(&text));
    assert_int_equal(bytes_length(&text), 0);
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        hand_over(rig, names[i], "", 0);
    assert_true(credential_tell_unknown(&text));
    bytes_u8(&text, '\0');
    for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++)
        assert_non_null(strstr((const char *)bytes_data(&text), names[i]));
    assert_non_null(strstr((const char *)bytes_data(&text), ": those that are used are called "
                                                            "p2pchat.identity and "));
    bytes_done(&text);
}

/* --- The identity --- */

static bool load(struct rig *rig, enum identity_need need, struct identity *identity,
                 enum identity_origin *ret_origin)
{
    const struct random random = entropy_random();

    return identity_file_load(&rig->dir, need, &random, identity, ret_origin, &rig->refusal);
}

/* Makes an identity in the state directory, and takes the line of its file. */
static size_t make_line(struct rig *rig, struct identity *identity, char line[256])
{
    enum identity_origin origin;
    size_t length;

    assert_true(load(rig, IDENTITY_MAY_BE_NEW, identity, &origin));
    assert_int_equal(origin, IDENTITY_NEW);
    assert_int_equal(
        state_dir_read(&rig->dir, "identity.key", STATE_SECRET, line, 256, &length, &rig->refusal),
        STATE_FILE_READ);
    return length;
}

static void test_identity(void **state)
{
    struct rig *rig = *state;
    struct identity made, got;
    enum identity_origin origin;
    char line[256];
    const size_t length = make_line(rig, &made, line);

    hand_over(rig, CREDENTIAL_IDENTITY, line, length); /* the same beside it */
    assert_true(load(rig, IDENTITY_MAY_BE_NEW, &got, &origin));
    assert_int_equal(origin, IDENTITY_HANDED_OVER);
    assert_int_equal(unlinkat(rig->dir.descriptor, "identity.key", 0), 0);
    for (size_t cut = 0; cut < 2; cut++) {
        hand_over(rig, CREDENTIAL_IDENTITY, line, length - cut);
        memset(&got, 0, sizeof(got));
        assert_true(load(rig, IDENTITY_MUST_BE_THERE, &got, &origin));
        assert_int_equal(origin, IDENTITY_HANDED_OVER);
        assert_string_equal(got.id, made.id);
    }
    assert_int_equal(faccessat(rig->dir.descriptor, "identity.key", F_OK, 0), -1);
}

static void test_identity_beside_another(void **state)
{
    struct rig *rig = *state;
    struct identity first, second, got;
    enum identity_origin origin;
    char line[256], other[256];
    const size_t length = make_line(rig, &second, line);

    assert_int_equal(unlinkat(rig->dir.descriptor, "identity.key", 0), 0);
    make_line(rig, &first, other);
    hand_over(rig, CREDENTIAL_IDENTITY, line, length);
    assert_false(load(rig, IDENTITY_MAY_BE_NEW, &got, &origin));
    assert_refused(rig, "holds another identity");
    assert_non_null(strstr(rig->refusal.why, first.id));
    assert_non_null(strstr(rig->refusal.why, second.id));
    take_back(rig, CREDENTIAL_IDENTITY);
    assert_true(load(rig, IDENTITY_MAY_BE_NEW, &got, &origin));
    assert_string_equal(got.id, first.id);
}

static void test_identity_that_is_none(void **state)
{
    struct rig *rig = *state;
    struct identity made, got;
    enum identity_origin origin;
    char line[256];
    const size_t length = make_line(rig, &made, line);

    line[length - 3] = line[length - 3] == 'x' ? 'y' : 'x';
    hand_over(rig, CREDENTIAL_IDENTITY, line, length);
    assert_false(load(rig, IDENTITY_MAY_BE_NEW, &got, &origin));
    assert_refused(rig, "the credential p2pchat.identity is no identity");
    assert_null(strstr(rig->refusal.why, "p2pchat-identity-1 "));
    hand_over(rig, CREDENTIAL_IDENTITY, "", 0);
    assert_false(load(rig, IDENTITY_MAY_BE_NEW, &got, &origin));
    assert_refused(rig, "the credential p2pchat.identity is no identity");
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_what_a_key_may_be),
        cmocka_unit_test(test_what_is_no_key),
        TEST(test_network_key),
        TEST(test_a_directory_that_is_none),
        TEST(test_misnamed),
        TEST(test_identity),
        TEST(test_identity_beside_another),
        TEST(test_identity_that_is_none),
    };
#undef TEST

    return cmocka_run_group_tests(tests, NULL, NULL);
}
