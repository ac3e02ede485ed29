/* admin: see admin.h. What is requested, and what its answer leads to, is adminwalk's; here is
 * when, and with which token.
 *
 * A callback is the last act of whatever led to it, so it may free the Admin; what comes
 * after is begun by the timer. */
#include "issuer/admin.h"

#include "base/bucket.h"
#include "base/clock.h"
#include "issuer/adminwalk.h"

#include <limits.h>

#define BUCKET_KEY   "admin"
#define BUCKET_SLOTS 8

/* AdminTarget, owned. */
typedef struct Target {
        char *issuer_url;
        char *token_endpoint;
        ClientAuthSettings client;
        char *ca_pem;
        char *proxy;
        char *admin_url; /* without a slash at its end; NULL: none */
} Target;

struct Admin {
        GMainContext *context;
        Fetcher *fetcher;
        Target target;
        unsigned rate;
        Buckets *buckets;
        GSource *timer;
        bool is_closing;

        char *token_line; /* "Authorization: Bearer …"; NULL: none */
        int64_t token_end_usec;
        int64_t token_asked_usec;
        unsigned n_token_tries; /* since the last request */
        Grant *grant;           /* the token is being asked for */

        AdminCall *current; /* its request is under way */
        Fetch *fetch;
        GQueue waiting;          /* for their turn */
        GQueue ended;            /* only to be told so */
        int64_t next_usec;       /* when the rate lets another request go */
        int64_t hold_until_usec; /* by Retry-After */
};

struct AdminCall {
        Admin *admin;
        AdminWalk *walk;
        bool is_anew;     /* with another token, after a 401 */
        unsigned n_tries; /* put off by Retry-After */
        AdminDone done;
        void *userdata;

        AdminResult result; /* of one that has ended */
        char *trouble;
};

char *admin_url_of(const char *issuer_url)
{
        static const char part[] = "/realms/";
        size_t len = strlen(issuer_url);
        g_autofree char *url =
            g_strndup(issuer_url, g_str_has_suffix(issuer_url, "/") ? len - 1 : len);
        char *found = g_strrstr(url, part);

        if (!found || found[strlen(part)] == '\0' || strpbrk(found + strlen(part), "/?#"))
                return NULL;
        return g_strdup_printf("%.*s/admin%s", (int) (found - url), url, found);
}

/* Calls */

static void call_free(AdminCall *call)
{
        admin_walk_free(call->walk);
        g_free(call->trouble);
        g_free(call);
}

static void admin_end_call(Admin *admin, AdminCall *call, AdminResult result, const char *trouble)
{
        call->result = result;
        g_free(call->trouble);
        call->trouble = g_strdup(trouble);
        g_queue_push_tail(&admin->ended, call);
}

/* All who wait for their turn. */
static void admin_end_waiting(Admin *admin, AdminResult result, const char *trouble)
{
        AdminCall *call;

        while ((call = g_queue_pop_head(&admin->waiting)))
                admin_end_call(admin, call, result, trouble);
}

static void call_tell_end(AdminCall *call)
{
        const AdminAnswer answer = { .result = call->result, .trouble = call->trouble };

        call->done(&answer, call->userdata);
        call_free(call);
}

/* The token */

static void admin_forget_token(Admin *admin)
{
        if (admin->token_line)
                secret_erase(admin->token_line, strlen(admin->token_line));
        g_clear_pointer(&admin->token_line, g_free);
}

static bool admin_has_token(const Admin *admin, int64_t now_usec)
{
        return admin->token_line && now_usec < admin->token_end_usec;
}

static void admin_take_token(Admin *admin, const GrantAnswer *answer)
{
        int64_t life_sec = answer->expires_in_sec > 0 ? MIN(answer->expires_in_sec, INT_MAX)
                                                      : ADMIN_TOKEN_LIFE_SEC;
        int64_t early_usec =
            MIN(ADMIN_TOKEN_EARLY_SEC * G_USEC_PER_SEC, life_sec * G_USEC_PER_SEC / 5);

        admin_forget_token(admin);
        admin->token_line =
            g_strdup_printf("Authorization: Bearer %.*s", (int) answer->access_token.len,
                            answer->access_token.data);
        admin->token_end_usec = admin->token_asked_usec + life_sec * G_USEC_PER_SEC - early_usec;
}

