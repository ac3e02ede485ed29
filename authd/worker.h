/* worker: a thread that answers, and never blocks, fetches or waits.
 *
 * It owns a GMainContext, a Server, a Checker and one reference each to the view, the policies and
 * the clients, which change by letters between two requests. All functions here are for the main
 * thread; whatever the worker wants of it arrives through the hooks, on the main thread, by letters
 * to main_mailbox. */
#pragma once

#include "api/api.h"
#include "base/mail.h"

typedef struct Worker Worker;

typedef struct WorkerHooks {
        void (*closed)(const Peer *peer, void *userdata);
        void (*ask_keys)(Worker *worker, const CheckNeeds *needs, void *userdata);
        /* token and own are borrowed; own NULL: the token is opaque. Before it answers, the main
         * thread puts what the issuer said into answers. */
        void (*ask_introspection)(Worker *worker, const CheckNeeds *needs, Span token, Claims *own,
                                  void *userdata);
        /* Owns argument. */
        void (*ask_main)(Worker *worker, uint64_t id, MainQuestion question, char *argument,
                         void *userdata);
        void *userdata;
} WorkerHooks;

typedef struct WorkerSettings {
        Mailbox *main_mailbox;
        ClaimsCache *cache;   /* shared; outlives the workers */
        ClaimsCache *answers; /* of introspection; the same; NULL: nobody can be asked */
        Replay *replay;       /* of DPoP proofs, with nonces; shared; NULL: none can be judged */
        const Nonces *nonces;
        ApiMetrics metrics;
        gid_t admin_gid;
        bool has_admin_gid;
        WorkerHooks hooks;
} WorkerSettings;

/* WorkerRules: what a reload swaps; the worker takes a reference of each. */
typedef struct WorkerRules {
        PolicySet *policies;
        Clients *clients;
        Routing *routing;
        Front *front;
} WorkerRules;

/* worker_new: starts the thread, with that view and those settings. */
Worker *worker_new(unsigned index, const WorkerSettings *settings, IssuerView *view,
                   const WorkerRules *rules, GError **error);
void worker_give_connection(Worker *worker, int fd, const Peer *peer);
/* worker_give_view, _rules: done (may be NULL) is called on the main thread once the worker uses
 * it. */
void worker_give_view(Worker *worker, IssuerView *view, MailFunc done, void *userdata);
void worker_give_rules(Worker *worker, const WorkerRules *rules, MailFunc done, void *userdata);
/* worker_answer_needs: of ask_keys and ask_introspection. trouble (may be NULL) is copied. */
void worker_answer_needs(Worker *worker, const CheckNeeds *needs, Asked asked, const char *trouble);
/* worker_answer_main: takes answer->body. */
void worker_answer_main(Worker *worker, uint64_t id, MainAnswer *answer);
size_t worker_n_parked(const Worker *worker); /* as of a moment ago */
/* worker_free: answers whoever waits, closes the connections, joins the thread. */
void worker_free(Worker *worker);
