#include "approve.h"

#include "login.h"
#include "ticket.h"

#include <string.h>

#define GONE "The page has expired. Please go back to your device and try connecting again."

/* Visit: how far somebody has come. */
typedef struct Visit {
        char *id;
        char *code;      /* of the device; NULL: here for the pushes */
        char *person_id; /* whose password was right; NULL: nobody's yet */
        bool logged_in;  /* and the one-time code, if they have one */
        gint64 ends_usec;
} Visit;

struct Visits {
        GHashTable *by_id;
};

/* --- visits --- */

static void visit_free(Visit *visit)
{
        g_free(visit->id);
        g_free(visit->code);
        g_free(visit->person_id);
        g_free(visit);
}

Visits *visits_new(void)
{
        Visits *visits = g_new0(Visits, 1);

        visits->by_id =
            g_hash_table_new_full(g_str_hash, g_str_equal, NULL, (GDestroyNotify) visit_free);
        return visits;
}

void visits_free(Visits *visits)
{
        if (!visits)
                return;
        g_hash_table_destroy(visits->by_id);
        g_free(visits);
}

static gboolean is_over(gpointer id, gpointer visit, gpointer now_usec)
{
        return ((const Visit *) visit)->ends_usec <= *(const gint64 *) now_usec;
}

/* NULL: too many visit already. */
static Visit *visit_begin(Idp *idp, const Ticket *ticket)
{
        GHashTable *by_id = idp->visits->by_id;
        gint64 now_usec = idp_ticks_usec(idp);

        g_hash_table_foreach_remove(by_id, is_over, &now_usec);
        if (g_hash_table_size(by_id) >= APPROVE_VISITS_MAX)
                return NULL;
        Visit *visit = g_new0(Visit, 1);
        visit->id = g_uuid_string_random();
        visit->code = ticket ? g_strdup(ticket->code) : NULL;
        visit->ends_usec = now_usec + APPROVE_VISIT_SEC * G_USEC_PER_SEC;
        g_hash_table_insert(by_id, visit->id, visit);
        return visit;
}

static Visit *visit_of(const Idp *idp, const Question *question)
{
        const char *id = g_hash_table_lookup(question->query, "session_code");
        Visit *visit = id ? g_hash_table_lookup(idp->visits->by_id, id) : NULL;

        return visit && visit->ends_usec > idp_ticks_usec(idp) ? visit : NULL;
}

static void visit_end(Idp *idp, const Visit *visit)
{
        g_hash_table_remove(idp->visits->by_id, visit->id);
}

/* --- pages --- */

/* message: NULL: none. body is HTML already, what is in it escaped. */
static void show(Answer *answer, unsigned status, const char *title, const char *message,
                 const char *body)
{
        g_autofree char *safe_title = g_markup_escape_text(title, -1);
        g_autofree char *safe_message = g_markup_escape_text(message ? message : "", -1);

        g_free(answer->body);
        answer->body = g_strdup_printf("<!DOCTYPE html>\n<html lang=\"en\"><head><meta "
                                       "charset=\"utf-8\"><title>%s</title></head>\n<body>"
                                       "<h1 id=\"kc-page-title\">%s</h1>\n"
                                       "<p id=\"kc-message\">%s</p>\n%s</body></html>\n",
                                       safe_title, safe_title, safe_message, body);
        answer->status = status;
        answer->content_type = "text/html;charset=utf-8";
        answer->cache_control = "no-store, must-revalidate, max-age=0";
}

static void show_gone(Answer *answer)
{
        show(answer, 400, "We are sorry...", GONE, "");
}

static void show_failed(Answer *answer, const char *why)
{
        show(answer, 200, "Device Login Failed", why, "");
}

static void show_code_form(const Idp *idp, const char *message, Answer *answer)
{
        g_autofree char *body = g_strdup_printf(
            "<form id=\"kc-user-verify-device-user-code-form\" method=\"post\" "
            "action=\"%s/device\">\n<label for=\"device-user-code\">Enter the code provided by "
            "your device and click Submit</label>\n<input id=\"device-user-code\" "
            "name=\"device_user_code\" type=\"text\" autocomplete=\"off\" autofocus>\n"
            "<input type=\"submit\" value=\"Submit\"></form>\n",
            idp->place_url);

        show(answer, 200, "Device Login", message, body);
}

