/* test_config: texts that are refused, each with its one line; texts that are read, and what they
 * say. */
#include "config.h"

#include "base/file.h"
#include "token/json.h"

#include <glib/gstdio.h>

#define ISSUER "[issuer i]\nurl = https://sso.example.com/realms/i\n"
#define POLICY "[policy p]\naudience = a\n"
#define GOOD   ISSUER POLICY /* lines 1 to 4 */

/* A folder of one test, removed with what is in it. */
typedef struct Folder {
        char *path;
} Folder;

static void folder_clear(Folder *folder)
{
        g_autofree char *conf_d = g_build_filename(folder->path, "conf.d", NULL);
        const char *const folders[] = { conf_d, folder->path };

        for (size_t i = 0; i < G_N_ELEMENTS(folders); i++) {
                g_autoptr(GDir) dir = g_dir_open(folders[i], 0, NULL);
                const char *name;

                while (dir && (name = g_dir_read_name(dir))) {
                        g_autofree char *path = g_build_filename(folders[i], name, NULL);

                        g_unlink(path);
                }
                g_rmdir(folders[i]);
        }
        g_free(folder->path);
}
G_DEFINE_AUTO_CLEANUP_CLEAR_FUNC(Folder, folder_clear)

static Folder folder_new(void)
{
        Folder folder = { g_dir_make_tmp("authd-config-XXXXXX", NULL) };
        g_autofree char *conf_d = g_build_filename(folder.path, "conf.d", NULL);

        g_assert_cmpint(g_mkdir(conf_d, 0700), ==, 0);
        return folder;
}

static char *folder_write(const Folder *folder, const char *name, const char *content)
{
        g_autofree char *path = g_build_filename(folder->path, name, NULL);
        g_autoptr(GError) error = NULL;

        file_write_atomic(path, span_from(content), 0600, &error);
        g_assert_no_error(error);
        return g_steal_pointer(&path);
}

static void folder_put(const Folder *folder, const char *name, const char *content)
{
        g_free(folder_write(folder, name, content));
}

typedef struct Bad {
        const char *sentence, *text, *message;
} Bad;

static void refused(const Bad *rows, size_t n_rows)
{
        for (size_t i = 0; i < n_rows; i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(Config) config = config_parse("t.conf", span_from(rows[i].text), &error);

                g_test_message("%s", rows[i].sentence);
                g_assert_null(config);
                g_assert_cmpstr(error->message, ==, rows[i].message);
        }
}

/* What stands before policies: routes, proxies, limits. */
static void broken_doors(void)
{
        static const Bad rows[] = {
                { "a route without its order", GOOD "[route r]\npolicy = p\n",
                  "t.conf:5: [route r] has no order; add order = 10: the lowest is tried first" },
                { "a route without its policy", GOOD "[route r]\norder = 1\n",
                  "t.conf:5: [route r] policy is missing: name one, or write anonymous" },
                { "a route to no policy", GOOD "[route r]\norder = 1\npolicy = q\n",
                  "t.conf:7: [route r] policy = q: there is no [policy q]" },
                { "a path that never fits",
                  GOOD "[route r]\norder = 1\npolicy = p\npath = orders\n",
                  "t.conf:8: [route r] path = orders does not begin with \"/\"" },
                { "two routes of one order",
                  GOOD "[route r]\norder = 1\npolicy = p\n[route s]\npolicy = p\norder = 1\n",
                  "t.conf:6: [route r] and [route s] have the same order = 1; which comes first?" },
                { "an order below the first", GOOD "[route r]\norder = -1\npolicy = p\n",
                  "t.conf:6: \"-1\" is no number from 0 to 1000000; write one" },
                { "an order past the last", GOOD "[route r]\norder = 1000001\npolicy = p\n",
                  "t.conf:6: \"1000001\" is no number from 0 to 1000000; write one" },
                { "a policy that a route would pass by", "[policy anonymous]\naudience = a\n",
                  "t.conf:1: the name \"anonymous\" is reserved; take another" },
                { "a proxy that is none", GOOD "[authd]\nworkers = 2\ntrusted_proxies = nginx\n",
                  "t.conf:7: trusted_proxies: \"nginx\" is none of uid:NUMBER, user:NAME, an "
                  "address, and a network such as 10.0.0.0/8" },
                { "a rate that is none", GOOD "[authd]\nauth_failures = 100\n",
                  "t.conf:6: auth_failures: \"100\" is no rate; write 100/m, 100/m burst 20 or "
                  "none" },
                { "a word that is none", GOOD "[authd]\nencoded_slash = deny\n",
                  "t.conf:6: encoded_slash = \"deny\" is none of refuse, allow; write one of "
                  "them" },
                { "a binding that is none", GOOD "dpop = always\n",
                  "t.conf:5: dpop = \"always\" is none of optional, never, required; write one of "
                  "them" },
                { "a nonce without proofs", GOOD "dpop = never\ndpop_nonce = true\n",
                  "t.conf:6: [policy p]: dpop_nonce without DPoP (dpop = never); remove one of "
                  "them" },
                { "a place that holds no token", GOOD "token_from = body:x\n",
                  "t.conf:5: [policy p]: token_from: \"body:x\" is no place of a token; write "
                  "header:NAME, cookie:NAME or query:NAME" },
                { "a route's limit that is none",
                  GOOD "[route r]\norder = 1\npolicy = p\nlimits = sub 1\n",
                  "t.conf:8: [route r] limits: \"sub 1\" is no limit; write WHAT NUMBER/UNIT, "
                  "maybe "
                  "burst NUMBER: sub 100/s burst 200 (what: sub, client, address, claim:PATH; "
                  "unit: s, m, h, d)" },
                { "too many slots of a route",
                  GOOD "[route r]\norder = 1\npolicy = p\nlimit_slots = 2097153\n",
                  "t.conf:8: \"2097153\" is no number from 1024 to 2097152; write one" },
                { "too few slots", GOOD "limit_slots = 1023\n",
                  "t.conf:5: \"1023\" is no number from 1024 to 2097152; write one" },
        };

        refused(rows, G_N_ELEMENTS(rows));
}

static void doors_are_read(void)
{
        static const char text[] =
            GOOD "acr = gold; silver\nmax_auth_age = 1h\ndpop = required\ndpop_nonce = true\n"
                 "mtls = never\ntoken_from = cookie:jwt\nlimits = sub 1/s; address 2/m burst 3\n"
                 "limit_slots = 1024\npreflight = allow\n"
                 "[authd]\ntrusted_proxies = uid:33; 10.0.0.0/8\nencoded_slash = allow\n"
                 "auth_failures = none\n[route r]\npolicy = optional:p\norder = 0\nhost = a; b\n"
                 "limits = address 1/m\n";
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = config_parse("t.conf", span_from(text), &error);
        const PolicySettings *policy;
        const PolicyFront *front;

        g_assert_no_error(error);
        policy = config->policies->pdata[0];
        front =
            front_policy(config->compiled_front, policy_set_find(config->compiled, span_from("p")));
        g_assert_cmpstr(policy->acr[1], ==, "silver");
        g_assert_cmpint(policy->max_auth_age_sec, ==, 3600);
        g_assert_cmpint(policy->dpop, ==, BINDING_REQUIRED);
        g_assert_true(policy->dpop_nonce);
        g_assert_cmpint(policy->mtls, ==, BINDING_NEVER);
        g_assert_true(front->allow_preflight);
        g_assert_cmpuint(front->limit_slots, ==, 1024);
        g_assert_true(front_allows_encoded_slash(config->compiled_front));
        g_assert_cmpuint(routing_size(config->compiled_routing), ==, 1);
        g_assert_cmpuint(
            limits_size(front_route_limits(config->compiled_front, g_intern_string("r"))), ==, 1);
}

