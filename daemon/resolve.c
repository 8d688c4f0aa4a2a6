#include "daemon/resolve.h"

#include <event2/dns.h>
#include <event2/event.h>
#include <event2/util.h>
#include <stdlib.h>
#include <sys/queue.h>
#include <sys/stat.h>

#include "common/alloc.h"
#include "daemon/limits.h"

struct lookup {
    struct resolver *resolver;
    struct evdns_getaddrinfo_request *request; /* NULL: answered before resolver_ask returned */
    resolve_done *done;                        /* NULL: cancelled */
    void *context;
    LIST_ENTRY(lookup) all;
};

LIST_HEAD(lookup_list, lookup);

/* What a file was when it was read. */
struct file_stamp {
    struct timespec changed;
    ino_t inode;
};

struct resolver {
    struct event_base *base;
    struct evdns_base *dns; /* NULL: not needed yet */
    struct file_stamp servers, hosts;
    struct lookup_list lookups;
};

static const char servers_path[] = "/etc/resolv.conf";
static const char hosts_path[] = "/etc/hosts";

static struct file_stamp stamp_of(const char *path)
{
    struct stat st;

    if (stat(path, &st) < 0)
        return (struct file_stamp){.inode = 0};
    return (struct file_stamp){.changed = st.st_mtim, .inode = st.st_ino};
}

static bool stamp_equal(struct file_stamp a, struct file_stamp b)
{
    return a.inode == b.inode && a.changed.tv_sec == b.changed.tv_sec &&
           a.changed.tv_nsec == b.changed.tv_nsec;
}

/* Reads resolv.conf and hosts, and reads them again when they changed (a laptop that moved) and
 * nobody waits for an answer. Without resolv.conf the server is on this host (resolv.conf(5)). */
static void bring_up_to_date(struct resolver *resolver)
{
    struct file_stamp servers = stamp_of(servers_path), hosts = stamp_of(hosts_path);

    if (resolver->dns != NULL && stamp_equal(servers, resolver->servers) &&
        stamp_equal(hosts, resolver->hosts))
        return;
    if (resolver->dns != NULL && !LIST_EMPTY(&resolver->lookups))
        return;
    if (resolver->dns != NULL)
        evdns_base_free(resolver->dns, 0);
    resolver->dns = evdns_base_new(resolver->base, EVDNS_BASE_DISABLE_WHEN_INACTIVE);
    must(resolver->dns != NULL);
    /* Its result says only that a file is missing; then there are defaults. */
    (void)evdns_base_resolv_conf_parse(resolver->dns, DNS_OPTIONS_ALL, servers_path);
    if (evdns_base_count_nameservers(resolver->dns) == 0)
        (void)evdns_base_nameserver_ip_add(resolver->dns, "127.0.0.1");
    resolver->servers = servers;
    resolver->hosts = hosts;
}

static void lookup_free(struct lookup *lookup)
{
    LIST_REMOVE(lookup, all);
    free(lookup);
}

static enum error error_of(int result, size_t count)
{
    if (result == 0)
        return count > 0 ? OK : ERR_NOT_FOUND;
    return result == EVUTIL_EAI_NONAME || result == EVUTIL_EAI_NODATA ? ERR_NOT_FOUND
                                                                      : ERR_TIMED_OUT;
}

static void on_answer(int result, struct evutil_addrinfo *found, void *context)
{
    struct socket_address addresses[DIAL_PER_ANSWER_MAX];
    struct lookup *lookup = context;
    size_t count = 0;

    for (const struct evutil_addrinfo *a = found; a != NULL && count < DIAL_PER_ANSWER_MAX;
         a = a->ai_next) {
        if (result == 0 && socket_address_from(a->ai_addr, &addresses[count]))
            count++;
    }
    if (found != NULL)
        evutil_freeaddrinfo(found);
    if (lookup->done != NULL)
        lookup->done(lookup->context, error_of(result, count), addresses, count);
    if (lookup->request != NULL)
        lookup_free(lookup);
    else
        lookup->done = NULL; /* resolver_ask has not returned and frees it */
}

struct lookup *resolver_ask(struct resolver *resolver, const char *name, sa_family_t family,
                            resolve_done *done, void *context)
{
    const struct evutil_addrinfo hints = {.ai_family = family, .ai_socktype = SOCK_STREAM};
    struct lookup *lookup = xcalloc(1, sizeof(*lookup));

    bring_up_to_date(resolver);
    *lookup = (struct lookup){.resolver = resolver, .done = done, .context = context};
    LIST_INSERT_HEAD(&resolver->lookups, lookup, all);
    lookup->request = evdns_getaddrinfo(resolver->dns, name, NULL, &hints, on_answer, lookup);
    if (lookup->request != NULL)
        return lookup;
    must(lookup->done == NULL); /* answered already */
    lookup_free(lookup);
    return NULL;
}

void lookup_cancel(struct lookup *lookup)
{
    lookup->done = NULL;
    evdns_getaddrinfo_cancel(lookup->request); /* on_answer is still called, and frees it */
}

struct resolver *resolver_new(struct event_base *base)
{
    struct resolver *resolver = xcalloc(1, sizeof(*resolver));

    resolver->base = base;
    LIST_INIT(&resolver->lookups);
    return resolver;
}

void resolver_free(struct resolver *resolver)
{
    struct lookup *lookup;

    if (resolver == NULL)
        return;
    if (resolver->dns != NULL)
        evdns_base_free(resolver->dns, 0);
    while ((lookup = LIST_FIRST(&resolver->lookups)) != NULL)
        lookup_free(lookup);
    free(resolver);
}
