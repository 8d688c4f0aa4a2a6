/* The address of a tracker, as people write it in the configuration and in `register --tracker`:
 *
 *     host:port   PEERID@host:port   p2pchat:PEERID@host:port   classic:host:port
 *
 * The last one is a server of the classic dialect. A tracker is known by its place: with and
 * without the id it is the same one, whose key the id pins. */
#ifndef P2PCHAT_DAEMON_CORE_OVERLAY_TRACKER_SETTING_H
#define P2PCHAT_DAEMON_CORE_OVERLAY_TRACKER_SETTING_H

#include <stdbool.h>

#include "common/address.h"
#include "common/error.h"

enum { TRACKER_TEXT_MAX = ADDRESS_TEXT_MAX };

struct tracker_setting {
    char text[TRACKER_TEXT_MAX + 1]; /* host:port or classic:host:port, which is shown, compared
                                      * and kept */
    struct address address;          /* has a host; maybe a peer id, which pins its key */
    bool is_classic;
};

/* Reads any of the forms above; a name at the end of the shareable form is left out. Also reads
 * what it has written to `text`, which is without the id. ERR_INVALID_PARAMS: none of them; and, of
 * a peer id, the errors of peer_id_decode. */
enum error tracker_setting_parse(const char *text, struct tracker_setting *ret_setting);

#endif
