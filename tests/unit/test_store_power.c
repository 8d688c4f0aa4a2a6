/* Power loss at every point: a script runs once on the real store, while each write, sync and name
 * on its disk is written down together with what was answered by then. Afterwards the power is cut
 * after each of them, in several ways, and a store is opened on what would be left: it holds what
 * was answered, and of the rest the first so many steps, whole and in order. */
#include "tests/unit/unit.h"

#include <inttypes.h>
#include <pthread.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "common/alloc.h"
#include "tests/support/power_disk.h"
#include "tests/unit/disk_script.h"

enum {
    WAL_PAGES = 60, /* the WAL is copied and begins anew several times */
    BURST = 4       /* steps that are under way at once, now and then */
};

/* What happened to the disk, and how far the script was: all before `answered` was answered, and
 * all before `appended` was asked for. */
struct entry {
    struct disk_event event; /* with a path and bytes of its own */
    size_t answered, appended;
    uint64_t floor; /* that was answered */
};

struct recording {
    pthread_mutex_t mutex;
    char directory[64];
    size_t answered, appended;
    uint64_t floor;
    size_t trims_from; /* the entry with which old rows begin to go */
    struct entry *entries;
    size_t count, room;
};

/* --- Recording --- */

static void record(void *context, const struct disk_event *event)
{
    struct recording *r = context;
    struct entry *entry;

    if (strncmp(event->path, r->directory, strlen(r->directory)) != 0)
        return;
    pthread_mutex_lock(&r->mutex);
    if (r->count == r->room) {
        r->room = r->room > 0 ? 2 * r->room : 1024;
        r->entries = xreallocarray(r->entries, r->room, sizeof(*r->entries));
    }
    entry = &r->entries[r->count++];
    *entry = (struct entry){
        .event = *event, .answered = r->answered, .appended = r->appended, .floor = r->floor};
    entry->event.path = xstrdup(event->path);
    if (event->bytes != NULL)
        entry->event.bytes = xmemdup(event->bytes, event->length);
    pthread_mutex_unlock(&r->mutex);
}

static void note(struct recording *r, size_t *which)
{
    pthread_mutex_lock(&r->mutex);
    ++*which;
    pthread_mutex_unlock(&r->mutex);
}

static void append(struct recording *r, const struct disk_script *script, struct store_rig *rig)
{
    const size_t number = r->appended;

    note(r, &r->appended);
    disk_script_append(script, rig->store, number, DISK_AS_SCRIPTED);
}

static void take(struct recording *r, struct store_rig *rig)
{
    assert_int_equal(disk_script_take(rig), OK);
    note(r, &r->answered);
}

static void open_small(struct store_rig *rig)
{
    store_rig_open(rig);
    store_set_wal_pages(rig->store, WAL_PAGES);
}

static void run_script(struct recording *r, const struct disk_script *script, struct store_rig *rig)
{
    open_small(rig);
    while (r->appended < DISK_SCRIPT_LENGTH) {
        const size_t burst = r->appended % 10 == 5 ? BURST : 1;

        if (r->appended % 67 == 66) {
            store_rig_close(rig);
            open_small(rig);
        }
        for (size_t i = 0; i < burst; i++)
            append(r, script, rig);
        store_read_range(rig->store, 1, 0, 0, 0, 100, 1 << 20);
        for (size_t i = 0; i < burst; i++)
            take(r, rig);
    }
    store_rig_close(rig);
}

static void run_trims(struct recording *r, struct store_rig *rig)
{
    const struct retention nothing = {.bytes = 1};
    struct store_answer answer = {.end = false};

    open_small(rig);
    r->trims_from = r->count;
    while (!answer.end) {
        store_trim(rig->store, 1, &nothing, answer.scanned_through, (struct mono){1});
        answer = store_rig_take(rig);
        assert_int_equal(answer.kind, STORE_KEPT);
        assert_int_equal(answer.error, OK);
        pthread_mutex_lock(&r->mutex);
        r->floor = store_floor(rig->store);
        pthread_mutex_unlock(&r->mutex);
    }
    assert_true(r->floor > 0);
    store_rig_close(rig);
}

/* --- Cutting --- */

/* Images that were looked at already, and after how many steps they are. */
struct known {
    uint64_t hash;
    size_t number;
};

struct bench {
    struct disk_script *script;
    const struct recording *recording;
    struct power_disk *disk; /* as it is after the entry at hand */
    struct store_rig rig;    /* where cut images are tried */
    struct power_image image;
    struct known *known;
    size_t known_count, known_room;
    size_t changes[DISK_DIRECTORY_SYNCED + 1]; /* how many entries there were of each kind */
};

static const struct known *find_known(const struct bench *b, uint64_t hash)
{
    for (size_t i = b->known_count; i-- > 0;) /* mostly one of the last */
        if (b->known[i].hash == hash)
            return &b->known[i];
    return NULL;
}

static void remember(struct bench *b, uint64_t hash, size_t number)
{
    if (b->known_count == b->known_room) {
        b->known_room = b->known_room > 0 ? 2 * b->known_room : 1024;
        b->known = xreallocarray(b->known, b->known_room, sizeof(*b->known));
    }
    b->known[b->known_count++] = (struct known){hash, number};
}

