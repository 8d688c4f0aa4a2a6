/* What of a store's database is there after the power went: what was synced, and any part of what
 * was only written. It is told of every change (faulty_vfs_observe) and makes the files, as often
 * as wanted, in another directory.
 *
 * What it takes from the world: a sync covers all writes before it. What was not synced may be
 * there or not, each write by itself, and each sector of 512 bytes of it. After a sync that failed,
 * what was written before is no longer waited for, so that the next one does not make it durable.
 * New names and deletions are durable when their directory was synced. Writing leaves the bytes
 * around alone. */
#ifndef P2PCHAT_TESTS_SUPPORT_POWER_DISK_H
#define P2PCHAT_TESTS_SUPPORT_POWER_DISK_H

#include "tests/support/faulty_vfs.h"

struct power_disk;

/* Of files that are there already nothing is known: to be told from the first one on. */
struct power_disk *power_disk_new(void);
struct power_disk *power_disk_copy(const struct power_disk *disk);
void power_disk_free(struct power_disk *disk);

void power_disk_tell(struct power_disk *disk, const struct disk_event *event);

/* What becomes of the changes that were not synced. */
enum power_cut {
    CUT_NOTHING,    /* none is there */
    CUT_ALL,        /* all: as when only the process is killed */
    CUT_LAST_ALONE, /* only the last */
    CUT_LAST_TORN,  /* all, but of the last only some sectors */
    CUT_HALF,       /* each by chance */
    CUT_SHREDS      /* each sector of each by chance */
};

struct power_content {
    uint8_t *bytes;
    size_t length, room;
};

/* What the directory has after the power went. All zero at first; it keeps its memory when it is
 * used again. */
struct power_image {
    struct power_image_file {
        char name[32];
        struct power_content content;
    } files[4];
    size_t count;
    uint64_t hash; /* of all of it */
};

/* Cuts the power; chance comes from `seed`. */
void power_disk_cut(const struct power_disk *disk, enum power_cut cut, uint64_t seed,
                    struct power_image *image);
void power_image_done(struct power_image *image);

/* Leaves exactly these files in a directory. */
void power_image_write(const struct power_image *image, const char *directory);

#endif
