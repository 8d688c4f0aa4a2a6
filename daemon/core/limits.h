/* Limits of the protocol, each with its reason. A limit that is part of the specification says so;
 * the others are this program's own and may change. */
#ifndef P2PCHAT_DAEMON_CORE_LIMITS_H
#define P2PCHAT_DAEMON_CORE_LIMITS_H

#include <stdint.h>

enum {
    /* --- Inbound carriers before trust (p2pchat-protocol(7), Links) --- */

    /* Carriers whose other end has proved nothing yet. Each may cost 16 KiB of input: 8 MiB at
     * worst. A group of hundreds that comes back at once after a power cut finds a place. */
    DOORMAN_UNPROVED_MAX = 512,

    /* Of those, places (and of each block's tokens, the last ones) that only contacts' known
     * addresses may take: a quarter, by the specification. */
    DOORMAN_CONTACT_SHARE = 4,

    /* Handshakes at once from one address block. Three quarters, 384, for everybody: many honest
     * nodes may share an address (a home, a test on loopback), and one block alone fills the places
     * that are open to all once, but cannot churn them. At 0.2 ms a handshake: 0.1 s of work. */
    DOORMAN_BLOCK_BURST = 512,

    /* Handshakes that one block gets after that, 20 a second: 0.4 % of a processor for each block
     * that floods. At this rate a place lasts 384 / 20 = 19 s on average before it is given away,
     * and a handshake takes less than one. */
    DOORMAN_BLOCK_PER_MINUTE = 20 * 60,

    /* Links to strangers (keys are free) in all, of a node: about 16 KiB each, 16 MiB at worst. */
    DOORMAN_STRANGERS_MAX = 1024,

    /* The same of a tracker, where everybody is one: 256 MiB at worst, beside what waits for them
     * (TRACKER_WAITING_MAX). Nodes keep their link to it; with more of them than that some lose
     * theirs now and then, and come back to renew. */
    DOORMAN_TRACKER_STRANGERS_MAX = 16384,

    /* The share of them that one address block may have: a host with many nodes finds room, and it
     * takes several blocks to shut others out. */
    DOORMAN_BLOCK_SHARE = 4,

    /* Address blocks that are remembered although no carrier comes from them: those whose bucket is
     * not full again, which takes at most 26 s. Beyond that the one unused for longest is
     * forgotten. With the others 40 bytes each and their places in a table: 256 KiB at worst, and
     * 1.2 MiB of a tracker. */
    DOORMAN_IDLE_BLOCKS_MAX = 2560,

    /* --- Links (p2pchat-protocol(7), Links) --- */

    /* From the start of a link to the proof of the other side's key. */
    LINK_PROOF_MS = 10 * 1000,

    /* Renewals of keys that the other side may start: data of 1 GiB take longer on any line, and at
     * one a second they cost less than a thousandth of a processor. */
    LINK_RENEWAL_MS_MIN = 1000,

    /* Frames of a kind or type that we do not know, in a minute: room for a vocabulary to grow, not
     * for a flood of what is parsed and thrown away. */
    LINK_UNKNOWN_PER_MINUTE = 600,

    /* Nothing came in for so long: ask whether somebody is there. Keeps NAT mappings alive too. */
    LINK_PING_MS = 30 * 1000,

    /* Nothing came in for so long, two PINGs included: nobody is there. */
    LINK_SILENCE_MS = 90 * 1000,

    /* Messages that wait while a link is held: two hundred questions, three times what a node has
     * under way. What came in one record with those that were answered may be more. */
    LINK_HELD_MAX = 16 * 1024,

    /* Bodies of frames, and so what a link may make us keep before it can be read. */
    LINK_STRANGER_FRAME_MAX = 16 * 1024,
    LINK_CONTACT_FRAME_MAX = 256 * 1024,

    /* The dialler renews the keys so long after they first carried data, or after so many bytes
     * both ways: who learns the keys of a link reads two minutes of it. */
    KEYS_RENEWAL_MS = 2 * 60 * 1000,
    KEYS_RENEWAL_BYTES = 1 << 30,

    /* A link that was not renewed by then is closed: the dialler does not do its part, or somebody
     * between keeps it from doing so. (And KEYS_USE_BYTES_MAX.) */
    KEYS_USE_MS_MAX = 5 * 60 * 1000,

    /* --- Dialling peers --- */

    /* Dials under way at once: each may race several addresses, and a thousand contacts that are
     * away should cost neither descriptors nor a burst of packets. */
    DIALLER_UNDER_WAY_MAX = 16,

    /* Of those, places that only dials somebody asked for may take: who waits for an answer does
     * not stand in a queue behind peers that are away. */
    DIALLER_URGENT_MAX = 4,

