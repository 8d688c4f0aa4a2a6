/* What the daemon finds when it looks itself over (p2pchat-api(7), doctor): each check a sentence
 * for people, of what is well, or of what is wrong and what to do about it.
 *
 * What is judged here was read before (vitals.h): so every verdict can be had in a test, also that
 * of a clock that nobody may set. */
#ifndef P2PCHAT_DAEMON_DIAGNOSIS_H
#define P2PCHAT_DAEMON_DIAGNOSIS_H

#include "common/json.h"
#include "daemon/core/node.h"
#include "daemon/store/store.h"
#include "daemon/vitals.h"

enum verdict { WELL, PROBLEM };

/* One finding, as a member of the array that is being written. */
void diagnosis_say(struct json_writer *w, const char *check, enum verdict verdict,
                   const char *format, ...) __attribute__((format(printf, 4, 5)));

/* "disk": the log, and the room there is for it in `directory`. */
struct diagnosis_log {
    enum store_state state;
    const char *reason; /* when it is not STORE_OK */
    bool demands_check;
    bool is_lost;        /* its files are not where the next start looks for them */
    bool can_be_trimmed; /* how much of it is kept can be set */
    bool is_silent;      /* the disk does not answer, as `reason` says (disk_state.h) */
};
void diagnosis_disk(struct json_writer *w, const char *directory, const struct diagnosis_log *log,
                    const struct vital_disk *disk);

/* "clock" */
void diagnosis_clock(struct json_writer *w, const struct vital_clock *clock);

/* "limits" */
void diagnosis_limits(struct json_writer *w, const struct vital_limits *limits);

/* "listening": what was found at a place where we listen; errno, or 0. */
void diagnosis_listening(struct json_writer *w, const struct host_port *bound, int error);

/* "dns": what was found of a name; `whose` says what it is for; `found` is an address of it. */
void diagnosis_name(struct json_writer *w, const char *name, const char *whose, enum error error,
                    const char *found);

/* "trackers" and "reachability", by what trackers say; a tracker itself has neither. */
void diagnosis_trackers(struct json_writer *w, const struct node *node);
void diagnosis_reachability(struct json_writer *w, const struct node *node, size_t advertise_count);

/* What keeps messages from a peer: "consent", "link", "address", "record" and "queue". An alias
 * that is no plain word is quoted (text_append_name). */
void diagnosis_peer(struct json_writer *w, const char *alias, const struct node_peer_state *state,
                    struct now now);

#endif
