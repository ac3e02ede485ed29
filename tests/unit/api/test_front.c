/* test_front: who is believed, which headers each policy leaves to others, and how addresses are
 * throttled. */
#include "api/front.h"

typedef struct TrustRow {
        const char *sentence;
        const char *proxies; /* by ";"; NULL: none */
        bool unix_socket;
        uid_t uid;
        const char *address;
        bool trusted;
} TrustRow;

static const TrustRow trust_rows[] = {
        { "nobody by default", NULL, true, 0, "", false },
        { "nobody by default on TCP", NULL, false, 0, "127.0.0.1", false },
        { "a uid that is named", "uid:33", true, 33, "", true },
        { "the next uid", "uid:33", true, 34, "", false },
        { "root is named as anybody else", "uid:33", true, 0, "", false },
        { "a user by name", "user:root", true, 0, "", true },
        { "one of several", "uid:1; 10.0.0.0/8; uid:33", true, 33, "", true },
        { "a uid on TCP is nobody's", "uid:0", false, 0, "127.0.0.1", false },
        { "an address on the Unix socket is nobody's", "0.0.0.0/1", true, 33, "", false },
        { "an address", "127.0.0.1", false, 0, "127.0.0.1", true },
        { "the next address", "127.0.0.1", false, 0, "127.0.0.2", false },
        { "the first of a network", "10.0.0.0/8", false, 0, "10.0.0.0", true },
        { "the last of a network", "10.0.0.0/8", false, 0, "10.255.255.255", true },
        { "the one before it", "10.0.0.0/8", false, 0, "9.255.255.255", false },
        { "the one behind it", "10.0.0.0/8", false, 0, "11.0.0.0", false },
        { "a network that ends within a byte", "10.1.32.0/19", false, 0, "10.1.63.255", true },
        { "just outside of it", "10.1.32.0/19", false, 0, "10.1.64.0", false },
        { "an IPv6 network", "2001:db8::/32", false, 0, "2001:db8:ffff::1", true },
        { "outside of it", "2001:db8::/32", false, 0, "2001:db9::", false },
        { "IPv4 within IPv6 is IPv4", "10.0.0.0/8", false, 0, "::ffff:10.1.1.1", true },
        { "a peer without an address", "10.0.0.0/8", false, 0, "", false },
};

static Front *front_of(const char *proxies, const char *failures, GError **error)
{
        g_auto(GStrv) list = proxies ? g_strsplit(proxies, "; ", -1) : NULL;
        const FrontSettings settings = { .trusted_proxies = list,
                                         .auth_failures = (char *) failures };

        return front_new(&settings, error);
}

static void test_trust(gconstpointer data)
{
        const TrustRow *row = data;
        g_autoptr(GError) error = NULL;
        g_autoptr(Front) front = front_of(row->proxies, NULL, &error);
        Peer peer = { .unix_socket = row->unix_socket,
                      .has_credentials = row->unix_socket,
                      .uid = row->uid };

        g_assert_no_error(error);
        g_strlcpy(peer.address, row->address, sizeof(peer.address));
        g_assert_cmpint(front_trusts(front, &peer), ==, row->trusted);
        peer.has_credentials = false;
        if (row->unix_socket)
                g_assert_false(front_trusts(front, &peer));
}

static void test_bad_settings(void)
{
        static const struct {
                const char *proxies, *failures, *message;
        } rows[] = {
                { "uid:", NULL, "trusted_proxies: \"uid:\"" },
                { "uid:-1", NULL, "trusted_proxies: \"uid:-1\"" },
                { "uid:4294967295", NULL, "trusted_proxies: " },
                { "user:no-such-user-here", NULL, "/etc/passwd has no user:no-such-user-here" },
                { "33", NULL, "trusted_proxies: \"33\"" },
                { "10.0.0.1/8", NULL, "trusted_proxies: \"10.0.0.1/8\"" },
                { "0.0.0.0/0", NULL, "trusted_proxies: " },
                { "10.0.0.0/33", NULL, "trusted_proxies: " },
                { "10.0.0.0/", NULL, "trusted_proxies: " },
                { "localhost", NULL, "trusted_proxies: " },
                { "*", NULL, "trusted_proxies: " },
                { NULL, "100", "auth_failures: \"100\" is no rate" },
                { NULL, "100/m burst", "auth_failures: " },
                { NULL, "sub 100/m", "auth_failures: " },
        };

        for (size_t i = 0; i < G_N_ELEMENTS(rows); i++) {
                g_autoptr(GError) error = NULL;
                g_autoptr(Front) front = front_of(rows[i].proxies, rows[i].failures, &error);

                g_test_message("%s %s", rows[i].proxies, rows[i].failures);
                g_assert_null(front);
                g_assert_nonnull(strstr(error->message, rows[i].message));
        }
}

