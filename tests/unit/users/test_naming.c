/* test_naming: from the realm's words to the host's, or a refusal that says why. */
#include "users/naming.h"

static char **list_of(const char *words)
{
        return words ? g_strsplit(words, " ", -1) : NULL;
}

static Naming *compile(const UsersSettings *settings)
{
        g_autoptr(GError) error = NULL;
        Naming *naming = naming_new(settings, &error);

        g_assert_no_error(error);
        return naming;
}

/* ---- people ---- */

typedef struct PersonRow {
        const char *sentence;
        const char *template, *strip_domain, *name_attribute; /* NULL: the default */
        const char *username, *email, *attribute;
        const char *name;    /* NULL: refused */
        const char *trouble; /* part of it */
} PersonRow;

static const PersonRow person_rows[] = {
        { .sentence = "the username", .username = "alice", .name = "alice" },
        { .sentence = "one letter", .username = "a", .name = "a" },
        { .sentence = "a digit in front", .username = "1alice", .trouble = "is no name" },
        { .sentence = "a domain that is stripped",
          .strip_domain = "other.org example.com",
          .username = "alice@example.com",
          .name = "alice" },
        { .sentence = "its case does not matter",
          .strip_domain = "Example.com",
          .username = "alice@eXample.COM",
          .name = "alice" },
        { .sentence = "a domain that ends alike",
          .strip_domain = "example.com",
          .username = "alice@evilexample.com",
          .trouble = "is no name" },
        { .sentence = "the domain without its @",
          .strip_domain = "example.com",
          .username = "alicexexample.com",
          .trouble = "is no name" },
        { .sentence = "a domain below it",
          .strip_domain = "example.com",
          .username = "alice@x.example.com",
          .trouble = "is no name" },
        { .sentence = "another domain before it",
          .strip_domain = "example.com",
          .username = "alice@evil.org@example.com",
          .trouble = "is no name" },
        { .sentence = "nothing but the domain",
          .strip_domain = "example.com",
          .username = "@example.com",
          .trouble = "is no name" },
        { .sentence = "what is before the domain is judged as it is",
          .strip_domain = "example.com",
          .username = "Alice@example.com",
          .trouble = "is no name" },
        { .sentence = "root of a domain that is stripped",
          .strip_domain = "example.com",
          .username = "root@example.com",
          .trouble = "reserved" },
        { .sentence = "letters around it",
          .template = "x-{preferred_username}",
          .username = "alice",
          .name = "x-alice" },
        { .sentence = "an address",
          .template = "{email}",
          .strip_domain = "example.com",
          .username = "x",
          .email = "alice@example.com",
          .name = "alice" },
        { .sentence = "no address",
          .template = "{email}",
          .username = "x",
          .trouble = "not verified" },
        { .sentence = "an attribute in the template",
          .template = "{attribute.login}",
          .username = "x",
          .attribute = "alice",
          .name = "alice" },
        { .sentence = "the attribute is not there",
          .template = "{attribute.login}",
          .username = "x",
          .trouble = "{attribute.login} is empty" },
        { .sentence = "the name attribute wins",
          .name_attribute = "login",
          .username = "x",
          .attribute = "alice",
          .name = "alice" },
        { .sentence = "without the name attribute the template counts",
          .name_attribute = "login",
          .username = "alice",
          .name = "alice" },
        { .sentence = "the name attribute is judged, too",
          .name_attribute = "login",
          .username = "alice",
          .attribute = "root",
          .trouble = "reserved" },
        { .sentence = "a reserved name of the settings",
          .username = "backup-bot",
          .trouble = "reserved" },
        { .sentence = "systemd's", .username = "systemd-network", .trouble = "reserved" },
        { .sentence = "a gone one's", .username = "gone-1", .trouble = "reserved" },
        { .sentence = "gone alone", .username = "gone-x", .name = "gone-x" },
        { .sentence = "hostile text is quoted",
          .username = "\x1b[31m\xe2\x80\xae",
          .trouble = "\\u{1b}[31m\\u{202e}" },
        { .sentence = "hostile text is cut",
          .username = "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA",
          .trouble = "AAAA..." },
};

