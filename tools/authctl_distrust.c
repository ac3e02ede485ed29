/* authctl_distrust: takes a key of an issuer out at once, or back. */
#include "authctl.h"

#include "authctl_ask.h"
#include "authctl_text.h"

#include <stdio.h>

static void print_distrust(const json_t *answer)
{
        bool distrusted = json_is_true(json_object_get(answer, "distrusted"));
        g_autofree char *issuer = text_printable(ask_text(answer, "issuer"));
        g_autofree char *key = text_printable(ask_text(answer, "key"));

        if (distrusted)
                printf("Key %s of %s counts no more: its tokens are refused from now on.\n", key,
                       issuer);
        else
                printf("Key %s of %s counts again.\n", key, issuer);
        if (json_is_true(json_object_get(answer, "lasting")))
                printf("That lasts over a restart.\n");
        else
                printf("%sWarning:%s a restart forgets that, for it cannot be written to the state "
                       "database%s.\n",
                       style_begin(STYLE_WARN), style_end(STYLE_WARN),
                       distrusted ? "; name the key in distrust_kid of authd.conf, too" : "");
}

int authctl_distrust(int argc, char **argv)
{
        g_auto(AuthctlOptions) options = { .n_words = 2 };
        g_auto(Answer) answer = { 0 };
        gboolean undo = false;
        const GOptionEntry own[] = {
                { "undo", 'u', 0, G_OPTION_ARG_NONE, &undo, "Trust the key again", NULL },
                { NULL },
        };

        if (!authctl_options(&options, own, "ISSUER KEY", argc, argv))
                return AUTHCTL_USAGE;
        json_auto_t *question = json_pack("{s:s, s:s, s:b}", "issuer", options.words[0], "key",
                                          options.words[1], "trust", (int) undo);
        if (!question)
                return authctl_complain(AUTHCTL_USAGE, "issuer and key must be UTF-8 text");
        return ask_show(&options, "/v1/distrust", question, print_distrust, &answer);
}
