#include "tests/bench/talk.h"

#include <errno.h>
#include <poll.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "common/alloc.h"
#include "common/format.h"
#include "tests/bench/bench.h"

enum { READ_MAX = 256 << 10, WAIT_MS = 60000 /* for anything to happen */ };

/* --- Beginning and end --- */

static void make_lines(struct talk *talk, const char *parameters)
{
    char text[TALK_TEXT + 1];

    memset(text, 'x', TALK_TEXT);
    text[TALK_TEXT] = '\0';
    talk->starts = xcalloc(TALK_LINES + 1, sizeof *talk->starts);
    for (int i = 0; i < TALK_LINES; i++) {
        char number[16];
        memcpy(text, number, (size_t)snprintf(number, sizeof number, "%08d", i));
        char *line = xasprintf("{\"jsonrpc\":\"2.0\",\"id\":%d,\"method\":\"chat.message\","
                               "\"params\":{\"peer\":\"subject\",\"text\":\"%s\"%s}}\n",
                               i, text, parameters);
        talk->starts[i] = bytes_length(&talk->lines);
        bytes_text(&talk->lines, line);
        free(line);
    }
    talk->starts[TALK_LINES] = bytes_length(&talk->lines);
}

/* Both have the other as a contact by the time that this returns. */
static void become_contacts(struct talk *talk)
{
    struct subject_status sender = subject_status(&talk->sender);
    char *configuration = xasprintf("[Chat]\nAcceptFrom=%s\n", sender.peer_id);

    subject_start(&talk->receiver, configuration);
    struct subject_status receiver = subject_status(&talk->receiver);
    char *request = xasprintf("{\"to\":\"%s@127.0.0.1:%u\",\"wait\":true}", receiver.peer_id,
                              (unsigned)receiver.port);
    json_free(subject_call(&talk->sender, "chat.request", request));
    free(configuration);
    free(request);
}

void talk_start(struct talk *talk, const char *parameters)
{
    *talk = (struct talk){.events = -1};
    make_lines(talk, parameters);
    subject_start(&talk->sender, "");
    become_contacts(talk);
}

void talk_stop(struct talk *talk)
{
    if (talk->events >= 0)
        close(talk->events);
    subject_stop(&talk->sender);
    subject_stop(&talk->receiver);
    bytes_done(&talk->lines);
    bytes_done(&talk->answers);
    bytes_done(&talk->notices);
    free(talk->starts);
}

void talk_follow(struct talk *talk)
{
    struct subject follower = talk->receiver;
    char *parameters = xasprintf("{\"since\":%llu,\"types\":[\"message.received\"]}",
                                 (unsigned long long)talk->followed_seq);

    talk->events = follower.control = subject_connect(&talk->receiver);
    json_free(subject_call(&follower, "events.subscribe", parameters));
    free(parameters);
}

void talk_part(struct talk *talk)
{
    talk->followed_seq = subject_status(&talk->receiver).last_seq;
    subject_pause(&talk->receiver);
    close(talk->events);
    talk->events = -1;
}

void talk_meet(struct talk *talk)
{
    subject_resume(&talk->receiver);
    talk_follow(talk);
}

/* --- Saying --- */

static size_t smaller(size_t a, size_t b)
{
    return a < b ? a : b;
}

static size_t may_say(const struct talk *talk, size_t end, size_t window, enum talk_pace pace)
{
    size_t done = pace == TALK_TOLD ? smaller(talk->answered, talk->told) : talk->answered;

    return smaller(end, done + window) - talk->said;
}

/* Sends up to `count` lines, as far as the socket takes them. */
static void say(struct talk *talk, size_t count)
{
    size_t first = talk->said % TALK_LINES;
    size_t last = smaller(first + count, TALK_LINES);
    size_t at = talk->starts[first + 1] - talk->line_left;

    if (talk->line_left == 0)
        at = talk->starts[first];
    ssize_t sent = send(talk->sender.control, bytes_data(&talk->lines) + at,
                        talk->starts[last] - at, MSG_DONTWAIT | MSG_NOSIGNAL);
    if (sent < 0 && errno != EAGAIN)
        bench_die("control socket");
    at += sent > 0 ? (size_t)sent : 0;
    while (first < last && talk->starts[first + 1] <= at) {
        first++;
        talk->said++;
    }
    talk->line_left = talk->starts[first] == at ? 0 : talk->starts[first + 1] - at;
}

