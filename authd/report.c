#include "report.h"

#include "base/clock.h"
#include "token/json.h"

#include <unistd.h>

static void init_people(Report *report)
{
        static const char *const by_state[] = { "state", NULL };
        MetricRegistry *registry = report->registry;

        report->people_states =
            metric_family_new(registry, METRIC_GAUGE, "authd_people",
                              "People whom the realm has: active, disabled, gone, or refused: no "
                              "account.",
                              by_state, NULL, 0);
        report->groups =
            metric_family_new(registry, METRIC_GAUGE, "authd_groups",
                              "Groups of this host that the realm makes.", NULL, NULL, 0);
        report->sync_seconds = metric_family_new(
            registry, METRIC_GAUGE, "authd_users_sync_seconds",
            "How long the last look at everybody took; absent before.", NULL, NULL, 0);
}

void report_init(Report *report)
{
        static const char *const by_issuer[] = { "issuer", NULL };
        static const char *const by_budget[] = { "issuer", "policy", "budget", NULL };
        static const char *const by_what[] = { "what", NULL };
        static const char *const by_buckets[] = { "of", "limit", "what", NULL };
        static const char *const by_result[] = { "result", NULL };
        static const char *const by_version[] = { "version", NULL };
        MetricRegistry *registry = report->registry;

        MetricFamily *build = metric_family_new(registry, METRIC_GAUGE, "authd_build_info",
                                                "The version that runs.", by_version, NULL, 0);
        metric_set(build, (const char *[]){ AUTHD_VERSION }, 1);
        report->cache_state = metric_family_new(
            registry, METRIC_GAUGE, "authd_cache",
            "The claims cache: entries, size_bytes, size_max_bytes.", by_what, NULL, 0);
        report->cache_lookups =
            metric_family_new(registry, METRIC_COUNTER, "authd_cache_lookups_total",
                              "Look-ups in the claims cache by result.", by_result, NULL, 0);
        report->cache_evictions =
            metric_family_new(registry, METRIC_COUNTER, "authd_cache_evictions_total",
                              "Entries that went to make room.", NULL, NULL, 0);
        report->keys_age = metric_family_new(
            registry, METRIC_GAUGE, "authd_keys_age_seconds",
            "Seconds since the issuer's keys were last fetched well; absent before.", by_issuer,
            NULL, 0);
        report->keys_stale = metric_family_new(
            registry, METRIC_GAUGE, "authd_keys_stale",
            "1 while an issuer's keys are lived on past their freshness, as it cannot be asked.",
            by_issuer, NULL, 0);
        report->outage_left = metric_family_new(
            registry, METRIC_GAUGE, "authd_outage_seconds_left",
            "Seconds until a policy's outage budget ends; absent while none is spent.", by_budget,
            NULL, 0);
        report->limit_buckets =
            metric_family_new(registry, METRIC_GAUGE, "authd_limit_buckets",
                              "Keys that each limit remembers: used, and slots, the most it can.",
                              by_buckets, NULL, 0);
        report->connections = metric_family_new(registry, METRIC_GAUGE, "authd_connections",
                                                "Open connections.", NULL, NULL, 0);
        report->parked = metric_family_new(registry, METRIC_GAUGE, "authd_parked_requests",
                                           "Requests that wait for an issuer or the main thread.",
                                           NULL, NULL, 0);
        report->ready = metric_family_new(registry, METRIC_GAUGE, "authd_ready",
                                          "1 when /readyz says so.", NULL, NULL, 0);
        init_people(report);
}

static void append_state_warnings(const Report *report, json_t *warnings)
{
        const char *trouble = report->store ? store_trouble(report->store) : NULL;

        if (report->state_trouble)
                json_array_append_new(
                    warnings, json_sprintf("there is no state database, so nothing outlives a "
                                           "restart, and keys distrusted before count again: %s",
                                           report->state_trouble));
        if (trouble)
                json_array_append_new(
                    warnings,
                    json_sprintf("the state database %s; what changes now is lost with a restart",
                                 trouble));
}

