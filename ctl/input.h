/* A message from standard input. */
#ifndef P2PCHAT_CTL_INPUT_H
#define P2PCHAT_CTL_INPUT_H

#include <stddef.h>

#include "common/bytes.h"
#include "ctl/outcome.h"

/* Reads `fd` to its end; one final newline is left out. OUTCOME_FAILED when there are more than
 * `bytes_max` bytes, a NUL among them, or reading fails, and `message` says why. The caller frees
 * the text. */
enum outcome input_read(int fd, size_t bytes_max, char **ret_text, struct bytes *message);

#endif