static bool fails(Front *front, const char *address, int64_t now_usec)
{
        LimitAnswer answer;
        bool throttled = front_is_throttled(front, span_from(address), now_usec, &answer);

        front_note_failure(front, span_from(address), now_usec);
        return throttled;
}

static void test_failures(void)
{
        g_autoptr(Front) front = front_of(NULL, "60/m burst 3", NULL);
        g_autoptr(Front) none = front_of(NULL, "none", NULL);
        g_autoptr(Front) reloaded = front_of(NULL, "60/m burst 3", NULL);
        const int64_t now_usec = 1000 * G_USEC_PER_SEC;
        LimitAnswer answer;

        for (int i = 0; i < 3; i++)
                g_assert_false(fails(front, "10.1.2.3", now_usec));
        g_assert_true(front_is_throttled(front, span_from("10.1.2.3"), now_usec, &answer));
        g_assert_cmpint(answer.retry_after_sec, ==, 1);
        g_assert_false(front_is_throttled(front, span_from("10.1.2.4"), now_usec, &answer));
        g_assert_true(front_is_throttled(front, span_from("10.1.2.3"), now_usec + 999999, &answer));
        g_assert_false(
            front_is_throttled(front, span_from("10.1.2.3"), now_usec + G_USEC_PER_SEC, &answer));
        front_keep_buckets(reloaded, front); /* a reload frees nobody */
        g_assert_true(front_is_throttled(reloaded, span_from("10.1.2.3"), now_usec, &answer));
        for (int i = 0; i < 10; i++) {
                g_assert_false(fails(front, "", now_usec)); /* nobody told it */
                g_assert_false(fails(none, "10.1.2.3", now_usec));
        }
}

static Policy *add_policy(Front *front, const char *name, const char *headers, const char *limit)
{
        static const PolicyIssuer issuer = { "test", false };
        g_autoptr(PolicySettings) settings = policy_settings_new(name);
        Policy *policy;

        settings->audience = g_strsplit("orders", ";", -1);
        settings->headers = g_strsplit(headers, ";", -1);
        settings->limits = limit ? g_strsplit(limit, ";", -1) : NULL;
        policy = policy_new(settings, &issuer, 1, NULL);
        g_assert_true(front_add(front, settings, policy, NULL));
        return policy;
}

static void test_other_names(void)
{
        g_autoptr(Front) front = front_of(NULL, NULL, NULL);
        g_autoptr(Policy) one = add_policy(front, "one", "X-User={sub};X-One={a}", NULL);
        g_autoptr(Policy) two = add_policy(front, "two", "x-user={sub};X-Two={b}", NULL);

        g_assert_true(front_seal(front, true, NULL));
        g_assert_cmpuint(front_names(front)->len, ==, 3);
        g_assert_cmpuint(front_policy(front, one)->other_names->len, ==, 1);
        g_assert_cmpstr(front_policy(front, one)->other_names->pdata[0], ==, "X-Two");
        g_assert_cmpstr(front_policy(front, two)->other_names->pdata[0], ==, "X-One");
}

static void test_too_many_names(void)
{
        g_autoptr(Front) front = front_of(NULL, NULL, NULL);
        g_autoptr(GPtrArray) policies =
            g_ptr_array_new_with_free_func((GDestroyNotify) policy_unref);
        g_autoptr(GError) error = NULL;

        for (int p = 0; p < 2; p++) {
                g_autofree char *name = g_strdup_printf("p%d", p);
                g_autoptr(GString) headers = g_string_new(NULL);

                for (int i = 0; i < FRONT_HEADERS_MAX / 2 + p; i++)
                        g_string_append_printf(headers, "%sX-%d-%d={sub}", i > 0 ? ";" : "", p, i);
                g_ptr_array_add(policies, add_policy(front, name, headers->str, NULL));
        }
        g_assert_false(front_seal(front, true, &error));
        g_assert_nonnull(strstr(error->message, "49"));
        g_assert_true(front_seal(front, false, NULL)); /* each door answers for one policy */
}