static Span attribute(const char *name, void *userdata)
{
        return strcmp(name, "login") == 0 ? span_from(userdata) : SPAN_EMPTY;
}

static void replace(char **at, const char *text)
{
        if (!text)
                return;
        g_free(*at);
        *at = g_strdup(text);
}

static void check_person(gconstpointer userdata)
{
        const PersonRow *row = userdata;
        g_autoptr(UsersSettings) settings = users_settings_new();
        const NamingFacts facts = { span_from(row->username), span_from(row->email), attribute,
                                    (void *) row->attribute };
        g_autoptr(Naming) naming = NULL;
        g_autofree char *name = NULL, *trouble = NULL;

        replace(&settings->name, row->template);
        replace(&settings->name_attribute, row->name_attribute);
        settings->strip_domain = list_of(row->strip_domain);
        settings->reserved = list_of("backup-bot");
        naming = compile(settings);
        name = naming_person(naming, &facts, &trouble);
        g_assert_cmpstr(name, ==, row->name);
        if (!row->name && !strstr(trouble, row->trouble))
                g_error("\"%s\" is not in \"%s\"", row->trouble, trouble);
}

/* ---- groups ---- */

typedef struct GroupRow {
        const char *sentence;
        const char *rules;
        const char *source;
        const char *name;    /* NULL: none */
        const char *trouble; /* NULL: no rule takes it */
} GroupRow;

static const GroupRow group_rows[] = {
        { "a path", "/eng/platform", "/eng/platform", "eng-platform" },
        { "no rule", NULL, "/eng" },
        { "another path", "/eng", "/ops" },
        { "one below is another", "/eng", "/eng/platform" },
        { "a star is one segment", "/eng/*", "/eng/platform", "eng-platform" },
        { "not none", "/eng/*", "/eng" },
        { "not two", "/eng/*", "/eng/platform/core" },
        { "a star in the middle", "/*/admins", "/eng/admins", "eng-admins" },
        { "two stars are any number", "/eng/**", "/eng/platform/core", "eng-platform-core" },
        { "none included", "/eng/**", "/eng", "eng" },
        { "a name that only begins alike", "/eng/**", "/engine" },
        { "a name of the rule", "/eng/ops=operators", "/eng/ops", "operators" },
        { "a rule with a name goes before one without", "/eng/** /eng/ops=operators", "/eng/ops",
          "operators" },
        { "a role of the realm", "realm:dba", "realm:dba", "dba" },
        { "a client's role", "orders:admin-x", "orders:admin-x", "admin-x" },
        { "a client's role by another name", "orders:x=order-admins", "orders:x", "order-admins" },
        { "of another client", "orders:x", "billing:x" },
        { "a pattern takes no role", "/**", "realm:dba" },
        { "upper case", "/**", "/Eng", NULL, "is no name" },
        { "a segment with a space", "/**", "/eng team", NULL, "is no name" },
        { "a slash within a segment, escaped", "/**", "/a~/b", NULL, "is no name" },
        { "an empty segment", "/**", "/eng//x" },
        { "docker", "/**", "/docker", NULL, "reserved" },
        { "root", "/**", "/root", NULL, "reserved" },
        { "33 characters are not cut", "/**", "/abcdefghijklmnop/abcdefghijklmnop", NULL,
          "is no name" },
        { "32 characters", "/**", "/abcdefghijklmnop/abcdefghijklmno",
          "abcdefghijklmnop-abcdefghijklmno" },
};

static void check_group(gconstpointer userdata)
{
        const GroupRow *row = userdata;
        g_autoptr(UsersSettings) settings = users_settings_new();
        g_autoptr(Naming) naming = NULL;
        g_autofree char *name = NULL, *trouble = NULL;

        settings->groups = list_of(row->rules);
        naming = compile(settings);
        name = naming_group(naming, row->source, &trouble);
        g_assert_cmpstr(name, ==, row->name);
        g_assert_cmpint(trouble != NULL, ==, row->trouble != NULL);
        g_assert_true(!trouble || strstr(trouble, row->trouble));
}

/* ---- settings that are refused ---- */

