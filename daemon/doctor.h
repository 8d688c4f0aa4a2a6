/* doctor: who has asked what is wrong, and the probes that they wait for. All who ask while these
 * are under way get the same answer. */
#ifndef P2PCHAT_DAEMON_DOCTOR_H
#define P2PCHAT_DAEMON_DOCTOR_H

struct call;
struct control;
struct doctor;

/* `control` and its pump outlive the doctor. */
struct doctor *doctor_new(struct control *control);

/* Nobody waits any more. NULL is fine. */
void doctor_free(struct doctor *doctor);

/* A call of doctor is about to be forgotten: when it was the last, the probes end too. */
void doctor_leave(struct doctor *doctor, struct call *call);

/* Whoever waits is told that the daemon stops. */
void doctor_stop(struct doctor *doctor);

#endif
