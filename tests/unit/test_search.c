/* Search: what is found, and an index that is late, gone, spoilt, of another log, or has no room.
 * Which words there are is in test_fold.c. */
#include "tests/unit/unit.h"

#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/api.h"
#include "daemon/store/search.h"
#include "tests/support/faulty_vfs.h"
#include "tests/unit/store_rig.h"

static int tear_down(void **state)
{
    faulty_vfs_heal();
    return store_rig_teardown(state);
}

static struct store_answer take_search(struct store_rig *rig, const struct history_query *query)
{
    struct store_answer answer;

    store_read_history(rig->store, 7, query);
    answer = store_rig_take(rig);
    assert_int_equal(answer.kind, STORE_ROWS);
    assert_true(answer.id == 7);
    return answer;
}

/* The same once everything is searched, which a slow machine does in several steps. */
static struct store_answer take_whole_search(struct store_rig *rig,
                                             const struct history_query *query)
{
    struct store_answer answer = take_search(rig, query);

    while (answer.error == OK && answer.indexed_through < store_last_seq(rig->store)) {
        const uint64_t before = answer.indexed_through;

        store_answer_done(&answer);
        answer = take_search(rig, query);
        assert_true(answer.indexed_through > before);
    }
    return answer;
}

/* Fails the test unless the query finds these seqs, which 0 ends. */
static void assert_found_by(struct store_rig *rig, const struct history_query *query,
                            const uint64_t seqs[])
{
    struct store_answer answer = take_whole_search(rig, query);

    assert_int_equal(answer.error, OK);
    for (size_t i = 0; i < answer.count; i++)
        assert_int_equal(answer.rows[i].log.seq, seqs[i]);
    assert_int_equal(seqs[answer.count], 0);
    assert_int_equal(answer.indexed_through, store_last_seq(rig->store));
    store_answer_done(&answer);
}

#define SEQS(...) ((const uint64_t[]){__VA_ARGS__ __VA_OPT__(, ) 0})
#define assert_found(rig, words, ...) \
    assert_found_by(rig, &(struct history_query){.search = words, .limit = 100}, SEQS(__VA_ARGS__))

static void assert_query_refused(struct store_rig *rig, const char *query, enum error error)
{
    struct store_answer answer =
        take_search(rig, &(struct history_query){.search = query, .limit = 10});

    assert_int_equal(answer.error, error);
    assert_int_equal(answer.count, 0);
    store_answer_done(&answer);
}

static void assert_refused(struct store_rig *rig, enum error error)
{
    assert_query_refused(rig, "hello", error);
}

/* Takes what is waiting; fails the test unless there was a note with this in it (NULL: none). */
static void assert_note(struct store_rig *rig, const char *part)
{
    struct store_answer answer;
    char *note;

    assert_false(store_take(rig->store, &answer));
    note = store_take_note(rig->store);
    if (part == NULL)
        assert_null(note);
    else if (note == NULL || strstr(note, part) == NULL)
        fail_msg("'%s' is not in '%s'", part, note != NULL ? note : "no note");
    free(note);
    assert_null(store_take_note(rig->store));
}

static void put_words(struct store_rig *rig)
{
    struct transaction *t = store_rig_transaction(rig);

    add_sent(t, 1, 1, NULL, "Hello, World");                /* 1 */
    add_received(t, 2, 1, 1, "hello again");                /* 2 */
    add_event(t, EVENT_CHAT_ACCEPTED, 1, "hello");          /* 3: no message */
    add_sent(t, 3, 2, NULL, "hello bob");                   /* 4 */
    add_sent(t, 1, 1, NULL, "今天天气很好");                /* 5 */
    add_sent(t, 1, 1, NULL, "deployed v2.1 to the café 👍"); /* 6 */
    add_event(t, EVENT_SECURITY_WARNING, 0, "");            /* 7 */
    store_rig_put(rig, t);
}