typedef struct SettingRow {
        const char *sentence;
        size_t offset;
        bool is_list;
        const char *value;
        const char *trouble; /* NULL: it is taken */
} SettingRow;

#define TEXT(member, value, trouble) offsetof(UsersSettings, member), false, value, trouble
#define LIST(member, value, trouble) offsetof(UsersSettings, member), true, value, trouble

static const SettingRow setting_rows[] = {
        { "an unknown placeholder", TEXT(name, "{sub}", "unknown {sub}") },
        { "an attribute without a name", TEXT(name, "{attribute.}", "unknown") },
        { "no placeholder", TEXT(name, "all", "everybody") },
        { "a brace that opens alone", TEXT(name, "{email", "brace") },
        { "a brace that closes alone", TEXT(name, "a}", "brace") },
        { "a relative home", TEXT(home, "home/{name}", "absolute") },
        { "a home that climbs", TEXT(home, "/home/../{name}", "absolute") },
        { "a home with a colon", TEXT(home, "/home:{name}", "absolute") },
        { "a home of something else", TEXT(home, "/home/{email}", "unknown") },
        { "a home in a folder of its own", TEXT(home, "/srv/{name}/home", NULL) },
        { "a domain with its @", LIST(strip_domain, "@example.com", "without @") },
        { "a source that is neither", LIST(groups, "eng", "neither") },
        { "a star within a segment", LIST(groups, "/eng*", "neither") },
        { "two stars in the middle", LIST(groups, "/**/x", "neither") },
        { "many groups of one name", LIST(groups, "/eng/*=x", "many groups") },
        { "a name that is none", LIST(groups, "/eng=Eng", "is no name") },
        { "a name that is reserved", LIST(groups, "/eng=sudo", "reserved") },
        { "a role of nobody", LIST(groups, ":x", "neither") },
        { "a role without a name", LIST(groups, "realm:", "neither") },
        { "a local group", LIST(local_groups, "sudo=/admins", NULL) },
        { "the local group root", LIST(local_groups, "root=/admins", "nobody is put") },
        { "a local group without a source",
          LIST(local_groups, "sudo",
               "\"sudo\" names no group or role of the realm; write LOCAL=SOURCE") },
        { "a source without a local group", LIST(local_groups, "/admins", "write LOCAL=SOURCE") },
        { "a local group of no name", LIST(local_groups, "=/admins", "is no name") },
        { "within of a name", LIST(within, "staff", "neither") },
};

static void check_setting(gconstpointer userdata)
{
        const SettingRow *row = userdata;
        g_autoptr(UsersSettings) settings = users_settings_new();
        g_autoptr(GError) error = NULL;
        g_autoptr(Naming) naming = NULL;
        char *at = (char *) settings + row->offset;

        if (row->is_list)
                *(char ***) at = list_of(row->value);
        else
                replace((char **) at, row->value);
        naming = naming_new(settings, &error);
        g_assert_cmpint(naming != NULL, ==, row->trouble == NULL);
        g_assert_true(!row->trouble || strstr(error->message, row->trouble));
}

/* ---- gecos and paths ---- */

typedef struct TextRow {
        const char *sentence;
        const char *text;
        const char *gecos;
} TextRow;

static const TextRow text_rows[] = {
        { "a name as it is", "Zo\xc3\xab Doe", "Zo\xc3\xab Doe" },
        { "what passwd(5) and gecos part by", "a:b,c", "a b c" },
        { "a line's end", "a\nb\r", "a b " },
        { "a line's end of Unicode",
          "a\xe2\x80\xa8"
          "b\xc2\x85",
          "a b " },
        { "a turn of the direction",
          "a\xe2\x80\xae"
          "b",
          "a b" },
        { "what is no UTF-8", "a\xff", "" },
};

static void check_gecos(gconstpointer userdata)
{
        const TextRow *row = userdata;
        g_autofree char *gecos = naming_gecos(span_from(row->text));

        g_assert_cmpstr(gecos, ==, row->gecos);
}

