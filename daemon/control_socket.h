/* The control socket as a thing in the file system: made, replaced, refused, removed (p2pchatd(8),
 * Control socket). */
#ifndef P2PCHAT_DAEMON_CONTROL_SOCKET_H
#define P2PCHAT_DAEMON_CONTROL_SOCKET_H

#include <stdbool.h>
#include <sys/types.h>

#include "daemon/refusal.h"

/* A listening Unix stream socket, non-blocking and closed on exec. */
struct control_socket {
    int descriptor;
    char *path; /* where we made it; NULL: it was handed over, and whoever made it removes it */
    dev_t device;
    ino_t inode;
};

/* Longest path that fits into a socket's address with its NUL (unix(7)). */
enum { CONTROL_PATH_MAX = 107 };

/* Makes the socket at `path`, mode 0600 from its first moment on, and listens. A missing directory
 * is made, mode 0700; one that others may change is refused, because they could put theirs in our
 * place. A socket of ours that nobody answers on is replaced. Refused, and left as it is: a path
 * that is too long, anything else that stands there (78), a socket on which another daemon answers
 * (69). */
bool control_socket_make(const char *path, struct control_socket *ret_socket,
                         struct refusal *ret_refusal);

/* Takes over a listening descriptor (systemd's). */
bool control_socket_inherit(int descriptor, struct control_socket *ret_socket,
                            struct refusal *ret_refusal);

/* Where a listening socket is, made or handed over. False: that is not known from here, as its path
 * begins where somebody else was. */
bool control_socket_where(int descriptor, char ret_path[CONTROL_PATH_MAX + 1]);

/* Whether both paths lead to one socket: they are the same, or what stands there is. */
bool control_socket_is_same(const char *path, const char *other);

/* Closes, and removes what was made unless something else stands there by now. */
void control_socket_close(struct control_socket *s);

#endif
