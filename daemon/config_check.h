/* What no setting shows by itself: whether all that is configured can hold together. The same is
 * asked at a start, whenever the configuration is read again, and by --check-config (p2pchatd(8)).
 */
#ifndef P2PCHAT_DAEMON_CONFIG_CHECK_H
#define P2PCHAT_DAEMON_CONFIG_CHECK_H

#include <stdbool.h>
#include <stdint.h>

#include "common/bytes.h"
#include "daemon/config.h"
#include "daemon/refusal.h"

/* Looks at the settings alone. False: `mistakes` got every one of them, one a line, with where it
 * was set in front. */
bool config_check(const struct config *config, const struct config_place *place,
                  struct bytes *mistakes);

/* The network key, as credential_network_key has it. Refused, as LOG_CREDENTIAL_UNUSABLE: what that
 * refuses, a key beside the classic dialect, and none where the network is closed (78). */
bool config_network_key(const struct config *config, uint8_t **ret_key,
                        struct refusal *ret_refusal);

/* Looks at what systemd hands over, too, as far as it can be seen. False as above. */
bool config_check_credentials(const struct config *config, struct bytes *mistakes);

/* Says of a configuration without mistakes what was not looked at, and what else is worth knowing
 * to whoever checks it as `place` says: one line each. */
void config_remark(const struct config *config, const struct config_place *place,
                   struct bytes *text);

#endif
