/* The service of systemd that a control socket is for, and how it does: what is told when no daemon
 * answers (p2pchatd(8), As a service). */
#ifndef P2PCHAT_CTL_UNIT_H
#define P2PCHAT_CTL_UNIT_H

#include <stdbool.h>
#include <sys/types.h>

struct unit {
    const char *name;     /* without .service; NULL: the socket is none that we know */
    const char *role;     /* what else its program is called with: "", " --role=tracker" */
    bool is_of_user;      /* of `systemctl --user` */
    const char *of_users; /* "", " --user": what systemctl and journalctl are told of it */
};

/* By where the socket is. */
struct unit unit_of(const char *path);

enum unit_phase {
    UNIT_UNKNOWN, /* systemd does not say */
    UNIT_MISSING, /* no systemd, or no such unit: nothing is to be had of it */
    UNIT_MASKED,  /* nobody may start it */
    UNIT_STOPPED,
    UNIT_STARTING,
    UNIT_RUNNING,
    UNIT_STOPPING,
    UNIT_PAUSING, /* it ended with a failure, and is about to be started again */
    UNIT_FAILED
};

enum unit_end { UNIT_NEVER_RAN, UNIT_EXITED, UNIT_KILLED };

struct unit_state {
    enum unit_phase phase;
    pid_t process;     /* its first; 0: none */
    enum unit_end end; /* of that, or the one before it, */
    int status;        /* with this status, or by this signal */
    unsigned restarts; /* how often it was started again by itself */
    char says[128];    /* what it has told of itself; "": nothing */
};

/* Asks systemd, by systemctl(1), which may take UNIT_ASK_MS; then it is UNIT_UNKNOWN. */
struct unit_state unit_ask(const struct unit *unit);

/* Whether its control socket is meant to be there, also when it is not: the socket's unit is
 * enabled, or failed. Asks as unit_ask(); false when systemd does not say. */
bool unit_is_meant(const struct unit *unit);

#endif
