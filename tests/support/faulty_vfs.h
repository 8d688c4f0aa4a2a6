/* A file system under SQLite that fails when it is told to: a layer over the default one, for the
 * whole process. Any thread's calls count. */
#ifndef P2PCHAT_TESTS_SUPPORT_FAULTY_VFS_H
#define P2PCHAT_TESTS_SUPPORT_FAULTY_VFS_H

#include <stdbool.h>

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
    int result;     /* with this SQLite result code */
    int error;      /* and this errno */
};

/* Becomes the default; once. From then on all databases are opened through it. */
void faulty_vfs_install(void);

/* From now on calls fail by this plan, until the next plan or healing. */
void faulty_vfs_plan(const struct faulty_plan *plan);
void faulty_vfs_heal(void);

/* Whether a call has failed since the plan was made; waits up to half a minute for it. */
bool faulty_vfs_wait_for_failure(void);
bool faulty_vfs_has_failed(void);

#endif
