/* fence: see fence.h. A question waits on an inquiry, which asks the realm one thing after another
 * and then is what is known of the account; every answer leaves by the idle source. */
#include "login/fence.h"

#include "base/clock.h"
#include "login/membership.h"

#define PASSWD_PATH     "/etc/passwd"
#define GROUP_PATH      "/etc/group"
#define ROOT            "root"
#define GROUP_KEY       "group:" /* and the id: a group's key in the directory */
#define TEXT_DENIED     "Login refused."
#define TEXT_CANNOT_ASK "The identity provider cannot be asked now."

typedef enum AccountState { ACCOUNT_ENABLED, ACCOUNT_DISABLED, ACCOUNT_GONE } AccountState;

/* Known: what the realm said of an account, or a token proved. */
typedef struct Known {
        GList link; /* of the fence's by age; its data is this */
        char *key;
        AccountState state;
        unsigned needs; /* MembershipNeeds that it can answer */
        Membership *membership;
        Claims *proved;  /* a token's; NULL: the realm said it */
        int64_t at_usec; /* boot clock: a machine asleep grows older */
} Known;

/* Waiter: one question of PAM. */
typedef struct Waiter {
        Fence *fence;
        char *user;
        char *key; /* of what is known of it */
        Policy *policy;
        unsigned needs;
        int64_t stale_usec;
        FenceDone done;
        void *userdata;
        FenceAnswer answer;
        char detail[VERDICT_DETAIL_MAX];
} Waiter;

/* Inquiry: what the realm is asked of one account. */
typedef struct Inquiry {
        Fence *fence;
        Known *known; /* being made */
        char *id;     /* of the user in the realm; NULL: not known yet */
        char *username;
        unsigned asked; /* MembershipNeeds */
        AdminCall *call;
        GSource *deadline;
        GPtrArray *waiters;
} Inquiry;

struct Fence {
        GMainContext *context;
        Directory *directory; /* borrowed; NULL: none */
        Admin *admin;         /* borrowed; NULL: none */
        Local *own_local;
        Local *local;
        GHashTable *known; /* by key; owns */
        GQueue by_age;     /* of known: the oldest first */
        GPtrArray *inquiries;
        GQueue ready; /* waiters with their answers */
        GSource *telling;
        size_t n_waiting;
};

/* ---- known ---- */

static Known *known_new(const char *key)
{
        Known *known = g_new0(Known, 1);

        known->key = g_strdup(key);
        known->link.data = known;
        known->at_usec = clock_boot_usec();
        return known;
}

static void known_free(void *data)
{
        Known *known = data;

        if (!known)
                return;
        membership_free(known->membership);
        claims_unref(known->proved);
        g_free(known->key);
        g_free(known);
}

static void forget_known(Fence *fence, const char *key)
{
        Known *known = g_hash_table_lookup(fence->known, key);

        if (!known)
                return;
        g_queue_unlink(&fence->by_age, &known->link);
        g_hash_table_remove(fence->known, key);
}

/* keep_known: takes it; whatever was known before is forgotten. */
static void keep_known(Fence *fence, Known *known)
{
        forget_known(fence, known->key);
        while (fence->by_age.length >= FENCE_KNOWN_MAX)
                forget_known(fence, ((Known *) fence->by_age.head->data)->key);
        g_queue_push_tail_link(&fence->by_age, &known->link);
        g_hash_table_insert(fence->known, known->key, known);
}

static const Known *find_known(const Fence *fence, const Waiter *waiter, int64_t max_usec)
{
        const Known *known = g_hash_table_lookup(fence->known, waiter->key);

        if (!known || (waiter->needs & ~known->needs) != 0 ||
            clock_boot_usec() - known->at_usec > max_usec)
                return NULL;
        return known;
}

/* ---- answers ---- */

static void set_answer(Waiter *waiter, FenceResult result, Reason reason, const char *detail)
{
        static const char *const texts[] = {
                [FENCE_UNAVAILABLE] = TEXT_CANNOT_ASK,
                [FENCE_ALLOWED] = "",
                [FENCE_DENIED] = TEXT_DENIED,
                [FENCE_NOT_OURS] = "",
        };

        g_strlcpy(waiter->detail, detail, sizeof(waiter->detail));
        waiter->answer.result = result;
        waiter->answer.reason = reason;
        waiter->answer.text = texts[result];
        waiter->answer.detail = waiter->detail;
}

static void set_unavailable(Waiter *waiter, const char *detail)
{
        set_answer(waiter, FENCE_UNAVAILABLE, VERDICT_UNAVAILABLE, detail);
}