static void test_found(void **state)
{
    struct store_rig *rig = *state;

    put_words(rig);
    assert_found(rig, "hello", 1, 2, 4);
    assert_found(rig, "HELLO", 1, 2, 4);
    assert_found(rig, "again hello", 2);
    assert_found(rig, "hello nobody");
    assert_found(rig, "hell");
    assert_found(rig, "hell*", 1, 2, 4);
    assert_found(rig, "天气", 5);
    assert_found(rig, "今天", 5);
    assert_found(rig, "很", 5);
    assert_found(rig, "天很");
    assert_found(rig, "天 很", 5);
    assert_found(rig, "cafe", 6);
    assert_found(rig, "CAFÉ", 6);
    assert_found(rig, "v2.1", 6);
    assert_found(rig, "1.2");
    assert_found(rig, "👍", 6);
    assert_found(rig, "deploy");
    assert_found(rig, "deploy*", 6);
    assert_found(rig, "!?");
    assert_note(rig, NULL);
}

static void test_pages(void **state)
{
    struct store_rig *rig = *state;
    struct store_answer answer;

    put_words(rig);
    assert_found_by(rig, &(struct history_query){.search = "hello", .peer = 1, .limit = 9},
                    SEQS(1, 2));
    assert_found_by(rig, &(struct history_query){.search = "hello", .peer = 3, .limit = 9}, SEQS());
    assert_found_by(rig, &(struct history_query){.search = "hello", .seq = 4, .limit = 9},
                    SEQS(1, 2));
    assert_found_by(
        rig,
        &(struct history_query){.order = HISTORY_AFTER, .search = "hello", .seq = 1, .limit = 9},
        SEQS(2, 4));
    answer = take_whole_search(rig, &(struct history_query){.search = "hello", .limit = 2});
    assert_int_equal(answer.count, 2);
    assert_false(answer.end);
    assert_int_equal(answer.rows[0].log.seq, 2); /* the newest two, oldest first */
    assert_int_equal(answer.rows[1].log.seq, 4);
    assert_string_equal(answer.rows[1].log.body, "hello bob");
    assert_int_equal(answer.rows[0].state, MESSAGE_STATE_RECEIVED);
    store_answer_done(&answer);
    answer = take_whole_search(
        rig, &(struct history_query){.order = HISTORY_AFTER, .search = "hello", .limit = 2});
    assert_false(answer.end);
    assert_int_equal(answer.rows[1].log.seq, 2);
    store_answer_done(&answer);
    answer = take_whole_search(rig, &(struct history_query){.search = "hello", .limit = 3});
    assert_true(answer.end);
    store_answer_done(&answer);
}

/* Whatever is typed means words. */
static void test_no_query_is_a_mistake(void **state)
{
    static const char *const queries[] = {"\"",
                                          "'",
                                          "hello\"",
                                          "AND",
                                          "OR hello",
                                          "NOT",
                                          "hello NOT again",
                                          "NEAR(",
                                          "NEAR(hello again, 5)",
                                          "(hello",
                                          "hello)",
                                          "{text} : hello",
                                          "text:hello",
                                          "-hello",
                                          "+",
                                          "^hello",
                                          "hello + again",
                                          "*",
                                          "**",
                                          "hello**",
                                          ":",
                                          ";--",
                                          "\\",
                                          "%s%n",
                                          "peer:1",
                                          "words",
                                          "\t\n",
                                          "\x7f\x01",
                                          "hello\xff"};
    struct store_rig *rig = *state;
    char query[1025];
    uint64_t seed = 1;

    put_words(rig);
    for (size_t i = 0; i < sizeof(queries) / sizeof(queries[0]) + 200; i++) {
        struct store_answer answer;

        if (i < sizeof(queries) / sizeof(queries[0])) {
            snprintf(query, sizeof(query), "%s", queries[i]);
        } else {
            for (size_t j = 0; j < 100; j++) {
                seed = seed * 6364136223846793005 + 1442695040888963407;
                query[j] = (char)(1 + (seed >> 33) % (i % 2 != 0 ? 127 : 255));
            }
            query[100] = '\0';
        }
        answer = take_search(rig, &(struct history_query){.search = query, .limit = 10});
        assert_int_equal(answer.error, OK);
        store_answer_done(&answer);
    }
    assert_note(rig, NULL);
}

