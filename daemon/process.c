#include "daemon/process.h"

#include <dirent.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <sys/resource.h>
#include <unistd.h>

static uint64_t microseconds(const struct timeval *time)
{
    return (uint64_t)time->tv_sec * 1000000 + (uint64_t)time->tv_usec;
}

uint64_t process_cpu_us(void)
{
    struct rusage usage;

    if (getrusage(RUSAGE_SELF, &usage) < 0)
        return 0;
    return microseconds(&usage.ru_utime) + microseconds(&usage.ru_stime);
}

bool process_resident_bytes(uint64_t *ret_bytes)
{
    FILE *file = fopen("/proc/self/statm", "re");
    uint64_t size, resident;
    bool is_read;

    if (file == NULL)
        return false;
    is_read = fscanf(file, "%" SCNu64 " %" SCNu64, &size, &resident) == 2;
    fclose(file);
    if (is_read)
        *ret_bytes = resident * (uint64_t)sysconf(_SC_PAGESIZE);
    return is_read;
}

bool process_open_descriptors(uint64_t *ret_count)
{
    DIR *directory = opendir("/proc/self/fd");
    const struct dirent *entry;
    uint64_t count = 0;

    if (directory == NULL)
        return false;
    while ((entry = readdir(directory)) != NULL)
        count += entry->d_name[0] != '.';
    closedir(directory);
    *ret_count = count > 0 ? count - 1 : 0; /* without the one that looks */
    return true;
}

/* Of a line like 0::/system.slice/p2pchatd.service; services of users are below user@UID.service.
 */
static bool unit_of(const char *line, char ret_unit[PROCESS_UNIT_MAX])
{
    static const char suffix[] = ".service\n";
    const char *name = strrchr(line, '/');
    const size_t length = name != NULL ? strlen(++name) : 0, ending = sizeof(suffix) - 1;

    if (length <= ending || length - ending >= PROCESS_UNIT_MAX ||
        strcmp(name + length - ending, suffix) != 0 || strstr(line, "/user@") != NULL)
        return false;
    memcpy(ret_unit, name, length - ending);
    ret_unit[length - ending] = '\0';
    return true;
}

bool process_unit(char ret_unit[PROCESS_UNIT_MAX])
{
    FILE *file = fopen("/proc/self/cgroup", "re");
    char line[1024];
    bool is_found = false;

    while (file != NULL && !is_found && fgets(line, sizeof(line), file) != NULL)
        is_found = unit_of(line, ret_unit);
    if (file != NULL)
        fclose(file);
    return is_found;
}

bool process_max_descriptors(uint64_t *ret_count)
{
    struct rlimit limit;

    if (getrlimit(RLIMIT_NOFILE, &limit) < 0)
        return false;
    *ret_count = limit.rlim_cur;
    return true;
}

bool process_has_user(uint32_t user)
{
    FILE *file = fopen("/proc/self/uid_map", "re");
    uint32_t first, outside, count;
    bool is_found = file == NULL;

    while (!is_found &&
           fscanf(file, "%" SCNu32 " %" SCNu32 " %" SCNu32, &first, &outside, &count) == 3)
        is_found = user >= first && user - first < count;
    if (file != NULL)
        fclose(file);
    return is_found;
}
