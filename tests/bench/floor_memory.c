/* What a process needs that does nothing with our libraries but open and use them: a libevent base,
 * libsodium, and an SQLite database with a few rows.
 * Usage: floor_memory DIRECTORY. Prints its own resident memory in KiB. */
#include <event2/event.h>
#include <sodium.h>
#include <sqlite3.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "tests/bench/bench.h"

static const char schema[] = "PRAGMA journal_mode=WAL;"
                             "CREATE TABLE m(id INTEGER PRIMARY KEY, peer BLOB, time INTEGER,"
                             "               state INTEGER, body BLOB);"
                             "CREATE INDEX i ON m(peer, time);";
static const char row[] = "INSERT INTO m(peer, time, state, body)"
                          " VALUES(randomblob(32), 1, 0, randomblob(100))";

enum { ROWS = 200 };

int main(int argc, char **argv)
{
    sqlite3 *db;
    char path[256];

    if (argc != 2 || sodium_init() < 0)
        return EXIT_FAILURE;
    struct event_base *base = event_base_new();
    snprintf(path, sizeof path, "%s/floor.db", argv[1]);
    if (base == NULL || sqlite3_open(path, &db) != SQLITE_OK)
        bench_die(path);
    sqlite3_exec(db, schema, NULL, NULL, NULL);
    for (int i = 0; i < ROWS; i++)
        sqlite3_exec(db, row, NULL, NULL, NULL);
    printf("%ld\n", bench_resident_kib(getpid()));
    sqlite3_close(db);
    event_base_free(base);
    return EXIT_SUCCESS;
}
