/* How p2pchatctl ends: its exit statuses, p2pchatctl(1). */
#ifndef P2PCHAT_CTL_OUTCOME_H
#define P2PCHAT_CTL_OUTCOME_H

enum outcome {
    OUTCOME_DONE = 0,
    OUTCOME_FAILED = 1,    /* the daemon refused or failed, or we could not say what it answered */
    OUTCOME_USAGE = 2,     /* the command line makes no sense */
    OUTCOME_NO_DAEMON = 3, /* nothing answers on the socket */
    OUTCOME_RAN_OUT = 4,   /* --wait or --timeout */
    OUTCOME_REFUSED = 5    /* by the other side */
};

#endif
