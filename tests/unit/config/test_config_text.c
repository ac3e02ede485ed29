/* test_config_text: the first pass: what stands where, and the nearest word. */
#include "config_text.h"

static void lines_keep_their_place(void)
{
        g_autoptr(ConfigText) text = config_text_new();
        g_autoptr(GError) error = NULL;

        g_assert_true(config_text_add(
            text, "a.conf", span_from("# first\n\n[policy p]\n  audience =  x y \r\n"), &error));
        g_assert_true(config_text_add(text, "b.conf", span_from("[policy p]\nscopes=s"), &error));
        g_assert_no_error(error);
        g_assert_cmpuint(text->sections->len, ==, 1);

        const ConfigSection *section = text->sections->pdata[0];
        const ConfigLine *audience = config_text_find(text, section, "audience");
        const ConfigLine *scopes = config_text_find(text, section, "scopes");
        g_assert_cmpstr(section->kind, ==, "policy");
        g_assert_cmpstr(section->name, ==, "p");
        g_assert_cmpstr(audience->value, ==, "x y");
        g_assert_cmpuint(audience->line, ==, 4);
        g_assert_cmpstr(audience->file, ==, "a.conf");
        g_assert_cmpstr(scopes->file, ==, "b.conf");
        g_assert_cmpuint(scopes->line, ==, 2);
        g_assert_null(config_text_find(text, section, "roles"));
}

static void nearest_word(void)
{
        static const char *const words[] = { "audience", "azp", "roles", "roles_all", NULL };
        static const struct {
                const char *sentence, *word, *nearest;
        } rows[] = {
                { "a letter missing", "audence", "audience" },
                { "two letters swapped", "auidence", "audience" },
                { "capitals", "Audience", "audience" },
                { "singular", "role", "roles" },
                { "nothing like it", "colour", NULL },
                { "a word of which nothing would be kept", "xyz", NULL },
                { "longer than any word", "audienceaudienceaudienceaudienceaudience", NULL },
                { "empty", "", NULL },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_test_message("%s", rows[i].sentence);
                g_assert_cmpstr(config_nearest(rows[i].word, words), ==, rows[i].nearest);
        }
}

static void long_values_are_cut_at_a_character(void)
{
        g_autofree char *sixty = g_strnfill(60, 'x');
        g_autofree char *longer = g_strconcat(sixty, "\xc3\xa4\xc3\xa4", NULL);
        g_autofree char *shown_sixty = config_shown(sixty);
        g_autofree char *shown_longer = config_shown(longer);
        g_autofree char *wanted = g_strconcat(sixty, "...", NULL);

        g_assert_cmpstr(shown_sixty, ==, sixty);
        g_assert_cmpstr(shown_longer, ==, wanted);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_test_add_func("/config_text/lines-keep-their-place", lines_keep_their_place);
        g_test_add_func("/config_text/nearest-word", nearest_word);
        g_test_add_func("/config_text/long-values-are-cut-at-a-character",
                        long_values_are_cut_at_a_character);
        return g_test_run();
}