static void broken_lines(void)
{
        static const Bad rows[] = {
                { "a line without =", GOOD "scopes\n",
                  "t.conf:5: \"scopes\" has no \"=\"; write KEY = VALUE" },
                { "a semicolon for a comment", "; hello\n",
                  "t.conf:1: comments begin with \"#\"; replace the \";\"" },
                { "a key before any section", "url = x\n",
                  "t.conf:1: a key before the first section; begin with [authd], [issuer NAME] or "
                  "[policy NAME]" },
                { "a key without value", ISSUER "[policy p]\naudience =\n",
                  "t.conf:4: \"audience\" has no value; give one or leave the key out" },
                { "a comment behind a value", ISSUER "[policy p]\naudience = a # mine\n",
                  "t.conf:4: a comment behind a value would become part of it; put it on a line of "
                  "its own, or write "
                  "\"\\s#\" if it is meant" },
                { "a comment behind a tab", ISSUER "[policy p]\naudience = a\t# mine\n",
                  "t.conf:4: a comment behind a value would become part of it; put it on a line of "
                  "its own, or write "
                  "\"\\s#\" if it is meant" },
                { "a comment instead of a value", ISSUER "[policy p]\naudience = # none\n",
                  "t.conf:4: a comment behind a value would become part of it; put it on a line of "
                  "its own, or write "
                  "\"\\s#\" if it is meant" },
                { "a comment behind a section", "[authd] # main\n",
                  "t.conf:1: a section's line is [NAME] and nothing else; put comments on a line "
                  "of their own" },
                { "a section that is not closed", "[authd\n",
                  "t.conf:1: a section's line is [NAME] and nothing else; put comments on a line "
                  "of their own" },
                { "two sections on a line", "[authd][policy p]\n",
                  "t.conf:1: a section's line is [NAME] and nothing else; put comments on a line "
                  "of their own" },
                { "bytes that are no UTF-8", "[authd]\nsocket = /\xff\n",
                  "t.conf:2: not valid UTF-8; save the file as UTF-8" },
                { "a byte order mark", "\xef\xbb\xbf[authd]\n",
                  "t.conf:1: a byte order mark stands here; save the file as UTF-8 without one" },
                { "an escape sequence for terminals", "[authd]\nsocket = /\033[2J\n",
                  "t.conf:2: byte 0x1b is a control character; remove it" },
                { "a carriage return within a line", "[authd]\rsocket = /x\n",
                  "t.conf:1: byte 0x0d is a control character; remove it" },
                { "the last line counts without newline", GOOD "x",
                  "t.conf:5: \"x\" has no \"=\"; write KEY = VALUE" },
        };

        refused(rows, G_N_ELEMENTS(rows));
}

static void nul_is_refused(void)
{
        static const char text[] = "[authd]\nsocket = /x\0y\n";
        g_autoptr(GError) error = NULL;

        g_assert_null(config_parse("t.conf", span_of(text, sizeof(text) - 1), &error));
        g_assert_cmpstr(error->message, ==, "t.conf:2: not valid UTF-8; save the file as UTF-8");
}

static void unknown_words(void)
{
        static const Bad rows[] = {
                { "a section almost right", "[polcy orders]\n",
                  "t.conf:1: unknown section [polcy orders]; did you mean [policy orders]?" },
                { "a section in capitals", "[Authd]\n",
                  "t.conf:1: unknown section [Authd]; did you mean [authd]?" },
                { "a section of another daemon", "[network]\n",
                  "t.conf:1: unknown section [network]; there are [authd], [issuer NAME], [policy "
                  "NAME], [route NAME], [client NAME], [pam NAME] and [users]" },
                { "an empty section", "[]\n",
                  "t.conf:1: unknown section []; there are [authd], [issuer NAME], [policy NAME], "
                  "[route NAME], [client NAME], [pam NAME] and [users]" },
                { "a policy's name with a dot", ISSUER "[policy a.b]\n",
                  "t.conf:3: a policy's name has no dot, but for [policy NAME.next], which is "
                  "tried in the shadow of [policy NAME]" },
                { "the shadow of a shadow", GOOD "[policy p.next.next]\n",
                  "t.conf:5: a policy's name has no dot, but for [policy NAME.next], which is "
                  "tried in the shadow of [policy NAME]" },
                { "the shadow of nobody", GOOD "[policy q.next]\naudience = a\n",
                  "t.conf:5: [policy q.next] is tried in the shadow of [policy q], which is not "
                  "there; add it, or take .next off" },
                { "a key almost right", ISSUER "[policy p]\naudence = a\n",
                  "t.conf:4: unknown key \"audence\" in [policy p]; did you mean \"audience\"?" },
                { "a localised key", ISSUER "[policy p]\naudience[de] = a\n",
                  "t.conf:4: unknown key \"audience[de]\" in [policy p]; did you mean "
                  "\"audience\"?" },
                { "a key of another section", "[authd]\nurl = https://x\n",
                  "t.conf:2: unknown key \"url\" in [authd]; its keys are: socket, listen, "
                  "listen_any, workers, cache_size, "
                  "log_level, allow_development_issuers, core_dumps, admin_group, state_dir, "
                  "assertion_issuer, "
                  "trusted_proxies, encoded_slash, auth_failures" },
                { "a secret in the settings", "[issuer i]\nclient_secret = hunter2\n",
                  "t.conf:2: \"client_secret\" would put a secret into the settings; write it into "
                  "a file of its own (mode "
                  "0600) and name that with client_secret_file" },
        };

        refused(rows, G_N_ELEMENTS(rows));
}

static void names(void)
{
        static const Bad rows[] = {
                { "authd has no name", "[authd main]\n",
                  "t.conf:1: [authd] takes no name; write [authd]" },
                { "a policy without name", "[policy]\n",
                  "t.conf:1: [policy] lacks its name; write [policy NAME]" },
                { "a name with a slash", "[policy a/b]\n",
                  "t.conf:1: bad name \"a/b\"; a name is 1 to 64 of A-Z a-z 0-9 . _ - and begins "
                  "with a letter or digit" },
                { "a name of two words", "[policy a b]\n",
                  "t.conf:1: bad name \"a b\"; a name is 1 to 64 of A-Z a-z 0-9 . _ - and begins "
                  "with a letter or digit" },
                { "a name that begins with a dot", "[issuer .i]\n",
                  "t.conf:1: bad name \".i\"; a name is 1 to 64 of A-Z a-z 0-9 . _ - and begins "
                  "with a letter or digit" },
                { "65 characters",
                  "[issuer aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa]\n",
                  "t.conf:1: bad name "
                  "\"aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa...\"; a name is "
                  "1 to 64 "
                  "of A-Z a-z 0-9 . _ - and begins with a letter or digit" },
                { "a reserved name", "[policy by-route]\n",
                  "t.conf:1: the name \"by-route\" is reserved; take another" },
        };

        refused(rows, G_N_ELEMENTS(rows));
}

