#include "tests/support/faulty_vfs.h"

#include <pthread.h>
#include <stddef.h>
#include <string.h>
#include <time.h>

#include <sqlite3.h>

#include "common/alloc.h"

enum { PATIENCE_S = 30 };

static pthread_mutex_t mutex = PTHREAD_MUTEX_INITIALIZER;
static pthread_cond_t failed = PTHREAD_COND_INITIALIZER;
static struct faulty_plan current; /* .calls 0: healthy */
static bool has_failed;
static int last_error;

/* What SQLite holds of an open file; the file of the layer below follows it in memory. */
struct file {
    sqlite3_file base;
    unsigned kind; /* enum faulty_file */
};

static sqlite3_vfs *below(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static sqlite3_file *real(sqlite3_file *file)
{
    return (sqlite3_file *)(void *)((struct file *)file + 1);
}

/* SQLITE_OK, or the result that this call is to have. */
static int judge(const sqlite3_file *base, enum faulty_call call)
{
    const struct file *file = (const struct file *)(const void *)base;
    int result = SQLITE_OK;

    pthread_mutex_lock(&mutex);
    if ((current.calls & call) != 0 && (current.files & file->kind) != 0) {
        if (current.after > 0) {
            current.after--;
        } else {
            result = current.result;
            last_error = current.error;
            has_failed = true;
            pthread_cond_broadcast(&failed);
            if (current.times > 0 && --current.times == 0)
                current.calls = 0;
        }
    }
    pthread_mutex_unlock(&mutex);
    return result;
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
    int rc = judge(f, FAULTY_READ);

    return rc == SQLITE_OK ? real(f)->pMethods->xRead(real(f), bytes, length, offset) : rc;
}

static int file_write(sqlite3_file *f, const void *bytes, int length, sqlite3_int64 offset)
{
    int rc = judge(f, FAULTY_WRITE);

    return rc == SQLITE_OK ? real(f)->pMethods->xWrite(real(f), bytes, length, offset) : rc;
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    int rc = judge(f, FAULTY_WRITE);

    return rc == SQLITE_OK ? real(f)->pMethods->xTruncate(real(f), size) : rc;
}

static int file_sync(sqlite3_file *f, int flags)
{
    int rc = judge(f, FAULTY_SYNC);

    return rc == SQLITE_OK ? real(f)->pMethods->xSync(real(f), flags) : rc;
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
    int rc;

    file->base.pMethods = NULL;
    file->kind = name != NULL && strstr(name, "/search.db") != NULL ? FAULTY_SEARCH
                 : (flags & SQLITE_OPEN_MAIN_DB) != 0               ? FAULTY_DATABASE
                 : (flags & SQLITE_OPEN_WAL) != 0                   ? FAULTY_WAL
                                                                    : FAULTY_OTHER;
    rc = below(vfs)->xOpen(below(vfs), name, real(base), flags, ret_flags);
    if (real(base)->pMethods != NULL)
        file->base.pMethods = &methods;
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    return below(vfs)->xDelete(below(vfs), name, sync);
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    return below(vfs)->xAccess(below(vfs), name, flags, ret);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
    return below(vfs)->xFullPathname(below(vfs), name, size, ret);
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
    must(sqlite3_vfs_register(&vfs, 1) == SQLITE_OK);
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
