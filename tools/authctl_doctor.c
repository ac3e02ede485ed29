/* authctl_doctor: what the daemon finds when it looks an issuer over, and what to do about it. */
#include "authctl.h"

#include "authctl_ask.h"
#include "authctl_text.h"

#include <stdio.h>
#include <unistd.h>

/* Mark: how a result looks. */
typedef struct Mark {
        const char *result, *text;
        Style style;
} Mark;

static const Mark marks[] = {
        { "ok", "OK", STYLE_GOOD },
        { "warning", "WARNING", STYLE_WARN },
        { "failed", "FAILED", STYLE_BAD },
        { "skipped", "skipped", STYLE_DIM },
};

static Mark mark_of(const char *result)
{
        for (size_t i = 0; i < G_N_ELEMENTS(marks); i++)
                if (g_strcmp0(marks[i].result, result) == 0)
                        return marks[i];
        return (Mark){ result, result, STYLE_PLAIN };
}

static void add_finding(Table *table, const json_t *finding)
{
        Mark mark = mark_of(ask_text(finding, "result"));

        table_add(table, mark.style, mark.text);
        table_add(table, STYLE_PLAIN, ask_text(finding, "check"));
        table_add(table, STYLE_PLAIN, ask_text(finding, "found"));
        table_note(table, ask_text(finding, "advice"));
}

static void print_doctor(const json_t *report)
{
        static const char *const untitled[] = { "", "", "", NULL };
        g_autoptr(Table) table = table_new(untitled);
        Mark mark = mark_of(ask_text(report, "result"));
        g_autofree char *issuer = text_printable(ask_text(report, "issuer"));
        g_autofree char *url = text_printable(ask_text(report, "url"));
        size_t index;
        json_t *finding;

        json_array_foreach (json_object_get(report, "findings"), index, finding)
                add_finding(table, finding);
        table_print(table);
        printf("\n%s%s%s: %s (%s)\n", style_begin(mark.style), mark.text, style_end(mark.style),
               issuer, url);
}

/* A word for whoever waits at a terminal; gone when the answer comes. */
static void show_progress(const char *issuer)
{
        g_autofree char *name = text_printable(issuer);

        if (isatty(STDERR_FILENO))
                fprintf(stderr, "Looking %s over ...", name);
}

static void hide_progress(void)
{
        if (isatty(STDERR_FILENO))
                fputs("\r\033[K", stderr);
}

int authctl_doctor(int argc, char **argv)
{
        g_auto(AuthctlOptions) options = { .n_words = 1 };
        g_auto(Answer) answer = { 0 };

        if (!authctl_options(&options, NULL, "ISSUER", argc, argv))
                return AUTHCTL_USAGE;
        g_autofree char *escaped = g_uri_escape_string(options.words[0], NULL, false);
        g_autofree char *path = g_strconcat("/v1/doctor?issuer=", escaped, NULL);
        show_progress(options.words[0]);
        AuthctlExit code = ask_daemon(&options, path, NULL, &answer);
        hide_progress();
        if (code != AUTHCTL_OK)
                return code;
        if (options.json)
                ask_print_json(&answer);
        else
                print_doctor(answer.json);
        return g_strcmp0(ask_text(answer.json, "result"), "failed") == 0 ? AUTHCTL_REFUSED
                                                                         : AUTHCTL_OK;
}