    /* The first dial after a link was lost, or after the start, comes within so long, at random:
     * after a restart peers are back within a second, with what the dial itself takes, and not all
     * of them in the same instant. */
    DIALLER_FIRST_MS = 500,

    /* Then the wait doubles from one second to five minutes: an hour's absence costs 16 dials, and
     * a peer that is back and cannot dial us is found within minutes. */
    DIALLER_WAIT_MS_MIN = 1000,
    DIALLER_WAIT_MS_MAX = 5 * 60 * 1000,

    /* A peer that is only to be told that the chat is over may have blocked us, and then never
     * answers: four dials a day tell it when it does, and are nothing to either side. */
    DIALLER_SELDOM_WAIT_MS_MAX = 6 * 60 * 60 * 1000,

    /* A message that was queued for a peer that is away is worth a look whether it is back: so
     * soon, and so at most six dials a minute, however many are queued. */
    DIALLER_NEWS_MS = 10 * 1000,

    /* Each wait is lengthened or shortened by up to a quarter at random, so that peers that lost
     * each other together do not keep dialling together. */
    DIALLER_JITTER_SHARE = 4,

    /* A link that was up for so long was a good one: the next wait starts from the beginning. One
     * that keeps breaking sooner is treated like dials that fail. */
    DIALLER_STABLE_MS = 60 * 1000,

    /* --- Peer records (p2pchat-protocol(7), Peer records) --- */

    /* What a record may have, by the specification: small enough that a node keeps thousands, with
     * room for every address that a host is likely to have. */
    PEER_RECORD_BYTES_MAX = 400,
    PEER_RECORD_ADDRESSES_MAX = 8,
    PEER_RECORD_VIA_MAX = 3,

    /* What is kept for each contact of what its last dial found: the words about three or four
     * addresses. */
    CONTACT_TRIED_MAX = 300,

    /* Trackers that a node registers with: a link is kept to each, and each is asked for every
     * name.
     */
    TRACKERS_MAX = 16,

    /* How long a record holds: a day, so that a node that is gone is forgotten soon; at most a
     * week, by the specification. */
    PEER_RECORD_LIFETIME_S = 24 * 60 * 60,
    PEER_RECORD_LIFETIME_S_MAX = 7 * 24 * 60 * 60,

    /* Clocks differ: a record may be issued so far ahead of ours, by the specification. */
    PEER_RECORD_AHEAD_MS_MAX = 10 * 60 * 1000,

    /* --- A tracker's classic peers (p2pchat-protocol(7), The classic dialect) --- */

    /* Classic peers on the list at once: the original tells of itself once, when it starts, and one
     * list shows some fifty. 600 bytes each, 2.4 MiB at worst. */
    CLASSIC_REGISTERED_MAX = 4096,

    /* Of those, from one address block: nothing but the address tells them apart, and it takes many
     * to shut others out. */
    CLASSIC_REGISTERED_BLOCK_MAX = 64,

    /* How long a classic peer stays that says nothing: it never registers again by itself, and may
     * have gone without a word. */
    CLASSIC_REGISTERED_MS = 24 * 60 * 60 * 1000,

    /* Peers with a key that classic ones are shown: more than anybody pages through, fifty at a
     * time. 9 MiB at worst. */
    CLASSIC_KEYED_MAX = 16384,

    /* --- The tracker (p2pchat-protocol(7), The tracker) --- */

    /* A registration that is not renewed ends after so long, by the specification: nodes renew it
     * every two minutes, so that one that is lost does no harm. */
    REGISTRATION_MS = 5 * 60 * 1000,

    /* Registrations in all: some 100 MiB with names and records of usual length, 330 MiB with the
     * longest. And of one address block: a host
     * with many nodes finds room, and it takes hundreds of addresses to fill the tracker. */
    REGISTRY_MAX = 262144,
    REGISTRY_BLOCK_MAX = 512,

    /* Names that one link may claim in a minute: each is written to the disk, which a renewal is
     * not. */
    NAME_CHANGES_PER_MINUTE = 10,

    /* Registrations that end in one turn, and the pause until the next: when a tracker slept, or a
     * network was cut, a hundred thousand may be due at once. */
    REGISTRY_ENDS_MAX = 256,
    REGISTRY_PAUSE_MS = 10,

    /* A tracker's dials back: so long each, as who can be reached answers at once; and so many at
     * one time, each with a descriptor. Who finds no place is dialled when it renews. */
    DIAL_BACK_MS = 5 * 1000,
    DIAL_BACKS_MAX = 256,

    /* --- Sessions --- */

