#include "spoil.h"

#include <string.h>

static const char PAGE[] = "<!DOCTYPE html><html><body><h1>Bad gateway</h1></body></html>";

static void say_nothing(Answer *answer, unsigned status)
{
        g_clear_pointer(&answer->body, g_free);
        answer->status = status;
}

static void spoil_status(Answer *answer, unsigned status)
{
        answer_error(answer, status, "unknown_error", "devidp was told to fail");
}

static void spoil_500(Answer *answer)
{
        spoil_status(answer, 500);
}

static void spoil_503(Answer *answer)
{
        spoil_status(answer, 503);
}

static void spoil_429(Answer *answer)
{
        spoil_status(answer, 429);
        answer->sends_retry_after = true;
}

static void spoil_redirect(Answer *answer)
{
        say_nothing(answer, 302);
        answer->sends_location = true;
}

static void spoil_html(Answer *answer)
{
        say_nothing(answer, 200);
        answer->body = g_strdup(PAGE);
        answer->content_type = "text/html";
}

static void spoil_empty(Answer *answer)
{
        say_nothing(answer, 200);
}

static void spoil_truncate(Answer *answer)
{
        if (answer->body)
                answer->body[strlen(answer->body) / 2] = '\0';
}

void spoil(Answer *answer)
{
        static void (*const SPOILERS[_FAULT_MAX])(Answer *) = {
                [FAULT_500] = spoil_500,           [FAULT_503] = spoil_503,
                [FAULT_429] = spoil_429,           [FAULT_REDIRECT] = spoil_redirect,
                [FAULT_HTML] = spoil_html,         [FAULT_EMPTY] = spoil_empty,
                [FAULT_TRUNCATE] = spoil_truncate,
        };

        if (SPOILERS[answer->fault])
                SPOILERS[answer->fault](answer);
}
