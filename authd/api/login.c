/* login: /v1/login/…, for pam_authd: root alone asks, the main thread answers.
 *
 * What is asked is a form, and travels on as it is: it may hold a password, so nothing here takes
 * it apart. What is answered is lines (login/reply). */
#include "api/doors.h"

#include "api/routes.h"

#define FORM "application/x-www-form-urlencoded"

typedef struct LoginDoor {
        const char *door;
        MainQuestion question;
} LoginDoor;

static const LoginDoor login_doors[] = {
        { "login-begin", MAIN_LOGIN_BEGIN },     { "login-next", MAIN_LOGIN_NEXT },
        { "login-cancel", MAIN_LOGIN_CANCEL },   { "login-account", MAIN_LOGIN_ACCOUNT },
        { "login-session", MAIN_LOGIN_SESSION }, { "login-password", MAIN_LOGIN_PASSWORD },
};

static MainQuestion question_of(const Exchange *exchange)
{
        for (size_t i = 0; i < G_N_ELEMENTS(login_doors); i++)
                if (strcmp(login_doors[i].door, exchange->route->door) == 0)
                        return login_doors[i].question;
        g_assert_not_reached();
}

void door_login(Exchange *exchange)
{
        Span body = request_body(exchange->request);

        if (!span_equal_string(request_header(exchange->request, "Content-Type"), FORM) ||
            body.len == 0 || memchr(body.data, '\0', body.len))
                exchange_problem(exchange, 400, "bad_request", "%s takes a form (" FORM ").",
                                 exchange->route->path);
        else
                api_ask_main(exchange->api, exchange, question_of(exchange),
                             g_strndup(body.data, body.len));
}

void door_ssh_keys(Exchange *exchange)
{
        g_autofree char *user = NULL;

        if (request_query_value(exchange->request, "user", &user) == 0)
                api_ask_main(exchange->api, exchange, MAIN_SSH_KEYS, g_steal_pointer(&user));
        else
                exchange_problem(exchange, 400, "bad_request",
                                 "The query names no user, or not one: /v1/ssh-keys?user=NAME.");
}

void door_sessions(Exchange *exchange)
{
        api_ask_main(exchange->api, exchange, MAIN_SESSIONS, NULL);
}