    /* A destination that only a peer's record names is dialled once a minute, by the specification;
     * so many are remembered, those that share a place in sets of so many. 8 KiB. */
    RECENT_DIAL_MS = 60 * 1000,
    RECENT_DIALS_MAX = 512,
    RECENT_DIALS_SET = 8,

    /* What the shell buffers of one carrier's output: two windows of the largest socket buffer that
     * a kernel gives by default would be no faster. */
    CARRIER_ROOM = 256 * 1024,

    /* The same of each link at a tracker, where everybody is a stranger: two of the largest
     * answers. Control messages go out although a carrier is full, up to as much again: a peer that
     * asks and does not read what it is answered is sent away. */
    TRACKER_ROOM = 32 * 1024,

    /* What waits of all links of a tracker together, answers that are not read and questions behind
     * them: whoever would add to more is sent away. */
    TRACKER_WAITING_MAX = 64 * 1024 * 1024,

    /* The shell tells of room that grew by so much. Less than that may wait in truth or not, and is
     * not counted: 64 MiB at worst, of all the links that a tracker has. */
    CARRIER_ROOM_NEWS = 4 * 1024,

    /* A proved stranger with no request open is sent away: time enough to be asked something. */
    STRANGER_IDLE_MS = 30 * 1000,

    /* A chat.request whose peer has not said HELLO by then is `unreachable`: the dial's own bound
     * of 30 s and a handshake. */
    ATTEMPT_MS = 40 * 1000,

    /* chat.request calls under way at once. */
    ATTEMPTS_MAX = 64,

    /* Instances of one key that displace each other so often within the window are a cloned
     * identity, by the specification. */
    INSTANCES_DISPLACED_MAX = 3,
    INSTANCES_WINDOW_MS = 10 * 60 * 1000,

    /* Our own record is valid for a day, by the specification, and made anew at half of that. */
    RECORD_LIFETIME_S = 24 * 60 * 60,

    /* When the clock was set by more than this since our record was made, it is made anew: others
     * believe one that is issued PEER_RECORD_AHEAD_MS_MAX ahead, and clocks that are kept in order
     * move by seconds. */
    RECORD_CLOCK_MS_MAX = 5 * 60 * 1000,

    /* --- Trackers, as a node uses them (p2pchat-protocol(7), The tracker) --- */

    /* A registration holds for 5 minutes: renewed every two, less up to a quarter at random, one
     * renewal may be lost; and a tracker that was away is back in touch within one. */
    TRACKER_RENEWAL_MS = 2 * 60 * 1000,
    TRACKER_JITTER_SHARE = 4,

    /* A tracker that has not answered REGISTER by then has no time for us, or is stuck. */
    TRACKER_ANSWER_MS = 20 * 1000,

    /* EXIT_NETWORK is answered when it is done; whoever waits for that waits no longer. */
    TRACKER_LEAVE_MS = 3 * 1000,

    /* A call of register or exit_network is answered with how things stand by then; and so many
     * may wait. */
    TRACKER_CALL_MS = 10 * 1000,
    TRACKER_CALLS_MAX = 64,

    /* A tracker that has not dialled us back so long after it saw us cannot. */
    TRACKER_REACHES_MS = 15 * 1000,

    /* A look-up asks each tracker once, and waits for the slowest no longer: a person waits. */
    LOOKUP_MS = 3 * 1000,
    LOOKUPS_MAX = 64,
    LOOKUP_PARTS_MAX = 2 * TRACKERS_MAX, /* as many as configured, and as many as added by hand;
                                            of more, which earlier configurations left, the first */

    /* Of those, the ones for contacts that may have moved: not in the way of who waits. And a
     * contact that is away is asked for once a minute at most; as it is dialled ever less often,
     * soon only every five. */
    SEEKS_MAX = 16,
    SEEK_MS = 60 * 1000,

    /* What listpeer returns when nobody says how much. */
    LIST_PAGE = 100,

    /* Keys whose highest sequence is remembered, so that older records are seen to be old. 16 bytes
     * each. In sets, so that a key is not forgotten for one other that falls on the same place. */
    SEEN_RECORDS_MAX = 2048,
    SEEN_RECORDS_SET = 8,

    /* Addresses of classic peers on lists: as many as a person looks through, and for as long as
     * one has what listpeer said on the screen. 16 bytes each. */
    LISTED_CLASSIC_MAX = 1024,
    LISTED_CLASSIC_MS = 60 * 60 * 1000,

    /* --- Requests --- */

    /* Strangers' requests that wait for an answer, in all: what a person could still look through;
     * and from one address block. Beyond that the oldest goes. */
    REQUESTS_MAX = 256,
    REQUESTS_BLOCK_MAX = 32,

