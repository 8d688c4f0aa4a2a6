/* Lines of the log that nobody takes: a journal that hangs, a pipe that nobody reads. Nothing waits
 * for them, and they are counted. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <sys/un.h>
#include <unistd.h>

#include "daemon/log.h"

enum { LINES = 20000 }; /* more than any pipe or socket holds */

static struct {
    int journal; /* what it reads; -1: it is not there */
    struct sockaddr_un address;
    socklen_t address_length;
    int stream; /* the other end of standard error */
    int saved;  /* the test's own standard error */
} rig;

/* What journal.c sends goes to the journal of the test. */
ssize_t sendto(int descriptor, const void *bytes, size_t length, int flags,
               const struct sockaddr *address, socklen_t address_length)
{
    (void)address;
    (void)address_length;
    return syscall(SYS_sendto, descriptor, bytes, length, flags, &rig.address, rig.address_length);
}

static void say(const char *text)
{
    log_coded(LOG_READY, NULL, "%s", text);
}

static int open_journal(void)
{
    const int made = socket(AF_UNIX, SOCK_DGRAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);

    rig.address = (struct sockaddr_un){.sun_family = AF_UNIX};
    rig.address_length = (socklen_t)(offsetof(struct sockaddr_un, sun_path) + 1 +
                                     (size_t)snprintf(rig.address.sun_path + 1, 64,
                                                      "p2pchat-lost-%ld", (long)getpid()));
    return bind(made, (struct sockaddr *)&rig.address, rig.address_length) == 0 ? made : -1;
}

/* Standard error is a pipe, which may pass for the journal's stream. */
static int setup(void **state)
{
    char stream[64];
    struct stat st;
    int ends[2];

    (void)state;
    rig.journal = open_journal();
    if (rig.journal < 0 || pipe2(ends, O_CLOEXEC) < 0)
        return -1;
    fcntl(ends[0], F_SETFL, O_NONBLOCK);
    rig.stream = ends[0];
    rig.saved = dup(STDERR_FILENO);
    dup2(ends[1], STDERR_FILENO);
    close(ends[1]);
    fstat(STDERR_FILENO, &st);
    snprintf(stream, sizeof(stream), "%llu:%llu", (unsigned long long)st.st_dev,
             (unsigned long long)st.st_ino);
    setenv("JOURNAL_STREAM", stream, 1);
    return 0;
}

static void end_journal(void)
{
    close(rig.journal);
    rig.journal = -1;
}

static int teardown(void **state)
{
    (void)state;
    dup2(rig.saved, STDERR_FILENO);
    close(rig.saved);
    close(rig.stream);
    if (rig.journal >= 0)
        end_journal();
    unsetenv("JOURNAL_STREAM");
    return 0;
}

/* The next entry that the journal has, or the next that is there; NULL: there is none. */
static const char *next_entry(void)
{
    static char entry[4096];
    const ssize_t length = recv(rig.journal, entry, sizeof(entry) - 1, 0);

    if (length < 0)
        assert_int_equal(errno, EAGAIN);
    entry[length < 0 ? 0 : length] = '\0';
    return length < 0 ? NULL : entry;
}

static unsigned read_entries(void)
{
    unsigned count = 0;

    while (next_entry() != NULL)
        count++;
    return count;
}

static char *read_stream(void)
{
    static char text[1 << 20];
    size_t length = 0;
    ssize_t got;

    while ((got = read(rig.stream, text + length, sizeof(text) - 1 - length)) > 0)
        length += (size_t)got;
    text[length] = '\0';
    return text;
}

static void assert_lost(const char *entry, unsigned count)
{
    char field[64];

    assert_non_null(entry);
    assert_non_null(strstr(entry, "P2PCHAT_CODE=lines_lost\n"));
    snprintf(field, sizeof(field), "P2PCHAT_COUNT=%u\n", count);
    assert_non_null(strstr(entry, field));
}

static void test_a_journal_that_hangs(void **state)
{
    unsigned taken;

    (void)state;
    for (int i = 0; i < LINES; i++)
        say("so much is said");
    taken = read_entries();
    assert_in_range(taken, 1, LINES - 1);
    say("it works again");
    assert_lost(next_entry(), LINES - taken);
    assert_non_null(strstr(next_entry(), "MESSAGE=it works again\n"));
    assert_null(next_entry());
    assert_string_equal(read_stream(), ""); /* which is the journal's, too */
}

