#include "daemon/diagnosis.h"

#include <errno.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "common/alloc.h"
#include "common/format.h"
#include "daemon/limits.h"

void diagnosis_say(struct json_writer *w, const char *check, enum verdict verdict,
                   const char *format, ...)
{
    va_list args;
    char *text;

    va_start(args, format);
    text = xvasprintf(format, args);
    va_end(args);
    json_write_open(w, '{');
    json_put_string(w, "name", check);
    json_put_bool(w, "ok", verdict == WELL);
    json_put_string(w, "message", text);
    json_write_close(w, '}');
    free(text);
}

/* --- Disk --- */

/* The log itself: what it met last counts more than what is free. */
static bool say_log(struct json_writer *w, const char *directory, const struct diagnosis_log *log)
{
    if (log->is_silent) {
        diagnosis_say(
            w, "disk", PROBLEM,
            "where %s is, %s: until it does, what needs the log waits; look at it (dmesg)",
            directory, log->reason);
        return true;
    }
    switch (log->state) {
    case STORE_OK:
        if (log->is_lost)
            diagnosis_say(w, "disk", PROBLEM,
                          "%s/p2pchat.db was moved, replaced or removed: the daemon goes on with "
                          "the one that it has open, which the next start does not find; move it "
                          "back, or before you restart save what there is (history --export)",
                          directory);
        else if (log->demands_check)
            diagnosis_say(w, "disk", PROBLEM,
                          "pages of the log were damaged: restart the daemon, which checks all of "
                          "it; p2pchatd(8) says how to bring it back from a copy");
        return log->is_lost || log->demands_check;
    case STORE_FULL:
        diagnosis_say(w, "disk", PROBLEM,
                      "there is no room for the log (%s): nothing is taken until there is; remove "
                      "what is not needed there, or make the file system larger",
                      log->reason);
        return true;
    case STORE_FAILING:
        diagnosis_say(w, "disk", PROBLEM, "the log fails (%s): look at the disk (dmesg), %s",
                      log->reason,
                      log->demands_check ? "then restart the daemon, which checks the database"
                                         : "the daemon goes on by itself when it works again");
        return true;
    }
    must(!"a state");
}

void diagnosis_disk(struct json_writer *w, const char *directory, const struct diagnosis_log *log,
                    const struct vital_disk *disk)
{
    char free[FORMAT_SIZE_MAX], size[FORMAT_SIZE_MAX];

    if (say_log(w, directory, log))
        return;
    format_size((double)disk->free_bytes, free);
    format_size((double)disk->size_bytes, size);
    if (disk->error != 0)
        diagnosis_say(w, "disk", PROBLEM, "%s cannot be looked at: %s", directory,
                      strerror(disk->error));
    else if (disk->is_read_only)
        diagnosis_say(w, "disk", PROBLEM,
                      "the file system of %s can only be read: look why (dmesg), and mount it for "
                      "writing",
                      directory);
    else if (disk->free_bytes < DISK_FREE_LOW)
        diagnosis_say(w, "disk", PROBLEM,
                      "%s are free of %s where %s is: nothing is taken when none is; make room%s",
                      free, size, directory,
                      log->can_be_trimmed ? ", or have less kept ([Store] RetainBytes=)" : "");
    else if (disk->inodes > 0 && disk->free_inodes < DISK_FREE_INODES_LOW)
        diagnosis_say(w, "disk", PROBLEM,
                      "%" PRIu64 " more files can be made where %s is: remove some there",
                      disk->free_inodes, directory);
    else
        diagnosis_say(w, "disk", WELL, "the log works; %s are free of %s where %s is", free, size,
                      directory);
}

/* --- Clock --- */