/* warnings: what an operator should know before being asked. */
static json_t *describe_warnings(const Report *report)
{
        const Config *config = report->config;
        json_t *warnings = json_array();

        if (config->allow_development_issuers)
                json_array_append_new(
                    warnings, json_string("allow_development_issuers = true: tokens that anybody "
                                          "can mint are accepted; never on a production host"));
        for (size_t i = 0; i < policy_set_size(config->compiled); i++) {
                const Policy *policy = policy_set_get(config->compiled, i);

                if (policy_any_audience(policy))
                        json_array_append_new(
                            warnings,
                            json_sprintf("policy %s: audience = any accepts tokens that were "
                                         "issued for other services",
                                         policy_name(policy)));
        }
        if (config->core_dumps)
                json_array_append_new(warnings,
                                      json_string("core_dumps = true: a core dump holds tokens"));
        append_state_warnings(report, warnings);
        if (report->last_error)
                json_array_append_new(
                    warnings, json_sprintf("the last reload was refused, the settings before it "
                                           "are in force: %s",
                                           report->last_error));
        return warnings;
}

static json_t *describe_cache(ClaimsCache *cache)
{
        CacheStats stats;

        claims_cache_stats(cache, &stats);
        return json_pack("{s:I, s:I, s:I, s:I, s:I, s:I}", "entries", (json_int_t) stats.n_entries,
                         "size_bytes", (json_int_t) stats.size_bytes, "size_max_bytes",
                         (json_int_t) stats.size_max, "hits", (json_int_t) stats.hits, "misses",
                         (json_int_t) stats.misses, "evictions", (json_int_t) stats.evictions);
}

/* describe_shadow: since the start; null where none is tried. */
static json_t *describe_shadow(const Report *report, const Policy *policy)
{
        json_t *refused = json_object(), *warnings = json_array();
        json_int_t n_judged = 0, n_refused = 0;

        for (const char *const *warning = policy_next_warnings(policy); warning && *warning;
             warning++)
                json_array_append_new(warnings, json_string(*warning));
        for (Reason reason = 0; reason < _VERDICT_MAX; reason++) {
                const char *word = reason_words(reason)->word;
                json_int_t n = (json_int_t) metric_count(
                    report->shadow_verdicts, (const char *[]){ policy_name(policy), word });

                n_judged += n;
                if (reason == VERDICT_VALID || n == 0)
                        continue;
                n_refused += n;
                json_object_set_new(refused, word, json_integer(n));
        }
        return json_pack("{s:s, s:I, s:I, s:o, s:o}", "policy", policy_name(policy_next(policy)),
                         "judged", n_judged, "refused", n_refused, "reasons", refused, "warnings",
                         warnings);
}

static json_t *describe_policies(const Report *report)
{
        const PolicySet *set = report->config->compiled;
        json_t *policies = json_array();

        for (size_t i = 0; i < policy_set_size(set); i++) {
                const Policy *policy = policy_set_get(set, i);
                json_t *row = policy_status(policy);

                json_object_set_new(row, "shadow",
                                    policy_next(policy) ? describe_shadow(report, policy)
                                                        : json_null());
                json_array_append_new(policies, row);
        }
        return policies;
}

static json_t *describe_verdicts(const Report *report)
{
        json_t *verdicts = json_object();

        for (VerdictClass class = CLASS_UNAVAILABLE; class <= CLASS_FORBIDDEN; class ++)
                json_object_set_new(verdicts, verdict_class_text(class),
                                    json_integer((json_int_t) __atomic_load_n(
                                        &report->by_class[class], __ATOMIC_RELAXED)));
        return verdicts;
}

static json_t *describe_listen(const Config *config)
{
        json_t *addresses = json_array();

        for (char **address = config->listen; address && *address; address++)
                json_array_append_new(addresses, json_string(*address));
        return addresses;
}

static json_t *describe_budgets(const Report *report)
{
        return outage_status(report->outage, clock_monotonic_usec());
}

static json_t *report_status(Report *report, const char *argument, unsigned *ret_status)
{
        bool ready = issuers_ready(report->issuers, NULL);

        return json_pack(
            "{s:s, s:i, s:I, s:I, s:b, s:o, s:i, s:I, s:s, s:o, s:{s:s, s:I, s:s?}, s:o, s:o, s:o, "
            "s:o, s:o, s:s?, s:o, s:o, s:o}",
            "version", AUTHD_VERSION, "pid", (int) getpid(), "started_at",
            (json_int_t) report->started_at_sec, "uptime_seconds",
            (json_int_t) (clock_wall_sec() - report->started_at_sec), "ready", (int) ready,
            "warnings", describe_warnings(report), "workers", (int) report->n_workers,
            "connections", (json_int_t) listener_n_connections(report->listener), "socket",
            report->config->socket_path, "listen", describe_listen(report->config), "config",
            "path", report->config_path, "loaded_at", (json_int_t) report->loaded_at_sec,
            "last_error", report->last_error, "cache", describe_cache(report->cache), "issuers",
            issuers_status(report->issuers), "policies", describe_policies(report), "verdicts",
            describe_verdicts(report), "answers", describe_cache(report->answers), "state",
            report->store ? store_path(report->store) : NULL, "budgets", describe_budgets(report),
            "people", people_status(report->people), "logins",
            report->reception ? reception_status(report->reception) : json_null());
}

