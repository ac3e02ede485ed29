/* ticket: a login that waits until a person allows or denies it elsewhere: a device code (RFC 8628)
 * or a push (CIBA).
 *
 * Who holds its secret polls; who knows its code (a person reads it off a device) decides. Times
 * are idp_ticks_usec. Tickets stay to be looked at when they are used or over, TICKETS_MAX of them,
 * the oldest go first. One thread. */
#pragma once

#include "realm.h"

#define TICKETS_MAX             4096
#define TICKET_CODE_LEN         8 /* letters; shown as WDJB-MJHT */
#define TICKET_LINGER_SEC       10 /* and an interval: an expired one says so this long, then no more */
#define TICKET_SLOW_DOWN_SEC    5 /* RFC 8628 §3.5: what each poll too soon adds */
#define TICKET_INTERVAL_MAX_SEC 600

typedef enum TicketKind { TICKET_DEVICE, TICKET_PUSH } TicketKind;

typedef enum TicketState {
        TICKET_PENDING,
        TICKET_ALLOWED,
        TICKET_DENIED,
        TICKET_USED,
} TicketState;

typedef struct Ticket {
        TicketKind kind;
        TicketState state;
        char *secret; /* device_code or auth_req_id */
        char *code;   /* TICKET_CODE_LEN capitals; a push has one for orders only */
        char *client_id;
        char *scope;           /* as asked; NULL: not */
        char *binding_message; /* of a push; NULL: none */
        char *person_id;       /* of a push: whom it asks; of a device: who allowed, else NULL */
        gint64 ends_usec;
        gint64 interval_usec; /* grows */
        gint64 polled_usec;   /* the last poll; meaningless before */
        gint64 shortest_usec; /* between two polls; -1: there were no two */
        unsigned n_polls;
        unsigned n_too_soon;
} Ticket;

/* Poll: what whoever polls is told, in the order in which Keycloak looks. */
typedef enum Poll {
        POLL_GONE, /* used, or long over */
        POLL_EXPIRED,
        POLL_TOO_SOON,
        POLL_DENIED,
        POLL_PENDING,
        POLL_ALLOWED,
        _POLL_MAX,
} Poll;

typedef struct Tickets Tickets;

Tickets *tickets_new(void);
void tickets_free(Tickets *tickets);
/* tickets_add: wanted is copied, its secret and code are made here. NULL: no randomness. */
Ticket *tickets_add(Tickets *tickets, const Ticket *wanted, const Waits *waits, gint64 now_usec);
Ticket *tickets_by_secret(const Tickets *tickets, TicketKind kind, const char *secret);
/* tickets_by_code: as typed: "wdjb-mjht" is WDJBMJHT. NULL: none has it. */
Ticket *tickets_by_code(const Tickets *tickets, const char *typed);
const GPtrArray *tickets_all(const Tickets *tickets); /* oldest first */

char *ticket_shown_code(const Ticket *ticket);
bool ticket_is_open(const Ticket *ticket, gint64 now_usec); /* may still be decided */
bool ticket_is_over(const Ticket *ticket, gint64 now_usec);
/* ticket_allow, ticket_deny: of one that is open. */
void ticket_allow(Ticket *ticket, const char *person_id);
void ticket_deny(Ticket *ticket);
Poll ticket_poll(Ticket *ticket, gint64 now_usec);
