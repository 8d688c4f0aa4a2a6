#include "daemon/store/schema.h"

#include <errno.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "common/api.h"
#include "common/format.h"
#include "daemon/store/check.h"
#include "daemon/store/connection.h"
#include "daemon/store/statement.h"

_Static_assert(EVENT_MESSAGE_SENT == 2, "SCHEMA_MESSAGE_SENT is its number");

/* In the header of the file, for file(1) and for us: "p2pc". The first step writes it. */
enum { APPLICATION_ID = 1882353763 };

/* Each step makes the next version out of the one before; the first makes version 1 out of an empty
 * file. A step that was released is never changed.
 *
 * Numbers that must not be used twice are AUTOINCREMENT: SQLite remembers the highest. The log's
 * seq is the writer's, which knows it. A stream that is no longer live stays as a closed row: ids
 * and delivery of its messages are looked up there. Bodies of messages are their bare text. */
static const char *const steps[] = {
    "PRAGMA application_id=1882353763;"
    "CREATE TABLE meta("
    "    name TEXT PRIMARY KEY,"
    "    value ANY NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE peer("
    "    peer INTEGER PRIMARY KEY AUTOINCREMENT,"
    "    key BLOB NOT NULL UNIQUE CHECK (length(key) = 32),"
    "    alias TEXT UNIQUE,"
    "    name TEXT,"
    "    address TEXT,"
    "    record BLOB,"
    "    consent INTEGER NOT NULL CHECK (consent BETWEEN 0 AND 5),"
    "    consent_id BLOB NOT NULL CHECK (length(consent_id) = 16),"
    "    verified INTEGER NOT NULL CHECK (verified IN (0, 1)),"
    "    blocked INTEGER NOT NULL CHECK (blocked IN (0, 1)),"
    "    last_seen INTEGER NOT NULL,"
    "    local INTEGER NOT NULL CHECK (local IN (0, 1))) STRICT;"
    "CREATE TABLE stream("
    "    stream INTEGER PRIMARY KEY AUTOINCREMENT,"
    "    peer INTEGER NOT NULL,"
    "    direction INTEGER NOT NULL CHECK (direction IN (0, 1)),"
    "    epoch INTEGER NOT NULL,"
    "    last INTEGER NOT NULL,"
    "    acked INTEGER NOT NULL,"
    "    acked_seq INTEGER NOT NULL,"
    "    queued INTEGER NOT NULL,"
    "    queued_bytes INTEGER NOT NULL,"
    "    closed INTEGER NOT NULL CHECK (closed IN (0, 1))) STRICT;"
    "CREATE UNIQUE INDEX stream_live ON stream(peer, direction, epoch) WHERE closed = 0;"
    "CREATE TABLE request("
    "    request INTEGER PRIMARY KEY AUTOINCREMENT,"
    "    id BLOB NOT NULL CHECK (length(id) = 16),"
    "    peer INTEGER NOT NULL,"
    "    direction INTEGER NOT NULL CHECK (direction IN (0, 1)),"
    "    greeting TEXT,"
    "    address TEXT,"
    "    left_ms INTEGER NOT NULL,"
    "    state INTEGER NOT NULL CHECK (state BETWEEN 0 AND 3)) STRICT;"
    "CREATE TABLE log("
    "    seq INTEGER PRIMARY KEY,"
    "    time INTEGER NOT NULL,"
    "    type INTEGER NOT NULL,"
    "    peer INTEGER,"
    "    stream INTEGER,"
    "    num INTEGER,"
    "    key TEXT,"
    "    body TEXT NOT NULL) STRICT;"
    /* The outbox of a stream; the history of a peer; idempotency. All but the last in seq order. */
    "CREATE INDEX log_sent ON log(stream) WHERE type = " SCHEMA_MESSAGE_SENT ";"
    "CREATE INDEX log_message ON log(peer) WHERE stream IS NOT NULL;"
    "CREATE UNIQUE INDEX log_key ON log(peer, key) WHERE key IS NOT NULL",

    /* Readers with a name; what of the log may be gone (`floor`), and how old it is: the age clock
     * (daemon/store/age.h), as it and the wall clock were when they were last written, and how far
     * the log was at an age. Rows of an older database count as new. */
    "CREATE TABLE consumer("
    "    name TEXT PRIMARY KEY,"
    "    seq INTEGER NOT NULL,"
    "    last_used INTEGER NOT NULL,"
    "    used_age INTEGER NOT NULL) STRICT, WITHOUT ROWID;"
    "CREATE TABLE mark("
    "    age INTEGER PRIMARY KEY,"
    "    seq INTEGER NOT NULL) STRICT;"
    "INSERT INTO mark SELECT 0, ifnull(max(seq), 0) FROM log;"
    /* How far we had an epoch whose stream was closed, should it come back; and whether one of ours
     * that the other side has was ours. */
    "CREATE INDEX stream_closed ON stream(peer, epoch, direction) WHERE closed = 1;"
    "INSERT INTO meta VALUES('floor', 0), ('age', 0), ('age_wall', 0)",

    /* Peers of the classic dialect; where we register; and, at a tracker, the names of others
     * (daemon/store/claims.h), with ages of the age clock. A name is held while `until` is NULL. */
    "ALTER TABLE peer ADD COLUMN classic INTEGER NOT NULL DEFAULT 0 CHECK (classic IN (0, 1));"
    "CREATE TABLE tracker("
    "    address TEXT PRIMARY KEY,"
    "    key BLOB CHECK (length(key) = 32),"
    "    wanted INTEGER NOT NULL CHECK (wanted IN (0, 1))) STRICT, WITHOUT ROWID;"
    "CREATE TABLE claim("
    "    name TEXT PRIMARY KEY,"
    "    key BLOB NOT NULL CHECK (length(key) = 32),"
    "    since INTEGER NOT NULL,"
    "    until INTEGER) STRICT, WITHOUT ROWID;"
    "CREATE INDEX claim_until ON claim(until) WHERE until IS NOT NULL",

    /* Whether a tracker is wanted because a call said so, or as the configuration says
     * (enum tracker_wish). Until now nothing told which; what is configured becomes so at the
     * start. */
    "CREATE TABLE tracker_with_wish("
    "    address TEXT PRIMARY KEY,"
    "    key BLOB CHECK (length(key) = 32),"
    "    wish INTEGER NOT NULL CHECK (wish BETWEEN 0 AND 2)) STRICT, WITHOUT ROWID;"
    "INSERT INTO tracker_with_wish SELECT address, key, 2 - wanted FROM tracker;"
    "DROP TABLE tracker;"
    "ALTER TABLE tracker_with_wish RENAME TO tracker",
};

