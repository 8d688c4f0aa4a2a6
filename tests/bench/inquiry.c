#include "tests/bench/inquiry.h"

#include <poll.h>
#include <stdio.h>
#include <stdlib.h>

#include "common/alloc.h"
#include "tests/bench/bench.h"

enum { WAIT_MS = 10000 /* for anything to happen */ };

/* How far one guest is, in its own questions. */
struct course {
    const struct inquiry *inquiry;
    size_t place, asked, answered;
};

/* Of `count` questions, those that go over that guest. */
static size_t share(const struct inquiry *inquiry, size_t place)
{
    return (inquiry->count - place + inquiry->guest_count - 1) / inquiry->guest_count;
}

static size_t number_of(const struct course *course, size_t nth)
{
    return nth * course->inquiry->guest_count + course->place;
}

/* Half a window at once, as one who has much to ask does: many questions fit into one record. */
static void ask_more(struct course *course)
{
    const struct inquiry *inquiry = course->inquiry;
    size_t end = course->answered + inquiry->window;

    if (end > share(inquiry, course->place))
        end = share(inquiry, course->place);
    if (course->asked - course->answered > inquiry->window / 2)
        return;
    for (; course->asked < end; course->asked++)
        inquiry->ask(inquiry->context, number_of(course, course->asked),
                     &inquiry->guests[course->place]);
}

static void hear(void *context, struct guest *guest, enum message_type type,
                 const struct json *data)
{
    struct course *course = context;
    const struct inquiry *inquiry = course->inquiry;

    (void)guest;
    if (!inquiry->is_answer(inquiry->context, number_of(course, course->answered), type, data)) {
        fprintf(stderr, "benchmark: a wrong answer: %s\n", message_row(type)->name);
        exit(EXIT_FAILURE);
    }
    course->answered++;
}

static void wait_for(struct pollfd *fds, size_t count)
{
    if (poll(fds, count, WAIT_MS) > 0)
        return;
    fprintf(stderr, "benchmark: questions are not answered\n");
    exit(EXIT_FAILURE);
}

static struct pollfd *watch(const struct guest *guests, size_t count)
{
    struct pollfd *fds = xcalloc(count, sizeof *fds);

    for (size_t i = 0; i < count; i++)
        fds[i] = (struct pollfd){.fd = guests[i].fd, .events = POLLIN};
    return fds;
}

static struct inquiry_cost look(const struct subject *subject)
{
    return (struct inquiry_cost){.wall_s = bench_seconds(),
                                 .processor_s = subject_processor_s(subject),
                                 .client_s = bench_own_seconds()};
}

struct inquiry_cost inquire(const struct inquiry *inquiry)
{
    struct course *courses = xcalloc(inquiry->guest_count, sizeof *courses);
    struct pollfd *fds = watch(inquiry->guests, inquiry->guest_count);
    struct inquiry_cost start = look(inquiry->subject), end;
    size_t left = inquiry->guest_count; /* who still waits for an answer */

    for (size_t i = 0; i < inquiry->guest_count; i++) {
        courses[i] = (struct course){.inquiry = inquiry, .place = i};
        ask_more(&courses[i]);
        guest_send(&inquiry->guests[i]);
    }
    while (left > 0) {
        wait_for(fds, inquiry->guest_count);
        for (size_t i = 0; i < inquiry->guest_count; i++) {
            if (fds[i].revents == 0)
                continue;
            guest_receive(&inquiry->guests[i], hear, &courses[i]);
            ask_more(&courses[i]);
            guest_send(&inquiry->guests[i]);
            if (courses[i].answered < share(inquiry, i))
                continue;
            fds[i].fd = -1;
            left--;
        }
    }
    end = look(inquiry->subject);
    free(courses);
    free(fds);
    return (struct inquiry_cost){.wall_s = end.wall_s - start.wall_s,
                                 .processor_s = end.processor_s - start.processor_s,
                                 .client_s = end.client_s - start.client_s};
}

static void be_greeted(void *context, struct guest *guest, enum message_type type,
                       const struct json *data)
{
    (void)guest;
    (void)data;
    *(bool *)context |= type == MESSAGE_HELLO;
}

void inquiry_greet(struct guest *guests, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        struct pollfd readable = {.fd = guests[i].fd, .events = POLLIN};
        for (bool is_greeted = false; !is_greeted;) {
            wait_for(&readable, 1);
            guest_receive(&guests[i], be_greeted, &is_greeted);
        }
    }
}
