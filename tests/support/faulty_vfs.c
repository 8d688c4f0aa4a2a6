#include "tests/support/faulty_vfs.h"

#include <errno.h>
#include <pthread.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include <sqlite3.h>

#include "common/alloc.h"

enum { PATIENCE_S = 120 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t failed = PTHREAD_COND_INITIALIZER;
static struct faulty_plan current; /* .calls 0: healthy */
static bool has_failed;
static int last_error;
static void (*observe)(void *context, const struct disk_event *event); /* or NULL */
static void *observer;
static int (*real_open_directory)(const char *path, int *ret_descriptor);

/* What SQLite holds of an open file; the file of the layer below follows it in memory. */
struct file {
    sqlite3_file base;
    const char *name; /* SQLite's */
    unsigned kind;    /* enum faulty_file */
};

static sqlite3_vfs *below(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static sqlite3_file *real(sqlite3_file *file)
{
    return (sqlite3_file *)(void *)((struct file *)file + 1);
}

static int fitting_result(enum faulty_call call)
{
    switch (call) {
    case FAULTY_READ:
        return SQLITE_IOERR_READ;
    case FAULTY_WRITE:
        return current.error == ENOSPC ? SQLITE_FULL : SQLITE_IOERR_WRITE;
    case FAULTY_SYNC:
        return SQLITE_IOERR_FSYNC;
    }
    must(false);
}

/* SQLITE_OK, or the result that this call is to have. Under the mutex. */
static int judge(const sqlite3_file *base, enum faulty_call call)
{
    const struct file *file = (const struct file *)(const void *)base;
    int result = SQLITE_OK;

    if ((current.calls & call) != 0 && (current.files & file->kind) != 0) {
        if (current.after > 0) {
            current.after--;
        } else {
            result = current.result != SQLITE_OK ? current.result : fitting_result(call);
            last_error = current.error;
            has_failed = true;
            pthread_cond_broadcast(&failed);
            if (current.times > 0 && --current.times == 0)
                current.calls = 0;
        }
    }
    return result;
}

/* Under the mutex. */
static void tell(const sqlite3_file *base, enum disk_change change, sqlite3_int64 offset,
                 const void *bytes, sqlite3_int64 length)
{
    if (observe != NULL)
        observe(observer,
                &(struct disk_event){.change = change,
                                     .path = ((const struct file *)(const void *)base)->name,
                                     .offset = (uint64_t)offset,
                                     .bytes = bytes,
                                     .length = (size_t)length});
}

static void tell_of_name(enum disk_change change, const char *path)
{
    if (observe != NULL)
        observe(observer, &(struct disk_event){.change = change, .path = path});
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *text)
{
    int error;

    (void)vfs;
    (void)size;
    (void)text;
    pthread_mutex_lock(&mutex);
    error = last_error;
    pthread_mutex_unlock(&mutex);
    return error;
}

static int file_close(sqlite3_file *f)
{
    return real(f)->pMethods->xClose(real(f));
}

static int file_read(sqlite3_file *f, void *bytes, int length, sqlite3_int64 offset)
{
    int rc;

    pthread_mutex_lock(&mutex);
    rc = judge(f, FAULTY_READ);
    pthread_mutex_unlock(&mutex);
    return rc == SQLITE_OK ? real(f)->pMethods->xRead(real(f), bytes, length, offset) : rc;
}

/* Half of it; but nothing when the rest is there already, as then all of it would be. */
static int torn_length(sqlite3_file *f, const void *bytes, int length, sqlite3_int64 offset)
{
    const int half = length / 2, rest = length - half;
    uint8_t *there = xmalloc((size_t)rest);
    const bool is_there =
        real(f)->pMethods->xRead(real(f), there, rest, offset + half) == SQLITE_OK &&
        memcmp(there, (const uint8_t *)bytes + half, (size_t)rest) == 0;

    free(there);
    return is_there ? 0 : half;
}

static int file_write(sqlite3_file *f, const void *bytes, int length, sqlite3_int64 offset)
{
    int rc = SQLITE_OK, failure;

    pthread_mutex_lock(&mutex);
    failure = judge(f, FAULTY_WRITE);
    if (failure != SQLITE_OK)
        length = current.torn ? torn_length(f, bytes, length, offset) : 0;
    if (length > 0)
        rc = real(f)->pMethods->xWrite(real(f), bytes, length, offset);
    if (rc == SQLITE_OK && length > 0)
        tell(f, DISK_WRITTEN, offset, bytes, length);
    pthread_mutex_unlock(&mutex);
    return failure != SQLITE_OK ? failure : rc;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    int rc;

    pthread_mutex_lock(&mutex);
    rc = judge(f, FAULTY_WRITE);
    if (rc == SQLITE_OK)
        rc = real(f)->pMethods->xTruncate(real(f), size);
    if (rc == SQLITE_OK)
        tell(f, DISK_TRUNCATED, 0, NULL, size);
    pthread_mutex_unlock(&mutex);
    return rc;
}

static int file_sync(sqlite3_file *f, int flags)
{
    int rc;

    pthread_mutex_lock(&mutex);
    rc = judge(f, FAULTY_SYNC);
    if (rc == SQLITE_OK)
        rc = real(f)->pMethods->xSync(real(f), flags);
    tell(f, rc == SQLITE_OK ? DISK_SYNCED : DISK_NOT_SYNCED, 0, NULL, 0);
    pthread_mutex_unlock(&mutex);
    return rc;
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return real(f)->pMethods->xFileSize(real(f), size);
}

static int file_lock(sqlite3_file *f, int level)
{
    return real(f)->pMethods->xLock(real(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
    return real(f)->pMethods->xUnlock(real(f), level);
}

static int file_check_lock(sqlite3_file *f, int *held)
{
    return real(f)->pMethods->xCheckReservedLock(real(f), held);
}

static int file_control(sqlite3_file *f, int operation, void *arg)
{
    if (operation == SQLITE_FCNTL_LAST_ERRNO) {
        *(int *)arg = vfs_last_error(NULL, 0, NULL);
        return SQLITE_OK;
    }
    return real(f)->pMethods->xFileControl(real(f), operation, arg);
}

static int file_sector_size(sqlite3_file *f)
{
    return real(f)->pMethods->xSectorSize(real(f));
}

static int file_device(sqlite3_file *f)
{
    return real(f)->pMethods->xDeviceCharacteristics(real(f));
}

static int file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **memory)
{
    return real(f)->pMethods->xShmMap(real(f), page, size, extend, memory);
}

static int file_shm_lock(sqlite3_file *f, int offset, int count, int flags)
{
    return real(f)->pMethods->xShmLock(real(f), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
    real(f)->pMethods->xShmBarrier(real(f));
}

static int file_shm_unmap(sqlite3_file *f, int remove)
{
    return real(f)->pMethods->xShmUnmap(real(f), remove);
}

static const sqlite3_io_methods methods = {
    .iVersion = 2,
    .xClose = file_close,
    .xRead = file_read,
    .xWrite = file_write,
    .xTruncate = file_truncate,
    .xSync = file_sync,
    .xFileSize = file_size,
    .xLock = file_lock,
    .xUnlock = file_unlock,
    .xCheckReservedLock = file_check_lock,
    .xFileControl = file_control,
    .xSectorSize = file_sector_size,
    .xDeviceCharacteristics = file_device,
    .xShmMap = file_shm_map,
    .xShmLock = file_shm_lock,
    .xShmBarrier = file_shm_barrier,
    .xShmUnmap = file_shm_unmap,
};

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                    int *ret_flags)
{
    struct file *file = (struct file *)base;
    bool is_there = true;
    int rc;

    file->name = name;
    file->base.pMethods = NULL;
    file->kind = name != NULL && strstr(name, "/search.db") != NULL ? FAULTY_SEARCH
                 : (flags & SQLITE_OPEN_MAIN_DB) != 0               ? FAULTY_DATABASE
                 : (flags & SQLITE_OPEN_WAL) != 0                   ? FAULTY_WAL
                                                                    : FAULTY_OTHER;
    pthread_mutex_lock(&mutex);
    if (name != NULL && (flags & SQLITE_OPEN_CREATE) != 0)
        is_there = access(name, F_OK) == 0; /* for SQLite an empty file is none */
    rc = below(vfs)->xOpen(below(vfs), name, real(base), flags, ret_flags);
    if (rc == SQLITE_OK && !is_there)
        tell_of_name(DISK_CREATED, name);
    pthread_mutex_unlock(&mutex);
    if (real(base)->pMethods != NULL)
        file->base.pMethods = &methods;
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    int rc;

    pthread_mutex_lock(&mutex);
    rc = below(vfs)->xDelete(below(vfs), name, 0);
    if (rc == SQLITE_OK) {
        tell_of_name(DISK_DELETED, name);
        if (sync)
            tell_of_name(DISK_DIRECTORY_SYNCED, name);
    }
    pthread_mutex_unlock(&mutex);
    return rc;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    return below(vfs)->xAccess(below(vfs), name, flags, ret);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
    return below(vfs)->xFullPathname(below(vfs), name, size, ret);
}

/* SQLite syncs a directory with the first sync of a file that it made in it: this is where that
 * shows. The mutex is held by that sync. */
static int open_directory(const char *path, int *ret_descriptor)
{
    int rc = real_open_directory(path, ret_descriptor);

    if (rc == SQLITE_OK)
        tell_of_name(DISK_DIRECTORY_SYNCED, path);
    return rc;
}

static void watch_directories(sqlite3_vfs *unix_vfs)
{
    real_open_directory =
        (int (*)(const char *, int *))unix_vfs->xGetSystemCall(unix_vfs, "openDirectory");
    must(real_open_directory != NULL);
    must(unix_vfs->xSetSystemCall(unix_vfs, "openDirectory", (sqlite3_syscall_ptr)open_directory) ==
         SQLITE_OK);
}

void faulty_vfs_install(void)
{
    static sqlite3_vfs vfs;
    sqlite3_vfs *unix_vfs = sqlite3_vfs_find(NULL);

    must(vfs.zName == NULL);
    vfs = *unix_vfs;
    vfs.iVersion = 2; /* without the calls to replace system calls */
    vfs.pNext = NULL;
    vfs.zName = "faulty";
    vfs.pAppData = unix_vfs;
    vfs.szOsFile = (int)sizeof(struct file) + unix_vfs->szOsFile;
    vfs.xOpen = vfs_open;
    vfs.xDelete = vfs_delete;
    vfs.xAccess = vfs_access;
    vfs.xFullPathname = vfs_full_pathname;
    vfs.xGetLastError = vfs_last_error;
    watch_directories(unix_vfs);
    must(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
}

void faulty_vfs_observe(void (*f)(void *context, const struct disk_event *event), void *context)
{
    pthread_mutex_lock(&mutex);
    observe = f;
    observer = context;
    pthread_mutex_unlock(&mutex);
}

void faulty_vfs_plan(const struct faulty_plan *plan)
{
    pthread_mutex_lock(&mutex);
    current = *plan;
    has_failed = false;
    pthread_mutex_unlock(&mutex);
}

void faulty_vfs_heal(void)
{
    pthread_mutex_lock(&mutex);
    current.calls = 0;
    pthread_mutex_unlock(&mutex);
}

bool faulty_vfs_wait_for_failure(void)
{
    struct timespec until;
    bool happened;

    clock_gettime(CLOCK_REALTIME, &until);
    until.tv_sec += PATIENCE_S;
    pthread_mutex_lock(&mutex);
    while (!has_failed && pthread_cond_timedwait(&failed, &mutex, &until) == 0) {
    }
    happened = has_failed;
    pthread_mutex_unlock(&mutex);
    return happened;
}

bool faulty_vfs_has_failed(void)
{
    bool happened;

    pthread_mutex_lock(&mutex);
    happened = has_failed;
    pthread_mutex_unlock(&mutex);
    return happened;
}
