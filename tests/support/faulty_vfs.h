/* A file system under SQLite that fails when it is told to, and tells what is done to it: a layer
 * over the default one, for the whole process. Any thread's calls count. */
#ifndef P2PCHAT_TESTS_SUPPORT_FAULTY_VFS_H
#define P2PCHAT_TESTS_SUPPORT_FAULTY_VFS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

enum faulty_call {
    FAULTY_READ = 1,
    FAULTY_WRITE = 2, /* and truncating */
    FAULTY_SYNC = 4
};

enum faulty_file {
    FAULTY_DATABASE = 1,
    FAULTY_WAL = 2,
    FAULTY_OTHER = 4,
    FAULTY_ANY = 7,
    FAULTY_SEARCH = 8 /* the files of search.db, which no other stands for */
};

struct faulty_plan {
    unsigned calls; /* of enum faulty_call */
    unsigned files; /* of enum faulty_file */
    unsigned after; /* so many such calls still succeed */
    unsigned times; /* then so many fail; 0: all */
    int result;     /* with this SQLite result code; 0: the one that fits call and errno */
    int error;      /* and this errno */
    bool torn;      /* the first half of a write that fails is written, if that is not all of it:
                       the second half may be there from before */
};

/* Becomes the default; once. From then on all databases are opened through it. */
void faulty_vfs_install(void);

/* From now on calls fail by this plan, until the next plan or healing. */
void faulty_vfs_plan(const struct faulty_plan *plan);
void faulty_vfs_heal(void);

/* What was done to a file or, last, to its directory. A name and its file are two things: what was
 * created or deleted is so for good when the directory was synced. */
enum disk_change {
    DISK_CREATED,
    DISK_DELETED,
    DISK_WRITTEN,
    DISK_TRUNCATED, /* to `length` */
    DISK_SYNCED,
    DISK_NOT_SYNCED, /* tried in vain: what was written is no longer waited for */
    DISK_DIRECTORY_SYNCED
};

struct disk_event {
    enum disk_change change;
    const char *path; /* of the file, or of the directory */
    uint64_t offset;
    const uint8_t *bytes; /* borrowed, as the path */
    size_t length;
};

/* Tells of every change, in the order in which they happen, one at a time, from any thread. NULL:
 * tells no more. The observer must not use SQLite. */
void faulty_vfs_observe(void (*observe)(void *context, const struct disk_event *event),
                        void *context);

/* Whether a call has failed since the plan was made; waits up to half a minute for it. */
bool faulty_vfs_wait_for_failure(void);
bool faulty_vfs_has_failed(void);

#endif
