/* report: what the daemon says of itself: status, issuers, keys, settings, readiness, metrics.
 *
 * Reads, and changes nothing but the gauges that are set anew for each exposition. Main thread
 * only. */
#pragma once

#include "api/api.h"
#include "config.h"
#include "net/listen.h"
#include "outage.h"
#include "people.h"
#include "reception.h"

typedef struct Report {
        const char *config_path;
        const Config *config;
        Issuers *issuers;
        const Listener *listener;
        ClaimsCache *cache, *answers;
        const Outage *outage; /* as of now, whenever report_answer is called */
        const People *people;
        const Reception *reception; /* NULL: logins are off */
        const Store *store;         /* NULL: none */
        const char *state_trouble;  /* why there is none; NULL: none is wanted, or it is there */
        MetricRegistry *registry;
        unsigned n_workers;
        size_t n_parked;
        int64_t started_at_sec, loaded_at_sec;
        const char *last_error;        /* of a reload; NULL: none since */
        const uint64_t *by_class;      /* verdicts counted, by VerdictClass; read atomically */
        MetricFamily *shadow_verdicts; /* of the doors: policy, reason */
        MetricFamily *cache_state, *cache_lookups, *cache_evictions, *keys_age, *connections,
            *parked, *ready, *outage_left, *keys_stale, *limit_buckets, *people_states, *groups,
            *sync_seconds;
} Report;

/* report_init: registers the gauges in report->registry. */
void report_init(Report *report);
void report_answer(Report *report, MainQuestion question, const char *argument, MainAnswer *ret);