static void test_kept_limits(void)
{
        g_autoptr(Front) front = front_of(NULL, NULL, NULL);
        g_autoptr(Front) reloaded = front_of(NULL, NULL, NULL);
        g_autoptr(Policy) one = add_policy(front, "one", "X={sub}", "address 60/m burst 1");
        g_autoptr(Policy) same = add_policy(reloaded, "one", "X={sub}", "address 60/m burst 1");
        LimitAnswer answer;

        limits_take(front_policy(front, one)->limits, NULL, span_from("a"), 0, &answer);
        g_assert_true(answer.taken);
        front_keep_buckets(reloaded, front);
        limits_take(front_policy(reloaded, same)->limits, NULL, span_from("a"), 0, &answer);
        g_assert_false(answer.taken);
}

static bool add_route(Front *front, const char *name, const char *limit, GError **error)
{
        g_auto(GStrv) limits = limit ? g_strsplit(limit, ";", -1) : NULL;
        g_autofree char *own_name = g_strdup(name);
        const RouteSettings settings = { .name = own_name, .limits = limits };

        return front_add_route(front, &settings, error);
}

static void note_limits(const char *of, const Limits *limits, void *userdata)
{
        LimitUsage usage;

        if (limits_size(limits) == 0)
                return;
        limits_usage(limits, 0, 0, &usage);
        g_string_append_printf(userdata, "%s: %s\n", of, usage.text);
}

static void test_route_limits(void)
{
        g_autoptr(Front) front = front_of(NULL, "5/m", NULL);
        g_autoptr(Front) reloaded = front_of(NULL, "5/m", NULL);
        g_autoptr(GString) seen = g_string_new(NULL);
        g_autoptr(GError) error = NULL;
        const char *name = g_intern_string("one");
        LimitAnswer answer;

        policy_unref(add_policy(front, "one", "X={sub}", "sub 1/s"));
        g_assert_true(add_route(front, "one", "address 60/m burst 1", NULL));
        g_assert_true(add_route(front, "free", NULL, NULL));
        g_assert_true(add_route(reloaded, "one", "address 60/m burst 1", NULL));
        g_assert_false(add_route(reloaded, "bad", "address", &error));
        g_assert_true(g_str_has_prefix(error->message, "limits: "));
        g_assert_null(front_route_limits(front, g_intern_string("free")));
        limits_take(front_route_limits(front, name), NULL, span_from("a"), 0, &answer);
        g_assert_true(answer.taken);
        front_keep_buckets(reloaded, front);
        limits_take(front_route_limits(reloaded, name), NULL, span_from("a"), 0, &answer);
        g_assert_false(answer.taken);
        front_each_limits(front, note_limits, seen);
        g_assert_cmpstr(seen->str, ==,
                        "policy one: sub 1/s\nroute one: address 60/m burst 1\n"
                        "auth_failures: address 5/m\n");
}

int main(int argc, char **argv)
{
        g_test_init(&argc, &argv, NULL);
        for (size_t i = 0; i < G_N_ELEMENTS(trust_rows); i++) {
                g_autofree char *name = g_strdup_printf("/front/trust/%s", trust_rows[i].sentence);

                g_test_add_data_func(name, &trust_rows[i], test_trust);
        }
        g_test_add_func("/front/settings that are refused", test_bad_settings);
        g_test_add_func("/front/routes have limits of their own", test_route_limits);
        g_test_add_func("/front/refused tokens are counted by address", test_failures);
        g_test_add_func("/front/each policy knows the headers of others", test_other_names);
        g_test_add_func("/front/routes bound the headers of all", test_too_many_names);
        g_test_add_func("/front/a reload keeps what was used", test_kept_limits);
        return g_test_run();
}