void diagnosis_clock(struct json_writer *w, const struct vital_clock *clock)
{
    if (clock->unix_ms < CLOCK_SANE_FROM_MS)
        diagnosis_say(w, "clock", PROBLEM,
                      "it shows a time before this program was made: set it, and have it kept "
                      "right (timedatectl set-ntp true); peers do not believe what we sign by it");
    else if (!clock->is_known)
        diagnosis_say(w, "clock", WELL,
                      "the time looks right; whether something keeps it right cannot be asked "
                      "within the unit's filter of system calls, but timedatectl tells");
    else if (!clock->is_synchronised)
        diagnosis_say(w, "clock", WELL,
                      "the time looks right, but nothing keeps it right: install "
                      "systemd-timesyncd, or another client of NTP");
    else
        diagnosis_say(w, "clock", WELL, "it is kept right by a time server");
}

/* --- Limits --- */

void diagnosis_limits(struct json_writer *w, const struct vital_limits *limits)
{
    char memory[FORMAT_SIZE_MAX];
    const uint64_t low = limits->descriptors_max / 10;
    const uint64_t most =
        limits->descriptors_max - (low > DESCRIPTORS_LEFT_LOW ? low : DESCRIPTORS_LEFT_LOW);

    if (limits->descriptors_max <= DESCRIPTORS_LEFT_LOW || limits->descriptors > most)
        diagnosis_say(w, "limits", PROBLEM,
                      "%" PRIu64 " of %" PRIu64
                      " descriptors are open: who connects next is turned away; allow more "
                      "(LimitNOFILE= of the unit, ulimit -n) and restart",
                      limits->descriptors, limits->descriptors_max);
    else
        diagnosis_say(w, "limits", WELL,
                      "%" PRIu64 " of %" PRIu64 " descriptors are open; %s of memory are used",
                      limits->descriptors, limits->descriptors_max,
                      format_size((double)limits->memory_bytes, memory));
}

/* --- Listening --- */

void diagnosis_listening(struct json_writer *w, const struct host_port *bound, int error)
{
    static const char check[] = "listening";
    char at[ADDRESS_HOST_PORT_MAX + 1];

    host_port_format(bound, at);
    if (error == 0)
        diagnosis_say(w, check, WELL, "%s accepts", at);
    else if (error == EINVAL) /* a link-local address, without its interface */
        diagnosis_say(w, check, WELL, "%s is bound; it cannot be tried from here", at);
    else if (error == EMFILE || error == ENFILE)
        diagnosis_say(w, check, PROBLEM,
                      "%s was not tried: %s: allow more descriptors (LimitNOFILE= of the unit)", at,
                      strerror(error));
    else if (error == EADDRNOTAVAIL || error == ENETUNREACH || error == EHOSTUNREACH)
        diagnosis_say(w, check, PROBLEM,
                      "%s is bound, but this host has that address no more (%s): give it back, or "
                      "listen elsewhere ([Node] Listen=) and restart",
                      at, strerror(error));
    else
        diagnosis_say(w, check, PROBLEM,
                      "%s is bound, but does not accept from this host itself (%s): look at the "
                      "packet filter (nft list ruleset)",
                      at, strerror(error));
}

/* --- Names --- */

void diagnosis_name(struct json_writer *w, const char *name, const char *whose, enum error error,
                    const char *found)
{
    static const char check[] = "dns";

    if (error == OK)
        diagnosis_say(w, check, WELL, "%s, %s, is %s", name, whose, found);
    else if (error == ERR_NOT_FOUND)
        diagnosis_say(w, check, PROBLEM,
                      "%s, %s, has no address: look whether the name is written right, and is in "
                      "the DNS (getent hosts %s)",
                      name, whose, name);
    else
        diagnosis_say(w, check, PROBLEM,
                      "%s, %s: no name server answers: look at /etc/resolv.conf, and whether what "
                      "it names is reached from here",
                      name, whose);
}

/* --- Trackers --- */

