#include "daemon/vitals.h"

#include <dirent.h>
#include <errno.h>
#include <stdio.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/statvfs.h>
#include <sys/timex.h>
#include <unistd.h>

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

/* Entries of a directory but "." and ".."; 0 when it cannot be read. */
static uint64_t count_entries(const char *path)
{
    DIR *directory = opendir(path);
    uint64_t count = 0;

    if (directory == NULL)
        return 0;
    for (const struct dirent *each; (each = readdir(directory)) != NULL;)
        count += each->d_name[0] != '.';
    closedir(directory);
    return count > 0 ? count - 1 : 0; /* without the one that looks */
}

static uint64_t resident_bytes(void)
{
    FILE *file = fopen("/proc/self/statm", "re");
    unsigned long long size = 0, resident = 0;

    if (file == NULL)
        return 0;
    if (fscanf(file, "%llu %llu", &size, &resident) != 2)
        resident = 0;
    fclose(file);
    return resident * (uint64_t)sysconf(_SC_PAGESIZE);
}

void vital_limits_read(struct vital_limits *ret_limits)
{
    struct rlimit limit = {.rlim_cur = RLIM_INFINITY};

    (void)getrlimit(RLIMIT_NOFILE, &limit);
    *ret_limits = (struct vital_limits){.descriptors = count_entries("/proc/self/fd"),
                                        .descriptors_max = limit.rlim_cur,
                                        .memory_bytes = resident_bytes()};
}
