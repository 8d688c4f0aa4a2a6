#include "daemon/store/pulse.h"

#include <stdbool.h>
#include <stddef.h>
#include <stdio.h>

#include "common/alloc.h"
#include "daemon/store/clock.h"

/* What SQLite holds of an open file; the file of the layer below follows it in memory. */
struct file {
    sqlite3_file base;
    struct pulse *pulse;
};

static sqlite3_file *below(sqlite3_file *file)
{
    return (sqlite3_file *)(void *)((struct file *)file + 1);
}

static uint64_t load(const _Atomic uint64_t *ms)
{
    return atomic_load_explicit(ms, memory_order_relaxed);
}

static void store(_Atomic uint64_t *ms, uint64_t value)
{
    atomic_store_explicit(ms, value, memory_order_relaxed);
}

static void beat(struct pulse *p)
{
    void (*goes_on)(void) = atomic_load_explicit(&p->goes_on, memory_order_relaxed);
    const bool works = load(&p->last_ms) != 0;
    const uint64_t now_ms = works || goes_on != NULL ? clock_ms() : 0;

    if (works)
        store(&p->last_ms, now_ms);
    if (goes_on == NULL || now_ms - load(&p->told_ms) < PULSE_TELL_MS)
        return;
    store(&p->told_ms, now_ms);
    goes_on();
}

/* The result of a call that came back. */
static int after(sqlite3_file *f, int rc)
{
    beat(((struct file *)f)->pulse);
    return rc;
}

/* --- Calls that wait for the disk --- */

static int file_read(sqlite3_file *f, void *bytes, int length, sqlite3_int64 offset)
{
    return after(f, below(f)->pMethods->xRead(below(f), bytes, length, offset));
}

static int file_write(sqlite3_file *f, const void *bytes, int length, sqlite3_int64 offset)
{
    return after(f, below(f)->pMethods->xWrite(below(f), bytes, length, offset));
}

static int file_truncate(sqlite3_file *f, sqlite3_int64 size)
{
    return after(f, below(f)->pMethods->xTruncate(below(f), size));
}

static int file_sync(sqlite3_file *f, int flags)
{
    return after(f, below(f)->pMethods->xSync(below(f), flags));
}

/* --- All others --- */

static int file_close(sqlite3_file *f)
{
    return below(f)->pMethods->xClose(below(f));
}

static int file_size(sqlite3_file *f, sqlite3_int64 *size)
{
    return below(f)->pMethods->xFileSize(below(f), size);
}

static int file_lock(sqlite3_file *f, int level)
{
    return below(f)->pMethods->xLock(below(f), level);
}

static int file_unlock(sqlite3_file *f, int level)
{
    return below(f)->pMethods->xUnlock(below(f), level);
}

static int file_check_lock(sqlite3_file *f, int *held)
{
    return below(f)->pMethods->xCheckReservedLock(below(f), held);
}

static int file_control(sqlite3_file *f, int operation, void *arg)
{
    return below(f)->pMethods->xFileControl(below(f), operation, arg);
}

static int file_sector_size(sqlite3_file *f)
{
    return below(f)->pMethods->xSectorSize(below(f));
}

static int file_device(sqlite3_file *f)
{
    return below(f)->pMethods->xDeviceCharacteristics(below(f));
}

static int file_shm_map(sqlite3_file *f, int page, int size, int extend, void volatile **memory)
{
    return below(f)->pMethods->xShmMap(below(f), page, size, extend, memory);
}

static int file_shm_lock(sqlite3_file *f, int offset, int count, int flags)
{
    return below(f)->pMethods->xShmLock(below(f), offset, count, flags);
}

static void file_shm_barrier(sqlite3_file *f)
{
    below(f)->pMethods->xShmBarrier(below(f));
}

static int file_shm_unmap(sqlite3_file *f, int remove)
{
    return below(f)->pMethods->xShmUnmap(below(f), remove);
}

/* Version 2: without reading through memory maps, which our connections do not do. */
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

/* --- The VFS --- */

static struct pulse *pulse_of(sqlite3_vfs *vfs)
{
    return vfs->pAppData;
}

static int vfs_open(sqlite3_vfs *vfs, const char *name, sqlite3_file *base, int flags,
                    int *ret_flags)
{
    struct file *file = (struct file *)base;
    struct pulse *p = pulse_of(vfs);
    int rc;

    *file = (struct file){.pulse = p};
    rc = p->system->xOpen(p->system, name, below(base), flags, ret_flags);
    if (below(base)->pMethods != NULL)
        file->base.pMethods = &methods;
    beat(p);
    return rc;
}

static int vfs_delete(sqlite3_vfs *vfs, const char *name, int sync)
{
    struct pulse *p = pulse_of(vfs);
    const int rc = p->system->xDelete(p->system, name, sync);

    beat(p);
    return rc;
}

static int vfs_access(sqlite3_vfs *vfs, const char *name, int flags, int *ret)
{
    sqlite3_vfs *system = pulse_of(vfs)->system;

    return system->xAccess(system, name, flags, ret);
}

static int vfs_full_pathname(sqlite3_vfs *vfs, const char *name, int size, char *ret)
{
    sqlite3_vfs *system = pulse_of(vfs)->system;

    return system->xFullPathname(system, name, size, ret);
}

static int vfs_last_error(sqlite3_vfs *vfs, int size, char *text)
{
    sqlite3_vfs *system = pulse_of(vfs)->system;

    return system->xGetLastError(system, size, text);
}

void pulse_init(struct pulse *p)
{
    sqlite3_vfs *system = sqlite3_vfs_find(NULL);

    must(system != NULL);
    *p = (struct pulse){.vfs = *system, .system = system};
    snprintf(p->name, sizeof(p->name), "pulse-%p", (void *)p);
    p->vfs.iVersion = 2; /* without the calls to replace system calls */
    p->vfs.pNext = NULL;
    p->vfs.zName = p->name;
    p->vfs.pAppData = p;
    p->vfs.szOsFile = (int)sizeof(struct file) + system->szOsFile;
    p->vfs.xOpen = vfs_open;
    p->vfs.xDelete = vfs_delete;
    p->vfs.xAccess = vfs_access;
    p->vfs.xFullPathname = vfs_full_pathname;
    p->vfs.xGetLastError = vfs_last_error;
    must(sqlite3_vfs_register(&p->vfs, 0) == SQLITE_OK);
}

void pulse_done(struct pulse *p)
{
    sqlite3_vfs_unregister(&p->vfs);
}

/* --- The thread's work --- */

void pulse_work(struct pulse *p)
{
    store(&p->last_ms, clock_ms());
}

void pulse_rest(struct pulse *p)
{
    store(&p->last_ms, 0);
}

uint64_t pulse_silence_ms(const struct pulse *p, struct mono now)
{
    const uint64_t last_ms = load(&p->last_ms);

    return last_ms != 0 && now.ms > last_ms ? now.ms - last_ms : 0;
}

void pulse_tell(struct pulse *p, void (*goes_on)(void))
{
    store(&p->told_ms, clock_ms());
    atomic_store(&p->goes_on, goes_on);
}