static void try_cut(struct bench *b, size_t at, enum power_cut cut)
{
    const struct entry *entry = &b->recording->entries[at];
    const struct known *known;

    power_disk_cut(b->disk, cut, at, &b->image);
    known = find_known(b, b->image.hash);
    if (known != NULL) {
        assert_in_range(known->number, entry->answered, entry->appended);
    } else {
        size_t number;

        power_image_write(&b->image, b->rig.directory);
        number = disk_script_open(b->script, &b->rig, entry->answered, entry->appended);
        if (at % 4 == 0)
            disk_script_go_on(b->script, &b->rig, number);
        store_rig_close(&b->rig);
        remember(b, b->image.hash, number);
    }
}

static void try_cut_trimmed(struct bench *b, size_t at, enum power_cut cut)
{
    power_disk_cut(b->disk, cut, at, &b->image);
    power_image_write(&b->image, b->rig.directory);
    assert_true(disk_script_open_trimmed(b->script, &b->rig) >= b->recording->entries[at].floor);
    store_rig_close(&b->rig);
}

/* --- What a start has read is there for good --- */

static void tell(void *context, const struct disk_event *event)
{
    power_disk_tell(context, event);
}

/* The process is killed, a start finds what is in the page cache, and then the power goes: whatever
 * the start has told others of must be there at the next. */
static void try_kill_then_cut(struct bench *b, size_t at)
{
    const struct entry *entry = &b->recording->entries[at];
    struct power_disk *disk = power_disk_copy(b->disk);
    size_t number;

    power_disk_cut(disk, CUT_ALL, 0, &b->image);
    power_image_write(&b->image, b->rig.directory);
    faulty_vfs_observe(tell, disk);
    number = disk_script_open(b->script, &b->rig, entry->answered, entry->appended);
    faulty_vfs_observe(NULL, NULL);
    store_rig_close(&b->rig);
    power_disk_cut(disk, CUT_NOTHING, 0, &b->image);
    power_image_write(&b->image, b->rig.directory);
    assert_int_equal(disk_script_open(b->script, &b->rig, number, number), number);
    store_rig_close(&b->rig);
    power_disk_free(disk);
}

/* What is smaller than a sector is not torn, and of the many such writes a third is enough. */
static bool is_worth_it(const struct disk_event *event, size_t at, enum power_cut cut)
{
    return event->length > 512 || cut == CUT_NOTHING || cut == CUT_ALL ||
           (at % 3 == 0 && (cut == CUT_LAST_ALONE || cut == CUT_HALF));
}

static void cut_everywhere(struct bench *b)
{
    for (size_t at = 0; at < b->recording->count; at++) {
        const struct disk_event *event = &b->recording->entries[at].event;

        b->changes[event->change]++;
        power_disk_tell(b->disk, event);
        for (enum power_cut cut = CUT_NOTHING; cut <= CUT_SHREDS; cut++)
            if (is_worth_it(event, at, cut) && at < b->recording->trims_from)
                try_cut(b, at, cut);
            else if (is_worth_it(event, at, cut))
                try_cut_trimmed(b, at, cut);
        if (at % 8 == 0 && at < b->recording->trims_from)
            try_kill_then_cut(b, at);
    }
}

static void test_power_is_cut_at_every_point(void **state)
{
    struct disk_script *script = xcalloc(1, sizeof(*script));
    struct recording recording = {.mutex = PTHREAD_MUTEX_INITIALIZER};
    struct bench b = {.script = script, .recording = &recording};
    struct store_rig rig = {.store = NULL};

    (void)state;
    disk_script_init(script);
    disk_script_directory(recording.directory, sizeof(recording.directory));
    strcpy(rig.directory, recording.directory);
    faulty_vfs_observe(record, &recording);
    run_script(&recording, script, &rig);
    run_trims(&recording, &rig);
    faulty_vfs_observe(NULL, NULL);
    store_rig_done(&rig);

    b.disk = power_disk_new();
    disk_script_directory(b.rig.directory, sizeof(b.rig.directory));
    cut_everywhere(&b);
    /* It was worth it: the script has had all of them. */
    assert_true(b.changes[DISK_CREATED] > 0 && b.changes[DISK_TRUNCATED] > 0);
    assert_true(b.changes[DISK_DIRECTORY_SYNCED] > 0);
    assert_in_range(b.changes[DISK_SYNCED], DISK_SCRIPT_LENGTH / 2, SIZE_MAX);
    assert_in_range(recording.count, 1000, SIZE_MAX);
    assert_in_range(recording.count - recording.trims_from, 40, SIZE_MAX);
    print_message("%zu points, the last %zu while rows go; %zu different images\n", recording.count,
                  recording.count - recording.trims_from, b.known_count);
    store_rig_done(&b.rig);
    power_disk_free(b.disk);
    power_image_done(&b.image);
    free(b.known);
    for (size_t i = 0; i < recording.count; i++) {
        free((void *)recording.entries[i].event.path);
        free((void *)recording.entries[i].event.bytes);
    }
    free(recording.entries);
    disk_script_done(script);
    free(script);
}

int main(void)
{
    const struct CMUnitTest tests[] = {
        cmocka_unit_test(test_power_is_cut_at_every_point),
    };

    faulty_vfs_install();
    return cmocka_run_group_tests(tests, NULL, NULL);
}
