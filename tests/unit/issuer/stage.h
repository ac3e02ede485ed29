/* stage: a fake provider, an Issuers that asks it, and who asks the Issuers; time is set. For unit
 * tests of issuer only. */
#pragma once

#include "fake_provider.h"
#include "issuer/issuer.h"
#include "jwks.h"

#define PATIENCE_USEC (10 * G_USEC_PER_SEC) /* of a test that waits for what must come */
#define SETTLE_USEC   (30 * 1000)           /* in which what must not come would come */
#define ANSWERS_MAX   64
#define UNANSWERED    (-1)
#define STALE_MAX_SEC INT64_C(86400)

typedef struct Stage {
        GMainContext *context;
        Fetcher *fetcher;
        FakeProvider *provider;
        Issuers *issuers;
        GPtrArray *settings;
        MetricRegistry *registry;
        IssuersHooks hooks;
        Store *store;     /* NULL until stage_keep */
        char *folder;     /* with the state database */
        IssuerView *view; /* the last one published */
        unsigned n_views;
        int answers[ANSWERS_MAX];      /* one for each question, in the order of asking */
        uint64_t serials[ANSWERS_MAX]; /* of the view when the answer came */
        unsigned n_asked;
} Stage;

typedef struct Capture {
        int stderr_fd;
        int file_fd;
} Capture;

unsigned ask_of(Stage *stage, const char *name, const char *kid, bool frees);
unsigned ask(Stage *stage, const char *kid);
void settle(Stage *stage);
void await_answer(Stage *stage, unsigned index);
void await_views(Stage *stage, unsigned n_views);
void await_requests(Stage *stage, const char *path, unsigned n_requests);
unsigned n_key_requests(Stage *stage);
void later(double sec);
void later_than_cooldown(void);
void serve_document(Stage *stage, const char *more);
void serve_keys(Stage *stage, const char *kids);
IssuerSettings *settings_new(const char *name, const char *url);
IssuerSettings *first_settings(Stage *stage);
void configure(Stage *stage);
void stage_set(Stage *stage);
void stage_set_ready(Stage *stage, const char *kids);
/* stage_keep: a state database, from the next stage_restart on. */
void stage_keep(Stage *stage);
/* stage_restart: another daemon, which has been told nothing yet. */
void stage_restart(Stage *stage);
void stage_lose_folder(Stage *stage); /* of stage_keep, with all that is in it */
void stage_strike(Stage *stage);
bool view_has(const Stage *stage, const char *kid);
json_t *status_of(const Stage *stage);
void assert_status(const Stage *stage, const char *member, const char *text);
bool status_says(const Stage *stage, const char *member, const char *part);
Capture capture_begin(void);
char *capture_end(Capture *capture);
unsigned count_in(const char *text, const char *part);
