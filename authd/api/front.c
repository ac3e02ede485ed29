/* front: see front.h. */
#include "api/front.h"

#include "verdict/setting.h"

#include <arpa/inet.h>
#include <pwd.h>
#include <stdio.h>

#define ADDRESS_SIZE_MAX 16
#define FAILURES_PREFIX  "address " /* auth_failures is a limit by address without that word */

/* TrustedProxy: a uid, or the leading bits of an address. */
typedef struct TrustedProxy {
        bool by_uid;
        uid_t uid;
        int family;
        unsigned n_bits;
        uint8_t address[ADDRESS_SIZE_MAX];
} TrustedProxy;

/* RouteFront: the limits of one route. */
typedef struct RouteFront {
        Limits *limits;
        char **limit_lines;
        size_t limit_slots;
} RouteFront;

struct Front {
        gatomicrefcount references;
        size_t n_proxies;
        TrustedProxy proxies[FRONT_PROXIES_MAX];
        bool allow_encoded_slash;
        char *failures_line; /* NULL: nobody is throttled */
        Limits *failures;
        GHashTable *policies; /* interned name → PolicyFront */
        GHashTable *routes;   /* interned name → RouteFront, of those that have limits */
        GPtrArray *names;     /* borrowed from the policies */
};

void front_settings_clear(FrontSettings *settings)
{
        g_strfreev(settings->trusted_proxies);
        g_free(settings->auth_failures);
        *settings = (FrontSettings){ 0 };
}

/* ---- trusted proxies ---- */

/* find_user: /etc/passwd alone; the daemon never calls NSS (libnss_authd would ask the daemon). */
static bool find_user(const char *name, uid_t *ret_uid)
{
        FILE *file = fopen("/etc/passwd", "re");
        bool found = false;
        struct passwd *user;

        if (!file)
                return false;
        while (!found && (user = fgetpwent(file)))
                if (strcmp(user->pw_name, name) == 0) {
                        *ret_uid = user->pw_uid;
                        found = true;
                }
        fclose(file);
        return found;
}

/* read_address: an IPv4 address within IPv6 (RFC 4291 §2.5.5.2) is the IPv4 one. */
static bool read_address(const char *text, TrustedProxy *ret)
{
        static const uint8_t mapped[] = { 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0xff, 0xff };

        if (inet_pton(AF_INET, text, ret->address) == 1) {
                ret->family = AF_INET;
                return true;
        }
        if (inet_pton(AF_INET6, text, ret->address) != 1)
                return false;
        ret->family = AF_INET6;
        if (memcmp(ret->address, mapped, sizeof(mapped)) == 0) {
                ret->family = AF_INET;
                memmove(ret->address, ret->address + sizeof(mapped), 4);
        }
        return true;
}

static unsigned bits_of(int family)
{
        return family == AF_INET ? 32 : 128;
}

static bool bit_is_set(const uint8_t *bytes, unsigned bit)
{
        return bytes[bit / 8] >> (7 - bit % 8) & 1;
}

static bool parse_network(const char *line, TrustedProxy *ret)
{
        g_auto(GStrv) halves = g_strsplit(line, "/", 2);
        guint64 n_bits;

        if (!read_address(halves[0], ret))
                return false;
        n_bits = bits_of(ret->family);
        if (halves[1] && !g_ascii_string_to_unsigned(halves[1], 10, 1, n_bits, &n_bits, NULL))
                return false;
        ret->n_bits = (unsigned) n_bits;
        for (unsigned bit = ret->n_bits; bit < bits_of(ret->family); bit++)
                if (bit_is_set(ret->address, bit))
                        return false; /* 10.0.0.1/8: which of the two was meant? */
        return true;
}

static bool parse_uid(const char *line, TrustedProxy *ret)
{
        guint64 uid = 0;

        if (!g_str_has_prefix(line, "uid:") ||
            !g_ascii_string_to_unsigned(line + strlen("uid:"), 10, 0, UINT32_MAX - 1, &uid, NULL))
                return false;
        ret->by_uid = true;
        ret->uid = (uid_t) uid;
        return true;
}

static bool parse_user(const char *line, TrustedProxy *ret)
{
        ret->by_uid =
            g_str_has_prefix(line, "user:") && find_user(line + strlen("user:"), &ret->uid);
        return ret->by_uid;
}

static bool add_proxy(Front *front, const char *line, GError **error)
{
        TrustedProxy proxy = { 0 };

        if (front->n_proxies == FRONT_PROXIES_MAX)
                return setting_refuse(error, "trusted_proxies: more than %d; remove some",
                                      FRONT_PROXIES_MAX);
        if (g_str_has_prefix(line, "user:") && !parse_user(line, &proxy))
                return setting_refuse(error,
                                      "trusted_proxies: /etc/passwd has no %s; write "
                                      "uid:NUMBER",
                                      line);
        if (!proxy.by_uid && !parse_uid(line, &proxy) && !parse_network(line, &proxy))
                return setting_refuse(error,
                                      "trusted_proxies: \"%s\" is none of uid:NUMBER, user:NAME, "
                                      "an address, and a network such as 10.0.0.0/8",
                                      line);
        front->proxies[front->n_proxies++] = proxy;
        return true;
}

