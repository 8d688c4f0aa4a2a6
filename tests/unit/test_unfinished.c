#include "tests/unit/unit.h"

#include <string.h>

#include "ctl/unfinished.h"

#define LINE(...) ((const char *const[]){__VA_ARGS__, NULL})

static struct unfinished read_line(const char *const *words)
{
    struct unfinished line;
    size_t count = 0;

    while (words[count] != NULL)
        count++;
    unfinished_read(words, count, &line);
    return line;
}

/* What is lacking in a line, and what is begun of it. */
static void assert_lacks(const char *const *words, enum lacks lacks, const char *begun)
{
    struct unfinished line = read_line(words);

    assert_int_equal(line.lacks, lacks);
    assert_string_equal(line.begun, begun);
    assert_ptr_equal(line.front + line.front_length, line.begun);
    unfinished_done(&line);
}

static void test_words(void **state)
{
    (void)state;
    assert_lacks(LINE(""), LACKS_WORD, "");
    assert_lacks(LINE("chat", "re"), LACKS_WORD, "re");
    assert_lacks(LINE("help", "chat", ""), LACKS_WORD, "");
    assert_lacks(LINE("--json", "chat", "m"), LACKS_WORD, "m");
    assert_lacks(LINE("--socket", "chat", "m"), LACKS_WORD, "m");
    assert_lacks(LINE("nonsense", "x"), LACKS_WORD, "x");
}

static void test_arguments(void **state)
{
    (void)state;
    assert_lacks(LINE("chat", "message", "al"), LACKS_PEER, "al");
    assert_lacks(LINE("chat", "message", "alice", "--", ""), LACKS_NOTHING, "");
    assert_lacks(LINE("chat", "message", "--", "-"), LACKS_PEER, "-");
    assert_lacks(LINE("chat", "message", "alice", "hi", "th"), LACKS_NOTHING, "th");
    assert_lacks(LINE("chat", "accept", ""), LACKS_REQUEST, "");
    assert_lacks(LINE("consumer", "forget", ""), LACKS_CONSUMER, "");
    assert_lacks(LINE("call", ""), LACKS_METHOD, "");
    assert_lacks(LINE("call", "status", ""), LACKS_NOTHING, "");
    assert_lacks(LINE("contact", "rename", "alice", ""), LACKS_NOTHING, "");
    assert_lacks(LINE("whoami", "too", "much"), LACKS_NOTHING, "much");
}

static void test_options(void **state)
{
    (void)state;
    assert_lacks(LINE("-"), LACKS_OPTION, "-");
    assert_lacks(LINE("watch", "--"), LACKS_OPTION, "--");
    assert_lacks(LINE("watch", "--peer="), LACKS_PEER, "");
    assert_lacks(LINE("watch", "--peer", ""), LACKS_PEER, "");
    assert_lacks(LINE("watch", "--peer", "--x"), LACKS_PEER, "--x");
    assert_lacks(LINE("watch", "--type=gap,"), LACKS_TYPE, "");
    assert_lacks(LINE("watch", "--type", "gap,chat"), LACKS_TYPE, "chat");
    assert_lacks(LINE("watch", "--count="), LACKS_NOTHING, "");
    assert_lacks(LINE("watch", "--exec="), LACKS_PROGRAM, "");
    assert_lacks(LINE("--socket="), LACKS_FILE, "");
    assert_lacks(LINE("--nonsense="), LACKS_NOTHING, "");
    assert_lacks(LINE("chat", "message", "--wait", ""), LACKS_PEER, "");
}

/* An option means what it means in its command. */
static void test_option_of_its_command(void **state)
{
    (void)state;
    assert_lacks(LINE("watch", "--as="), LACKS_CONSUMER, "");
    assert_lacks(LINE("chat", "accept", "--as="), LACKS_NOTHING, "");
}

static void test_socket(void **state)
{
    struct unfinished line =
        read_line(LINE("--socket=/a", "status", "--socket", "/b", "--socket="));

    (void)state;
    assert_string_equal(line.socket, "/b");
    unfinished_done(&line);
    line = read_line(LINE("--", "--socket=/a", ""));
    assert_null(line.socket);
    unfinished_done(&line);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_words),   cmocka_unit_test(test_arguments),
        cmocka_unit_test(test_options), cmocka_unit_test(test_option_of_its_command),
        cmocka_unit_test(test_socket),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
