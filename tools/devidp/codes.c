#include "codes.h"

#include "ticket.h"

#include <string.h>

static void refuse(Answer *answer, const char *why)
{
        answer_error(answer, 400, "invalid_request", why);
}

/* --- looking --- */

static const char *state_word(const Ticket *ticket, gint64 now_usec)
{
        static const char *const WORDS[] = {
                [TICKET_PENDING] = "pending",
                [TICKET_ALLOWED] = "allowed",
                [TICKET_DENIED] = "denied",
                [TICKET_USED] = "used",
        };

        if (ticket->state != TICKET_USED && ticket_is_over(ticket, now_usec))
                return "expired";
        return WORDS[ticket->state];
}

static void put(json_t *json, const char *name, const char *value)
{
        json_object_set_new(json, name, value ? json_string(value) : json_null());
}

static void put_msec(json_t *json, const char *name, gint64 usec)
{
        json_object_set_new(json, name, usec < 0 ? json_null() : json_integer(usec / 1000));
}

static json_t *described(const Idp *idp, const Ticket *ticket)
{
        gint64 now_usec = idp_ticks_usec(idp);
        const Person *person = realm_person_by_id(idp->realm, ticket->person_id);
        g_autofree char *code = ticket_shown_code(ticket);
        json_t *json = json_object();

        put(json, "kind", ticket->kind == TICKET_DEVICE ? "device" : "push");
        put(json, "code", code);
        put(json, "client", ticket->client_id);
        put(json, "scope", ticket->scope);
        put(json, "binding_message", ticket->binding_message);
        put(json, "user", person ? person->username : NULL);
        put(json, "state", state_word(ticket, now_usec));
        put_msec(json, "expires_in_msec", MAX(ticket->ends_usec - now_usec, 0));
        put_msec(json, "interval_msec", ticket->interval_usec);
        put_msec(json, "shortest_poll_msec", ticket->shortest_usec);
        json_object_set_new(json, "polls", json_integer(ticket->n_polls));
        json_object_set_new(json, "too_soon", json_integer(ticket->n_too_soon));
        return json;
}

void codes_list(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        const GPtrArray *all = tickets_all(idp->tickets);
        json_t *list = json_array();

        for (guint i = 0; i < all->len; i++)
                json_array_append_new(list, described(idp, g_ptr_array_index(all, i)));
        answer_json(answer, 200, json_pack("{s:o}", "codes", list));
}

/* --- deciding --- */

/* What an order names, if it is still open; else NULL and the refusal. */
static Ticket *open_ticket(const Idp *idp, const json_t *json, Answer *answer)
{
        const char *code = json_string_value(json_object_get(json, "code"));
        Ticket *ticket = code ? tickets_by_code(idp->tickets, code) : NULL;

        if (ticket && ticket_is_open(ticket, idp_ticks_usec(idp)))
                return ticket;
        refuse(answer, ticket ? "that code is decided or over" : "no such code");
        return NULL;
}

void codes_approve(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        const char *user = json_string_value(json_object_get(json, "user"));
        Ticket *ticket = open_ticket(idp, json, answer);
        const Person *person = ticket && !user ? realm_person_by_id(idp->realm, ticket->person_id)
                                               : realm_person(idp->realm, user);

        if (!ticket)
                return;
        if (!person ||
            (ticket->kind == TICKET_PUSH && g_strcmp0(person->id, ticket->person_id) != 0)) {
                refuse(answer, "user says who allows it; a push only whom it asks");
                return;
        }
        ticket_allow(ticket, person->id);
        answer_json(answer, 200, json_object());
}

void codes_deny(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        Ticket *ticket = open_ticket(idp, json, answer);

        if (!ticket)
                return;
        ticket_deny(ticket);
        answer_json(answer, 200, json_object());
}

void codes_expire(Idp *idp, const Question *question, json_t *json, Answer *answer)
{
        Ticket *ticket = open_ticket(idp, json, answer);

        if (!ticket)
                return;
        ticket->ends_usec = idp_ticks_usec(idp);
        answer_json(answer, 200, json_object());
}