static void judge_claims(Waiter *waiter, const Claims *claims)
{
        Verdict verdict = VERDICT_INIT;
        Reason reason = policy_check_membership(waiter->policy, claims, &verdict);

        if (reason == VERDICT_VALID)
                set_answer(waiter, FENCE_ALLOWED, VERDICT_VALID, "");
        else
                set_answer(waiter, FENCE_DENIED, reason, verdict.detail);
        verdict_clear(&verdict);
}

static void judge_membership(Waiter *waiter, const Membership *membership)
{
        g_autoptr(Claims) claims =
            membership ? membership_claims(membership, waiter->policy) : NULL;

        if (claims)
                judge_claims(waiter, claims);
        else
                set_unavailable(waiter, "What is known of the account makes no claims.");
}

static void judge_known(Waiter *waiter, const Known *known)
{
        if (known->state == ACCOUNT_GONE)
                set_answer(waiter, FENCE_DENIED, VERDICT_INACTIVE,
                           "The account is not in the realm.");
        else if (known->state == ACCOUNT_DISABLED)
                set_answer(waiter, FENCE_DENIED, VERDICT_INACTIVE,
                           "The account is disabled in the realm.");
        else if (known->proved)
                judge_claims(waiter, known->proved);
        else
                judge_membership(waiter, known->membership);
}

/* ---- while the realm cannot be asked ---- */

static const Person *person_of(const Fence *fence, const char *user)
{
        return fence->directory ? directory_person_by_name(fence->directory, span_from(user))
                                : NULL;
}

static bool directory_is_young(const Directory *directory, int64_t max_usec)
{
        int64_t looked_sec = directory_looked_sec(directory), now_sec = clock_wall_sec();

        return looked_sec > 0 && looked_sec - now_sec <= FENCE_CLOCK_BACK_SEC &&
               now_sec - looked_sec <= max_usec / CLOCK_USEC_PER_SEC;
}

static void judge_by_directory(Waiter *waiter, const Person *person)
{
        g_autoptr(Membership) membership =
            membership_of_sources(person->subject, person->username,
                                  directory_person_sources(waiter->fence->directory, person));

        judge_membership(waiter, membership);
}

/* judge_stale: a no of the directory counts however old; a yes must be young. */
static void judge_stale(Waiter *waiter, const char *why)
{
        const Person *person = person_of(waiter->fence, waiter->user);
        const Known *known = find_known(waiter->fence, waiter, waiter->stale_usec);

        waiter->answer.stale = true;
        if (person && person->state != PERSON_ACTIVE)
                set_answer(waiter, FENCE_DENIED, VERDICT_INACTIVE,
                           "The account is disabled or gone, as the directory knows it.");
        else if (waiter->stale_usec > 0 && known)
                judge_known(waiter, known);
        else if (waiter->stale_usec > 0 && person &&
                 directory_is_young(waiter->fence->directory, waiter->stale_usec))
                judge_by_directory(waiter, person);
        else
                set_unavailable(waiter, why);
}

/* ---- waiters ---- */

static Waiter *waiter_new(Fence *fence, const Service *service, const char *user, FenceDone done,
                          void *userdata)
{
        Waiter *waiter = g_new0(Waiter, 1);

        waiter->fence = fence;
        waiter->user = g_strdup(user);
        waiter->policy = policy_ref(service->policy);
        waiter->needs = membership_needs(service->policy);
        waiter->stale_usec = service->settings->fence_stale_sec * CLOCK_USEC_PER_SEC;
        waiter->done = done;
        waiter->userdata = userdata;
        fence->n_waiting++;
        return waiter;
}

static void waiter_tell(Waiter *waiter)
{
        waiter->fence->n_waiting--;
        waiter->done(&waiter->answer, waiter->userdata);
        policy_unref(waiter->policy);
        g_free(waiter->user);
        g_free(waiter->key);
        g_free(waiter);
}

static gboolean tell_ready(gpointer data)
{
        Fence *fence = data;
        Waiter *waiter;

        while ((waiter = g_queue_pop_head(&fence->ready)))
                waiter_tell(waiter);
        g_clear_pointer(&fence->telling, g_source_unref);
        return G_SOURCE_REMOVE;
}

/* settle: its answer is there. */
static void settle(Waiter *waiter)
{
        Fence *fence = waiter->fence;

        g_queue_push_tail(&fence->ready, waiter);
        if (fence->telling)
                return;
        fence->telling = g_idle_source_new();
        g_source_set_priority(fence->telling, G_PRIORITY_DEFAULT);
        g_source_set_callback(fence->telling, tell_ready, fence, NULL);
        g_source_attach(fence->telling, fence->context);
}