static void duplicates(void)
{
        static const Bad rows[] = {
                { "a section twice", GOOD "[policy p]\n",
                  "t.conf:5: duplicate section [policy p], first at line 3; put all its keys into "
                  "one" },
                { "a section twice, spaced differently", GOOD "[ policy   p ]\n",
                  "t.conf:5: duplicate section [policy p], first at line 3; put all its keys into "
                  "one" },
                { "a key twice", GOOD "scopes = a\naudience = b\n",
                  "t.conf:6: duplicate key \"audience\" in [policy p], first at line 4; keep one" },
                { "two issuers of one url",
                  GOOD "[issuer j]\nurl = https://sso.example.com/realms/i\n",
                  "t.conf:6: [issuer j] has the url of [issuer i]; keep one of them" },
        };

        refused(rows, G_N_ELEMENTS(rows));
}

static void values(void)
{
        static const Bad rows[] = {
                { "a list of nothing", ISSUER "[policy p]\naudience = ;\n",
                  "t.conf:4: an element of \"audience\" is empty; write them as A; B, or leave the "
                  "key out" },
                { "a hole in a list", ISSUER "[policy p]\naudience = a;;b\n",
                  "t.conf:4: an element of \"audience\" is empty; write them as A; B, or leave the "
                  "key out" },
                { "a bad escape in a list", ISSUER "[policy p]\naudience = a\\q\n",
                  "t.conf:4: \"audience\" has a bad escape; after \"\\\" comes s, n, t, r, \\ or "
                  ";" },
                { "a bad escape in a text", "[authd]\nadmin_group = a\\;\n",
                  "t.conf:2: \"admin_group\" has a bad escape; after \"\\\" comes s, n, t, r or "
                  "\\, and in lists also ;" },
                { "a time without unit", "[issuer i]\nleeway = 30\n",
                  "t.conf:2: \"30\" lacks its unit; add s, m, h or d" },
                { "a time in unknown units", "[issuer i]\nleeway = 30ms\n",
                  "t.conf:2: \"30ms\" is not a number and a unit; write a whole number and s, m, h "
                  "or d" },
                { "a unit alone", "[issuer i]\nleeway = s\n",
                  "t.conf:2: \"s\" is not a number and a unit; write a whole number and s, m, h or "
                  "d" },
                { "a negative time", "[issuer i]\nleeway = -1s\n",
                  "t.conf:2: \"-1s\" is not a number and a unit; write a whole number and s, m, h "
                  "or d" },
                { "half a minute as a fraction", "[issuer i]\nleeway = 0.5m\n",
                  "t.conf:2: \"0.5m\" is not a number and a unit; write a whole number and s, m, h "
                  "or d" },
                { "a leeway over its bound", "[issuer i]\nleeway = 601s\n",
                  "t.conf:2: \"601s\" is out of range; write 0s to 10m" },
                { "a time over 64 bits", "[issuer i]\nleeway = 99999999999999999999d\n",
                  "t.conf:2: \"99999999999999999999d\" is out of range; write 0s to 10m" },
                { "a maximum age of nothing", ISSUER "[policy p]\naudience = a\nmax_age = 0s\n",
                  "t.conf:5: \"0s\" is out of range; write 1s to 365d" },
                { "a size without unit", "[authd]\ncache_size = 16777216\n",
                  "t.conf:2: \"16777216\" lacks its unit; add B, KiB, MiB or GiB" },
                { "a size in decimal units", "[authd]\ncache_size = 16MB\n",
                  "t.conf:2: \"16MB\" is not a number and a unit; write a whole number and B, KiB, "
                  "MiB or GiB" },
                { "a cache too small", "[authd]\ncache_size = 255KiB\n",
                  "t.conf:2: \"255KiB\" is out of range; write 256KiB to 64GiB" },
                { "yes is no boolean", "[authd]\nlisten_any = yes\n",
                  "t.conf:2: \"yes\" is neither true nor false; write one of them" },
                { "no workers", "[authd]\nworkers = 0\n",
                  "t.conf:2: \"0\" is no number of workers; write auto, or 1 to 64" },
                { "65 workers", "[authd]\nworkers = 65\n",
                  "t.conf:2: \"65\" is no number of workers; write auto, or 1 to 64" },
                { "a log level of syslog", "[authd]\nlog_level = crit\n",
                  "t.conf:2: \"crit\" is no log level; write error, warning, notice, info or "
                  "debug" },
                { "a subject word", ISSUER "[policy p]\naudience = a\nsubject = no\n",
                  "t.conf:5: \"no\" is neither required nor optional; write one of them" },
                { "an algorithm of symmetric keys", "[issuer i]\nalgorithms = RS256; HS256\n",
                  "t.conf:2: \"HS256\" is no algorithm of ours; there are "
                  "RS256;RS384;RS512;PS256;PS384;PS512;ES256;ES384;"
                  "ES512;EdDSA" },
                { "a relative state folder", "[authd]\nstate_dir = var/lib\n",
                  "t.conf:2: \"var/lib\" is a relative path; write it from / on" },
                { "a word that is almost none", "[authd]\nstate_dir = None\n",
                  "t.conf:2: \"None\" is a relative path; write it from / on" },
                { "keys that go stale at once", "[issuer i]\nstale_keys_max = 59s\n",
                  "t.conf:2: \"59s\" is out of range; write 1m to 30d" },
                { "keys for a season", "[issuer i]\nstale_keys_max = 31d\n",
                  "t.conf:2: \"31d\" is out of range; write 1m to 30d" },
                { "a proxy with a password", "[issuer i]\nproxy = http://me:hunter2@p:3128\n",
                  "t.conf:2: the issuer cannot be reached so: its proxy is malformed, or names a "
                  "user; write http://HOST:PORT, https://HOST:PORT or socks5h://HOST:PORT" },
                { "a proxy that resolves names itself", "[issuer i]\nproxy = socks5://p:1080\n",
                  "t.conf:2: the issuer cannot be reached so: its proxy must be http://, https:// "
                  "or socks5h://HOST:PORT; write http://HOST:PORT, https://HOST:PORT or "
                  "socks5h://HOST:PORT" },
                { "an authentication of another world", "[issuer i]\nclient_auth = none\n",
                  "t.conf:2: \"none\" is no way that authd authenticates; write "
                  "client_secret_basic, client_secret_post, private_key_jwt or tls_client_auth" },
                { "no call at all", "[issuer i]\nintrospection_calls = 0\n",
                  "t.conf:2: \"0\" is no number from 1 to 256; write one" },
                { "257 calls", "[issuer i]\nintrospection_calls = 257\n",
                  "t.conf:2: \"257\" is no number from 1 to 256; write one" },
                { "a signature perhaps", "[issuer i]\nintrospection_signed = maybe\n",
                  "t.conf:2: \"maybe\" is neither true nor false; write one of them" },
                { "a mode almost right", ISSUER "[policy p]\naudience = a\nintrospect = Always\n",
                  "t.conf:5: \"Always\" says not when the issuer is asked; write never, always, "
                  "writes or an age, as in max-age 5s" },
                { "an age of nothing", ISSUER "[policy p]\naudience = a\nintrospect = max-age 0s\n",
                  "t.conf:5: \"0s\" is out of range; write 1s to 1h" },
                { "an age over an hour",
                  ISSUER "[policy p]\naudience = a\nintrospect = max-age 3601s\n",
                  "t.conf:5: \"3601s\" is out of range; write 1s to 1h" },
                { "an age without unit",
                  ISSUER "[policy p]\naudience = a\nintrospect = max-age 5\n",
                  "t.conf:5: \"5\" lacks its unit; add s, m, h or d" },
                { "an age with a word behind it",
                  ISSUER "[policy p]\naudience = a\nintrospect = max-age 5s writes\n",
                  "t.conf:5: \"5s writes\" is not a number and a unit; write a whole number and "
                  "s, m, h or d" },
                { "a budget without end", ISSUER "[policy p]\naudience = a\nkeys_stale_for = 31d\n",
                  "t.conf:5: \"31d\" is out of range; write 0s to 30d" },
                { "a relative socket", "[authd]\nsocket = authd.sock\n",
                  "t.conf:2: \"authd.sock\" is a relative path; write it from / on" },
                { "a socket path of 108 bytes",
                  "[authd]\nsocket = "
                  "/aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
                  "aaaaaaaa"
                  "aaaaaaaaaaaaaaaaaaaa\n",
                  "t.conf:2: the path has 108 bytes, a socket's at most 107; take a shorter one" },
        };

        refused(rows, G_N_ELEMENTS(rows));
}