static void show_form(const Idp *idp, const Visit *visit, const char *message, const char *id,
                      const char *fields, Answer *answer)
{
        g_autofree char *body = g_strdup_printf(
            "<form id=\"%s\" method=\"post\" "
            "action=\"%s/login-actions/authenticate?session_code=%s\">\n%s"
            "<input id=\"kc-login\" name=\"login\" type=\"submit\" value=\"Sign In\"></form>\n",
            id, idp->place_url, visit->id, fields);

        show(answer, 200, "Sign In", message, body);
}

static void show_password_form(const Idp *idp, const Visit *visit, const char *message,
                               Answer *answer)
{
        show_form(idp, visit, message, "kc-form-login",
                  "<label for=\"username\">Username or email</label>\n"
                  "<input id=\"username\" name=\"username\" type=\"text\" autofocus>\n"
                  "<label for=\"password\">Password</label>\n"
                  "<input id=\"password\" name=\"password\" type=\"password\">\n",
                  answer);
}

static void show_otp_form(const Idp *idp, const Visit *visit, const char *message, Answer *answer)
{
        show_form(idp, visit, message, "kc-otp-login-form",
                  "<label for=\"otp\">One-time code</label>\n"
                  "<input id=\"otp\" name=\"otp\" type=\"text\" autocomplete=\"one-time-code\" "
                  "autofocus>\n",
                  answer);
}

/* --- what is asked of whoever is in --- */

static void add_consent_form(const Idp *idp, const Visit *visit, const Ticket *ticket,
                             GString *body)
{
        g_autofree char *scope = g_markup_escape_text(ticket->scope ? ticket->scope : "", -1);
        g_autofree char *client = g_markup_escape_text(ticket->client_id, -1);
        g_autofree char *message =
            g_markup_escape_text(ticket->binding_message ? ticket->binding_message : "", -1);

        g_string_append_printf(
            body,
            "<form method=\"post\" action=\"%s/login-actions/consent?session_code=%s\">\n"
            "<h3>Do you grant these access privileges?</h3>\n"
            "<p class=\"client\">%s</p><p class=\"scope\">%s</p>\n"
            "<p class=\"binding-message\">%s</p>\n"
            "<input type=\"hidden\" name=\"code\" value=\"%s\">\n"
            "<input id=\"kc-login\" name=\"accept\" type=\"submit\" value=\"Yes\">\n"
            "<input id=\"kc-cancel\" name=\"cancel\" type=\"submit\" value=\"No\"></form>\n",
            idp->place_url, visit->id, client, scope, message, ticket->code);
}

static void show_device_consent(const Idp *idp, const Visit *visit, Answer *answer)
{
        const Ticket *ticket = tickets_by_code(idp->tickets, visit->code);
        g_autoptr(GString) body = g_string_new(NULL);

        if (!ticket || !ticket_is_open(ticket, idp_ticks_usec(idp))) {
                show_failed(answer, "The code has expired. Please go back to your device and try "
                                    "connecting again.");
                return;
        }
        g_autofree char *title = g_strdup_printf("Grant Access to %s", ticket->client_id);
        add_consent_form(idp, visit, ticket, body);
        show(answer, 200, title, NULL, body->str);
}

static bool is_asked(const Idp *idp, const Visit *visit, const Ticket *ticket)
{
        return ticket->kind == TICKET_PUSH && strcmp(ticket->person_id, visit->person_id) == 0 &&
               ticket_is_open(ticket, idp_ticks_usec(idp));
}

static void show_pushes(const Idp *idp, const Visit *visit, const char *message, Answer *answer)
{
        const GPtrArray *all = tickets_all(idp->tickets);
        g_autoptr(GString) body = g_string_new(NULL);

        for (guint i = 0; i < all->len; i++) {
                const Ticket *ticket = g_ptr_array_index(all, i);
                if (is_asked(idp, visit, ticket))
                        add_consent_form(idp, visit, ticket, body);
        }
        if (body->len == 0)
                g_string_append(body, "<p id=\"nothing\">Nobody waits for you.</p>\n");
        show(answer, 200, "Waiting for you", message, body->str);
}

static void show_what_waits(const Idp *idp, const Visit *visit, Answer *answer)
{
        if (visit->code)
                show_device_consent(idp, visit, answer);
        else
                show_pushes(idp, visit, NULL, answer);
}

/* --- logging in --- */

static void take_person(Idp *idp, Visit *visit, const Person *person, Answer *answer)
{
        visit->person_id = g_strdup(person->id);
        if (person->otp_secret) {
                show_otp_form(idp, visit, NULL, answer);
                return;
        }
        visit->logged_in = true;
        show_what_waits(idp, visit, answer);
}

