/* authctl_pages: see authctl_pages.h. */
#include "authctl_pages.h"

#include <stdio.h>

static void take_page(const AuthctlOptions *options, const Answer *answer, const char *array,
                      void (*each)(const json_t *thing, void *userdata), void *userdata)
{
        size_t index;
        json_t *thing;

        if (options->json || !each) {
                ask_print_json(answer);
                return;
        }
        json_array_foreach (json_object_get(answer->json, array), index, thing)
                each(thing, userdata);
}

static char *page_path(const char *path, const char *after)
{
        g_autofree char *escaped = after ? g_uri_escape_string(after, NULL, false) : NULL;

        return g_strdup_printf("%s?limit=%d%s%s", path, PAGES_LIMIT, escaped ? "&after=" : "",
                               escaped ? escaped : "");
}

AuthctlExit pages_each(const AuthctlOptions *options, const char *path, const char *array,
                       void (*each)(const json_t *thing, void *userdata), void *userdata)
{
        g_autofree char *after = NULL;

        do {
                g_auto(Answer) answer = { 0 };
                g_autofree char *page = page_path(path, after);
                AuthctlExit code = ask_daemon(options, page, NULL, &answer);

                if (code != AUTHCTL_OK)
                        return code;
                take_page(options, &answer, array, each, userdata);
                g_free(after);
                after = g_strdup(json_string_value(json_object_get(answer.json, "next")));
        } while (after);
        return AUTHCTL_OK;
}