static void test_too_many_words(void **state)
{
    static const char *const signs = " .";
    struct store_rig *rig = *state;
    char query[2 * STORE_SEARCH_WORDS_MAX + 2] = "";

    put_words(rig);
    for (size_t kind = 0; kind < strlen(signs); kind++) {
        for (size_t i = 0; i < sizeof(query) - 3; i++)
            query[i] = i % 2 != 0 ? signs[kind] : 'a';
        query[sizeof(query) - 3] = '\0';
        assert_found(rig, query);
        memcpy(query + sizeof(query) - 3, ",b", 3);
        assert_query_refused(rig, query, ERR_TOO_LONG);
    }
    assert_found(rig, "hello", 1, 2, 4);
    assert_int_equal(store_state(rig->store), STORE_OK);
    assert_note(rig, NULL);
}

static void test_long_texts(void **state)
{
    struct store_rig *rig = *state;
    char *text = xcalloc(1, 65537);

    for (size_t i = 0; i < 65536; i++)
        text[i] = i % 9 == 8 ? ' ' : (char)('a' + i / 9 % 26);
    store_rig_sent(rig, 1, 1, text);
    memset(text, 'x', 65536);
    store_rig_sent(rig, 1, 1, text);
    memcpy(text + 65536 - 5, " last", 5);
    store_rig_sent(rig, 1, 1, text);
    assert_found(rig, "cccccccc", 1);
    assert_found(rig, "xxxxxxxxx*", 2, 3);
    assert_found(rig, "last", 3);
    free(text);
}

static void test_new_messages_are_found(void **state)
{
    struct store_rig *rig = *state;

    assert_found(rig, "hello");
    store_rig_sent(rig, 1, 1, "hello");
    assert_found(rig, "hello", 1);
    store_rig_sent(rig, 1, 1, "hello");
    assert_found(rig, "hello", 1, 2);
    store_rig_reopen(rig);
    assert_found(rig, "hello", 1, 2);
    store_rig_sent(rig, 1, 1, "hello");
    assert_found(rig, "hello", 1, 2, 3);
    assert_note(rig, NULL);
}

/* A search does not wait for more than a part of a long log; the rest is indexed between
 * questions. */
static void test_a_long_log(void **state)
{
    enum { ROWS = 100000, BATCH = 1000 };
    struct store_rig *rig = *state;
    struct history_query query = {.search = "干草 hay", .limit = 1000};
    struct store_answer answer;
    bool is_partial = false;
    size_t found;

    for (int i = 0; i < ROWS / BATCH; i++) {
        struct transaction *t = store_rig_transaction(rig);

        for (int j = 0; j < BATCH; j++)
            add_sent(t, 1, 1, NULL, j == 500 ? "needle in hay" : "hay and more 干草");
        store_rig_put(rig, t);
    }
    do {
        answer = take_search(rig, &(struct history_query){.search = "needle", .limit = 1000});
        assert_int_equal(answer.error, OK);
        assert_in_range(answer.indexed_through, 1, ROWS);
        found = (answer.indexed_through + BATCH - 501) / BATCH;
        if (answer.next == 0)
            assert_int_equal(answer.count, found);
        else /* it took too long */
            assert_in_range(answer.count, 0, found);
        is_partial |= answer.indexed_through < ROWS;
        store_answer_done(&answer);
    } while (answer.indexed_through < ROWS);
    assert_true(is_partial);
    for (found = 0; found < 1000; store_answer_done(&answer)) { /* in pages where it takes long */
        query.limit = 1000 - found;
        answer = take_search(rig, &query);
        assert_true(answer.count > 0 || answer.next > 0);
        if (found == 0 && answer.count > 0)
            assert_int_equal(answer.rows[answer.count - 1].log.seq, ROWS);
        found += answer.count;
        query.seq = answer.next;
    }
    assert_int_equal(found, 1000);
}

/* --- An index that is not what it should be --- */

static void test_files_are_private(void **state)
{
    struct store_rig *rig = *state;
    struct stat st;

    assert_found(rig, "hello");
    assert_return_code(stat(store_rig_search_file(rig, ""), &st), errno);
    assert_int_equal(st.st_mode & 07777, 0600);
    assert_return_code(stat(store_rig_search_file(rig, "-wal"), &st), errno);
    assert_int_equal(st.st_mode & 07777, 0600);
}

static void remove_index(const struct store_rig *rig)
{
    unlink(store_rig_search_file(rig, ""));
    unlink(store_rig_search_file(rig, "-wal"));
    unlink(store_rig_search_file(rig, "-shm"));
}

