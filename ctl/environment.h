/* What a command that `watch --exec` runs finds in its environment, p2pchatctl(1). */
#ifndef P2PCHAT_CTL_ENVIRONMENT_H
#define P2PCHAT_CTL_ENVIRONMENT_H

#include "common/json.h"

/* `base` (a list that ends with NULL), but of its P2PCHAT_ variables none; P2PCHAT_SOCKET; and for
 * each member of the event that is a string, a number or a truth P2PCHAT_ and its name in capitals,
 * with the value as it is. Left out: names of other characters than a-z, 0-9 and _, the name
 * "socket", and values that are too long for an environment. For environment_free(). */
char **environment_of(char *const *base, const char *socket, const struct json *event);
void environment_free(char **environment);

#endif
