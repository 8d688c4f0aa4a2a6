#include "daemon/disk_state.h"

#include <inttypes.h>
#include <stdio.h>

#include "daemon/limits.h"
#include "daemon/pump.h"

void disk_state_look(struct pump *pump, struct disk_state *ret_disk)
{
    const uint64_t silent_ms = store_silence_ms(pump->store, pump_now(pump).mono);

    *ret_disk =
        (struct disk_state){.state = store_state(pump->store), .reason = store_reason(pump->store)};
    if (silent_ms < DISK_SILENT_MS)
        return;
    snprintf(ret_disk->silence, sizeof(ret_disk->silence),
             "the disk has not answered for %" PRIu64 " s", silent_ms / 1000);
    ret_disk->state = STORE_FAILING;
    ret_disk->reason = ret_disk->silence;
}
