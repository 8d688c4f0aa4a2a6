/* The pulse of a thread that works on the disk: it beats whenever a call to the system comes back
 * with which SQLite reads, writes or syncs. So a disk that is slow (a call follows the other) is
 * told from one that hangs (a call does not come back), whatever SQLite has been asked for.
 *
 * It is a VFS (sqlite3_vfs) that passes everything on to the system's. */
#ifndef P2PCHAT_DAEMON_STORE_PULSE_H
#define P2PCHAT_DAEMON_STORE_PULSE_H

#include <stdatomic.h>
#include <stdint.h>

#include <sqlite3.h>

#include "common/mono.h"

struct pulse {
    sqlite3_vfs vfs;
    sqlite3_vfs *system;           /* the one below */
    char name[32];                 /* of the VFS, for sqlite3_open_v2 */
    _Atomic uint64_t last_ms;      /* the last beat, by clock_ms; 0: the thread rests */
    _Atomic uint64_t told_ms;      /* when the next was last called */
    void (*_Atomic goes_on)(void); /* NULL: nobody is told */
};

/* Registers the VFS. The pulse must not move, and outlives the connections that are opened with it.
 */
void pulse_init(struct pulse *p);
void pulse_done(struct pulse *p);

/* The thread begins to work, and rests again. */
void pulse_work(struct pulse *p);
void pulse_rest(struct pulse *p);

/* For how long there has been no beat in the thread's work; 0: it rests. Any thread may ask. */
uint64_t pulse_silence_ms(const struct pulse *p, struct mono now);

/* From now on `goes_on` is called now and then with a beat, in the thread that beats, but at most
 * once in PULSE_TELL_MS; NULL: no more. */
enum { PULSE_TELL_MS = 1000 };
void pulse_tell(struct pulse *p, void (*goes_on)(void));

#endif
