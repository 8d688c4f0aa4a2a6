/* Limits of the shell, with their reasons. Those of the protocol are the core's. */
#ifndef P2PCHAT_DAEMON_LIMITS_H
#define P2PCHAT_DAEMON_LIMITS_H

#include <stdint.h>

enum {
    /* The largest configuration file: thousands of lines more than anybody writes, and read in no
     * time, since a daemon that runs reads it too. */
    CONFIG_FILE_MAX = 1 << 20,
    CONFIG_READ_AT_ONCE = 16 << 10,

    /* Mistakes of a configuration file that are told one by one: more than anybody corrects at
     * once; a file that is something else has one in every line. */
    CONFIG_MISTAKES_TOLD_MAX = 50,

    /* More sockets to listen on than any host has reason for; bounds what a name may resolve to. */
    LISTEN_MAX = 16,

    /* Connections that wait for accept: all who had a link to a tracker come back at once when it
     * is started again, and whoever finds no room tries again only after a second. The system
     * allows no more by default (net.core.somaxconn). */
    LISTEN_BACKLOG = 4096,

    /* Accepted in one turn of one listener, so that a flood of new ones does not keep the others
     * waiting. */
    ACCEPT_PER_TURN = 32,

    /* Without a free descriptor, accepting rests for so long: short for people, long for a loop. */
    ACCEPT_PAUSE_MS = 250,

    /* Read from a carrier in one turn, into the one buffer that all share: about the largest
     * record. */
    CARRIER_READ_MAX = 64 << 10,

    /* Output that a carrier may have waiting here; what the core may send is counted against it. */
    CARRIER_OUTPUT_MAX = 256 << 10,

    /* What was sent before CLOSE gets so long to go out and to be taken by the other side. */
    CARRIER_LINGER_MS = 2000,

    /* Of the open descriptors that the system allows, the daemon needs so many for itself: the
     * state, the loop, the log, its search index, and LISTEN_MAX listeners. */
    DESCRIPTORS_OWN = LISTEN_MAX + 20,

    /* Of the others, a quarter, but no more than this, is kept from those who connect: for clients
     * (CLIENTS_MAX), dials of ours, looking up names. */
    DESCRIPTORS_KEPT_MAX = 1024 + 64,

    /* Carriers that may linger at once; with more, the descriptors are needed elsewhere. */
    CARRIERS_LINGERING_MAX = 256,

    /* Data that nobody acknowledges end a connection (p2pchat-protocol(7), Links). */
    CARRIER_USER_TIMEOUT_MS = 20000,

    /* Addresses that a signed peer record has room for. */
    ANNOUNCE_MAX = 8,

    /* What the addresses in it may take together: it has 400 bytes, of which key, signature,
     * numbers and counts take 122, a name up to 64, a classic address 19. */
    ADVERTISE_BYTES_MAX = 195,

    /* How often the addresses of the host are looked at again when we listen on all of them, and
     * what failed on the disk is tried again. */
    ANNOUNCE_PERIOD_MS = 30000,

    /* With less than a tenth of the descriptors left, or than these, doctor warns. */
    DESCRIPTORS_LEFT_LOW = 8,

    /* A dial ends after so long, whatever its attempts are doing: longer than TCP's first three
     * retransmissions of SYN, shorter than a person's patience. */
    DIAL_TOTAL_MS = 30000,

    /* RFC 8305, section 8: the defaults. */
    DIAL_ATTEMPT_DELAY_MS = 250,
    DIAL_RESOLUTION_DELAY_MS = 50,

    /* A name that the node asks about is answered after so long with what is known by then: whoever
     * waits for it has 10 s in all (p2pchat-protocol(7)). */
    NAMES_TOTAL_MS = 8000,

    /* What doctor tries is found out in so long: who asks it waits. */
    PROBES_MS = 4000,

    /* Addresses tried in one dial, and those taken from one answer of one name. */
    DIAL_CANDIDATES_MAX = 32,
    DIAL_PER_ANSWER_MAX = 8,

    /* Clients of the control socket; more are told so and closed. A descriptor each. */
    CLIENTS_MAX = 1024,

    /* So many of them are for root and the daemon's own user: to look what is wrong, to reload, to
     * stop, whatever others have connected. */
    CLIENTS_KEPT = 32,

    /* What clients want takes so long in one turn of the loop, and what one more request takes:
     * peers notice nothing of it, and a turn is still worth a look at all that there is. */
    CLIENTS_TURN_US = 5000,

    /* Received from a client at once: many requests, or a part of a long one, and not much to hold
     * for a client that stops in the middle of a line. */
    CLIENT_READ_MAX = 16 << 10,

    /* Of each of these, so much in one turn of a client: a burst gets through quickly, and a client
     * that sends without end keeps the others waiting for a millisecond or two. */
    CLIENT_STEPS_PER_TURN = 16, /* requests and receives */
    CLIENT_BYTES_PER_TURN = 64 << 10,

    /* A client whose calls or output reach this is not read from until they are fewer, nor is a
     * page of history read for it: beyond this it has one answer at most, of a line. Events leave
     * half of the output to answers, or one who follows many could not ask any more. They are
     * gathered for a client that takes what it is sent, so that a burst goes out in few pieces: a
     * read of the log fits. One that sleeps costs no more than that, whatever waits for it. */
    CLIENT_CALLS_MAX = 1024,
    CLIENT_OUTPUT_MAX = 256 << 10,
    CLIENT_EVENTS_MAX = 128 << 10,

    /* The same for all clients together: so many calls are 25 MB with all that they may ask for,
     * and with what they are kept in, the output takes 256 MB at most. Beyond this each client has
     * what came of one turn, and the events above. */
    CLIENTS_CALLS_MAX = 16 << 10,
    CLIENTS_INPUT_MAX = 64 << 20, /* of requests that have not come as a whole */
    CLIENTS_OUTPUT_MAX = 128 << 20,