/* It is not ours to remove: it is told once, and the log is well. */
static void test_directory_in_its_place(void **state)
{
    struct store_rig *rig = *state;

    put_words(rig);
    assert_return_code(mkdir(store_rig_search_file(rig, ""), 0700), errno);
    assert_refused(rig, ERR_STORAGE_FAILED);
    assert_note(rig, "cannot be used, and history not be searched: it is no regular file");
    assert_refused(rig, ERR_STORAGE_FAILED);
    assert_note(rig, NULL);
    assert_int_equal(store_state(rig->store), STORE_OK);
    assert_return_code(rmdir(store_rig_search_file(rig, "")), errno);
    assert_found(rig, "hello", 1, 2, 4);
    assert_note(rig, NULL);
}

static void test_deleted_while_down(void **state)
{
    struct store_rig *rig = *state;

    put_words(rig);
    assert_found(rig, "hello", 1, 2, 4);
    store_rig_close(rig);
    remove_index(rig);
    store_rig_open(rig);
    assert_found(rig, "hello", 1, 2, 4);
    assert_note(rig, NULL);
}

static void put_index(const struct store_rig *rig, const void *bytes, size_t length)
{
    FILE *file = fopen(store_rig_search_file(rig, ""), "wb");

    assert_non_null(file);
    assert_int_equal(fwrite(bytes, 1, length, file), length);
    assert_int_equal(fclose(file), 0);
}

static void test_garbage(void **state)
{
    struct store_rig *rig = *state;
    char *garbage = xmalloc(100000);

    put_words(rig);
    store_rig_close(rig);
    memset(garbage, 'g', 100000);
    remove_index(rig);
    put_index(rig, garbage, 100000);
    store_rig_open(rig);
    assert_found(rig, "hello", 1, 2, 4);
    assert_note(rig, "made anew");
    store_rig_close(rig);
    remove_index(rig);
    put_index(rig, garbage, 0);
    store_rig_open(rig);
    assert_found(rig, "hello", 1, 2, 4);
    assert_note(rig, NULL);
    free(garbage);
}

static void run_on_index(const struct store_rig *rig, const char *sql)
{
    sqlite3 *db;

    assert_int_equal(sqlite3_open(store_rig_search_file(rig, ""), &db), SQLITE_OK);
    assert_int_equal(sqlite3_exec(db, sql, NULL, NULL, NULL), SQLITE_OK);
    sqlite3_close(db);
}

static void test_index_that_is_not_ours(void **state)
{
    static const struct {
        const char *sql, *note;
    } cases[] = {
        {"PRAGMA application_id=7", "another program"},
        {"UPDATE state SET rules = 'of yesterday'", "other rules"},
        {"DELETE FROM state", "does not say"},
        {"DROP TABLE state", "made anew"},
        {"DROP TABLE words", "made anew"},
        {"DROP TABLE gone", "made anew"},
        {"UPDATE state SET through = 8", "another log"},
        {"UPDATE state SET looks = ''", "another log"},
        {"DELETE FROM words_data", "made anew"},
    };
    struct store_rig *rig = *state;

    put_words(rig);
    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct store_answer answer;

        assert_found(rig, "hello", 1, 2, 4);
        store_rig_close(rig);
        run_on_index(rig, cases[i].sql);
        store_rig_open(rig);
        /* What only a search meets fails it, and the next one finds everything. */
        answer = take_search(rig, &(struct history_query){.search = "hello", .limit = 10});
        assert_true(answer.error == OK || answer.error == ERR_STORAGE_FAILED);
        store_answer_done(&answer);
        assert_found(rig, "hello", 1, 2, 4);
        assert_note(rig, cases[i].note);
        assert_int_equal(store_state(rig->store), STORE_OK);
    }
}

