#include "daemon/vitals.h"

#include <errno.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>

#include "daemon/process.h"

void vital_disk_read(int descriptor, struct vital_disk *ret_disk)
{
    struct statvfs fs;

    if (fstatvfs(descriptor, &fs) < 0) {
        *ret_disk = (struct vital_disk){.error = errno};
        return;
    }
    *ret_disk = (struct vital_disk){.size_bytes = (uint64_t)fs.f_blocks * fs.f_frsize,
                                    .free_bytes = (uint64_t)fs.f_bavail * fs.f_frsize,
                                    .inodes = fs.f_files,
                                    .free_inodes = fs.f_favail,
                                    .is_read_only = (fs.f_flag & ST_RDONLY) != 0};
}

void vital_clock_read(int64_t unix_ms, struct vital_clock *ret_clock)
{
    struct timex timex = {.modes = 0}; /* only asks */
    const bool is_filtered = prctl(PR_GET_SECCOMP) != 0;
    const int state = is_filtered ? -1 : adjtimex(&timex);

    *ret_clock = (struct vital_clock){.unix_ms = unix_ms,
                                      .is_known = state >= 0,
                                      .is_synchronised = state >= 0 && state != TIME_ERROR};
}

void vital_limits_read(struct vital_limits *ret_limits)
{
    *ret_limits = (struct vital_limits){.descriptors_max = RLIM_INFINITY};
    (void)process_open_descriptors(&ret_limits->descriptors);
    (void)process_max_descriptors(&ret_limits->descriptors_max);
    (void)process_resident_bytes(&ret_limits->memory_bytes);
}