    /* Descriptors that the kernel hands us with one message at most (SCM_MAX_FD); all are closed.
     */
    CLIENT_PASSED_MAX = 253,

    /* A client that sent an endless line gets so long, and may send so much more, before it is
     * closed: enough for a program that writes everything before it reads what is wrong. */
    CLIENT_LINGER_MS = 5000,
    CLIENT_DISCARD_MAX = 16 << 20,

    /* Readers of events that have a name: as many as can be connected. A row each in memory, and
     * all of them fit into one answer. */
    CONSUMERS_MAX = CLIENTS_MAX,

    /* When a consumer that goes on being used was last used is written down so often: a moment
     * against the days after which it would expire, and nothing for the disk. */
    CONSUMER_TOUCH_MS = 3600 * 1000,

    /* Days after which a consumer that nobody uses is forgotten, by default and at most. */
    CONSUMER_DAYS = 30,
    CONSUMER_DAYS_TOP = 36500,

    /* Days for which the log may be kept, at most; more is for ever. */
    RETAIN_DAYS_TOP = 36500,

    /* When rows were looked at and none could be removed, although the log is too large or too old,
     * it is looked through again after so long: what holds it may be a million messages that wait.
     * To see that it is neither costs nothing. */
    RETAIN_REST_MS = 15 * 60 * 1000,

    /* How often housekeeping looks: what it does is counted in days. */
    HOUSEKEEPING_PERIOD_MS = 60 * 1000,

    /* How often the age clock is saved. A crash in between costs nothing: at the next start the
     * wall clock tells how long ago that was, and a day is believed. */
    AGE_SAVE_PERIOD_MS = 3600 * 1000,

    /* Pages of history that are read at one time, for all clients together; one for each. */
    HISTORY_READS_MAX = 4,

    /* The log works again when it has for so long: what waits was tried too. */
    STORE_WELL_MS = 3000,

    /* Answers of the store are given out for so long in one turn, so that sockets get theirs. */
    STORE_TURN_US = 5000,

    /* Who asks for metrics over HTTP: more at a time than scrape one daemon, each with a head that
     * is many times longer than Prometheus sends, and gone after so long, whatever happens. What
     * comes behind a head is read so far, so that the answer is not lost. */
    HTTP_VISITS_MAX = 16,
    HTTP_HEAD_MAX = 8 << 10,
    HTTP_VISIT_MS = 5000,
    HTTP_DISCARD_MAX = 64 << 10,

    /* The numbers that anybody is answered with are so old at most: who scrapes does so every ten
     * seconds or so, and who asks without end is given the same again. */
    METRICS_FRESH_MS = 1000,

    /* A place that another program has may be free soon, and to look costs next to nothing. */
    METRICS_AGAIN_MS = 5000,

    /* From the wish to stop to the end, whatever peers, clients and disk do meanwhile. */
    PUMP_STOP_MS = 3000,

    /* One call to the disk that does not come back for so long hangs: twice what the kernel gives a
     * disk for one command by default. What is slow, but goes on, may take as long as it likes. */
    WATCHDOG_CALL_MS = 60000,

    /* What `systemctl status` shows is at most so old: short for who looks, and with a wakeup only
     * where something has happened. */
    STATUS_LINE_MS = 1000,

    /* When everybody is told that a disk does not answer: one that is only slow takes less for one
     * call. */
    DISK_SILENT_MS = 5000,

    /* How often the log says what others can make happen a thousand times a second. */
    QUIET_S = 60,

    /* Whoever takes lines of the daemon's own log, and has no room at the moment, is waited for,
     * but no longer than this in each second: it is for bursts. */
    LOG_PATIENCE_MS = 50,

    /* Entries on their way to the journal, as far as the system allows: what sd_journal_send(3)
     * asks for, too. */
    JOURNAL_BUFFER_BYTES = 8 << 20,

    /* At the end the journal gets so long to look at the last lines: it takes less than one. */
    JOURNAL_FLUSH_MS = 1000,

    /* A line of the daemon's own log is cut here. */
    LOG_LINE_MAX = 2048,

    /* Keys that are accepted at once: they are looked through one by one. */
    ACCEPT_FROM_MAX = 1024,

    /* How long a request for a chat stays open, by default and at most. */
    REQUEST_TIMEOUT_S = 600,
    REQUEST_TIMEOUT_MAX_S = 30 * 24 * 3600,

    /* Messages that wait for one peer, by default and at most (p2pchatd.conf(5), Limits). */
    OUTBOX_MESSAGES_MAX = 1000000,
    OUTBOX_MESSAGES_TOP = 1000000000
};

/* When doctor warns: a message of a kilobyte each second fills so much in less than a day; and the
 * state directory holds about as many files. */
#define DISK_FREE_LOW        (UINT64_C(64) << 20)
#define DISK_FREE_INODES_LOW UINT64_C(16)

/* No clock that is right shows less: 2024-01-01. */
#define CLOCK_SANE_FROM_MS INT64_C(1704067200000)

/* The log's size. An empty one has a hundred thousand bytes, and one message may have as many. */
#define RETAIN_BYTES_BOTTOM (UINT64_C(256) << 10)
#define RETAIN_BYTES_TOP    (UINT64_C(1) << 50)

/* Their text. At least one message of the largest size must fit. */
#define OUTBOX_BYTES_MAX    (UINT64_C(1) << 30)
#define OUTBOX_BYTES_BOTTOM (UINT64_C(64) << 10)
#define OUTBOX_BYTES_TOP    (UINT64_C(1) << 40)

#endif
