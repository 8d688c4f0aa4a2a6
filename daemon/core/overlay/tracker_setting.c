#include "daemon/core/overlay/tracker_setting.h"

#include "daemon/core/link/identity.h"

enum error tracker_setting_parse(const char *text, struct tracker_setting *ret_setting)
{
    struct tracker_setting setting;
    struct address place;
    struct peer_key key;
    enum error error;

    if (address_parse(text, &setting.address) != OK || !setting.address.has_host)
        return ERR_INVALID_PARAMS;
    setting.address.name[0] = '\0';
    if (setting.address.peer_id[0] != '\0' &&
        (error = peer_id_decode(setting.address.peer_id, PEER_ID_LENGTH, &key)) != OK)
        return error;
    setting.is_classic = setting.address.is_classic;
    place = setting.address;
    place.peer_id[0] = '\0';
    address_format(&place, setting.text);
    *ret_setting = setting;
    return OK;
}