static bool network_has(const TrustedProxy *network, const TrustedProxy *address)
{
        if (network->by_uid || network->family != address->family)
                return false;
        for (unsigned bit = 0; bit < network->n_bits; bit++)
                if (bit_is_set(network->address, bit) != bit_is_set(address->address, bit))
                        return false;
        return true;
}

static bool trusts_uid(const Front *front, uid_t uid)
{
        for (size_t i = 0; i < front->n_proxies; i++)
                if (front->proxies[i].by_uid && front->proxies[i].uid == uid)
                        return true;
        return false;
}

static bool trusts_address(const Front *front, const char *text)
{
        TrustedProxy address = { 0 };

        if (!read_address(text, &address))
                return false;
        for (size_t i = 0; i < front->n_proxies; i++)
                if (network_has(&front->proxies[i], &address))
                        return true;
        return false;
}

bool front_trusts(const Front *front, const Peer *peer)
{
        if (peer->unix_socket)
                return peer->has_credentials && trusts_uid(front, peer->uid);
        return trusts_address(front, peer->address);
}

/* ---- building ---- */

static void policy_front_free(void *userdata)
{
        PolicyFront *one = userdata;

        policy_unref((Policy *) one->policy);
        sources_free(one->sources);
        limits_unref(one->limits);
        g_strfreev(one->limit_lines);
        g_clear_pointer(&one->other_names, g_ptr_array_unref);
        g_free(one);
}

static void route_front_free(void *userdata)
{
        RouteFront *one = userdata;

        limits_unref(one->limits);
        g_strfreev(one->limit_lines);
        g_free(one);
}

static bool set_failures(Front *front, const char *rate, GError **error)
{
        if (!rate)
                rate = FRONT_AUTH_FAILURES_DEFAULT;
        if (strcmp(rate, FRONT_AUTH_FAILURES_NONE) == 0)
                return true;
        front->failures_line = g_strconcat(FAILURES_PREFIX, rate, NULL);
        front->failures =
            limits_new((char *[]){ front->failures_line, NULL }, NULL, BUCKET_SLOTS_DEFAULT, NULL);
        return front->failures ||
               setting_refuse(error,
                              "auth_failures: \"%s\" is no rate; write 100/m, 100/m burst 20 or "
                              "none",
                              rate);
}

Front *front_new(const FrontSettings *settings, GError **error)
{
        g_autoptr(Front) front = g_new0(Front, 1);

        g_atomic_ref_count_init(&front->references);
        front->policies = g_hash_table_new_full(NULL, NULL, NULL, policy_front_free);
        front->routes = g_hash_table_new_full(NULL, NULL, NULL, route_front_free);
        front->names = g_ptr_array_new();
        front->allow_encoded_slash = settings->allow_encoded_slash;
        for (char **line = settings->trusted_proxies; line && *line; line++)
                if (!add_proxy(front, *line, error))
                        return NULL;
        return set_failures(front, settings->auth_failures, error) ? g_steal_pointer(&front) : NULL;
}

bool front_add(Front *front, const PolicySettings *settings, const Policy *policy, GError **error)
{
        PolicyFront *one = g_new0(PolicyFront, 1);

        one->policy = policy_ref((Policy *) policy);
        one->limit_lines = g_strdupv(settings->limits);
        one->limit_slots = settings->limit_slots ? settings->limit_slots : BUCKET_SLOTS_DEFAULT;
        one->allow_preflight = settings->allow_preflight;
        g_hash_table_insert(front->policies, (void *) policy_name(policy), one);
        one->sources = sources_new(settings->token_from, error);
        if (one->sources)
                one->limits = limits_new(settings->limits, NULL, one->limit_slots, error);
        return one->limits != NULL;
}

bool front_add_route(Front *front, const RouteSettings *settings, GError **error)
{
        RouteFront *one;

        if (!settings->limits)
                return true;
        one = g_new0(RouteFront, 1);
        one->limit_lines = g_strdupv(settings->limits);
        one->limit_slots = settings->limit_slots ? settings->limit_slots : BUCKET_SLOTS_DEFAULT;
        g_hash_table_insert(front->routes, (void *) g_intern_string(settings->name), one);
        one->limits = limits_new(settings->limits, NULL, one->limit_slots, error);
        return one->limits != NULL;
}

static bool name_is_among(const GPtrArray *names, const char *name)
{
        for (guint i = 0; i < names->len; i++)
                if (g_ascii_strcasecmp(names->pdata[i], name) == 0)
                        return true;
        return false;
}

static GPtrArray *names_of(const Policy *policy)
{
        GPtrArray *names = g_ptr_array_new();

        for (size_t i = 0; i < policy_n_headers(policy); i++) {
                const char *name;

                policy_header(policy, i, &name);
                g_ptr_array_add(names, (void *) name);
        }
        if (policy_assertion(policy))
                g_ptr_array_add(names, (void *) policy_assertion_header(policy));
        return names;
}