/* --- Hearing --- */

static void refuse(const char *what, const char *line, size_t length)
{
    fprintf(stderr, "benchmark: %s: %.*s\n", what, (int)length, line);
    exit(EXIT_FAILURE);
}

static void check_answer(struct talk *talk, const char *line, size_t length)
{
    static const char result[] = "\"result\":";

    if (memmem(line, length, result, sizeof result - 1) == NULL)
        refuse("an answer", line, length);
    talk->answered++;
}

static void check_event(struct talk *talk, const char *line, size_t length)
{
    static const char member[] = "\"text\":\"";
    const char *text = memmem(line, length, member, sizeof member - 1);

    if (text == NULL || strtoul(text + sizeof member - 1, NULL, 10) != talk->told % TALK_LINES)
        refuse("an event out of order", line, length);
    talk->told++;
}

/* Reads once, and gives every whole line to `check`. */
static void hear(struct talk *talk, int fd, struct bytes *input,
                 void (*check)(struct talk *talk, const char *line, size_t length))
{
    ssize_t got = read(fd, bytes_reserve(input, READ_MAX), READ_MAX);

    if (got <= 0)
        bench_die("control socket");
    bytes_commit(input, (size_t)got);
    const char *at = (char *)bytes_data(input), *end = at + bytes_length(input), *newline;
    size_t taken = 0;
    for (; (newline = memchr(at, '\n', (size_t)(end - at))) != NULL; at = newline + 1) {
        check(talk, at, (size_t)(newline - at));
        taken += (size_t)(newline - at) + 1;
    }
    bytes_consume(input, taken);
}

static void wait_for_more(struct talk *talk, bool has_more)
{
    struct pollfd fds[] = {
        {.fd = talk->sender.control, .events = (short)(POLLIN | (has_more ? POLLOUT : 0))},
        {.fd = talk->events, .events = POLLIN},
    };

    if (poll(fds, 2, WAIT_MS) <= 0) {
        fprintf(stderr, "benchmark: nothing happens: %zu said, %zu answered, %zu told\n",
                talk->said, talk->answered, talk->told);
        exit(EXIT_FAILURE);
    }
    if ((fds[0].revents & ~POLLOUT) != 0)
        hear(talk, talk->sender.control, &talk->answers, check_answer);
    if (fds[1].revents != 0)
        hear(talk, talk->events, &talk->notices, check_event);
}

/* --- What it takes --- */

static struct talk_cost look(const struct talk *talk)
{
    return (struct talk_cost){
        .wall_s = bench_seconds(),
        .processor_s = subject_processor_s(&talk->sender) + subject_processor_s(&talk->receiver),
        .client_s = bench_own_seconds(),
    };
}

static struct talk_cost since(const struct talk *talk, const struct talk_cost *start)
{
    struct talk_cost now = look(talk);

    return (struct talk_cost){.wall_s = now.wall_s - start->wall_s,
                              .processor_s = now.processor_s - start->processor_s,
                              .client_s = now.client_s - start->client_s};
}

struct talk_cost talk_say(struct talk *talk, size_t count, size_t window, enum talk_pace pace)
{
    struct talk_cost start = look(talk);
    size_t end = talk->said + count;

    while (talk->answered < end || (talk->events >= 0 && talk->told < end)) {
        size_t more = may_say(talk, end, window, pace);
        if (more > 0)
            say(talk, more);
        wait_for_more(talk, may_say(talk, end, window, pace) > 0);
    }
    return since(talk, &start);
}

struct talk_cost talk_listen(struct talk *talk)
{
    struct talk_cost start;

    wait_for_more(talk, false);
    start = look(talk);
    while (talk->told < talk->said)
        wait_for_more(talk, false);
    return since(talk, &start);
}