enum { SCHEMA_VERSION = sizeof(steps) / sizeof(steps[0]) };

/* Where the opening of one database stands. */
struct opening {
    const char *path;
    const uint8_t *key;
    sqlite3 *db;
    char *message;
    enum store_found found;
};

static enum store_refusal refuse(const struct opening *o, int rc)
{
    return connection_refuse(o->path, o->db, rc, o->message);
}

static enum store_refusal damaged(const struct opening *o, const char *what)
{
    return connection_refuse_damaged(o->path, what, o->message);
}

/* An empty file is a database yet to be made; but with a WAL it is what is left of one, and SQLite
 * would throw the WAL away. */
static enum store_refusal check_emptied(const struct opening *o)
{
    char *wal = xasprintf("%s-wal", o->path);
    struct stat st_database, st_wal;
    const bool emptied = stat(o->path, &st_database) == 0 && st_database.st_size == 0 &&
                         stat(wal, &st_wal) == 0 && st_wal.st_size > 0;

    free(wal);
    return emptied ? damaged(o, "it is empty, but its -wal is not") : STORE_OPENED;
}

/* A checkpoint that leaves nothing in the WAL: afterwards all that recovery read, perhaps only from
 * the page cache, is in the database and synced. */
static enum store_refusal copy_wal(const struct opening *o)
{
    int frames = 0, copied = 0;
    int rc = sqlite3_wal_checkpoint_v2(o->db, "main", SQLITE_CHECKPOINT_TRUNCATE, &frames, &copied);

    if (rc != SQLITE_OK)
        return refuse(o, rc);
    if (frames < 0) {
        snprintf(o->message, STORE_MESSAGE_MAX,
                 "%s: the file system cannot hold a database with a write-ahead log (it needs "
                 "shared memory and locks): use a local one",
                 o->path);
        return STORE_IO;
    }
    return STORE_OPENED;
}

/* SQLite itself misses a last page of which only a part is there. */
static enum store_refusal check_size(const struct opening *o)
{
    uint64_t pages, page_bytes;
    struct stat st;
    int rc = query_u64(o->db, "PRAGMA page_count", &pages);

    if (rc == SQLITE_OK)
        rc = query_u64(o->db, "PRAGMA page_size", &page_bytes);
    if (rc != SQLITE_OK)
        return refuse(o, rc);
    if (stat(o->path, &st) < 0)
        return connection_refuse_file(o->path, errno, o->message);
    return (uint64_t)st.st_size < pages * page_bytes ? damaged(o, "it is cut short") : STORE_OPENED;
}

static int set_meta(sqlite3 *db, const uint8_t *key, size_t version)
{
    static const char *const sql[] = {
        "INSERT INTO meta(name, value) VALUES('schema', ?1), ('key', ?2)"
        " ON CONFLICT(name) DO UPDATE SET value = excluded.value"};
    sqlite3_stmt *statement;
    struct binder b;
    int rc = statements_prepare(db, sql, 1, &statement);

    if (rc == SQLITE_OK) {
        binder_init(&b, statement);
        bind_u64(&b, version);
        bind_blob(&b, key, KEY_LENGTH);
        rc = binder_run(&b);
    }
    statements_finalize(&statement, 1);
    return rc;
}

/* Takes the database from `version` to ours, in one transaction. */
static enum store_refusal migrate(const struct opening *o, size_t version)
{
    enum store_refusal refusal = STORE_OPENED;
    int rc = sqlite3_exec(o->db, "BEGIN IMMEDIATE", NULL, NULL, NULL);

