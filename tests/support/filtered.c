/* Runs p2pchatd under the system-call filter of its unit (make check-sandboxed). It stands where
 * the daemon is looked for, as DIR/p2pchatd; DIR/filter is the filter, as seccomp(2) takes it, and
 * DIR/program a link to the daemon. */
#include <fcntl.h>
#include <libgen.h>
#include <limits.h>
#include <linux/filter.h>
#include <linux/seccomp.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/prctl.h>
#include <sys/syscall.h>
#include <unistd.h>

enum { FILTER_MAX = 4096 }; /* BPF_MAXINSNS */

static void fail(const char *what)
{
    perror(what);
    exit(127);
}

int main(int argc, char **argv)
{
    static struct sock_filter instructions[FILTER_MAX];
    struct sock_fprog filter = {.filter = instructions};
    char self[PATH_MAX], path[PATH_MAX + 16];
    ssize_t length = readlink("/proc/self/exe", self, sizeof(self) - 1);
    const char *directory;
    int file;

    (void)argc;
    if (length < 0)
        fail("/proc/self/exe");
    self[length] = '\0';
    directory = dirname(self);
    snprintf(path, sizeof(path), "%s/filter", directory);
    file = open(path, O_RDONLY | O_CLOEXEC);
    length = file >= 0 ? read(file, instructions, sizeof(instructions)) : -1;
    if (length <= 0)
        fail(path);
    close(file);
    filter.len = (unsigned short)((size_t)length / sizeof(instructions[0]));
    if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) < 0 ||
        syscall(SYS_seccomp, SECCOMP_SET_MODE_FILTER, 0, &filter) < 0)
        fail("seccomp");
    snprintf(path, sizeof(path), "%s/program", directory);
    execv(path, argv);
    fail(path);
}
