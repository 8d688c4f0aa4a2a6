#include "daemon/core/chat/request.h"

#include <stdlib.h>
#include <string.h>

#include "common/address.h"
#include "common/alloc.h"

void requests_done(struct requests *requests, struct timers *timers)
{
    while (requests->first != NULL)
        requests_remove(requests, timers, requests->first);
}

struct request *requests_by_number(const struct requests *requests, uint32_t number)
{
    for (struct request *r = requests->first; r != NULL; r = r->next)
        if (r->row.request == number)
            return r;
    return NULL;
}

struct request *requests_put(struct requests *requests, const struct request_row *row)
{
    struct request *request = requests_by_number(requests, row->request);
    struct request_row copy;
    struct host_port at;

    request_row_copy(&copy, row);
    if (request == NULL) {
        struct request **link = &requests->first;
        while (*link != NULL && (*link)->row.request < row->request)
            link = &(*link)->next;
        request = xcalloc(1, sizeof *request);
        request->next = *link;
        *link = request;
        requests->count++;
    }
    request_row_done(&request->row);
    request->row = copy;
    if (copy.address != NULL && host_port_parse(copy.address, PORT_ZERO_REFUSED, &at) == OK)
        request->block = address_block(at.host);
    if (row->request > requests->last_request)
        requests->last_request = row->request;
    return request;
}

void requests_remove(struct requests *requests, struct timers *timers, struct request *request)
{
    struct request **link = &requests->first;

    while (*link != request)
        link = &(*link)->next;
    *link = request->next;
    requests->count--;
    timers_stop(timers, &request->timer);
    request_row_done(&request->row);
    free(request);
}

struct request *requests_by_id(const struct requests *requests, uint32_t peer,
                               enum direction direction, const uint8_t id[CONSENT_ID_LENGTH])
{
    for (struct request *r = requests->first; r != NULL; r = r->next)
        if (r->row.peer == peer && r->row.direction == direction &&
            memcmp(r->row.id, id, CONSENT_ID_LENGTH) == 0)
            return r;
    return NULL;
}

struct request *requests_pending(const struct requests *requests, uint32_t peer,
                                 enum direction direction)
{
    for (struct request *r = requests->first; r != NULL; r = r->next)
        if (r->row.peer == peer && r->row.direction == direction && r->row.state == REQUEST_PENDING)
            return r;
    return NULL;
}

size_t requests_waiting(const struct requests *requests, uint64_t block, bool is_classic,
                        struct request **ret_oldest)
{
    size_t waiting = 0;
    struct request *oldest = NULL;

    for (struct request *r = requests->first; r != NULL; r = r->next) {
        if (r->row.direction != DIRECTION_IN || r->row.state != REQUEST_PENDING ||
            r->is_classic != is_classic || (block != 0 && r->block != block))
            continue;
        if (waiting++ == 0)
            oldest = r;
    }
    *ret_oldest = oldest;
    return waiting;
}

uint32_t request_number(const char *text)
{
    uint64_t number = 0;
    size_t length = strlen(text);

    if (length < 2 || length > 11 || text[0] != 'r' || text[1] == '0')
        return 0;
    for (const char *at = text + 1; *at != '\0'; at++) {
        if (*at < '0' || *at > '9')
            return 0;
        number = number * 10 + (uint64_t)(*at - '0');
    }
    return number <= UINT32_MAX ? (uint32_t)number : 0;
}