    for (size_t i = version; rc == SQLITE_OK && i < SCHEMA_VERSION; i++)
        rc = sqlite3_exec(o->db, steps[i], NULL, NULL, NULL);
    if (rc == SQLITE_OK)
        rc = set_meta(o->db, o->key, SCHEMA_VERSION);
    if (rc == SQLITE_OK)
        rc = sqlite3_exec(o->db, "COMMIT", NULL, NULL, NULL);
    if (rc != SQLITE_OK) {
        refusal = refuse(o, rc);
        if (!sqlite3_get_autocommit(o->db))
            sqlite3_exec(o->db, "ROLLBACK", NULL, NULL, NULL);
    }
    return refusal;
}

static enum store_refusal check_version(const struct opening *o, uint64_t *ret_version)
{
    uint64_t version;
    int rc = query_u64(o->db, "SELECT value FROM meta WHERE name = 'schema'", &version);

    if (rc != SQLITE_OK)
        return refuse(o, rc);
    if (version == 0 || version > INT32_MAX)
        return damaged(o, "it has no schema version");
    if (version > SCHEMA_VERSION) {
        snprintf(o->message, STORE_MESSAGE_MAX,
                 "%s has schema %u, and this program knows schemas up to %u: start the newer "
                 "program that it was used with, or restore a backup made before",
                 o->path, (unsigned)version, (unsigned)SCHEMA_VERSION);
        return STORE_NEWER;
    }
    *ret_version = version;
    return STORE_OPENED;
}

static enum store_refusal check_key(const struct opening *o)
{
    sqlite3_stmt *statement = NULL;
    enum store_refusal refusal = STORE_OPENED;
    int rc = sqlite3_prepare_v2(o->db, "SELECT value FROM meta WHERE name = 'key'", -1, &statement,
                                NULL);

    if (rc == SQLITE_OK)
        rc = sqlite3_step(statement);
    if (rc != SQLITE_ROW && rc != SQLITE_DONE) {
        refusal = refuse(o, rc);
    } else if (rc == SQLITE_DONE || sqlite3_column_bytes(statement, 0) != KEY_LENGTH) {
        refusal = damaged(o, "it does not say whose it is");
    } else if (memcmp(sqlite3_column_blob(statement, 0), o->key, KEY_LENGTH) != 0) {
        snprintf(o->message, STORE_MESSAGE_MAX,
                 "%s was made by another identity key than the one in use: put that key back, or "
                 "move the database away to begin with an empty log",
                 o->path);
        refusal = STORE_OTHER_IDENTITY;
    }
    sqlite3_finalize(statement);
    return refusal;
}

/* Ours, of a version that we know, and of this identity; brought up to date. Whether the tables are
 * what we think shows when the statements are prepared; whether the rows are, when they are read:
 * looking at every page would hold up the start of a big log for minutes. */
static enum store_refusal check(struct opening *o)
{
    uint64_t application, tables, version;
    int rc = query_u64(o->db, "PRAGMA application_id", &application);
    enum store_refusal refusal;

    if (rc == SQLITE_OK)
        rc = query_u64(o->db, "SELECT count(*) FROM sqlite_schema", &tables);
    if (rc != SQLITE_OK)
        return refuse(o, rc);
    o->found = STORE_FOUND_NOTHING;
    if (application == 0 && tables == 0)
        return migrate(o, 0);
    if (application != APPLICATION_ID)
        return damaged(o, "it is a database of another program");
    refusal = check_version(o, &version);
    if (refusal == STORE_OPENED)
        refusal = check_key(o);
    if (refusal != STORE_OPENED)
        return refusal;
    o->found = version < SCHEMA_VERSION ? STORE_FOUND_OLDER : STORE_FOUND_OURS;
    return o->found == STORE_FOUND_OLDER ? migrate(o, (size_t)version) : STORE_OPENED;
}

enum store_refusal schema_open(const char *path, const uint8_t key[KEY_LENGTH],
                               const struct pulse *pulse, sqlite3 **ret_db,
                               enum store_found *ret_found, char message[STORE_MESSAGE_MAX])
{
    struct opening o = {.path = path, .key = key, .message = message};
    enum store_refusal refusal;
    int error = connection_create_file(path);
    int rc;

    *ret_db = NULL;
    if (error != 0)
        return connection_refuse_file(path, error, message);
    refusal = check_emptied(&o);
    if (refusal != STORE_OPENED)
        return refusal;
    rc = connection_open(path, CONNECTION_WRITER, pulse, &o.db);
    *ret_db = o.db;
    if (rc != SQLITE_OK)
        return refuse(&o, rc);
    refusal = copy_wal(&o);
    if (refusal == STORE_OPENED)
        refusal = check_size(&o);
    if (refusal == STORE_OPENED)
        refusal = check(&o);
    if (refusal == STORE_OPENED)
        refusal = check_when_demanded(path, o.db, message);
    if (refusal == STORE_OPENED)
        *ret_found = o.found;
    return refusal;
}
