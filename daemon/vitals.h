/* What the host says of the daemon's health: room on the disk, the clock, what it may still open.
 * Only read here; diagnosis.h judges. */
#ifndef P2PCHAT_DAEMON_VITALS_H
#define P2PCHAT_DAEMON_VITALS_H

#include <stdbool.h>
#include <stdint.h>

struct vital_disk {
    int error; /* errno: nothing below is known; 0: all is */
    uint64_t size_bytes, free_bytes;
    uint64_t inodes, free_inodes; /* 0 inodes: this file system does not count them */
    bool is_read_only;
};

/* Of the file system that this descriptor is on (fstatvfs(3)). */
void vital_disk_read(int descriptor, struct vital_disk *ret_disk);

struct vital_clock {
    int64_t unix_ms;
    bool is_known;        /* the kernel was asked whether somebody keeps it right, */
    bool is_synchronised; /* and says so (adjtimex(2)) */
};

/* Does not ask the kernel inside a filter of system calls: nothing else here has to do with setting
 * clocks, so that filter may end who asks. */
void vital_clock_read(int64_t unix_ms, struct vital_clock *ret_clock);

struct vital_limits {
    uint64_t descriptors, descriptors_max;
    uint64_t memory_bytes; /* resident; 0: not known */
};
void vital_limits_read(struct vital_limits *ret_limits);

#endif
