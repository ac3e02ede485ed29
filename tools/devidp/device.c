#include "device.h"

#include "grant.h"
#include "proof.h"
#include "ticket.h"

#include <string.h>

#define ESCAPES "\x1b]0;owned\x07\x1b[2J\r\n" /* what a terminal must never get to see */

/* --- codes --- */

static void spoil_codes(Fault fault, json_t *body)
{
        if (fault == FAULT_NO_INTERVAL)
                json_object_del(body, "interval");
        if (fault != FAULT_ESCAPES)
                return;
        const char *uri = json_string_value(json_object_get(body, "verification_uri"));
        json_object_set_new(body, "user_code", json_string("AB" ESCAPES "CD"));
        json_object_set_new(body, "verification_uri_complete", json_sprintf("%s?" ESCAPES, uri));
        json_object_set_new(body, "verification_uri", json_sprintf("%s" ESCAPES, uri));
}

static void answer_codes(const Idp *idp, const Ticket *ticket, const Waits *waits, Answer *answer)
{
        g_autofree char *code = ticket_shown_code(ticket);
        json_t *body = json_pack("{s:s, s:s}", "device_code", ticket->secret, "user_code", code);

        json_object_set_new(body, "verification_uri", json_sprintf("%s/device", idp->place_url));
        json_object_set_new(body, "verification_uri_complete",
                            json_sprintf("%s/device?user_code=%s", idp->place_url, code));
        json_object_set_new(body, "expires_in", json_integer(waits->expires_in));
        json_object_set_new(body, "interval", json_integer(waits->interval));
        spoil_codes(answer->fault, body);
        answer_json(answer, 200, body);
}

void device_answer(Idp *idp, const Question *question, Answer *answer)
{
        ProofRefusal refusal;
        const Client *client = proof_client(idp, question, &refusal);

        answer->cache_control = "no-store, must-revalidate, max-age=0";
        if (!client) {
                grant_refuse_client(&refusal, answer);
                return;
        }
        if (client->device.expires_in == 0) {
                answer_error(answer, 400, "unauthorized_client",
                             "Client is not allowed to initiate OAuth 2.0 Device Authorization "
                             "Grant. The flow is disabled for the client.");
                return;
        }
        if (!grant_scope_fits(client, question_form(question, "scope"), answer))
                return;
        Ticket wanted = { .kind = TICKET_DEVICE,
                          .client_id = (char *) client->id,
                          .scope = (char *) question_form(question, "scope") };
        const Ticket *ticket =
            tickets_add(idp->tickets, &wanted, &client->device, idp_ticks_usec(idp));
        if (ticket)
                answer_codes(idp, ticket, &client->device, answer);
}

/* --- polls --- */

static const GrantRefusal REFUSALS[_POLL_MAX] = {
        [POLL_GONE] = { "invalid_grant", "Device code not valid" },
        [POLL_EXPIRED] = { "expired_token", "Device code is expired" },
        [POLL_TOO_SOON] = { "slow_down", "Slow down" },
        [POLL_DENIED] = { "access_denied", "The end user denied the authorization request" },
        [POLL_PENDING] = { "authorization_pending", "The authorization request is still pending" },
};

static void give(Idp *idp, const Client *client, Ticket *ticket, Answer *answer)
{
        const Person *person = realm_person_by_id(idp->realm, ticket->person_id);

        ticket->state = TICKET_USED;
        if (!person)
                answer_error(answer, 400, "invalid_grant", "User not found");
        else if (!person->enabled)
                answer_error(answer, 400, "invalid_grant", "User disabled");
        else
                grant_give(idp, &(Access){ client, person, .grant = "dg" }, ticket->scope, answer);
}

void device_grant(Idp *idp, const Client *client, const Question *question, Answer *answer)
{
        const char *secret = question_form(question, "device_code");
        Ticket *ticket = secret ? tickets_by_secret(idp->tickets, TICKET_DEVICE, secret) : NULL;

        if (client->device.expires_in == 0) {
                answer_error(answer, 400, "invalid_grant",
                             "Client not allowed OAuth 2.0 Device Authorization Grant");
                return;
        }
        if (!secret) {
                answer_error(answer, 400, "invalid_request", "Missing parameter: device_code");
                return;
        }
        if (ticket && strcmp(ticket->client_id, client->id) != 0) {
                answer_error(answer, 400, "invalid_grant", "unauthorized client");
                return;
        }
        Poll poll = ticket ? ticket_poll(ticket, idp_ticks_usec(idp)) : POLL_GONE;
        if (poll == POLL_ALLOWED)
                give(idp, client, ticket, answer);
        else
                grant_refuse(&REFUSALS[poll], answer);
}
