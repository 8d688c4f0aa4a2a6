#include "ctl/signals.h"

#include <errno.h>
#include <time.h>
#include <unistd.h>

#include "common/alloc.h"
#include "ctl/clock.h"

enum { GRACE_S = 1 }; /* so long what is being done when a signal comes may take to be done whole */

static volatile sig_atomic_t stop_wanted, stop_overdue;
static bool caught;
static sigset_t at_start, held, admitted; /* what is blocked: before, as a rule, in a wait */

static void on_stop(int number)
{
    (void)number;
    stop_wanted = 1;
    alarm(GRACE_S);
}

/* Again and again: what began to block when the signal had just come does not block for ever. */
static void on_alarm(int number)
{
    (void)number;
    stop_overdue = 1;
    alarm(GRACE_S);
}

static void on_child(int number)
{
    (void)number;
}

static void take_over(int number, void (*handler)(int))
{
    struct sigaction action = {.sa_handler = handler};

    sigfillset(&action.sa_mask);
    must(sigaction(number, &action, NULL) == 0);
    sigaddset(&held, number);
    sigdelset(&admitted, number);
}

void signals_catch(void)
{
    must(sigprocmask(SIG_BLOCK, NULL, &at_start) == 0);
    held = admitted = at_start;
    take_over(SIGINT, on_stop);
    take_over(SIGTERM, on_stop);
    take_over(SIGALRM, on_alarm);
    take_over(SIGCHLD, on_child);
    caught = true;
    signals_hold();
}

bool signals_stop(void)
{
    return stop_wanted != 0;
}

bool signals_stop_overdue(void)
{
    return stop_overdue != 0;
}

bool signals_poll(struct pollfd *descriptors, size_t count, struct mono deadline)
{
    uint64_t left_ms = mono_left_ms(clock_now(), deadline);
    const struct timespec left = {.tv_sec = (time_t)(left_ms / 1000),
                                  .tv_nsec = (long)(left_ms % 1000 * 1000000)};
    const bool for_ever = deadline.ms == MONO_NEVER.ms;
    int ready = ppoll(descriptors, count, for_ever ? NULL : &left, caught ? &admitted : NULL);

    must(ready >= 0 || errno == EINTR || errno == ENOMEM);
    for (size_t i = 0; ready <= 0 && i < count; i++)
        descriptors[i].revents = 0;
    return ready > 0;
}

void signals_admit(void)
{
    if (caught)
        must(sigprocmask(SIG_SETMASK, &admitted, NULL) == 0);
}

void signals_hold(void)
{
    int before = errno;

    if (caught)
        must(sigprocmask(SIG_SETMASK, &held, NULL) == 0);
    errno = before;
}

void signals_hear(void)
{
    signals_admit();
    signals_hold();
}

const sigset_t *signals_at_start(void)
{
    return &at_start;
}
