/* Search: no query is a syntax error, a text is found by all its own words, and without an index as
 * with one. The input is both the text and the query; its first half is another query. */
#include "tests/fuzz/fuzz.h"

#include <string.h>

#include <sqlite3.h>

#include "common/alloc.h"
#include "common/text.h"
#include "daemon/store/fold.h"

/* Words with single spaces between them, of nothing that FTS5's tokenizer "ascii" would split. */
static void check_words(const char *words, size_t length)
{
    must(text_is_utf8(words, length));
    for (size_t i = 0; i < length; i++) {
        const unsigned char byte = (unsigned char)words[i];

        must(byte == ' ' || byte >= 0x80 || (byte >= '0' && byte <= '9') ||
             (byte >= 'a' && byte <= 'z'));
        if (byte == ' ')
            must(i > 0 && i + 1 < length && words[i - 1] != ' ');
    }
}

static void bind(sqlite3_stmt *statement, const struct bytes *text)
{
    must(sqlite3_bind_text(statement, 1, (const char *)bytes_data(text), (int)bytes_length(text),
                           SQLITE_STATIC) == SQLITE_OK);
}

/* SQLITE_ROW when the expression finds the words. */
static int find(const struct bytes *words, const struct bytes *expression)
{
    sqlite3_stmt *add, *match;
    sqlite3 *db;
    int rc;

    must(sqlite3_open(":memory:", &db) == SQLITE_OK);
    must(sqlite3_exec(db,
                      "CREATE VIRTUAL TABLE t USING fts5(text, content='', columnsize=0,"
                      " tokenize='ascii')",
                      NULL, NULL, NULL) == SQLITE_OK);
    must(sqlite3_prepare_v2(db, "INSERT INTO t(rowid, text) VALUES(1, ?1)", -1, &add, NULL) ==
         SQLITE_OK);
    must(sqlite3_prepare_v2(db, "SELECT rowid FROM t WHERE t MATCH ?1", -1, &match, NULL) ==
         SQLITE_OK);
    bind(add, words);
    must(sqlite3_step(add) == SQLITE_DONE);
    bind(match, expression);
    rc = sqlite3_step(match);
    sqlite3_finalize(add);
    sqlite3_finalize(match);
    sqlite3_close(db);
    return rc;
}

/* What finds the words in the index finds them without, and `is_whole`: the query does find them.
 */
static void check_query(const char *query, size_t length, const struct bytes *words,
                        const char *text, size_t text_length, bool is_whole)
{
    struct bytes phrases = BYTES_EMPTY, expression = BYTES_EMPTY;
    const size_t count = fold_query(query, length, &phrases);

    must((count == 0) == (bytes_length(&phrases) == 0));
    fold_expression(&phrases, &expression);
    if (count > 0) {
        const bool finds = find(words, &expression) == SQLITE_ROW;

        must(finds == fold_finds(&phrases, text, text_length));
        must(finds || !is_whole);
    } else if (is_whole) {
        must(bytes_length(words) == 0);
    }
    bytes_done(&phrases);
    bytes_done(&expression);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
    struct bytes words = BYTES_EMPTY;

    fold_text((const char *)data, size, &words);
    check_words((const char *)bytes_data(&words), bytes_length(&words));
    check_query((const char *)data, size, &words, (const char *)data, size, true);
    check_query((const char *)data, size / 2, &words, (const char *)data, size, false);
    bytes_done(&words);
    return 0;
}