/* Also when nothing more is said. */
static void test_said_in_the_end(void **state)
{
    unsigned taken;

    (void)state;
    for (int i = 0; i < LINES; i++)
        say("so much is said");
    log_flush(); /* not for ever */
    log_look_again();
    taken = read_entries();
    log_look_again();
    assert_lost(next_entry(), LINES - taken);
    log_look_again();
    assert_null(next_entry());
}

static void test_a_journal_that_is_not_there(void **state)
{
    char *text;

    (void)state;
    end_journal();
    say("it is told otherwise");
    log_flush();
    assert_string_equal(read_stream(), "<5>it is told otherwise code=ready\n");
    for (int i = 0; i < LINES; i++)
        say("so much is said");
    read_stream();
    say("it works again");
    text = read_stream();
    assert_memory_equal(text, "<4>lines before this one were lost", 34);
    assert_non_null(strstr(text, "\n<5>it works again code=ready\n"));
}

static unsigned count_lines(const char *text)
{
    unsigned count = 0;

    for (; (text = strchr(text, '\n')) != NULL; text++)
        count++;
    return count;
}

static void test_a_pipe_that_nobody_reads(void **state)
{
    char field[64];
    unsigned taken;

    (void)state;
    unsetenv("JOURNAL_STREAM");
    for (int i = 0; i < LINES; i++)
        say("so much is said");
    taken = count_lines(read_stream());
    assert_in_range(taken, 1, LINES - 1);
    say("it works again");
    snprintf(field, sizeof(field), " code=lines_lost count=%u\n", LINES - taken);
    assert_non_null(strstr(read_stream(), field));
}

/* Adds what comes to `text`, until `expected` is in it. False when that does not come: a terminal
 * passes things on in its own time. */
static bool read_until(char *text, size_t size, const char *expected)
{
    struct pollfd terminal = {.fd = rig.stream, .events = POLLIN};

    while (strstr(text, expected) == NULL) {
        const size_t length = strlen(text);

        if (poll(&terminal, 1, 2000) <= 0)
            return false;
        snprintf(text + length, size - length, "%s", read_stream());
    }
    return true;
}

/* What the notes say of lost lines; `ret_notes` is how many there are. */
static unsigned sum_of_lost(const char *text, unsigned *ret_notes)
{
    static const char note[] = "nobody took them (count ";
    unsigned sum = 0, notes = 0;

    for (; (text = strstr(text, note)) != NULL; notes++) {
        text += sizeof(note) - 1;
        sum += (unsigned)strtoul(text, NULL, 10);
    }
    *ret_notes = notes;
    return sum;
}

/* As a pipe, but one that takes lines in part. */
static void test_a_terminal_that_nobody_reads(void **state)
{
    static char text[1 << 20];
    const int master = posix_openpt(O_RDWR | O_NOCTTY | O_NONBLOCK);
    unsigned said = LINES, notes;

    (void)state;
    assert_true(master >= 0 && grantpt(master) == 0 && unlockpt(master) == 0);
    const int terminal = open(ptsname(master), O_WRONLY | O_NOCTTY);
    assert_int_equal(dup2(terminal, STDERR_FILENO), STDERR_FILENO);
    close(terminal);
    close(rig.stream);
    rig.stream = master;
    setenv("TERM", "dumb", 1);
    for (int i = 0; i < LINES; i++)
        say("so much is said");
    text[0] = '\0';
    do {
        snprintf(text + strlen(text), sizeof(text) - strlen(text), "%s", read_stream());
        say("it works again");
        said++;
    } while (!read_until(text, sizeof(text), " notice: it works again\r\n"));
    const unsigned lost = sum_of_lost(text, &notes);
    assert_in_range(lost, 1, LINES - 1);
    assert_int_equal(count_lines(text) - notes + lost, said);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test_setup_teardown(test_a_journal_that_hangs, setup, teardown),
        cmocka_unit_test_setup_teardown(test_said_in_the_end, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_journal_that_is_not_there, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_pipe_that_nobody_reads, setup, teardown),
        cmocka_unit_test_setup_teardown(test_a_terminal_that_nobody_reads, setup, teardown),
    };

    return cmocka_run_group_tests(tests, NULL, NULL);
}