static json_t *report_issuers(Report *report, const char *argument, unsigned *ret_status)
{
        return json_pack("{s:o}", "issuers", issuers_status(report->issuers));
}

static void append_keys(json_t *out, const json_t *issuer)
{
        const char *name = json_string_value(json_object_get(issuer, "name"));
        size_t i;
        json_t *key;

        json_array_foreach (json_object_get(issuer, "keys"), i, key) {
                json_t *row = json_pack("{s:s}", "issuer", name);

                json_object_update(row, key);
                json_array_append_new(out, row);
        }
}

static json_t *report_keys(Report *report, const char *argument, unsigned *ret_status)
{
        json_auto *issuers = issuers_status(report->issuers);
        json_t *keys = json_array();
        bool found = !argument;
        size_t i;
        json_t *issuer;

        json_array_foreach (issuers, i, issuer) {
                const char *name = json_string_value(json_object_get(issuer, "name"));

                if (argument && g_strcmp0(name, argument) != 0)
                        continue;
                found = true;
                append_keys(keys, issuer);
        }
        if (found)
                return json_pack("{s:o}", "keys", keys);
        json_decref(keys);
        *ret_status = 404;
        return json_pack("{s:s, s:s}", "error", "unknown_issuer", "detail",
                         "No issuer of that name is in authd.conf.");
}

static json_t *report_config(Report *report, const char *argument, unsigned *ret_status)
{
        json_t *description = config_describe(report->config);

        json_object_set_new(description, "path", json_string(report->config_path));
        return description;
}

static char *budget_sentence(const Budget *budget)
{
        int64_t ends_sec =
            clock_wall_sec() + (budget->end_usec - clock_monotonic_usec()) / G_USEC_PER_SEC;
        g_autoptr(GDateTime) end = g_date_time_new_from_unix_utc(ends_sec);
        g_autofree char *text = end ? g_date_time_format_iso8601(end) : g_strdup("?");
        const char *what = budget->kind == BUDGET_KEYS ? "keys" : "answers about tokens";

        if (budget->is_over)
                return g_strdup_printf("Issuer %s cannot be asked; policy %s no longer lives on "
                                       "its %s since %s.",
                                       budget->issuer, budget->policy, what, text);
        return g_strdup_printf("Issuer %s cannot be asked; policy %s lives on its %s until %s.",
                               budget->issuer, budget->policy, what, text);
}

static char *ready_sentence(const Report *report, const char *missing)
{
        if (missing)
                return g_strdup_printf("Issuer %s has no keys that may be used.", missing);
        if (outage_size(report->outage) > 0)
                return budget_sentence(outage_get(report->outage, 0));
        return g_strdup("Every issuer's keys are known.");
}

static json_t *report_ready(Report *report, const char *argument, unsigned *ret_status)
{
        const char *missing = NULL;
        bool ready = issuers_ready(report->issuers, &missing);
        g_autofree char *detail = ready_sentence(report, missing);

        *ret_status = ready ? 200 : 503;
        return json_pack("{s:b, s:s, s:o, s:o}", "ready", (int) ready, "detail", detail, "warnings",
                         describe_warnings(report), "budgets", describe_budgets(report));
}

static void set_cache_metrics(Report *report)
{
        CacheStats stats;

        claims_cache_stats(report->cache, &stats);
        metric_set(report->cache_state, (const char *[]){ "entries" }, (double) stats.n_entries);
        metric_set(report->cache_state, (const char *[]){ "size_bytes" },
                   (double) stats.size_bytes);
        metric_set(report->cache_state, (const char *[]){ "size_max_bytes" },
                   (double) stats.size_max);
        metric_count_to(report->cache_lookups, (const char *[]){ "hit" }, stats.hits);
        metric_count_to(report->cache_lookups, (const char *[]){ "miss" }, stats.misses);
        metric_count_to(report->cache_evictions, NULL, stats.evictions);
}

