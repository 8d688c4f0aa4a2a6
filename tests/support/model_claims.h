/* The names of a tracker in memory, with the meaning of daemon/store/claims.h: a part of the model
 * of the store. */
#ifndef P2PCHAT_TESTS_SUPPORT_MODEL_CLAIMS_H
#define P2PCHAT_TESTS_SUPPORT_MODEL_CLAIMS_H

#include "daemon/core/transaction.h"
#include "tests/support/list.h"

/* `claims` is a list of them, empty at first. As their namesakes in the store. */
struct model_claim;

void model_claims_take(struct list *claims, struct claim *claim, uint64_t age_ms);
void model_claims_release(struct list *claims, const struct claim *claim, uint64_t age_ms);
void model_claims_release_all(struct list *claims, uint64_t age_ms);
void model_claims_trim(struct list *claims, uint64_t age_ms); /* all that are over */
void model_claims_done(struct list *claims);

#endif