static void admin_hold(Admin *admin, int64_t retry_after_sec)
{
        admin->hold_until_usec =
            clock_monotonic_usec() + MIN(retry_after_sec, ADMIN_HOLD_SEC_MAX) * G_USEC_PER_SEC;
}

static void admin_on_granted(const GrantAnswer *answer, void *userdata)
{
        Admin *admin = userdata;
        g_autofree char *trouble = NULL;

        admin->grant = NULL;
        if (answer->result == GRANT_GRANTED) {
                admin_take_token(admin, answer);
                return;
        }
        if (answer->retry_after_sec > 0) {
                admin_hold(admin, answer->retry_after_sec);
                if (admin->n_token_tries < ADMIN_TRIES_MAX)
                        return;
        }
        admin->n_token_tries = 0;
        trouble =
            g_strdup_printf("no token for the Admin API: %s",
                            answer->trouble ? answer->trouble : grant_result_text(answer->result));
        admin_end_waiting(
            admin, answer->result == GRANT_UNAVAILABLE ? ADMIN_UNAVAILABLE : ADMIN_NOT_PERMITTED,
            trouble);
}

static void admin_ask_token(Admin *admin, int64_t now_usec)
{
        const GrantTarget target = {
                .issuer_url = admin->target.issuer_url,
                .token_endpoint = admin->target.token_endpoint,
                .client = &admin->target.client,
                .ca_pem = admin->target.ca_pem,
                .proxy = admin->target.proxy,
        };

        admin->token_asked_usec = now_usec;
        admin->grant =
            grant_client_credentials(admin->fetcher, &target, NULL, admin_on_granted, admin);
}

/* Requests */

/* The same request once more: with a new token, or when the provider wants to be asked again. */
static bool call_is_put_off(AdminCall *call, const FetchAnswer *answer)
{
        Admin *admin = call->admin;
        bool is_busy = answer->status == 429 || answer->status == 503;

        if (answer->status == 401)
                admin_forget_token(admin);
        if (answer->status == 401 && !call->is_anew) {
                call->is_anew = true;
                return true;
        }
        if (!is_busy || answer->retry_after_sec <= 0)
                return false;
        admin_hold(admin, answer->retry_after_sec);
        return ++call->n_tries < ADMIN_TRIES_MAX;
}

static void call_take(AdminCall *call, const FetchAnswer *answer, AdminOutcome *ret)
{
        if (answer->error == 0)
                admin_walk_take(call->walk, call->admin->target.client.client_id, answer->status,
                                answer->body, ret);
        else
                ret->trouble =
                    g_strdup(answer->trouble ? answer->trouble : g_strerror(-answer->error));
}

static void call_tell(AdminCall *call, const AdminOutcome *outcome)
{
        const AdminAnswer answer = {
                .result = outcome->result,
                .items = outcome->items,
                .more = outcome->goes_on,
                .trouble = outcome->trouble,
        };
        AdminDone done = call->done;
        void *userdata = call->userdata;

        if (!outcome->goes_on)
                call_free(call);
        done(&answer, userdata);
}

static void admin_on_fetched(const FetchAnswer *answer, void *userdata)
{
        AdminCall *call = userdata;
        Admin *admin = call->admin;
        g_auto(AdminOutcome) outcome = { 0 };

        admin->fetch = NULL;
        admin->current = NULL;
        if (call_is_put_off(call, answer)) {
                g_queue_push_head(&admin->waiting, call);
                return;
        }
        call->is_anew = false;
        call->n_tries = 0;
        call_take(call, answer, &outcome);
        if (outcome.goes_on)
                g_queue_push_tail(&admin->waiting, call);
        if (!outcome.is_silent)
                call_tell(call, &outcome);
}

static void admin_ask(Admin *admin, AdminCall *call)
{
        const ClientAuthSettings *client = &admin->target.client;
        bool has_certificate = client->method == CLIENT_AUTH_TLS;
        g_autofree char *url = admin_walk_url(call->walk, admin->target.admin_url);
        char *body = admin_walk_body(call->walk);
        const char *const headers[] = { "Accept: application/json", admin->token_line, NULL };
        const FetchOptions options = {
                .url = url,
                .ca_pem = admin->target.ca_pem,
                .cert_file = has_certificate ? client->cert_file : NULL,
                .cert_key_file = has_certificate ? client->cert_key_file : NULL,
                .proxy = admin->target.proxy,
                .headers = headers,
                .put_json = body != NULL,
                .body = span_from(body),
                .size_max = ADMIN_SIZE_MAX,
                .deadline_usec = ADMIN_CALL_USEC,
        };

        admin->n_token_tries = 0;
        admin->current = call;
        admin->fetch = fetch_start(admin->fetcher, &options, admin_on_fetched, call);
        free(body);
}

