#include "daemon/core/overlay/tracker_setting.h"

#include <string.h>

#include "daemon/core/link/identity.h"

static const char classic[] = "classic:";

enum { CLASSIC_LENGTH = sizeof classic - 1 };

_Static_assert(CLASSIC_LENGTH + ADDRESS_HOST_PORT_MAX <= TRACKER_TEXT_MAX,
               "classic addresses are shorter than shareable ones");

/* A host that is called "classic" is written with its port alone: "classic:28471". */
static enum error parse_classic(const char *text, struct tracker_setting *ret_setting)
{
    struct tracker_setting setting = {.is_classic = true, .address.has_host = true};

    if (host_port_parse(text + CLASSIC_LENGTH, PORT_ZERO_REFUSED, &setting.address.at) != OK)
        return ERR_INVALID_PARAMS;
    memcpy(setting.text, classic, CLASSIC_LENGTH);
    host_port_format(&setting.address.at, setting.text + CLASSIC_LENGTH);
    *ret_setting = setting;
    return OK;
}

enum error tracker_setting_parse(const char *text, struct tracker_setting *ret_setting)
{
    struct tracker_setting setting = {.is_classic = false};
    struct peer_key key;
    enum error error;

    if (strncmp(text, classic, CLASSIC_LENGTH) == 0 && strchr(text + CLASSIC_LENGTH, ':') != NULL)
        return parse_classic(text, ret_setting);
    if (address_parse(text, &setting.address) != OK || !setting.address.has_host)
        return ERR_INVALID_PARAMS;
    setting.address.name[0] = '\0';
    if (setting.address.peer_id[0] != '\0' &&
        (error = peer_id_decode(setting.address.peer_id, PEER_ID_LENGTH, &key)) != OK)
        return error;
    address_format(&setting.address, setting.text);
    *ret_setting = setting;
    return OK;
}