/* ---- inquiries: the end ---- */

static void inquiry_free(Inquiry *inquiry)
{
        admin_cancel(inquiry->call);
        g_source_destroy(inquiry->deadline);
        g_source_unref(inquiry->deadline);
        g_ptr_array_unref(inquiry->waiters);
        known_free(inquiry->known);
        g_free(inquiry->username);
        g_free(inquiry->id);
        g_free(inquiry);
}

static void inquiry_end(Inquiry *inquiry)
{
        g_ptr_array_remove_fast(inquiry->fence->inquiries, inquiry);
        for (guint i = 0; i < inquiry->waiters->len; i++)
                settle(inquiry->waiters->pdata[i]);
        inquiry_free(inquiry);
}

static void inquiry_answered(Inquiry *inquiry)
{
        for (guint i = 0; i < inquiry->waiters->len; i++)
                judge_known(inquiry->waiters->pdata[i], inquiry->known);
        keep_known(inquiry->fence, g_steal_pointer(&inquiry->known));
        inquiry_end(inquiry);
}

static void inquiry_failed(Inquiry *inquiry, const char *why)
{
        for (guint i = 0; i < inquiry->waiters->len; i++)
                judge_stale(inquiry->waiters->pdata[i], why);
        inquiry_end(inquiry);
}

static void account_is(Inquiry *inquiry, AccountState state)
{
        inquiry->known->state = state;
        inquiry->known->needs = MEMBERSHIP_NEEDS_ALL; /* who is out needs no groups */
        inquiry_answered(inquiry);
}

static gboolean deadline_passed(gpointer data)
{
        inquiry_failed(data, "The realm did not answer in time.");
        return G_SOURCE_REMOVE;
}

/* ---- inquiries: one thing after another ---- */

static void inquiry_go_on(Inquiry *inquiry);

/* refused: true: the inquiry is over, or this is no answer to go on with. */
static bool refused(Inquiry *inquiry, const AdminAnswer *answer)
{
        if (!answer->more || answer->result != ADMIN_OK)
                inquiry->call = NULL;
        switch (answer->result) {
        case ADMIN_OK: return false;
        case ADMIN_NOT_FOUND: account_is(inquiry, ACCOUNT_GONE); return true;
        case ADMIN_NOT_PERMITTED:
        case ADMIN_REFUSED:
        case ADMIN_UNAVAILABLE: break;
        }
        inquiry_failed(inquiry, answer->trouble ? answer->trouble : "The realm cannot be asked.");
        return true;
}

static const char *text_of(const json_t *item, const char *name)
{
        const char *text = json_string_value(json_object_get(item, name));

        return text ? text : "";
}

/* is_asked_for: the user that was meant, letter for letter. */
static bool is_asked_for(const Inquiry *inquiry, const json_t *user)
{
        if (inquiry->id)
                return strcmp(text_of(user, "id"), inquiry->id) == 0;
        return strcmp(text_of(user, "username"), inquiry->username) == 0;
}

static void on_user(const AdminAnswer *answer, void *userdata)
{
        Inquiry *inquiry = userdata;
        const json_t *user = answer->items;

        if (refused(inquiry, answer))
                return;
        if (!is_asked_for(inquiry, user)) {
                inquiry_failed(inquiry, "The realm answered with another account.");
                return;
        }
        if (!json_is_true(json_object_get(user, "enabled"))) {
                account_is(inquiry, ACCOUNT_DISABLED);
                return;
        }
        if (!inquiry->id)
                inquiry->id = g_strdup(text_of(user, "id"));
        inquiry->known->state = ACCOUNT_ENABLED;
        inquiry->known->membership = membership_new(inquiry->id, text_of(user, "username"));
        inquiry_go_on(inquiry);
}

/* directory_path: the path of the group of that key, which no "/" in a name can feign; NULL: the
 * directory does not know it. */
static const char *directory_path(Directory *directory, const char *key)
{
        size_t from = 0, to = directory ? directory_n_groups(directory) : 0;

        while (from < to) {
                size_t middle = from + (to - from) / 2;
                const Group *group = directory_group(directory, middle);
                int order = strcmp(key, group->key);

                if (order == 0)
                        return group->source[0] == '/' ? group->source : NULL;
                if (order < 0)
                        to = middle;
                else
                        from = middle + 1;
        }
        return NULL;
}