static void set_key_metrics(Report *report)
{
        json_auto *issuers = issuers_status(report->issuers);
        int64_t now_sec = clock_wall_sec();
        size_t i;
        json_t *issuer;

        metric_forget(report->keys_age);
        json_array_foreach (issuers, i, issuer) {
                const char *name =
                    g_intern_string(json_string_value(json_object_get(issuer, "name")));
                int64_t at_sec = json_integer_value(json_object_get(issuer, "keys_at"));

                if (at_sec > 0)
                        metric_set(report->keys_age, (const char *[]){ name },
                                   (double) (now_sec - at_sec));
        }
}

static void set_outage_metrics(Report *report)
{
        int64_t now_usec = clock_monotonic_usec();

        metric_forget(report->outage_left);
        for (size_t i = 0; i < outage_size(report->outage); i++) {
                const Budget *budget = outage_get(report->outage, i);

                metric_set(report->outage_left,
                           (const char *[]){ budget->issuer, budget->policy,
                                             budget_kind_text(budget->kind) },
                           budget_seconds_left(budget, now_usec));
        }
        metric_forget(report->keys_stale);
        for (size_t i = 0; i < issuers_size(report->issuers); i++) {
                IssuerOutage outage;

                issuers_outage(report->issuers, i, &outage);
                metric_set(report->keys_stale, (const char *[]){ outage.issuer },
                           outage.keys_stale_since_usec != 0);
        }
}

static void set_buckets(const char *of, const Limits *limits, void *userdata)
{
        MetricFamily *family = userdata;

        for (size_t i = 0; i < limits_size(limits); i++) {
                LimitUsage usage;

                limits_usage(limits, i, clock_monotonic_usec(), &usage);
                metric_set(family, (const char *[]){ of, usage.text, "used" },
                           (double) usage.n_used);
                metric_set(family, (const char *[]){ of, usage.text, "slots" },
                           (double) usage.n_slots);
        }
}

/* The table of each limit is walked here, on the main thread: no request waits for it longer than
 * for another that takes from the same shard. */
static void set_limit_metrics(Report *report)
{
        metric_forget(report->limit_buckets);
        front_each_limits(report->config->compiled_front, set_buckets, report->limit_buckets);
}

static void set_people_metrics(Report *report)
{
        PeopleCounts counts;

        metric_forget(report->people_states);
        metric_forget(report->groups);
        metric_forget(report->sync_seconds);
        if (!people_counts(report->people, &counts))
                return;
        for (PersonState state = 0; state < G_N_ELEMENTS(counts.by_state); state++)
                metric_set(report->people_states, (const char *[]){ person_state_text(state) },
                           (double) counts.by_state[state]);
        metric_set(report->people_states, (const char *[]){ "refused" }, (double) counts.n_refused);
        metric_set(report->groups, NULL, (double) counts.n_groups);
        if (people_sync_seconds(report->people) > 0)
                metric_set(report->sync_seconds, NULL, people_sync_seconds(report->people));
}

static char *report_metrics(Report *report)
{
        GString *text = g_string_new(NULL);

        set_cache_metrics(report);
        set_key_metrics(report);
        set_outage_metrics(report);
        set_limit_metrics(report);
        set_people_metrics(report);
        metric_set(report->connections, NULL, (double) listener_n_connections(report->listener));
        metric_set(report->parked, NULL, (double) report->n_parked);
        metric_set(report->ready, NULL, issuers_ready(report->issuers, NULL) ? 1 : 0);
        metric_registry_expose(report->registry, text);
        return g_string_free(text, FALSE);
}

void report_answer(Report *report, MainQuestion question, const char *argument, MainAnswer *ret)
{
        static json_t *(*const sections[_MAIN_QUESTION_MAX])(Report *, const char *, unsigned *) = {
                [MAIN_STATUS] = report_status, [MAIN_ISSUERS] = report_issuers,
                [MAIN_KEYS] = report_keys,     [MAIN_CONFIG] = report_config,
                [MAIN_READY] = report_ready,
        };

        *ret = (MainAnswer){ .status = 200 };
        if (question == MAIN_METRICS) {
                ret->content_type = "text/plain; version=0.0.4; charset=utf-8";
                ret->body = report_metrics(report);
                return;
        }
        json_auto *value = sections[question](report, argument, &ret->status);
        char *text = value ? json_dumps(value, JSON_COMPACT) : NULL;

        if (!text)
                ret->status = 500;
        ret->body = g_strdup(
            text
                ? text
                : "{\"error\":\"internal_error\",\"detail\":\"The report could not be written.\"}");
        free(text);
}