/* The timer: whose turn it is. It reads base/clock, so that tests may set the time. */

typedef struct AdminTimer {
        GSource base;
        Admin *admin;
} AdminTimer;

/* -1: nothing to do before something comes. */
static int64_t admin_due_usec(const Admin *admin)
{
        if (!g_queue_is_empty((GQueue *) &admin->ended))
                return 0;
        if (admin->current || admin->grant || g_queue_is_empty((GQueue *) &admin->waiting))
                return -1;
        if (admin->hold_until_usec - clock_monotonic_usec() > ADMIN_PATIENCE_SEC * G_USEC_PER_SEC)
                return 0;
        return MAX(admin->next_usec, admin->hold_until_usec);
}

static bool admin_may_ask(Admin *admin, int64_t now_usec)
{
        BucketAnswer answer;

        if (now_usec < MAX(admin->next_usec, admin->hold_until_usec))
                return false;
        buckets_take(admin->buckets, span_from(BUCKET_KEY), now_usec, &answer);
        admin->next_usec = now_usec + answer.retry_after_usec;
        return answer.taken;
}

/* Each was over before it came. */
static void admin_give_up_tokens(Admin *admin)
{
        admin->n_token_tries = 0;
        admin_end_waiting(admin, ADMIN_UNAVAILABLE,
                          "the provider's tokens are over before they can be used");
}

static void admin_run(Admin *admin, int64_t now_usec)
{
        AdminCall *ended = g_queue_pop_head(&admin->ended);

        if (ended) {
                call_tell_end(ended);
                return;
        }
        if (admin->current || admin->grant || g_queue_is_empty(&admin->waiting))
                return;
        if (admin->hold_until_usec - now_usec > ADMIN_PATIENCE_SEC * G_USEC_PER_SEC)
                admin_end_waiting(admin, ADMIN_UNAVAILABLE,
                                  "the provider wants to be asked later (Retry-After)");
        else if (!admin_may_ask(admin, now_usec))
                return;
        else if (admin_has_token(admin, now_usec))
                admin_ask(admin, g_queue_pop_head(&admin->waiting));
        else if (admin->n_token_tries++ < ADMIN_TRIES_MAX)
                admin_ask_token(admin, now_usec);
        else
                admin_give_up_tokens(admin);
}

static gboolean admin_timer_prepare(GSource *base, int *ret_timeout_msec)
{
        int64_t due_usec = admin_due_usec(((AdminTimer *) base)->admin);
        int64_t wait_usec = due_usec - clock_monotonic_usec();

        *ret_timeout_msec = -1;
        if (due_usec < 0)
                return FALSE;
        *ret_timeout_msec = (int) CLAMP((wait_usec + 999) / 1000, 0, INT_MAX);
        return wait_usec <= 0;
}

static gboolean admin_timer_check(GSource *base)
{
        int64_t due_usec = admin_due_usec(((AdminTimer *) base)->admin);

        return due_usec >= 0 && due_usec <= clock_monotonic_usec();
}

static gboolean admin_timer_dispatch(GSource *base, GSourceFunc callback, void *userdata)
{
        admin_run(((AdminTimer *) base)->admin, clock_monotonic_usec());
        return G_SOURCE_CONTINUE;
}

/* Life */

Admin *admin_new(GMainContext *context, Fetcher *fetcher)
{
        static GSourceFuncs functions = {
                .prepare = admin_timer_prepare,
                .check = admin_timer_check,
                .dispatch = admin_timer_dispatch,
        };
        Admin *admin = g_new0(Admin, 1);

        admin->context = context;
        admin->fetcher = fetcher;
        g_queue_init(&admin->waiting);
        g_queue_init(&admin->ended);
        admin->timer = g_source_new(&functions, sizeof(AdminTimer));
        ((AdminTimer *) admin->timer)->admin = admin;
        g_source_set_name(admin->timer, "admin");
        g_source_attach(admin->timer, context);
        return admin;
}

