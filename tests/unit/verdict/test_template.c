/* Templates: what a claim becomes in a header, and what is refused when they are made. */
#include "verdict/template.h"

#include "mint.h"

#define CLAIMS                                                                                     \
        "{'sub':'u1','n':7,'r':1.5,'yes':true,'nothing':null,'object':{'a':1,'in':'deep'},"        \
        "'groups':['/eng','/ops'],'odd':['a,b','c d',' e ',{'x':1},['y'],3],'empty':[],"           \
        "'blank':'','evil':'x\\r\\nSet-Cookie: a=b','pct':'50%','edge':' in the middle ',"         \
        "'name':'J\\u00fcrgen','https://example.com/x':'dotted'}"

static const struct {
        const char *sentence;
        const char *template;
        const char *value;
} rows[] = {
        { "a claim's string stands as it is", "{sub}", "u1" },
        { "literal text stands around it", "user={sub};", "user=u1;" },
        { "doubled braces are braces", "{{{sub}}}", "{u1}" },
        { "an integer is written in digits", "{n}", "7" },
        { "a real number is written", "{r}", "1.5" },
        { "a boolean is a word", "{yes}", "true" },
        { "null gives nothing", "[{nothing}]", "[]" },
        { "an absent claim gives nothing", "[{absent}]", "[]" },
        { "an object gives nothing", "[{object}]", "[]" },
        { "a path leads into objects", "{object.in}", "deep" },
        { "a name that holds dots is found whole", "{https://example.com/x}", "dotted" },
        { "an array is joined by a comma", "{groups}", "/eng,/ops" },
        { "join names another separator", "{groups|join: }", "/eng /ops" },
        { "a separator inside an element is escaped, the odd ones left out", "{odd}",
          "a%2Cb,c d,%20e%20,3" },
        { "each byte of a longer separator is escaped inside", "{odd|join:b }",
          "a,%62b c%20db %20e%20b 3" },
        { "an empty array gives nothing", "[{empty}]", "[]" },
        { "default stands for an absent claim", "{absent|default:nobody}", "nobody" },
        { "default stands for an empty one", "{blank|default:nobody}", "nobody" },
        { "default does not stand for one that is there", "{sub|default:nobody}", "u1" },
        { "filters follow one another", "{empty|join:;|default:none}", "none" },
        { "a line's end cannot end a header", "{evil}", "x%0D%0ASet-Cookie: a=b" },
        { "the escape's own sign is escaped", "{pct}", "50%25" },
        { "spaces at the edges are kept as escapes", "{edge}", "%20in the middle%20" },
        { "bytes beyond ASCII are escaped", "{name}", "J%C3%BCrgen" },
        { "url leaves nothing but unreserved characters", "{odd|url|join:;}",
          "a%2Cb;c%20d;%20e%20;3" },
        { "url encodes a line's end", "{evil|url}", "x%0D%0ASet-Cookie%3A%20a%3Db" },
        { "base64url is of the string's bytes", "{name|base64url}", "SsO8cmdlbg" },
        { "base64url of a line's end", "{evil|base64url}", "eA0KU2V0LUNvb2tpZTogYT1i" },
        { "base64url of each element", "{groups|base64url}", "L2VuZw,L29wcw" },
        { "base64url of nothing is nothing", "[{absent|base64url}]", "[]" },
        { "map takes the first pair that the array holds",
          "{groups|map:/admin=Admin,/ops=Editor,/eng=Viewer}", "Editor" },
        { "map of a string is of the whole of it", "{sub|map:u=no,u1=yes}", "yes" },
        { "map that fits nothing gives nothing", "[{groups|map:/x=X}]", "[]" },
        { "map and then a default", "{groups|map:/x=X|default:Viewer}", "Viewer" },
        { "map of an absent claim", "[{absent|map:a=b}]", "[]" },
        { "map's right may be empty, and hold =", "{sub|map:u1=a=b}", "a=b" },
        { "an operator's own per cent stands", "100%", "100%" },
        { "an empty template is an empty value", "", "" },
};