/* One that is away, by who was met instead. */
static void say_away(struct json_writer *w, const struct node_tracker *t)
{
    switch (t->met) {
    case DIAL_MET_NOBODY:
        diagnosis_say(w, "trackers", PROBLEM,
                      "%s is not reached (%s): look whether it runs, whether its address is right, "
                      "and whether a firewall lets us connect to it; it is tried again and again",
                      t->address, t->error);
        break;
    case DIAL_MET_OURSELVES:
        diagnosis_say(
            w, "trackers", PROBLEM,
            "%s is no tracker (%s): give the address of one ([Tracker] Use=, 'register'); "
            "a tracker on this host listens on a port of its own, 28471",
            t->address, t->error);
        break;
    case DIAL_MET_OTHER:
        diagnosis_say(w, "trackers", PROBLEM,
                      "%s is not reached (%s): compare p2pchat.network-key on both sides, and look "
                      "whether its address and peer id are still these; it is tried again and "
                      "again",
                      t->address, t->error);
        break;
    }
}

/* What to do about a tracker, by the state it is in. */
static void say_tracker(struct json_writer *w, const struct node_tracker *t)
{
    switch (t->state) {
    case TRACKER_OFF:
        diagnosis_say(w, "trackers", WELL,
                      "%s is not used, as 'exit network' wanted; 'register' uses it again",
                      t->address);
        break;
    case TRACKER_CONNECTING:
        diagnosis_say(w, "trackers", WELL, "%s has not answered yet: ask again in a minute",
                      t->address);
        break;
    case TRACKER_REGISTERED:
        diagnosis_say(w, "trackers", WELL, "%s lists this node", t->address);
        break;
    case TRACKER_NAME_TAKEN:
        diagnosis_say(w, "trackers", PROBLEM,
                      "%s lists another key under our name (%s): choose another, with 'register "
                      "NAME' or [Node] Name=",
                      t->address, t->error);
        break;
    case TRACKER_FAILED:
        diagnosis_say(w, "trackers", PROBLEM,
                      "%s does not list us (%s): look whether this is the address of a tracker, "
                      "and ask who runs it",
                      t->address, t->error);
        break;
    case TRACKER_AWAY:
        say_away(w, t);
        break;
    }
}

void diagnosis_trackers(struct json_writer *w, const struct node *node)
{
    struct node_tracker tracker;
    size_t count = 0;

    for (; node_tracker(node, count, &tracker); count++)
        say_tracker(w, &tracker);
    if (count == 0)
        diagnosis_say(w, "trackers", WELL,
                      "none is used: others find this node by its address only; [Tracker] Use= "
                      "names one");
}

/* --- Reachability --- */

/* By what trackers say that tried. One that has reached us proves it. */
static void say_not_reached(struct json_writer *w, const struct node_tracker *tracker,
                            size_t advertise_count)
{
    if (advertise_count > 0)
        diagnosis_say(w, "reachability", WELL,
                      "%s sees us at %s and does not reach us there; nobody has told whether what "
                      "we advertise leads here: try it from outside",
                      tracker->address, tracker->seen);
    else
        diagnosis_say(w, "reachability", PROBLEM,
                      "%s sees us at %s and does not reach us there: let our port through the "
                      "firewall and the router (port forwarding), or say with [Node] Advertise= "
                      "where we are reached; until then only those talk to us whom we reach",
                      tracker->address, tracker->seen);
}

void diagnosis_reachability(struct json_writer *w, const struct node *node, size_t advertise_count)
{
    struct node_tracker tracker, best = {.reached = NODE_REACHED_UNKNOWN};

    for (size_t i = 0; node_tracker(node, i, &tracker); i++) {
        if (tracker.reached > best.reached)
            best = tracker;
    }
    switch (best.reached) {
    case NODE_REACHED_UNKNOWN:
        diagnosis_say(w, "reachability", WELL,
                      "nobody has told whether this node is reached from outside: a tracker would");
        break;
    case NODE_REACHED_NO:
        say_not_reached(w, &best, advertise_count);
        break;
    case NODE_REACHED_YES:
        diagnosis_say(w, "reachability", WELL, "%s reaches us%s%s", best.address,
                      best.seen != NULL ? " at " : "", best.seen != NULL ? best.seen : "");
        break;
    }
}