static void take_password(Idp *idp, Visit *visit, const Question *question, Answer *answer)
{
        static const char *const WORDS[] = {
                [LOGIN_WRONG] = "Invalid username or password.",
                [LOGIN_DISABLED] = "Account is disabled, contact your administrator.",
        };
        const Person *person = NULL;
        Login login = login_password(idp, question_form(question, "username"),
                                     question_form(question, "password"), &person);

        if (login != LOGIN_GOOD)
                show_password_form(idp, visit, WORDS[login], answer);
        else if (!login_is_set_up(person))
                show_password_form(idp, visit, "Account is not fully set up", answer);
        else
                take_person(idp, visit, person, answer);
}

static void take_otp(Idp *idp, Visit *visit, const Question *question, Answer *answer)
{
        const Person *person = realm_person_by_id(idp->realm, visit->person_id);

        visit->logged_in = person && login_otp(idp, person, question_form(question, "otp"));
        if (visit->logged_in)
                show_what_waits(idp, visit, answer);
        else
                show_otp_form(idp, visit, "Invalid authenticator code.", answer);
}

void approve_login(Idp *idp, const Question *question, Answer *answer)
{
        Visit *visit = visit_of(idp, question);

        if (!visit)
                show_gone(answer);
        else if (!visit->person_id)
                take_password(idp, visit, question, answer);
        else if (!visit->logged_in)
                take_otp(idp, visit, question, answer);
        else
                show_what_waits(idp, visit, answer);
}

static void begin(Idp *idp, const Ticket *ticket, Answer *answer)
{
        const Visit *visit = visit_begin(idp, ticket);

        if (visit)
                show_password_form(idp, visit, NULL, answer);
        else
                show(answer, 503, "We are sorry...", "Too many people are here.", "");
}

void approve_device(Idp *idp, const Question *question, Answer *answer)
{
        const char *typed = question_form(question, "device_user_code");
        const char *given = g_hash_table_lookup(question->query, "user_code");
        const char *code = typed ? typed : given;
        const Ticket *ticket = tickets_by_code(idp->tickets, code);

        if (!code || !*code)
                show_code_form(idp, NULL, answer);
        else if (!ticket || ticket->kind != TICKET_DEVICE || ticket->state != TICKET_PENDING)
                show_code_form(idp, "Invalid code, please try again.", answer);
        else if (ticket_is_over(ticket, idp_ticks_usec(idp)))
                show_code_form(idp,
                               "The code has expired. Please go back to your device and try "
                               "connecting again.",
                               answer);
        else
                begin(idp, ticket, answer);
}

void approve_pushes(Idp *idp, const Question *question, Answer *answer)
{
        begin(idp, NULL, answer);
}

/* --- deciding --- */

/* The ticket that this visit may decide on; NULL: none, or not any more. */
static Ticket *ticket_of(const Idp *idp, const Visit *visit, const Question *question)
{
        const char *code = visit->code ? visit->code : question_form(question, "code");
        Ticket *ticket = tickets_by_code(idp->tickets, code);

        if (!ticket || !ticket_is_open(ticket, idp_ticks_usec(idp)))
                return NULL;
        return visit->code || is_asked(idp, visit, ticket) ? ticket : NULL;
}

static void show_decided(Idp *idp, const Visit *visit, const Ticket *ticket, Answer *answer)
{
        bool allowed = ticket->state == TICKET_ALLOWED;

        if (!visit->code) {
                show_pushes(idp, visit, allowed ? "Allowed." : "Denied.", answer);
                return;
        }
        visit_end(idp, visit);
        if (allowed)
                show(answer, 200, "Device Login Successful",
                     "You may close this browser window and go back to your device.", "");
        else
                show_failed(answer, "Consent denied for connecting the device.");
}

void approve_consent(Idp *idp, const Question *question, Answer *answer)
{
        const Visit *visit = visit_of(idp, question);
        bool accept = g_hash_table_contains(question->form, "accept");
        bool cancel = g_hash_table_contains(question->form, "cancel");
        Ticket *ticket =
            visit && visit->logged_in && accept != cancel ? ticket_of(idp, visit, question) : NULL;

        if (!ticket) {
                show_gone(answer);
                return;
        }
        if (accept)
                ticket_allow(ticket, visit->person_id);
        else
                ticket_deny(ticket);
        show_decided(idp, visit, ticket, answer);
}