/* group_path: a group whose own name has a "/" has no path that means it alone. NULL: none. */
static const char *group_path(const Fence *fence, const json_t *group)
{
        g_autofree char *key = g_strconcat(GROUP_KEY, text_of(group, "id"), NULL);
        const char *path = directory_path(fence->directory, key);

        if (!path && !strchr(text_of(group, "name"), '/'))
                path = json_string_value(json_object_get(group, "path"));
        return path;
}

static bool take_groups(Inquiry *inquiry, const json_t *groups)
{
        size_t index;
        json_t *group;

        json_array_foreach ((json_t *) groups, index, group) {
                const char *path = group_path(inquiry->fence, group);

                if (path && !membership_add_group(inquiry->known->membership, path))
                        return false;
        }
        return true;
}

static void on_groups(const AdminAnswer *answer, void *userdata)
{
        Inquiry *inquiry = userdata;

        if (refused(inquiry, answer))
                return;
        if (!take_groups(inquiry, answer->items)) {
                inquiry_failed(inquiry, "The account is in too many groups.");
                return;
        }
        if (!answer->more) {
                inquiry->known->needs |= MEMBERSHIP_NEEDS_GROUPS;
                inquiry_go_on(inquiry);
        }
}

static bool take_roles(Membership *membership, const char *client, const json_t *roles)
{
        size_t index;
        json_t *role;

        json_array_foreach ((json_t *) roles, index, role)
                if (json_is_string(role) &&
                    !membership_add_role(membership, client, json_string_value(role)))
                        return false;
        return true;
}

static bool take_all_roles(Membership *membership, const json_t *roles)
{
        const char *client;
        json_t *of_client;

        if (!take_roles(membership, NULL, json_object_get(roles, "realm")))
                return false;
        json_object_foreach (json_object_get(roles, "clients"), client, of_client)
                if (!take_roles(membership, client, of_client))
                        return false;
        return true;
}

static void on_roles(const AdminAnswer *answer, void *userdata)
{
        Inquiry *inquiry = userdata;

        if (refused(inquiry, answer))
                return;
        if (!take_all_roles(inquiry->known->membership, answer->items)) {
                inquiry_failed(inquiry, "The account has too many roles.");
                return;
        }
        inquiry->known->needs |= MEMBERSHIP_NEEDS_ROLES;
        inquiry_go_on(inquiry);
}

/* inquiry_go_on: asks what is lacking; nothing: it is answered. */
static void inquiry_go_on(Inquiry *inquiry)
{
        unsigned lacking = inquiry->asked & ~inquiry->known->needs;
        Admin *admin = inquiry->fence->admin;

        if (lacking & MEMBERSHIP_NEEDS_GROUPS)
                inquiry->call = admin_user_groups(admin, inquiry->id, on_groups, inquiry);
        else if (lacking & MEMBERSHIP_NEEDS_ROLES)
                inquiry->call = admin_user_roles(admin, inquiry->id, on_roles, inquiry);
        else
                inquiry_answered(inquiry);
}

/* ---- inquiries: the beginning ---- */

static GSource *deadline_new(Inquiry *inquiry)
{
        GSource *source = g_timeout_source_new(FENCE_ASK_USEC / 1000);

        g_source_set_callback(source, deadline_passed, inquiry, NULL);
        g_source_attach(source, inquiry->fence->context);
        return source;
}

static Inquiry *inquiry_new(Fence *fence, const Waiter *waiter, const char *subject)
{
        Inquiry *inquiry = g_new0(Inquiry, 1);

        inquiry->fence = fence;
        inquiry->known = known_new(waiter->key);
        inquiry->id = g_strdup(subject);
        inquiry->username = g_strdup(waiter->user);
        inquiry->asked = waiter->needs;
        inquiry->waiters = g_ptr_array_new();
        inquiry->deadline = deadline_new(inquiry);
        g_ptr_array_add(fence->inquiries, inquiry);
        inquiry->call = subject ? admin_user(fence->admin, subject, on_user, inquiry)
                                : admin_user_by_name(fence->admin, waiter->user, on_user, inquiry);
        return inquiry;
}

static Inquiry *find_inquiry(const Fence *fence, const Waiter *waiter)
{
        for (guint i = 0; i < fence->inquiries->len; i++) {
                Inquiry *inquiry = fence->inquiries->pdata[i];

                if (strcmp(inquiry->known->key, waiter->key) == 0 &&
                    (waiter->needs & ~inquiry->asked) == 0)
                        return inquiry;
        }
        return NULL;
}

static void join_inquiry(Fence *fence, Waiter *waiter, const char *subject)
{
        Inquiry *inquiry = find_inquiry(fence, waiter);

        if (!inquiry)
                inquiry = inquiry_new(fence, waiter, subject);
        g_ptr_array_add(inquiry->waiters, waiter);
}