    /* The same in all of classic peers, who prove nothing: they have places of their own, and make
     * room for each other only. */
    REQUESTS_CLASSIC_MAX = 64,

    /* A request that expired is remembered for so long, so that a late answer is told why it does
     * nothing. */
    REQUEST_REMEMBERED_MS = 10 * 60 * 1000,

    /* Aliases of strangers that went, which nobody else gets: so that "alice", typed a moment after
     * she gave way to a flood, is not the one who flooded. 16 KiB. */
    RETIRED_ALIASES_MAX = 1024,

    /* How often the remaining time of open requests is written down: a crash gives them at most so
     * much more. */
    REQUESTS_STORE_MS = 60 * 1000,

    /* Log rows that strangers may cause: one for each kind and address block in so long, by the
     * specification. */
    RATION_MS = 60 * 1000,

    /* Blocks whose last row is remembered for that, of each of three kinds. 24 KiB. */
    RATIONS_MAX = 256,

    /* --- The classic dialect (p2pchat-protocol(7), The classic dialect) --- */

    /* From the beginning of a connection to the end of its object, by the specification. */
    CLASSIC_READ_MS = 10 * 1000,

    /* What was written, and is not refused by then, has been sent, by the specification. */
    CLASSIC_SENT_MS = 3 * 1000,

    /* Host names that others gave and that are being looked up: an eighth of all for one address
     * block, so that it takes several to keep the rest waiting. */
    CLASSIC_QUESTIONS_BLOCK_MAX = 8,

    /* Answers on their way to who asked for them (the list, a registration), each with a dial; in
     * all, and to one address block. Beyond that block's share they are not given; when all places
     * are taken the oldest gives way, so that nobody holds them against others. */
    CLASSIC_ANSWERS_MAX = 256,
    CLASSIC_ANSWERS_BLOCK_MAX = 4,

    /* The dial of one: who asked a moment ago is there. */
    CLASSIC_ANSWER_DIAL_MS = 5 * 1000,

    /* Dials, twelve hours of them, that tell a classic peer that the chat is over; then it is left
     * alone. */
    CLASSIC_DISCONNECT_TRIES_MAX = 16,

    /* A server of the classic dialect that has not answered by then does not, or cannot. */
    CLASSIC_ANSWER_MS = 4 * 1000,

    /* One that is away is asked again so soon, and then ever less often, until it is as often as a
     * renewal is due. */
    CLASSIC_SERVER_RETRY_MS = 5 * 1000,

    /* How often the time at which a classic peer was last heard of, or reached, is written down. */
    CLASSIC_SEEN_MS = 60 * 1000,

    /* A page of contacts ends behind the one with which it has so many bytes: with that one, and
     * what stands around it, an answer stays within a line of 1 MiB. */
    LIST_BYTES_MAX = 1000 * 1024,

    /* --- Messages between contacts --- */

    /* In flight at most, by the specification. */
    OUTBOX_WINDOW_MESSAGES = 1024,
    OUTBOX_WINDOW_BYTES = 1024 * 1024,

    /* Epochs of ours that are listed on although all of them was acknowledged, for each contact:
     * who restores a database from a copy gets again what the copy does not have, of the time since
     * so many of our starts (a week of daily ones). 96 bytes each here, and as much there. */
    OUTBOX_COMPLETE_MAX = 8,

    /* Epochs of ours that one HAVE lists. With the INBOX_DORMANT_MAX that the other side remembers
     * besides, they are all that it can list in turn (MESSAGE_EPOCHS_MAX). */
    OUTBOX_LISTED_MAX = 56,

    /* Epochs of a contact that are remembered although it no longer lists them: enough for the
     * turns of a database and its copies, so that none of them makes us take a message twice. */
    INBOX_DORMANT_MAX = 8,

    /* Read from the log ahead of what may be sent: enough to keep the window full while the next
     * rows are read. */
    OUTBOX_AHEAD_MESSAGES = 256,
    OUTBOX_AHEAD_BYTES = 256 * 1024,

    /* The credit that a sender has before the first CHAT_ACK, by the specification. */
    CREDIT_FIRST_BYTES = 64 * 1024,

    /* Texts of theirs that wait for the disk, in all: the store's queue; and the share of the free
     * part that one contact gets as credit, so that many can send at once. */
    UNSTORED_BYTES_MAX = 16 * 1024 * 1024,
    CREDIT_SHARE = 8,

    /* After the disk failed it is tried again so soon, then ever less often. */
    STORE_RETRY_MIN_MS = 1000,
    STORE_RETRY_MAX_MS = 30 * 1000,
};

/* The same in bytes: 4 GiB, which does not fit an enumeration. */
#define KEYS_USE_BYTES_MAX (UINT64_C(4) << 30)

#endif