static void target_clear(Target *target)
{
        g_clear_pointer(&target->issuer_url, g_free);
        g_clear_pointer(&target->token_endpoint, g_free);
        client_auth_settings_clear(&target->client);
        g_clear_pointer(&target->ca_pem, g_free);
        g_clear_pointer(&target->proxy, g_free);
        g_clear_pointer(&target->admin_url, g_free);
}

static void target_copy(const AdminTarget *from, Target *ret)
{
        *ret = (Target){
                .issuer_url = g_strdup(from->grant.issuer_url),
                .token_endpoint = g_strdup(from->grant.token_endpoint),
                .ca_pem = g_strdup(from->grant.ca_pem),
                .proxy = g_strdup(from->grant.proxy),
                .admin_url = g_strdup(from->admin_url),
        };
        client_auth_settings_copy(from->grant.client, &ret->client);
        if (ret->admin_url && g_str_has_suffix(ret->admin_url, "/"))
                ret->admin_url[strlen(ret->admin_url) - 1] = '\0';
}

static bool target_is_same(const Target *a, const Target *b)
{
        return g_strcmp0(a->issuer_url, b->issuer_url) == 0 &&
               g_strcmp0(a->token_endpoint, b->token_endpoint) == 0 &&
               g_strcmp0(a->ca_pem, b->ca_pem) == 0 && g_strcmp0(a->proxy, b->proxy) == 0 &&
               g_strcmp0(a->admin_url, b->admin_url) == 0 &&
               client_auth_settings_equal(&a->client, &b->client);
}

/* What is under way ends, for half a list of one realm and half of another is none. */
static void admin_start_over(Admin *admin, const char *trouble)
{
        g_clear_pointer(&admin->fetch, fetch_cancel);
        g_clear_pointer(&admin->grant, grant_cancel);
        if (admin->current)
                admin_end_call(admin, g_steal_pointer(&admin->current), ADMIN_UNAVAILABLE, trouble);
        admin_end_waiting(admin, ADMIN_UNAVAILABLE, trouble);
        admin_forget_token(admin);
        admin->hold_until_usec = 0;
        admin->n_token_tries = 0;
}

static void admin_set_rate(Admin *admin, unsigned rate)
{
        const BucketRate limit = { .amount = rate, .period_sec = 1 };

        if (admin->buckets && rate == admin->rate)
                return;
        buckets_free(admin->buckets);
        admin->buckets = buckets_new(&limit, BUCKET_SLOTS);
        admin->rate = rate;
        admin->next_usec = 0;
        g_assert(admin->buckets);
}

void admin_configure(Admin *admin, const AdminTarget *target)
{
        Target previous = admin->target;

        target_copy(target, &admin->target);
        if (!target_is_same(&previous, &admin->target))
                admin_start_over(admin, "the provider's settings have changed");
        target_clear(&previous);
        admin_set_rate(admin,
                       target->rate ? MIN(target->rate, BUCKET_BURST_MAX) : ADMIN_RATE_DEFAULT);
}

void admin_free(Admin *admin)
{
        if (!admin)
                return;
        admin->is_closing = true;
        admin_start_over(admin, "the provider is no longer asked");
        for (AdminCall *call; (call = g_queue_pop_head(&admin->ended));)
                call_tell_end(call);
        g_source_destroy(admin->timer);
        g_source_unref(admin->timer);
        buckets_free(admin->buckets);
        target_clear(&admin->target);
        g_free(admin);
}

/* Calls, as they are asked for */

static const char *admin_trouble(const Admin *admin)
{
        if (!admin->target.admin_url)
                return "the issuer's Admin API is not known: set admin_url";
        if (g_queue_get_length((GQueue *) &admin->waiting) >= ADMIN_WAITING_MAX)
                return "too many questions to the Admin API are waiting";
        return NULL;
}

static AdminCall *ask(Admin *admin, AdminWalkKind kind, const AdminWalkAsked *asked, AdminDone done,
                      void *userdata)
{
        const char *trouble = admin_trouble(admin);
        AdminCall *call = g_new0(AdminCall, 1);

        g_assert(!admin->is_closing);
        call->admin = admin;
        call->done = done;
        call->userdata = userdata;
        if (!trouble)
                call->walk = admin_walk_new(kind, asked, &trouble);
        if (call->walk)
                g_queue_push_tail(&admin->waiting, call);
        else
                admin_end_call(admin, call, ADMIN_UNAVAILABLE, trouble);
        return call;
}