static void long_gecos(void)
{
        g_autofree char *text = g_strnfill(RECORD_TEXT_MAX - 1, 'a');
        g_autofree char *fits = g_strconcat(text, "b", NULL);
        g_autofree char *over = g_strconcat(text, "\xc3\xab", NULL);
        g_autofree char *whole = naming_gecos(span_from(fits));
        g_autofree char *cut = naming_gecos(span_from(over));

        g_assert_cmpstr(whole, ==, fits);
        g_assert_cmpstr(cut, ==, text); /* at a character's edge */
}

static void paths(void)
{
        g_autofree char *longest = g_strnfill(RECORD_TEXT_MAX, 'a');
        g_autofree char *over = g_strconcat("/", longest, NULL);

        longest[0] = '/';
        g_assert_true(naming_path_fits(longest));
        g_assert_false(naming_path_fits(over));
        g_assert_true(naming_path_fits("/bin/bash"));
        g_assert_true(naming_path_fits("/srv/..x"));
        g_assert_false(naming_path_fits("/srv/.."));
        g_assert_false(naming_path_fits("bin/bash"));
        g_assert_false(naming_path_fits(""));
        g_assert_false(naming_path_fits("/a:b"));
        g_assert_false(naming_path_fits("/a\nb"));
        g_assert_false(naming_path_fits("/a\xc2\x85"));
        g_assert_false(naming_path_fits("/a\xff"));
}

static void names_by_their_bytes(void)
{
        g_assert_false(naming_is_name(span_of("alice\0", 6)));
        g_assert_false(naming_is_name(span_from("alice\n")));
        g_assert_false(naming_is_name(span_from("al.ice")));
        g_assert_true(naming_is_name(span_from("_a-9_")));
}

static void roles_once(void)
{
        g_autoptr(UsersSettings) settings = users_settings_new();
        g_autoptr(Naming) naming = NULL;
        g_autoptr(GPtrArray) roles = NULL;

        settings->groups = list_of("/eng realm:dba realm:dba=x");
        settings->local_groups = list_of("sudo=orders:root adm=realm:dba");
        settings->within = list_of("realm:staff");
        naming = compile(settings);
        roles = naming_roles(naming);
        g_assert_cmpuint(roles->len, ==, 3);
        g_assert_cmpstr(roles->pdata[0], ==, "realm:dba");
        g_assert_cmpstr(roles->pdata[1], ==, "orders:root");
        g_assert_cmpstr(roles->pdata[2], ==, "realm:staff");
        g_assert_true(naming_within(naming, "realm:staff"));
        g_assert_false(naming_within(naming, "/eng"));
}

static void settings_copied_and_compared(void)
{
        g_autoptr(UsersSettings) settings = users_settings_new();
        g_autoptr(UsersSettings) copy = users_settings_copy(settings);

        g_assert_true(users_settings_equal(settings, copy));
        copy->within = g_new0(char *, 1);
        g_assert_true(users_settings_equal(settings, copy));
        g_strfreev(copy->within);
        copy->within = list_of("/staff");
        g_assert_false(users_settings_equal(settings, copy));
        settings->within = list_of("/staff");
        g_assert_true(users_settings_equal(settings, copy));
        copy->gone_keep_sec++;
        g_assert_false(users_settings_equal(settings, copy));
}

#define ADD(group, rows, run)                                                                      \
        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++)                                            \
        add(group, rows[i].sentence, &rows[i], run)

static void add(const char *group, const char *sentence, const void *row, GTestDataFunc run)
{
        g_autofree char *path = g_strdup_printf("/naming/%s/%s", group, sentence);

        g_test_add_data_func(path, row, run);
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        ADD("people", person_rows, check_person);
        ADD("groups", group_rows, check_group);
        ADD("settings", setting_rows, check_setting);
        ADD("gecos", text_rows, check_gecos);
        g_test_add_func("/naming/gecos/the longest and one more", long_gecos);
        g_test_add_func("/naming/paths that fit", paths);
        g_test_add_func("/naming/names by their bytes", names_by_their_bytes);
        g_test_add_func("/naming/roles each once", roles_once);
        g_test_add_func("/naming/settings are copied and compared whole",
                        settings_copied_and_compared);
        return g_test_run();
}
