#include "push.h"

#include "grant.h"
#include "login.h"
#include "proof.h"
#include "ticket.h"

#include <string.h>

/* --- asking --- */

static bool binding_message_fits(const char *message)
{
        size_t len = strlen(message);

        for (size_t i = 0; i < len; i++)
                if (!g_ascii_isalnum(message[i]) && !strchr("-._+/!?#", message[i]))
                        return false;
        return len <= PUSH_BINDING_MESSAGE_MAX;
}

/* What is wrong with the question's members that are not about the person or the scope. */
static bool extras_fit(const Question *question, Answer *answer)
{
        const char *message = question_form(question, "binding_message");

        if (message && !binding_message_fits(message)) {
                answer_error(answer, 400, "invalid_binding_message",
                             "the binding_message value has to be max 50 characters in length and "
                             "must contain only basic plain-text characters without spaces");
                return false;
        }
        if (question_form(question, "client_notification_token")) {
                answer_error(answer, 400, "invalid_request",
                             "Client Notification token supported only for the ping mode");
                return false;
        }
        if (question_form(question, "user_code")) {
                answer_error(answer, 400, "invalid_request", "User code not supported");
                return false;
        }
        return true;
}

static const Person *person_asked(const Idp *idp, const Question *question, Answer *answer)
{
        const char *hint = question_form(question, "login_hint");
        const Person *person = hint ? login_person(idp, hint) : NULL;

        if (!hint)
                answer_error(answer, 400, "invalid_request", "missing parameter : login_hint");
        else if (!person || !person->enabled)
                answer_error(answer, 400, "invalid_request", "invalid_user");
        return person && person->enabled ? person : NULL;
}

static bool scope_fits(const Client *client, const char *scope, Answer *answer)
{
        if (!scope)
                answer_error(answer, 400, "invalid_request", "missing parameter : scope");
        return scope && grant_scope_fits(client, scope, answer);
}

static void ask_person(Idp *idp, const Client *client, const Question *question, Answer *answer)
{
        const char *scope = question_form(question, "scope");
        const Person *person = person_asked(idp, question, answer);

        if (!person || !scope_fits(client, scope, answer) || !extras_fit(question, answer))
                return;
        Ticket wanted = { .kind = TICKET_PUSH,
                          .client_id = (char *) client->id,
                          .scope = (char *) scope,
                          .binding_message = (char *) question_form(question, "binding_message"),
                          .person_id = person->id };
        const Ticket *ticket =
            tickets_add(idp->tickets, &wanted, &client->push, idp_ticks_usec(idp));
        if (!ticket)
                return;
        json_t *body = json_pack("{s:s, s:i}", "auth_req_id", ticket->secret, "expires_in",
                                 client->push.expires_in);
        if (answer->fault != FAULT_NO_INTERVAL)
                json_object_set_new(body, "interval", json_integer(client->push.interval));
        answer_json(answer, 200, body);
}

void push_answer(Idp *idp, const Question *question, Answer *answer)
{
        ProofRefusal refusal;
        const Client *client = proof_client(idp, question, &refusal);

        answer->cache_control = "no-cache";
        if (!client) {
                grant_refuse_client(&refusal, answer);
                answer->status = 401;
        } else if (client->push.expires_in == 0) {
                answer_error(answer, 401, "invalid_grant", "Client not allowed OIDC CIBA Grant");
        } else {
                ask_person(idp, client, question, answer);
        }
}

/* --- polls --- */

static const GrantRefusal REFUSALS[_POLL_MAX] = {
        [POLL_GONE] = { "invalid_grant", "Invalid auth_req_id" },
        [POLL_EXPIRED] = { "expired_token", "authentication timed out" },
        [POLL_TOO_SOON] = { "slow_down", "too early to access" },
        [POLL_DENIED] = { "access_denied", "not authorized" },
        [POLL_PENDING] = { "authorization_pending",
                           "The authorization request is still pending as the end-user hasn't yet "
                           "been authenticated." },
};

/* Unlike a device's, a push that fails here is not used up. */
static void give(Idp *idp, const Client *client, Ticket *ticket, Answer *answer)
{
        const Person *person = realm_person_by_id(idp->realm, ticket->person_id);

        if (!person) {
                answer_error(answer, 400, "invalid_grant", "Could not identify user");
        } else if (!person->enabled) {
                answer_error(answer, 400, "invalid_grant", "User disabled");
        } else if (!login_is_set_up(person)) {
                answer_error(answer, 400, "invalid_grant", "Account is not fully set up");
        } else {
                ticket->state = TICKET_USED;
                grant_give(idp, &(Access){ client, person, .grant = "ci" }, ticket->scope, answer);
        }
}

void push_grant(Idp *idp, const Client *client, const Question *question, Answer *answer)
{
        const char *secret = question_form(question, "auth_req_id");
        Ticket *ticket = secret ? tickets_by_secret(idp->tickets, TICKET_PUSH, secret) : NULL;

        if (client->push.expires_in == 0) {
                answer_error(answer, 400, "invalid_grant", "Client not allowed OIDC CIBA Grant");
        } else if (!secret) {
                answer_error(answer, 400, "invalid_request", "Missing parameter: auth_req_id");
        } else if (!ticket) {
                answer_error(answer, 400, "invalid_grant", "Invalid Auth Req ID");
        } else if (strcmp(ticket->client_id, client->id) != 0) {
                answer_error(answer, 400, "invalid_grant", "unauthorized client");
        } else {
                Poll poll = ticket_poll(ticket, idp_ticks_usec(idp));
                if (poll == POLL_ALLOWED)
                        give(idp, client, ticket, answer);
                else
                        grant_refuse(&REFUSALS[poll], answer);
        }
}