static void addresses(void)
{
        static const Bad rows[] = {
                { "a port alone", "[authd]\nlisten = 4181\n" GOOD,
                  "t.conf:2: \"4181\" is not an address and a port; write 127.0.0.1:4181 or "
                  "[::1]:4181" },
                { "a name", "[authd]\nlisten = localhost:4181\n" GOOD,
                  "t.conf:2: \"localhost:4181\" is not an address and a port; write 127.0.0.1:4181 "
                  "or [::1]:4181" },
                { "an IPv6 address without brackets", "[authd]\nlisten = ::1:4181\n" GOOD,
                  "t.conf:2: \"::1:4181\" is not an address and a port; write 127.0.0.1:4181 or "
                  "[::1]:4181" },
                { "a port over 65535", "[authd]\nlisten = 127.0.0.1:65536\n" GOOD,
                  "t.conf:2: \"127.0.0.1:65536\" is not an address and a port; write "
                  "127.0.0.1:4181 or [::1]:4181" },
                { "every address", "[authd]\nlisten = [::1]:1; 0.0.0.0:4181\n" GOOD,
                  "t.conf:2: \"0.0.0.0:4181\" is not loopback, and other machines could ask; set "
                  "listen_any = true if that is "
                  "meant" },
        };

        refused(rows, G_N_ELEMENTS(rows));
}

static void issuers(void)
{
        static const Bad rows[] = {
                { "no settings at all", "",
                  "t.conf:1: no issuer is configured; add [issuer NAME] with its url" },
                { "no issuer", POLICY,
                  "t.conf:1: no issuer is configured; add [issuer NAME] with its url" },
                { "no policy", ISSUER,
                  "t.conf:1: no policy is configured; add [policy NAME] with its audience" },
                { "an issuer without url", "[issuer i]\nleeway = 1s\n" POLICY,
                  "t.conf:1: [issuer i] has no url; add url = https://... (what its tokens carry "
                  "in iss)" },
                { "a query in the url", "[issuer i]\nurl = https://x/?a=b\n",
                  "t.conf:2: \"url\" has a query, a fragment or a space; an issuer's URL has "
                  "none" },
                { "a key file that is not there",
                  "[issuer i]\nurl = https://x\nkeys_file = /nowhere/keys.json\n",
                  "t.conf:3: keys_file: /nowhere/keys.json: cannot open it: No such file or "
                  "directory; give authd's user the "
                  "right to read it, or name another" },
                { "a certificate file that is not there", "[issuer i]\nca_file = /nowhere/ca.pem\n",
                  "t.conf:2: ca_file: /nowhere/ca.pem: cannot open it: No such file or directory; "
                  "give authd's user the right "
                  "to read it, or name another" },
                { "a credential without a folder of them",
                  "[issuer i]\nclient_secret_file = credential:kc\n",
                  "t.conf:2: there is no $CREDENTIALS_DIRECTORY; add LoadCredential=kc:PATH to the "
                  "unit, or write the file's "
                  "path" },
                { "a credential in a folder below",
                  "[issuer i]\nclient_secret_file = credential:a/kc\n",
                  "t.conf:2: \"credential:a/kc\" names no credential; write credential:NAME" },
                { "a key of a client from a credential, without a folder of them",
                  "[issuer i]\nclient_key_file = credential:kc\n",
                  "t.conf:2: there is no $CREDENTIALS_DIRECTORY; add LoadCredential=kc:PATH to the "
                  "unit, or write the file's path" },
                { "a bearer token that is not there",
                  "[issuer i]\nfetch_token_file = /nowhere/token\n",
                  "t.conf:2: fetch_token_file: /nowhere/token: cannot open it: No such file or "
                  "directory; give authd's user the right to read it, or name another" },
                { "a credential outside its folder",
                  "[issuer i]\nclient_secret_file = credential:../kc\n",
                  "t.conf:2: \"credential:../kc\" names no credential; write credential:NAME" },
        };

        refused(rows, G_N_ELEMENTS(rows));
}

static void plain_http_is_refused(void)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(config_parse(
            "t.conf", span_from("[issuer i]\nurl = http://sso.example.com/\n"), &error));
        g_assert_true(g_str_has_prefix(error->message,
                                       "t.conf:2: url \"http://sso.example.com/\" is refused: "));
        g_assert_true(g_str_has_suffix(error->message, "; write an https URL"));

        g_autoptr(GError) none = NULL;
        g_autoptr(Config) config = config_parse(
            "t.conf", span_from("[issuer i]\nurl = http://127.0.0.1:8080/realms/x\n" POLICY),
            &none);
        g_assert_no_error(none);
        g_assert_nonnull(config);
}

