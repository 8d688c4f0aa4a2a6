/* Messages both ways (p2pchat-protocol(7), Messages between contacts). */
#ifndef P2PCHAT_DAEMON_CORE_NODE_STREAM_H
#define P2PCHAT_DAEMON_CORE_NODE_STREAM_H

#include "daemon/core/node/state.h"

void stream_touch(struct node *node, struct contact *contact);
bool stream_pump(struct node *node); /* all dirty contacts; whether there were any */
void stream_have(struct node *node, struct session *session, const struct json *data);
void stream_message(struct node *node, struct session *session, const struct json *data);
void stream_gap(struct node *node, struct session *session, const struct json *data);
void stream_ack(struct node *node, struct session *session, const struct json *data);
void stream_rows(struct node *node, const struct input *input);
void stream_stored(struct node *node, const struct effect *effect, const struct log_row *row);
void stream_seen(struct node *node, const struct effect *effect, const struct change *results);
void stream_taken(struct node *node, const struct effect *effect);
void stream_not_taken(struct node *node, const struct effect *effect);
void stream_not_stored(struct node *node, const struct effect *effect);
void stream_offline(struct node *node, struct contact *contact);

/* A text that a classic contact said. */
void stream_classic_message(struct node *node, struct contact *contact, const char *text,
                            size_t length);

/* Messages of ours up to there went out to a classic contact, and will not go out again. */
void stream_sent(struct node *node, struct contact *contact, uint64_t epoch, uint64_t through);

/* Reads on in the log, when the outbox wants it and no read is under way. */
void stream_read_more(struct node *node, struct contact *contact);

/* The contact's session is another one now: what they said on it before counts again. */
void stream_online(struct node *node, struct contact *contact);
void stream_forget(struct node *node, struct contact *contact); /* off the list of dirty ones */
/* Returns how many messages of ours failed. */
uint64_t stream_end(struct node *node, struct contact *contact, const char *reason);
enum error stream_queue(struct node *node, struct contact *contact, const char *text,
                        const char *key, const struct effect *effect);

#endif
