/* The methods that are answered around the core: the SHELL rows of common/api.def. */
#ifndef P2PCHAT_DAEMON_METHODS_H
#define P2PCHAT_DAEMON_METHODS_H

#include "daemon/call.h"

/* What answers a call whose parameters were checked, from a client that is allowed to make it. The
 * arguments are borrowed while it runs. */
struct method {
    const struct answered *(*run)(struct call *call, const struct api_args *args);
};

/* By method; without `run`: the core answers. */
extern const struct method methods[API_METHOD_COUNT];

/* What the daemon knows of itself (methods.c). */
const struct answered *method_identity(struct call *call, const struct api_args *args);
const struct answered *method_status(struct call *call, const struct api_args *args);
const struct answered *method_metrics(struct call *call, const struct api_args *args);
const struct answered *method_reload(struct call *call, const struct api_args *args);
const struct answered *method_shutdown(struct call *call, const struct api_args *args);
const struct answered *method_rpc_discover(struct call *call, const struct api_args *args);

/* What is wrong with it (doctor.c). */
const struct answered *method_doctor(struct call *call, const struct api_args *args);

/* What is in the log (methods_history.c, methods_events.c). */
const struct answered *method_history(struct call *call, const struct api_args *args);
const struct answered *method_events_subscribe(struct call *call, const struct api_args *args);

/* Who reads it under a name (methods_consumers.c). */
const struct answered *method_events_ack(struct call *call, const struct api_args *args);
const struct answered *method_events_consumers(struct call *call, const struct api_args *args);
const struct answered *method_events_forget(struct call *call, const struct api_args *args);

#endif
