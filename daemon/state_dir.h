/* The state directory: who may use it, and how small files in it are read and replaced
 * (p2pchatd(8), Files). The database in it is the store's. */
#ifndef P2PCHAT_DAEMON_STATE_DIR_H
#define P2PCHAT_DAEMON_STATE_DIR_H

#include <stdbool.h>
#include <stddef.h>

#include "daemon/refusal.h"

struct state_dir {
    char *path;
    int descriptor;
    int lock; /* the file that says who holds the directory; locked */
};

/* Opens the directory, making it (mode 0700) with its parents when it is missing, and locks it for
 * as long as it is open. Refused: another daemon holds it, and `why` names its process (69); it or
 * a file in it cannot be made (77); somebody else owns it or may write to it (78); anything else
 * (74). */
bool state_dir_open(const char *path, struct state_dir *ret_dir, struct refusal *ret_refusal);

/* What state_dir_open refused of the directory itself, looked at again; and whether its path still
 * leads to it. */
bool state_dir_check(const struct state_dir *dir, struct refusal *ret_refusal);

/* Unlocks and closes. */
void state_dir_close(struct state_dir *dir);

enum state_file {
    STATE_FILE_READ,
    STATE_FILE_MISSING,
    STATE_FILE_REFUSED /* see `ret_refusal` */
};

/* Who may read a file of ours, beside us. */
enum state_secrecy {
    STATE_PUBLIC,
    STATE_SECRET,
    STATE_HANDED_OVER /* whoever put it there knows: owner and mode are not looked at */
};

/* Reads a whole file of less than `size` bytes into `out`, with a NUL behind it. Refused: a
 * symbolic link or anything else but a regular file, one of another owner, too large, or a secret
 * that others may read or write (78); no permission (77); anything else (74). */
enum state_file state_dir_read(const struct state_dir *dir, const char *name,
                               enum state_secrecy secrecy, char *out, size_t size,
                               size_t *ret_length, struct refusal *ret_refusal);

/* Replaces a file (mode 0600) in one step: after a crash either the old content is there or the
 * new. Refused: no permission (77), anything else (74). */
bool state_dir_write(const struct state_dir *dir, const char *name, const void *content,
                     size_t length, struct refusal *ret_refusal);

#endif