static void test_row(gconstpointer data)
{
        size_t i = GPOINTER_TO_SIZE(data);
        g_autoptr(Claims) claims = mint_claims(CLAIMS, "");
        g_autoptr(GError) error = NULL;
        g_autoptr(Template) template = template_new(rows[i].template, &error);
        g_autoptr(GString) out = g_string_new("before:");

        g_assert_no_error(error);
        template_expand(template, claims, out);
        g_assert_cmpstr(out->str + strlen("before:"), ==, rows[i].value);
}

static const struct {
        const char *sentence;
        const char *template;
} refused[] = {
        { "a brace that is not closed", "{sub" },
        { "a brace that was not opened", "sub}" },
        { "a claim without a name", "x{}" },
        { "a filter without its argument", "{groups|join}" },
        { "a filter with one too many", "{groups|url:x}" },
        { "a map without its pairs", "{groups|map}" },
        { "a map of what is no pair", "{groups|map:a=b,c}" },
        { "a map without a left", "{groups|map:=b}" },
        { "an unknown filter", "{sub|upper:x}" },
        { "a brace within braces", "{a{b}" },
        { "a line's end", "a\nb" },
        { "a byte beyond ASCII", "\xc3\xbc" },
};

static void test_refused(gconstpointer data)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Template) template =
            template_new(refused[GPOINTER_TO_SIZE(data)].template, &error);

        g_assert_null(template);
        g_assert_error(error, G_KEY_FILE_ERROR, G_KEY_FILE_ERROR_INVALID_VALUE);
}

static void test_too_long_or_too_many_parts(void)
{
        g_autofree char *longish = g_strnfill(TEMPLATE_SIZE_MAX + 1, 'x');
        g_autoptr(GString) many = g_string_new(NULL);
        g_autoptr(Template) fits = NULL;

        g_assert_null(template_new(longish, NULL));
        longish[TEMPLATE_SIZE_MAX] = '\0';
        fits = template_new(longish, NULL);
        g_assert_nonnull(fits);
        for (int i = 0; i <= TEMPLATE_PARTS_MAX; i++)
                g_string_append(many, "{a}");
        g_assert_null(template_new(many->str, NULL));
}

static Claims *claims_of_long_groups(void)
{
        g_autoptr(GString) json = g_string_new("{'groups':['");

        for (int i = 0; i < TEMPLATE_VALUE_MAX / 10; i++)
                g_string_append_printf(json, "%s/group%04d", i ? "','" : "", i);
        g_string_append(json, "'],'text':'");
        for (int i = 0; i < TEMPLATE_VALUE_MAX; i++)
                g_string_append(json, "%");
        g_string_append(json, "'}");
        return mint_claims(json->str, "");
}

static void test_a_long_list_is_cut_between_elements(void)
{
        g_autoptr(Claims) claims = claims_of_long_groups();
        g_autoptr(Template) template = template_new("{groups}!", NULL);
        g_autoptr(GString) out = g_string_new(NULL);

        template_expand(template, claims, out);
        g_assert_cmpuint(out->len, <=, TEMPLATE_VALUE_MAX);
        g_assert_cmpuint(out->len, >, TEMPLATE_VALUE_MAX - 20);
        g_assert_cmpuint((out->len + 1) % strlen("/group0000,"), ==, 0);
}

static void test_a_long_text_is_cut_between_escapes(void)
{
        g_autoptr(Claims) claims = claims_of_long_groups();
        g_autoptr(Template) template = template_new("{text}", NULL);
        g_autoptr(GString) out = g_string_new(NULL);

        template_expand(template, claims, out);
        g_assert_cmpuint(out->len, ==, TEMPLATE_VALUE_MAX / 3 * 3);
        g_assert_true(g_str_has_suffix(out->str, "%25"));
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autofree char *path = g_strconcat("/template/", rows[i].sentence, NULL);

                g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_row);
        }
        for (size_t i = 0; i < G_N_ELEMENTS(refused); i++) {
                g_autofree char *path =
                    g_strconcat("/template/refused/", refused[i].sentence, NULL);

                g_test_add_data_func(path, GSIZE_TO_POINTER(i), test_refused);
        }
        g_test_add_func("/template/too long or too many parts", test_too_long_or_too_many_parts);
        g_test_add_func("/template/a long list is cut between elements",
                        test_a_long_list_is_cut_between_elements);
        g_test_add_func("/template/a long text is cut between escapes",
                        test_a_long_text_is_cut_between_escapes);
        return g_test_run();
}