/* add_missing: those of from that are neither in names nor in but. */
static void add_missing(GPtrArray *names, const GPtrArray *from, const GPtrArray *but)
{
        for (guint i = 0; i < from->len; i++)
                if (!name_is_among(names, from->pdata[i]) &&
                    !(but && name_is_among(but, from->pdata[i])))
                        g_ptr_array_add(names, from->pdata[i]);
}

bool front_seal(Front *front, bool has_routes, GError **error)
{
        GHashTableIter iter;
        gpointer value;

        g_hash_table_iter_init(&iter, front->policies);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                g_autoptr(GPtrArray) own = names_of(((PolicyFront *) value)->policy);

                add_missing(front->names, own, NULL);
        }
        if (has_routes && front->names->len > FRONT_HEADERS_MAX)
                return setting_refuse(error,
                                      "headers: the policies hand on %u different ones, and where "
                                      "routes choose among policies at most %d are allowed; let "
                                      "them share names",
                                      front->names->len, FRONT_HEADERS_MAX);
        g_hash_table_iter_init(&iter, front->policies);
        while (g_hash_table_iter_next(&iter, NULL, &value)) {
                PolicyFront *one = value;
                g_autoptr(GPtrArray) own = names_of(one->policy);

                one->other_names = g_ptr_array_new();
                add_missing(one->other_names, front->names, own);
        }
        return true;
}

/* keep: lines were fit before, and so they are now. */
static void keep(Limits **limits, char *const *lines, Limits *before, size_t n_slots)
{
        Limits *kept = before ? limits_new(lines, before, n_slots, NULL) : NULL;

        if (!kept)
                return;
        limits_unref(*limits);
        *limits = kept;
}

static void keep_routes(Front *front, const Front *before)
{
        GHashTableIter iter;
        gpointer name, value;

        g_hash_table_iter_init(&iter, front->routes);
        while (g_hash_table_iter_next(&iter, &name, &value)) {
                RouteFront *one = value;
                const RouteFront *old = g_hash_table_lookup(before->routes, name);

                if (old && old->limit_slots == one->limit_slots)
                        keep(&one->limits, one->limit_lines, old->limits, one->limit_slots);
        }
}

void front_keep_buckets(Front *front, const Front *before)
{
        GHashTableIter iter;
        gpointer name, value;

        keep_routes(front, before);
        if (front->failures)
                keep(&front->failures, (char *[]){ front->failures_line, NULL }, before->failures,
                     BUCKET_SLOTS_DEFAULT);
        g_hash_table_iter_init(&iter, front->policies);
        while (g_hash_table_iter_next(&iter, &name, &value)) {
                PolicyFront *one = value;
                const PolicyFront *old = g_hash_table_lookup(before->policies, name);

                if (old && old->limit_slots == one->limit_slots)
                        keep(&one->limits, one->limit_lines, old->limits, one->limit_slots);
        }
}

Front *front_ref(Front *front)
{
        g_atomic_ref_count_inc(&front->references);
        return front;
}

void front_unref(Front *front)
{
        if (!front || !g_atomic_ref_count_dec(&front->references))
                return;
        g_hash_table_unref(front->policies);
        g_hash_table_unref(front->routes);
        g_ptr_array_unref(front->names);
        limits_unref(front->failures);
        g_free(front->failures_line);
        g_free(front);
}

/* ---- use ---- */

bool front_allows_encoded_slash(const Front *front)
{
        return front->allow_encoded_slash;
}

const PolicyFront *front_policy(const Front *front, const Policy *policy)
{
        return g_hash_table_lookup(front->policies, policy_name(policy));
}

Limits *front_route_limits(const Front *front, const char *route_name)
{
        const RouteFront *one = g_hash_table_lookup(front->routes, route_name);

        return one ? one->limits : NULL;
}

const GPtrArray *front_names(const Front *front)
{
        return front->names;
}

bool front_is_throttled(const Front *front, Span address, int64_t now_usec, LimitAnswer *ret)
{
        if (!front->failures || address.len == 0)
                return false;
        limits_look(front->failures, NULL, address, now_usec, ret);
        return !ret->taken;
}

void front_note_failure(Front *front, Span address, int64_t now_usec)
{
        LimitAnswer answer;

        if (front->failures && address.len > 0)
                limits_take(front->failures, NULL, address, now_usec, &answer);
}

static void show_limits(const char *kind, const char *name, const Limits *limits,
                        FrontLimitsSeen seen, void *userdata)
{
        g_autofree char *of = g_strconcat(kind, " ", name, NULL);

        seen(of, limits, userdata);
}

void front_each_limits(const Front *front, FrontLimitsSeen seen, void *userdata)
{
        GHashTableIter iter;
        gpointer name, value;

        g_hash_table_iter_init(&iter, front->policies);
        while (g_hash_table_iter_next(&iter, &name, &value))
                show_limits("policy", name, ((PolicyFront *) value)->limits, seen, userdata);
        g_hash_table_iter_init(&iter, front->routes);
        while (g_hash_table_iter_next(&iter, &name, &value))
                show_limits("route", name, ((RouteFront *) value)->limits, seen, userdata);
        if (front->failures)
                seen("auth_failures", front->failures, userdata);
}