AdminCall *admin_users(Admin *admin, AdminDone done, void *userdata)
{
        const AdminWalkAsked asked = { 0 };

        return ask(admin, ADMIN_WALK_USERS, &asked, done, userdata);
}

AdminCall *admin_groups(Admin *admin, AdminDone done, void *userdata)
{
        const AdminWalkAsked asked = { 0 };

        return ask(admin, ADMIN_WALK_GROUPS, &asked, done, userdata);
}

AdminCall *admin_group_users(Admin *admin, const char *group_id, AdminDone done, void *userdata)
{
        const AdminWalkAsked asked = { .id = group_id };

        return ask(admin, ADMIN_WALK_GROUP_USERS, &asked, done, userdata);
}

AdminCall *admin_group_members(Admin *admin, const char *group_id, AdminDone done, void *userdata)
{
        const AdminWalkAsked asked = { .id = group_id };

        return ask(admin, ADMIN_WALK_MEMBERS, &asked, done, userdata);
}

AdminCall *admin_role_members(Admin *admin, const char *client, const char *role, AdminDone done,
                              void *userdata)
{
        const AdminWalkAsked asked = { .client = client, .name = role };

        return ask(admin, ADMIN_WALK_ROLE_USERS, &asked, done, userdata);
}

AdminCall *admin_role_groups(Admin *admin, const char *client, const char *role, AdminDone done,
                             void *userdata)
{
        const AdminWalkAsked asked = { .client = client, .name = role };

        return ask(admin, ADMIN_WALK_ROLE_GROUPS, &asked, done, userdata);
}

AdminCall *admin_events(Admin *admin, int64_t since_msec, AdminDone done, void *userdata)
{
        const AdminWalkAsked asked = { .since_msec = since_msec };

        return ask(admin, ADMIN_WALK_EVENTS, &asked, done, userdata);
}

AdminCall *admin_events_kept(Admin *admin, AdminDone done, void *userdata)
{
        const AdminWalkAsked asked = { 0 };

        return ask(admin, ADMIN_WALK_EVENTS_KEPT, &asked, done, userdata);
}

AdminCall *admin_user(Admin *admin, const char *user_id, AdminDone done, void *userdata)
{
        const AdminWalkAsked asked = { .id = user_id };

        return ask(admin, ADMIN_WALK_USER, &asked, done, userdata);
}

AdminCall *admin_user_by_name(Admin *admin, const char *username, AdminDone done, void *userdata)
{
        const AdminWalkAsked asked = { .name = username };

        return ask(admin, ADMIN_WALK_USER_BY_NAME, &asked, done, userdata);
}

AdminCall *admin_user_groups(Admin *admin, const char *user_id, AdminDone done, void *userdata)
{
        const AdminWalkAsked asked = { .id = user_id };

        return ask(admin, ADMIN_WALK_USER_GROUPS, &asked, done, userdata);
}

AdminCall *admin_user_roles(Admin *admin, const char *user_id, AdminDone done, void *userdata)
{
        const AdminWalkAsked asked = { .id = user_id };

        return ask(admin, ADMIN_WALK_USER_ROLES, &asked, done, userdata);
}

AdminCall *admin_user_set_attributes(Admin *admin, const char *user_id, const json_t *attributes,
                                     AdminDone done, void *userdata)
{
        const AdminWalkAsked asked = { .id = user_id, .wanted = attributes };

        return ask(admin, ADMIN_WALK_SET_USER, &asked, done, userdata);
}

AdminCall *admin_group_set_attributes(Admin *admin, const char *group_id, const json_t *attributes,
                                      AdminDone done, void *userdata)
{
        const AdminWalkAsked asked = { .id = group_id, .wanted = attributes };

        return ask(admin, ADMIN_WALK_SET_GROUP, &asked, done, userdata);
}

void admin_cancel(AdminCall *call)
{
        Admin *admin;

        if (!call)
                return;
        admin = call->admin;
        if (admin->current == call) {
                g_clear_pointer(&admin->fetch, fetch_cancel);
                admin->current = NULL;
        }
        g_queue_remove(&admin->waiting, call);
        g_queue_remove(&admin->ended, call);
        call_free(call);
}