/* ---- the life ---- */

Fence *fence_new(GMainContext *context, Directory *directory, Admin *admin)
{
        Fence *fence = g_new0(Fence, 1);

        fence->context = g_main_context_ref(context);
        fence->directory = directory;
        fence->admin = admin;
        fence->own_local = local_new(PASSWD_PATH, GROUP_PATH);
        fence->local = fence->own_local;
        fence->known = g_hash_table_new_full(g_str_hash, g_str_equal, NULL, known_free);
        g_queue_init(&fence->by_age);
        fence->inquiries = g_ptr_array_new();
        g_queue_init(&fence->ready);
        return fence;
}

void fence_set_local(Fence *fence, Local *local)
{
        fence->local = local;
}

/* end_inquiries: what is known counts for nothing any more: who frees the fence goes. */
static void end_inquiries(Fence *fence)
{
        while (fence->inquiries->len > 0) {
                Inquiry *inquiry = fence->inquiries->pdata[0];

                for (guint i = 0; i < inquiry->waiters->len; i++)
                        set_unavailable(inquiry->waiters->pdata[i], "authd ends.");
                inquiry_end(inquiry);
        }
}

void fence_free(Fence *fence)
{
        if (!fence)
                return;
        end_inquiries(fence);
        if (fence->telling) {
                g_source_destroy(fence->telling);
                tell_ready(fence);
        }
        g_ptr_array_unref(fence->inquiries);
        g_hash_table_unref(fence->known);
        local_free(fence->own_local);
        g_main_context_unref(fence->context);
        g_free(fence);
}

/* ---- questions ---- */

/* key_of: without a directory the name is all there is; no subject holds a blank. */
static char *key_of(const Person *person, const char *user)
{
        return person ? g_strdup(person->subject) : g_strconcat("name ", user, NULL);
}

static bool is_system_or_local(const Fence *fence, const char *user)
{
        local_refresh(fence->local);
        return !naming_is_name(span_from(user)) || strcmp(user, ROOT) == 0 ||
               local_has_user(fence->local, user);
}

/* is_nobodys: the directory has no such account; before it was ever filled it cannot know. */
static bool is_nobodys(const Fence *fence, const Person *person)
{
        return fence->directory && !person && (!fence->admin || directory_filled(fence->directory));
}

static void set_not_ours(Waiter *waiter, const char *detail)
{
        set_answer(waiter, FENCE_NOT_OURS, VERDICT_UNAVAILABLE, detail);
}

/* decide: what needs no realm. */
static bool decide(Waiter *waiter, const Person *person)
{
        const Fence *fence = waiter->fence;
        const Known *fresh;

        if (is_system_or_local(fence, waiter->user))
                set_not_ours(waiter, "A local account, or no name of an account.");
        else if (person && person->uid < FENCE_UID_FIRST)
                set_not_ours(waiter, "The account has a uid of the system's.");
        else if (is_nobodys(fence, person))
                set_not_ours(waiter, "Nobody of the directory.");
        else if (fence->directory && !person)
                set_unavailable(waiter, "The directory has never been filled.");
        else if ((fresh = find_known(fence, waiter, FENCE_FRESH_SEC * CLOCK_USEC_PER_SEC)) &&
                 !fresh->proved)
                judge_known(waiter, fresh);
        else if (!fence->admin)
                judge_stale(waiter, "authd has no service account to ask the realm with.");
        else if (fence->n_waiting > FENCE_WAITING_MAX)
                set_unavailable(waiter, "Too many logins ask at once.");
        else
                return false;
        return true;
}

void fence_ask(Fence *fence, const Service *service, const char *user, FenceDone done,
               void *userdata)
{
        Waiter *waiter = waiter_new(fence, service, user, done, userdata);
        const Person *person = person_of(fence, user);

        waiter->key = key_of(person, user);
        if (decide(waiter, person))
                settle(waiter);
        else
                join_inquiry(fence, waiter, person ? person->subject : NULL);
}

/* A no of the realm stands until the realm says something else: a token may be older than it. */
void fence_learn(Fence *fence, const char *user, Claims *claims)
{
        g_autofree char *key = key_of(person_of(fence, user), user);
        Known *known = g_hash_table_lookup(fence->known, key);

        if (known && known->state != ACCOUNT_ENABLED)
                return;
        known = known_new(key);
        known->needs = MEMBERSHIP_NEEDS_ALL;
        known->proved = claims_ref(claims);
        keep_known(fence, known);
}
