#include "ticket.h"

#include "sign.h"

#include <openssl/rand.h>
#include <string.h>

#define SECRET_BYTES 32
#define SEC          G_USEC_PER_SEC

struct Tickets {
        GPtrArray *all;
};

static void ticket_free(Ticket *ticket)
{
        if (!ticket)
                return;
        g_free(ticket->secret);
        g_free(ticket->code);
        g_free(ticket->client_id);
        g_free(ticket->scope);
        g_free(ticket->binding_message);
        g_free(ticket->person_id);
        g_free(ticket);
}

Tickets *tickets_new(void)
{
        Tickets *tickets = g_new0(Tickets, 1);

        tickets->all = g_ptr_array_new_with_free_func((GDestroyNotify) ticket_free);
        return tickets;
}

void tickets_free(Tickets *tickets)
{
        if (!tickets)
                return;
        g_ptr_array_free(tickets->all, TRUE);
        g_free(tickets);
}

/* --- making one --- */

static char *new_secret(void)
{
        unsigned char bytes[SECRET_BYTES];

        return RAND_bytes(bytes, sizeof(bytes)) == 1 ? sign_base64url(bytes, sizeof(bytes)) : NULL;
}

/* A person types it: letters alone, as Keycloak's. Some letters are likelier by a hair. */
static char *new_code(void)
{
        unsigned char bytes[TICKET_CODE_LEN];
        char *code = g_malloc0(TICKET_CODE_LEN + 1);

        if (RAND_bytes(bytes, sizeof(bytes)) != 1) {
                g_free(code);
                return NULL;
        }
        for (size_t i = 0; i < TICKET_CODE_LEN; i++)
                code[i] = (char) ('A' + bytes[i] % 26);
        return code;
}

Ticket *tickets_add(Tickets *tickets, const Ticket *wanted, const Waits *waits, gint64 now_usec)
{
        g_autofree char *secret = new_secret();
        g_autofree char *code = new_code();

        if (!secret || !code || tickets_by_code(tickets, code))
                return NULL;
        Ticket *ticket = g_new0(Ticket, 1);
        ticket->kind = wanted->kind;
        ticket->secret = g_steal_pointer(&secret);
        ticket->code = g_steal_pointer(&code);
        ticket->client_id = g_strdup(wanted->client_id);
        ticket->scope = g_strdup(wanted->scope);
        ticket->binding_message = g_strdup(wanted->binding_message);
        ticket->person_id = g_strdup(wanted->person_id);
        ticket->ends_usec = now_usec + waits->expires_in * SEC;
        ticket->interval_usec = waits->interval * SEC;
        ticket->shortest_usec = -1;
        if (tickets->all->len >= TICKETS_MAX)
                g_ptr_array_remove_index(tickets->all, 0);
        g_ptr_array_add(tickets->all, ticket);
        return ticket;
}

/* --- finding one --- */

Ticket *tickets_by_secret(const Tickets *tickets, TicketKind kind, const char *secret)
{
        for (guint i = 0; i < tickets->all->len; i++) {
                Ticket *ticket = g_ptr_array_index(tickets->all, i);
                if (ticket->kind == kind && strcmp(ticket->secret, secret) == 0)
                        return ticket;
        }
        return NULL;
}

Ticket *tickets_by_code(const Tickets *tickets, const char *typed)
{
        g_auto(GStrv) parts = g_strsplit(typed ? typed : "", "-", -1);
        g_autofree char *joined = g_strjoinv("", parts);
        g_autofree char *code = g_ascii_strup(g_strstrip(joined), -1);

        for (guint i = 0; i < tickets->all->len; i++) {
                Ticket *ticket = g_ptr_array_index(tickets->all, i);
                if (strcmp(ticket->code, code) == 0)
                        return ticket;
        }
        return NULL;
}

const GPtrArray *tickets_all(const Tickets *tickets)
{
        return tickets->all;
}

/* --- what it is --- */

char *ticket_shown_code(const Ticket *ticket)
{
        return g_strdup_printf("%.4s-%s", ticket->code, ticket->code + 4);
}

bool ticket_is_over(const Ticket *ticket, gint64 now_usec)
{
        return now_usec >= ticket->ends_usec;
}

bool ticket_is_open(const Ticket *ticket, gint64 now_usec)
{
        return ticket->state == TICKET_PENDING && !ticket_is_over(ticket, now_usec);
}

void ticket_allow(Ticket *ticket, const char *person_id)
{
        char *former = ticket->person_id;

        ticket->state = TICKET_ALLOWED;
        ticket->person_id = g_strdup(person_id);
        g_free(former);
}

void ticket_deny(Ticket *ticket)
{
        ticket->state = TICKET_DENIED;
}

/* --- polls --- */

static bool is_gone(const Ticket *ticket, gint64 now_usec)
{
        return ticket->state == TICKET_USED ||
               now_usec >= ticket->ends_usec + ticket->interval_usec + TICKET_LINGER_SEC * SEC;
}

/* count_poll: true: it came too soon. */
static bool count_poll(Ticket *ticket, gint64 now_usec)
{
        gint64 since_usec = now_usec - ticket->polled_usec;
        bool first = ticket->n_polls++ == 0;

        ticket->polled_usec = now_usec;
        if (first)
                return false;
        if (ticket->shortest_usec < 0 || since_usec < ticket->shortest_usec)
                ticket->shortest_usec = since_usec;
        if (since_usec >= ticket->interval_usec)
                return false;
        ticket->n_too_soon++;
        ticket->interval_usec =
            MIN(ticket->interval_usec + TICKET_SLOW_DOWN_SEC * SEC, TICKET_INTERVAL_MAX_SEC * SEC);
        return true;
}

Poll ticket_poll(Ticket *ticket, gint64 now_usec)
{
        static const Poll OF_STATE[] = {
                [TICKET_PENDING] = POLL_PENDING,
                [TICKET_ALLOWED] = POLL_ALLOWED,
                [TICKET_DENIED] = POLL_DENIED,
                [TICKET_USED] = POLL_GONE,
        };
        bool gone = is_gone(ticket, now_usec);
        bool too_soon = count_poll(ticket, now_usec);

        if (gone)
                return POLL_GONE;
        if (ticket_is_over(ticket, now_usec))
                return POLL_EXPIRED;
        return too_soon ? POLL_TOO_SOON : OF_STATE[ticket->state];
}
