/* doctor: who has asked what is wrong, and the probes that they wait for. All who ask while these
 * are under way get the same answer. */
#ifndef P2PCHAT_DAEMON_DOCTOR_H
#define P2PCHAT_DAEMON_DOCTOR_H

#include <stdbool.h>

struct call;
struct control;
struct doctor;
struct socket_address;

/* `control` and its pump outlive the doctor. */
struct doctor *doctor_new(struct control *control);

/* Nobody waits any more. NULL is fine. */
void doctor_free(struct doctor *doctor);

/* A call of doctor is about to be forgotten: when it was the last, the probes end too. */
void doctor_leave(struct doctor *doctor, struct call *call);

/* A connection was accepted from there: whether it is a probe, and no peer. */
bool doctor_meets(struct doctor *doctor, const struct socket_address *remote);

/* Whoever waits is told that the daemon stops. */
void doctor_stop(struct doctor *doctor);

#endif