/* Wherever bytes are wrong, a search is answered, and what it finds is in the log. */
static void test_wrong_bytes(void **state)
{
    struct store_rig *rig = *state;
    static uint8_t whole[1 << 20];
    uint64_t seed = 3;
    size_t length;
    FILE *file;

    put_words(rig);
    assert_found(rig, "hello", 1, 2, 4);
    store_rig_close(rig);
    run_on_index(rig, "PRAGMA wal_checkpoint(TRUNCATE)");
    file = fopen(store_rig_search_file(rig, ""), "rb");
    assert_non_null(file);
    length = fread(whole, 1, sizeof(whole), file);
    fclose(file);
    for (int i = 0; i < 200; i++) {
        uint8_t *bytes = xmemdup(whole, length);
        struct store_answer answer;

        for (int j = 0; j < 1 + i % 8; j++) {
            seed = seed * 6364136223846793005 + 1442695040888963407;
            bytes[(seed >> 20) % (i % 2 != 0 ? length : 4096)] = (uint8_t)(seed >> 12);
        }
        remove_index(rig);
        put_index(rig, bytes, length);
        free(bytes);
        store_rig_open(rig);
        answer = take_search(rig, &(struct history_query){.search = "hello", .limit = 10});
        assert_true(answer.error == OK || answer.error == ERR_STORAGE_FAILED);
        store_answer_done(&answer);
        store_rig_sent(rig, 1, 1, "another");
        assert_int_equal(store_state(rig->store), STORE_OK);
        store_rig_close(rig);
    }
    store_rig_open(rig);
}

/* A log that was restored from an older copy goes on with other rows. */
static void test_restored_log(void **state)
{
    struct store_rig *rig = *state;
    static uint8_t copy[1 << 20];
    size_t length;
    FILE *file;

    store_rig_sent(rig, 1, 1, "hello");
    store_rig_reopen(rig); /* copies the WAL into the database */
    store_rig_close(rig);
    file = fopen(store_rig_file(rig, ""), "rb");
    length = fread(copy, 1, sizeof(copy), file);
    fclose(file);
    store_rig_open(rig);
    store_rig_sent(rig, 1, 1, "lost");
    assert_found(rig, "lost", 2);
    store_rig_close(rig);
    unlink(store_rig_file(rig, "-wal"));
    unlink(store_rig_file(rig, "-shm"));
    file = fopen(store_rig_file(rig, ""), "wb");
    assert_int_equal(fwrite(copy, 1, length, file), length);
    fclose(file);
    store_rig_open(rig);
    assert_found(rig, "lost");
    assert_note(rig, "of a later one than this");
    store_rig_close(rig);
    store_rig_open(rig);
    store_rig_sent(rig, 1, 1, "instead");
    assert_found(rig, "instead", 2);
    assert_found(rig, "hello", 1);
    assert_note(rig, NULL);
}

/* --- Indexing between questions --- */

/* The index has something; fails the test when that takes two minutes. */
static void wait_for_index(const struct store_rig *rig)
{
    const struct timespec pause = {.tv_nsec = 1000000};
    struct stat st;

    for (int i = 0; stat(store_rig_search_file(rig, "-wal"), &st) < 0 || st.st_size < 100000; i++) {
        assert_in_range(i, 0, 120000);
        nanosleep(&pause, NULL);
    }
}

static void put_many(struct store_rig *rig, int count)
{
    struct transaction *t = store_rig_transaction(rig);

    for (int i = 0; i < count; i++)
        add_sent(t, 1, 1, NULL, "hay and more hay");
    store_rig_put(rig, t);
}

/* Nobody asks, and yet it is there a moment after the last message. */
static void test_indexed_when_idle(void **state)
{
    struct store_rig *rig = *state;

    put_many(rig, 5000);
    wait_for_index(rig);
}

static _Noreturn void search_until_killed(struct store_rig *rig)
{
    store_rig_open(rig);
    while (true) {
        struct store_answer answer =
            take_search(rig, &(struct history_query){.search = "needle", .limit = 1});

        store_answer_done(&answer);
    }
}

/* Killed while it indexes; the next one goes on. */
static void test_killed(void **state)
{
    struct store_rig *rig = *state;

    put_many(rig, 20000);
    for (int round = 0; round < 3; round++) {
        struct store_answer answer;
        pid_t child;
        int status;

        store_rig_close(rig);
        remove_index(rig);
        child = fork();
        assert_return_code(child, errno);
        if (child == 0)
            search_until_killed(rig);
        wait_for_index(rig);
        assert_return_code(kill(child, SIGKILL), errno);
        assert_int_equal(waitpid(child, &status, 0), child);
        store_rig_open(rig);
        do {
            answer = take_search(rig, &(struct history_query){.search = "hay", .limit = 1000});
            assert_int_equal(answer.error, OK);
            store_answer_done(&answer);
        } while (answer.indexed_through < 20000);
        assert_note(rig, NULL);
    }
}