/* The sentence is the policy's; the line is the one of the setting that it speaks of. */
static void policies_point_at_their_line(void)
{
        static const struct {
                const char *sentence, *text, *start;
        } rows[] = {
                { "no audience: the section's line", ISSUER "[policy p]\nscopes = s\n",
                  "t.conf:3: [policy p]: audience" },
                { "the audience of all Keycloak tokens",
                  ISSUER "[policy p]\nscopes = s\naudience = account\n",
                  "t.conf:5: [policy p]: audience = account" },
                { "an issuer that is not there", GOOD "issuers = j\n",
                  "t.conf:5: [policy p]: issuers" },
                { "a role without client", GOOD "\nroles = admin\n", "t.conf:6: [policy p]: " },
                { "a header without template", GOOD "headers = X-User\n",
                  "t.conf:5: [policy p]: headers" },
                { "nobody may be asked", GOOD "introspect = writes\n",
                  "t.conf:5: [policy p]: introspect = writes" },
                { "somebody unknown is asked", GOOD "introspection_issuer = j\n",
                  "t.conf:5: [policy p]: introspection_issuer = j" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(Config) config = config_parse("t.conf", span_from(rows[i].text), &error);

                g_test_message("%s", rows[i].sentence);
                g_assert_null(config);
                if (!g_str_has_prefix(error->message, rows[i].start))
                        g_error("%s: %s", rows[i].sentence, error->message);
        }
}

static void example_of_the_contract(void)
{
        static const char text[] =
            "[authd]\nsocket = /run/authd/authd.sock\n# no TCP unless set:\n# listen = "
            "127.0.0.1:4181\nworkers = auto\n\n"
            "[issuer holodeck]\nurl = https://sso.example.com/realms/holodeck\n"
            "# fetch_url, ca_file, keys_file (static), algorithms, leeway, client_id, "
            "client_secret_file\n\n"
            "[policy orders]\nissuers = holodeck\naudience = orders\nscopes = orders:read\n"
            "roles = orders:reader\ngroups = /eng/platform\n"
            "headers = X-Auth-Request-User={sub}; "
            "X-Auth-Request-Preferred-Username={preferred_username}; "
            "X-Auth-Request-Groups={groups|join:,}\n";
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = config_parse("authd.conf", span_from(text), &error);

        g_assert_no_error(error);
        const IssuerSettings *issuer = config->issuers->pdata[0];
        const PolicySettings *policy = config->policies->pdata[0];
        g_assert_cmpstr(issuer->name, ==, "holodeck");
        g_assert_cmpint(issuer->leeway_sec, ==, 5);
        g_assert_cmpuint(issuer->algorithms, ==, ALG_SET_ALL);
        g_assert_cmpuint(config->workers, ==, 0);
        g_assert_cmpuint(config->cache_size_bytes, ==, 16 * 1024 * 1024);
        g_assert_null(config->listen);
        g_assert_cmpstr(config->admin_group, ==, "authd-admin");
        g_assert_cmpuint(g_strv_length(policy->headers), ==, 3);
        g_assert_cmpstr(policy->headers[2], ==, "X-Auth-Request-Groups={groups|join:,}");
        g_assert_cmpint(policy->leeway_sec, ==, POLICY_LEEWAY_SEC_UNSET);
        g_assert_nonnull(policy_set_find(config->compiled, span_from("orders")));
}

static void every_value_reaches_its_member(void)
{
        static const char text[] =
            "[authd]\nsocket = /tmp/x\nlisten = 127.0.0.1:1; [::1]:2\nworkers = 3\ncache_size = "
            "1GiB\nlog_level = debug\n"
            "allow_development_issuers = true\ncore_dumps = true\nadmin_group = wheel\nstate_dir = "
            "/srv/authd\n"
            "[issuer i]\nurl = https://a\nfetch_url = http://127.0.0.1:9\nalgorithms = "
            "ES256;EdDSA\nleeway = 2m\nstale_keys_max = 1m\ndistrust_kid = k1; k2\n"
            "[issuer j]\nurl = https://b\nproxy = socks5h://p:1080\nstale_keys_max = 30d\n"
            "[policy p]\nissuers = i\nkeys_stale_for = 0s\nintrospection_stale_for = 30d\n"
            "audience = a\\;b; c\nleeway = 0s\nmax_age = 1h\nsubject = "
            "optional\nclaims = x=a\\s#b\n";
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = config_parse("t.conf", span_from(text), &error);

        g_assert_no_error(error);
        const IssuerSettings *issuer = config->issuers->pdata[0];
        const PolicySettings *policy = config->policies->pdata[0];
        g_assert_cmpstr(config->socket_path, ==, "/tmp/x");
        g_assert_cmpstr(config->listen[1], ==, "[::1]:2");
        g_assert_cmpuint(config->workers, ==, 3);
        g_assert_cmpuint(config->cache_size_bytes, ==, (size_t) 1 << 30);
        g_assert_cmpint(config->log_level, ==, LOG_LEVEL_DEBUG);
        g_assert_true(config->allow_development_issuers && config->core_dumps &&
                      !config->listen_any);
        g_assert_cmpstr(config->admin_group, ==, "wheel");
        g_assert_cmpstr(issuer->fetch_url, ==, "http://127.0.0.1:9");
        g_assert_cmpuint(issuer->algorithms, ==, (1u << ALG_ES256) | (1u << ALG_EDDSA));
        g_assert_cmpint(issuer->leeway_sec, ==, 120);
        g_assert_cmpstr(config->state_dir, ==, "/srv/authd");
        g_assert_cmpint(issuer->stale_keys_max_sec, ==, 60);
        g_assert_cmpstr(issuer->distrust_kid[1], ==, "k2");
        const IssuerSettings *other = config->issuers->pdata[1];
        g_assert_cmpstr(other->proxy, ==, "socks5h://p:1080");
        g_assert_cmpint(other->stale_keys_max_sec, ==, 30 * 24 * 3600);
        g_assert_cmpint(policy->keys_stale_for_sec, ==, 0);
        g_assert_cmpint(policy->introspection_stale_for_sec, ==, 30 * 24 * 3600);
        g_assert_cmpstr(policy->audience[0], ==, "a;b");
        g_assert_cmpstr(policy->audience[1], ==, "c");
        g_assert_cmpint(policy->leeway_sec, ==, 0);
        g_assert_cmpint(policy->max_age_sec, ==, 3600);
        g_assert_true(policy->subject_optional);
        g_assert_cmpstr(policy->claims[0], ==, "x=a #b");
}

/* The shown default of each setting, written out, gives what leaving it out gives. */
static void shown_defaults_are_the_defaults(void)
{
        g_autoptr(GString) text = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        const char *section = "";
        size_t n_settings = 0;
        const ConfigSetting *settings = config_settings(&n_settings);

        for (size_t i = 0; i < n_settings; i++) {
                /* One lives by its file alone, one by what has no default, and two have tests of
                 * their own. */
                if (strcmp(settings[i].section, "client") == 0 ||
                    strcmp(settings[i].section, "route") == 0 ||
                    strcmp(settings[i].section, "users") == 0 ||
                    strcmp(settings[i].section, "pam") == 0)
                        continue;
                bool required =
                    strcmp(settings[i].key, "url") == 0 || strcmp(settings[i].key, "audience") == 0;

                if (strcmp(section, settings[i].section) != 0)
                        g_string_append_printf(text, "[%s%s]\n", settings[i].section,
                                               strcmp(settings[i].section, "authd") == 0 ? ""
                                                                                         : " x");
                section = settings[i].section;
                if (required || *settings[i].fallback)
                        g_string_append_printf(text, "%s = %s\n", settings[i].key,
                                               required ? "https://a" : settings[i].fallback);
        }
        g_autoptr(Config) written = config_parse("written", span_of(text->str, text->len), &error);
        g_assert_no_error(error);
        g_autoptr(Config) bare = config_parse(
            "bare", span_from("[issuer x]\nurl = https://a\n[policy x]\naudience = https://a\n"),
            &error);
        g_assert_no_error(error);
        const IssuerSettings *issuer = written->issuers->pdata[0],
                             *bare_issuer = bare->issuers->pdata[0];
        const PolicySettings *policy = written->policies->pdata[0],
                             *bare_policy = bare->policies->pdata[0];
        g_assert_cmpstr(written->socket_path, ==, bare->socket_path);
        g_assert_cmpuint(written->workers, ==, bare->workers);
        g_assert_cmpuint(written->cache_size_bytes, ==, bare->cache_size_bytes);
        g_assert_cmpint(written->log_level, ==, bare->log_level);
        g_assert_cmpstr(written->admin_group, ==, bare->admin_group);
        g_assert_cmpuint(issuer->algorithms, ==, bare_issuer->algorithms);
        g_assert_cmpint(issuer->leeway_sec, ==, bare_issuer->leeway_sec);
        g_assert_cmpint(issuer->stale_keys_max_sec, ==, bare_issuer->stale_keys_max_sec);
        g_assert_cmpint(issuer->client.method, ==, bare_issuer->client.method);
        g_assert_true(issuer->introspection_signed == bare_issuer->introspection_signed);
        g_assert_cmpuint(issuer->introspection_calls_max, ==, bare_issuer->introspection_calls_max);
        g_assert_cmpstr(written->state_dir, ==, bare->state_dir);
        g_assert_cmpint(policy->introspect, ==, bare_policy->introspect);
        g_assert_cmpint(policy->introspection_stale_for_sec, ==,
                        bare_policy->introspection_stale_for_sec);
        g_assert_true(policy->subject_optional == bare_policy->subject_optional);
        g_assert_cmpint(policy->dpop, ==, bare_policy->dpop);
        g_assert_cmpint(policy->mtls, ==, bare_policy->mtls);
        g_assert_true(policy->dpop_nonce == bare_policy->dpop_nonce);
        g_assert_true(policy->allow_preflight == bare_policy->allow_preflight);
        g_assert_true(written->front.allow_encoded_slash == bare->front.allow_encoded_slash);
        g_assert_cmpuint(policy->limit_slots, ==, BUCKET_SLOTS_DEFAULT); /* 0 means it */
}

/* Six files, so that the folder's own order is hardly the right one by chance. */
static void folder_is_read_in_byte_order(void)
{
        static const char *const sorted[] = { "10.conf", "9.conf", "Z.conf",
                                              "a.conf",  "b.conf", "c.conf" };
        static const size_t made[] = { 4, 2, 5, 0, 3, 1 };
        g_auto(Folder) folder = folder_new();
        g_autofree char *path =
            folder_write(&folder, "authd.conf", ISSUER "[policy p]\nscopes = s\n");
        folder_put(&folder, "conf.d/.c.conf", "nonsense\n");
        folder_put(&folder, "conf.d/README", "nonsense\n");
        g_autoptr(GError) error = NULL;

        for (size_t i = 0; i < G_N_ELEMENTS(made); i++) {
                g_autofree char *name = g_build_filename("conf.d", sorted[made[i]], NULL);
                g_autofree char *text = g_strdup_printf("[policy q%zu]\naudience = q\n", made[i]);
                folder_put(&folder, name, made[i] == 2 ? POLICY : text);
        }
        g_autoptr(Config) config = config_load(path, &error);
        g_assert_no_error(error);
        g_assert_cmpuint(config->policies->len, ==, 6);
        json_auto *description = config_describe(config);
        const json_t *files = json_object_get(description, "files");
        g_assert_cmpuint(json_array_size(files), ==, 1 + G_N_ELEMENTS(sorted));
        g_assert_cmpstr(json_string_value(json_array_get(files, 0)), ==, path);
        for (size_t i = 0; i < G_N_ELEMENTS(sorted); i++) {
                g_autofree char *name =
                    g_path_get_basename(json_string_value(json_array_get(files, i + 1)));

                g_assert_cmpstr(name, ==, sorted[i]);
        }
}

static void key_of_two_files_is_refused(void)
{
        g_auto(Folder) folder = folder_new();
        g_autofree char *path = folder_write(&folder, "authd.conf", GOOD);
        g_autofree char *again =
            folder_write(&folder, "conf.d/x.conf", "# mine\n[policy p]\naudience = b\n");
        g_autofree char *wanted = g_strdup_printf(
            "%s:3: key \"audience\" of [policy p] is set already at %s:4; keep one", again, path);
        g_autoptr(GError) error = NULL;

        g_assert_null(config_load(path, &error));
        g_assert_cmpstr(error->message, ==, wanted);
}

static void file_that_is_not_there(void)
{
        g_autoptr(GError) error = NULL;

        g_assert_null(config_load("/nowhere/authd.conf", &error));
        g_assert_cmpstr(error->message, ==,
                        "/nowhere/authd.conf: cannot open it: No such file or directory; name "
                        "another file, or let authd's "
                        "user read this one");
}

/* more: settings without which the key would not be taken. */
static void expect_file(const char *key, const char *path, const char *more, const char *message)
{
        g_autofree char *text = g_strdup_printf(
            "[issuer i]\nurl = https://a\n# 3\n%s = %s\n%s" POLICY, key, path, more);
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = config_parse("t.conf", span_from(text), &error);
        g_autofree char *wanted =
            message ? g_strdup_printf("t.conf:4: %s: %s%s", key, path, message) : NULL;

        g_assert_true((config != NULL) == (message == NULL));
        g_assert_cmpstr(error ? error->message : NULL, ==, wanted);
}

static void files_that_settings_name(void)
{
        g_auto(Folder) folder = folder_new();
        g_autofree char *secret = folder_write(&folder, "secret", "hunter2\n");
        g_autofree char *open = folder_write(&folder, "open", "hunter2\n");
        g_autofree char *keys =
            folder_write(&folder, "keys.json",
                         "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
                         "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}");
        g_autofree char *no_keys = folder_write(&folder, "no-keys.json", "{\"keys\":[]}");
        g_autofree char *certificates = folder_write(
            &folder, "ca.pem", "-----BEGIN CERTIFICATE-----\nAA==\n-----END CERTIFICATE-----\n");
        g_autofree char *no_wanted =
            g_strdup_printf(": %s; it must be a JWKS with public signing keys (RFC 7517)",
                            jwk_answer_text(JWK_E_EMPTY));

        g_assert_cmpint(g_chmod(open, 0644), ==, 0);
        g_autofree char *key = folder_write(
            &folder, "key.pem", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n");
        g_autofree char *open_key = folder_write(
            &folder, "open.pem", "-----BEGIN PRIVATE KEY-----\nAA==\n-----END PRIVATE KEY-----\n");
        g_autofree char *client_key =
            g_strdup_printf("client_id = c\nclient_auth = tls_client_auth\n"
                            "client_cert_key_file = %s\n",
                            key);
        const char *client_jwt =
            "client_id = c\nclient_auth = private_key_jwt\nclient_key_id = k\n";
        const char *too_open =
            ": mode 0644 lets others read or change this secret; chmod 0600 it; give "
            "authd's user the right to read it, or name another";

        g_assert_cmpint(g_chmod(open_key, 0644), ==, 0);
        expect_file("client_secret_file", secret, "client_id = c\n", NULL);
        expect_file("client_secret_file", open, "client_id = c\n", too_open);
        expect_file("client_key_file", key, client_jwt, NULL);
        expect_file("client_key_file", open_key, client_jwt, too_open);
        expect_file("client_key_file", secret, client_jwt,
                    " holds no private key in PEM form; convert it with openssl pkey");
        expect_file("client_cert_file", certificates, client_key, NULL);
        expect_file("client_cert_file", secret, client_key,
                    " holds no certificate in PEM form; convert it with openssl x509");
        /* As Kubernetes writes it. */
        expect_file("fetch_token_file", open, "", NULL);
        expect_file("keys_file", keys, "", NULL);
        expect_file("keys_file", no_keys, "", no_wanted);
        expect_file("ca_file", certificates, "", NULL);
        expect_file("ca_file", secret, "",
                    " holds no certificate in PEM form; convert it with openssl x509");
}

/* Each text is [issuer i], with a keys_file that can be read where it names one. */
static void issuers_that_contradict_themselves(void)
{
        g_auto(Folder) folder = folder_new();
        g_autofree char *secret = folder_write(&folder, "secret", "hunter2\n");
        g_autofree char *keys =
            folder_write(&folder, "keys.json",
                         "{\"keys\":[{\"kty\":\"OKP\",\"crv\":\"Ed25519\",\"x\":"
                         "\"11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo\"}]}");
        static const struct {
                const char *sentence, *settings, *message;
        } rows[] = {
                { "a secret of no client", "client_secret_file = SECRET\n",
                  "t.conf:3: [issuer i] client_secret_file: it says nothing without a client_id; "
                  "set that too, or neither." },
                { "a client without a secret", "client_id = c\n",
                  "t.conf:1: [issuer i] client_secret_file: this client_auth needs it, and it is "
                  "not set." },
                { "a secret where a key is wanted",
                  "client_id = c\nclient_auth = private_key_jwt\nclient_secret_file = SECRET\n",
                  "t.conf:5: [issuer i] client_secret_file: this client_auth has no use for it; "
                  "remove it, or choose the client_auth that has." },
                { "keys from a file, and an address to fetch them",
                  "keys_file = KEYS\nfetch_url = https://b\n",
                  "t.conf:4: [issuer i] has keys_file, so nothing is fetched, and fetch_url; leave "
                  "one of them out" },
                { "keys from a file, and a token to fetch them",
                  "keys_file = KEYS\nfetch_token_file = SECRET\n",
                  "t.conf:4: [issuer i] has keys_file, so nothing is fetched, and "
                  "fetch_token_file; leave one of them out" },
                { "keys from a file, and a way to fetch them",
                  "keys_file = KEYS\nproxy = http://p:1\n",
                  "t.conf:4: [issuer i] has keys_file, so nothing is fetched, and proxy; leave one "
                  "of them out" },
                { "keys from a file, and nobody says where to ask",
                  "keys_file = KEYS\nclient_id = c\nclient_secret_file = SECRET\n",
                  "t.conf:4: [issuer i] has keys_file, so nobody learns where it answers about "
                  "tokens; add introspection_url" },
                { "a proxy on the way to ourselves",
                  "fetch_url = http://127.0.0.1:9\nproxy = http://p:1\n",
                  "t.conf:4: [issuer i] is reached by plain http, and that goes through no proxy; "
                  "write https, or leave proxy out" },
                { "a place to ask, and nobody who asks", "introspection_url = https://a/i\n",
                  "t.conf:3: [issuer i] has introspection_url without client_id; add the client's "
                  "id" },
                { "signed answers to nobody", "introspection_signed = true\n",
                  "t.conf:3: [issuer i] has introspection_signed without client_id; add the "
                  "client's id" },
                { "a proof of nobody", "client_auth = private_key_jwt\n",
                  "t.conf:3: [issuer i] has client_auth without client_id; add the client's id" },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GString) text = g_string_new("[issuer i]\nurl = https://a\n");

                g_string_append_printf(text, "%s" POLICY, rows[i].settings);
                g_string_replace(text, "SECRET", secret, 0);
                g_string_replace(text, "KEYS", keys, 0);
                refused(&(Bad){ rows[i].sentence, text->str, rows[i].message }, 1);
        }
}

static void whoever_is_asked_about_tokens(void)
{
        g_auto(Folder) folder = folder_new();
        g_autofree char *secret = folder_write(&folder, "secret", "hunter2\n");
        g_autofree char *text = g_strdup_printf(
            "[issuer i]\nurl = https://a\nclient_id = c\nclient_auth = client_secret_post\n"
            "client_secret_file = %s\nintrospection_url = https://a/i\nintrospection_signed = "
            "true\n"
            "introspection_calls = 256\n[policy p]\naudience = a\nintrospect = max-age 5s\n"
            "introspection_issuer = i\n[policy q]\naudience = a\nintrospect = writes\n",
            secret);
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = config_parse("t.conf", span_from(text), &error);

        g_assert_no_error(error);
        const IssuerSettings *issuer = config->issuers->pdata[0];
        const PolicySettings *policy = config->policies->pdata[0],
                             *other = config->policies->pdata[1];
        g_assert_cmpstr(issuer->client.client_id, ==, "c");
        g_assert_cmpint(issuer->client.method, ==, CLIENT_AUTH_SECRET_POST);
        g_assert_cmpstr(issuer->client.secret_file, ==, secret);
        g_assert_cmpstr(issuer->introspection_url, ==, "https://a/i");
        g_assert_true(issuer->introspection_signed);
        g_assert_cmpuint(issuer->introspection_calls_max, ==, 256);
        g_assert_cmpint(policy->introspect, ==, INTROSPECT_MODE_MAX_AGE);
        g_assert_cmpint(policy->introspect_max_age_sec, ==, 5);
        g_assert_cmpstr(policy->introspection_issuer, ==, "i");
        g_assert_cmpint(policy->keys_stale_for_sec, ==, POLICY_STALE_UNSET);
        g_assert_cmpint(other->introspect, ==, INTROSPECT_MODE_WRITES);
}

static void nothing_outlives_a_daemon_without_state(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config =
            config_parse("t.conf", span_from("[authd]\nstate_dir = none\n" GOOD), &error);

        g_assert_no_error(error);
        g_assert_null(config->state_dir);
}

static void clients_and_their_policies(void)
{
        g_auto(Folder) folder = folder_new();
        g_autofree char *secret = folder_write(&folder, "secret", "hunter2\n");
        g_autofree char *good =
            g_strdup_printf(GOOD "[client grafana]\nsecret_file = %s\npolicy = p\n", secret);
        g_autofree char *lost =
            g_strdup_printf(GOOD "[client grafana]\nsecret_file = %s\npolicy = q\n", secret);
        g_autofree char *bare = g_strdup_printf(GOOD "[client grafana]\npolicy = p\n");
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = config_parse("t.conf", span_from(good), &error);
        const Clients *clients;

        g_assert_no_error(error);
        clients = config->compiled_clients;
        g_assert_nonnull(clients_find(clients, span_from("grafana"), span_from("hunter2")));
        g_assert_null(clients_find(clients, span_from("grafana"), span_from("hunter3")));
        g_assert_null(clients_find(clients, span_from("loki"), span_from("hunter2")));
        g_assert_null(clients_find(clients, span_from("grafana"), SPAN_EMPTY));
        g_assert_null(config_parse("t.conf", span_from(lost), &error));
        g_assert_nonnull(strstr(error->message, "is judged by [policy q], which is not there"));
        g_clear_error(&error);
        g_assert_null(config_parse("t.conf", span_from(bare), &error));
        g_assert_nonnull(strstr(error->message, "has no secret_file"));
}

static void credentials_are_found_in_their_folder(void)
{
        g_auto(Folder) folder = folder_new();
        g_autofree char *secret = folder_write(&folder, "kc", "hunter2\n");
        g_autoptr(GError) error = NULL;

        g_setenv("CREDENTIALS_DIRECTORY", folder.path, true);
        g_autoptr(Config) config =
            config_parse("t.conf",
                         span_from("[issuer i]\nurl = https://a\nclient_id = c\nclient_secret_file "
                                   "= credential:kc\n" POLICY),
                         &error);
        g_unsetenv("CREDENTIALS_DIRECTORY");
        g_assert_no_error(error);
        g_assert_cmpstr(((IssuerSettings *) config->issuers->pdata[0])->client.secret_file, ==,
                        secret);
}

static void description_says_what_and_where(void)
{
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = config_parse("t.conf", span_from(GOOD), &error);
        json_auto *description = config_describe(config);
        const json_t *settings = json_object_get(description, "settings");
        bool url_seen = false, socket_seen = false;
        size_t index;
        json_t *setting;

        json_array_foreach (settings, index, setting) {
                const char *key = json_string_value(json_object_get(setting, "key"));
                bool is_default = json_is_true(json_object_get(setting, "default"));

                if (strcmp(key, "url") == 0) {
                        url_seen = true;
                        g_assert_false(is_default);
                        g_assert_cmpstr(json_string_value(json_object_get(setting, "section")), ==,
                                        "issuer i");
                        g_assert_cmpint(json_integer_value(json_object_get(setting, "line")), ==,
                                        2);
                }
                if (strcmp(key, "socket") == 0) {
                        socket_seen = true;
                        g_assert_true(is_default);
                        g_assert_true(json_is_null(json_object_get(setting, "file")));
                }
        }
        g_assert_true(url_seen && socket_seen);
}

/* What [policy NAME.next] does not say is as in NAME, wherever that one stands. */
static void shadows_inherit(void)
{
        static const char text[] =
            "[policy p.next]\nroles = realm:r\ndpop = required\n" ISSUER POLICY "scopes = x\n";
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = config_parse("t.conf", span_from(text), &error);
        const PolicySettings *shadow;
        const Policy *policy;

        g_assert_no_error(error);
        shadow = config->shadows->pdata[0];
        g_assert_cmpuint(config->policies->len, ==, 1);
        g_assert_cmpstr(shadow->audience[0], ==, "a");
        g_assert_cmpstr(shadow->scopes[0], ==, "x");
        g_assert_cmpstr(shadow->roles[0], ==, "realm:r");
        g_assert_null(policy_set_find(config->compiled, span_from("p.next")));
        policy = policy_set_find(config->compiled, span_from("p"));
        g_assert_cmpstr(policy_name(policy_next(policy)), ==, "p.next");
        g_assert_cmpstr(policy_next_warnings(policy)[0], ==, "dpop is not looked at in shadow");
        g_assert_null(policy_next_warnings(policy)[1]);
}

static void assertions_have_their_issuer(void)
{
        static const char text[] = GOOD "assertion = X-A\nassertion_audience = b\n"
                                        "[authd]\nassertion_issuer = me\n";
        g_autoptr(GError) error = NULL;
        g_autoptr(Config) config = config_parse("t.conf", span_from(text), &error);
        const AssertionRule *rule;

        g_assert_no_error(error);
        rule = policy_assertion(policy_set_find(config->compiled, span_from("p")));
        g_assert_cmpstr(rule->issuer, ==, "me");
        g_assert_cmpstr(rule->audience, ==, "b");
        g_assert_cmpint(rule->ttl_sec, ==, 60);
        g_assert_cmpstr(rule->claims[0], ==, "preferred_username");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        g_unsetenv("CREDENTIALS_DIRECTORY");
        g_test_add_func("/config/broken-lines", broken_lines);
        g_test_add_func("/config/broken doors", broken_doors);
        g_test_add_func("/config/doors are read", doors_are_read);
        g_test_add_func("/config/nul-is-refused", nul_is_refused);
        g_test_add_func("/config/unknown-words", unknown_words);
        g_test_add_func("/config/names", names);
        g_test_add_func("/config/duplicates", duplicates);
        g_test_add_func("/config/values", values);
        g_test_add_func("/config/addresses", addresses);
        g_test_add_func("/config/issuers", issuers);
        g_test_add_func("/config/plain-http-is-refused", plain_http_is_refused);
        g_test_add_func("/config/policies-point-at-their-line", policies_point_at_their_line);
        g_test_add_func("/config/example-of-the-contract", example_of_the_contract);
        g_test_add_func("/config/every-value-reaches-its-member", every_value_reaches_its_member);
        g_test_add_func("/config/shown-defaults-are-the-defaults", shown_defaults_are_the_defaults);
        g_test_add_func("/config/folder-is-read-in-byte-order", folder_is_read_in_byte_order);
        g_test_add_func("/config/key-of-two-files-is-refused", key_of_two_files_is_refused);
        g_test_add_func("/config/file-that-is-not-there", file_that_is_not_there);
        g_test_add_func("/config/files-that-settings-name", files_that_settings_name);
        g_test_add_func("/config/issuers-that-contradict-themselves",
                        issuers_that_contradict_themselves);
        g_test_add_func("/config/whoever-is-asked-about-tokens", whoever_is_asked_about_tokens);
        g_test_add_func("/config/nothing-outlives-a-daemon-without-state",
                        nothing_outlives_a_daemon_without_state);
        g_test_add_func("/config/clients-and-their-policies", clients_and_their_policies);
        g_test_add_func("/config/credentials-are-found-in-their-folder",
                        credentials_are_found_in_their_folder);
        g_test_add_func("/config/description-says-what-and-where", description_says_what_and_where);
        g_test_add_func("/config/shadows inherit", shadows_inherit);
        g_test_add_func("/config/assertions have their issuer", assertions_have_their_issuer);
        return g_test_run();
}