/* No room, and errors: of search alone, and over when they are. */
static void test_failing_disk(void **state)
{
    static const struct {
        struct faulty_plan plan;
        enum error error;
    } cases[] = {
        {{.calls = FAULTY_WRITE, .result = SQLITE_FULL, .error = ENOSPC}, ERR_STORAGE_FULL},
        {{.calls = FAULTY_WRITE, .result = SQLITE_IOERR_WRITE, .error = ENOSPC}, ERR_STORAGE_FULL},
        {{.calls = FAULTY_WRITE, .result = SQLITE_IOERR_WRITE, .error = EIO}, ERR_STORAGE_FAILED},
    };
    struct store_rig *rig = *state;

    for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
        struct faulty_plan plan = cases[i].plan;

        plan.files = FAULTY_SEARCH;
        faulty_vfs_plan(&plan);
        store_rig_sent(rig, 1, 1, "hello");
        assert_refused(rig, cases[i].error);
        assert_int_equal(store_state(rig->store), STORE_OK);
        store_rig_sent(rig, 1, 1, "nothing of it is lost");
        faulty_vfs_heal();
        if (i == 0)
            assert_found(rig, "hello", 1);
        else if (i == 1)
            assert_found(rig, "hello", 1, 3);
        else
            assert_found(rig, "hello", 1, 3, 5);
    }
    assert_note(rig, NULL);
}

/* Every write of the first indexing fails once: afterwards everything is found. */
static void test_each_write_fails(void **state)
{
    struct store_rig *rig = *state;
    bool failed = true;

    put_words(rig);
    for (unsigned i = 0; failed; i++) {
        struct store_answer answer;

        store_rig_close(rig);
        remove_index(rig);
        store_rig_open(rig);
        faulty_vfs_plan(&(struct faulty_plan){.calls = FAULTY_WRITE,
                                              .files = FAULTY_SEARCH,
                                              .after = i,
                                              .times = 1,
                                              .result = SQLITE_IOERR_WRITE,
                                              .error = EIO});
        answer = take_search(rig, &(struct history_query){.search = "hello", .limit = 10});
        failed = faulty_vfs_has_failed();
        faulty_vfs_heal();
        store_answer_done(&answer);
        assert_found(rig, "hello", 1, 2, 4);
        assert_true(i < 1000);
    }
}

/* The log fails while it is indexed: that is told as any failure to read it is. */
static void test_log_that_cannot_be_read(void **state)
{
    struct store_rig *rig = *state;
    struct store_answer answer;
    char *text = xcalloc(1, 8001);

    memset(text, 'y', 8000);
    for (int i = 0; i < 100; i++)
        store_rig_sent(rig, 1, 1, text);
    free(text);
    faulty_vfs_plan(&(struct faulty_plan){.calls = FAULTY_READ,
                                          .files = FAULTY_ANY,
                                          .after = 20,
                                          .result = SQLITE_IOERR_READ,
                                          .error = EIO});
    answer = take_whole_search(rig, &(struct history_query){.search = "hello", .limit = 10});
    assert_int_equal(answer.error, ERR_STORAGE_FAILED);
    assert_int_equal(answer.count, 0);
    store_answer_done(&answer);
    assert_int_equal(store_state(rig->store), STORE_FAILING);
    faulty_vfs_heal();
    assert_found(rig, "hello");
    assert_int_equal(store_state(rig->store), STORE_OK);
}

#define TEST(function) cmocka_unit_test_setup_teardown(function, store_rig_setup_streams, tear_down)

int main(void)
{
    const struct CMUnitTest tests[] = {
        TEST(test_found),
        TEST(test_pages),
        TEST(test_no_query_is_a_mistake),
        TEST(test_too_many_words),
        TEST(test_long_texts),
        TEST(test_new_messages_are_found),
        TEST(test_a_long_log),
        TEST(test_files_are_private),
        TEST(test_directory_in_its_place),
        TEST(test_deleted_while_down),
        TEST(test_garbage),
        TEST(test_index_that_is_not_ours),
        TEST(test_wrong_bytes),
        TEST(test_restored_log),
        TEST(test_indexed_when_idle),
        TEST(test_killed),
        TEST(test_failing_disk),
        TEST(test_each_write_fails),
        TEST(test_log_that_cannot_be_read),
    };

    faulty_vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
