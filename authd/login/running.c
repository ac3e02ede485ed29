/* running: see running.h. */
#include "login/running.h"

#include "base/clock.h"

struct Running {
        int n_refs;
        const RunningOwner *owner; /* NULL: closed */
        Conversation *conversation;
        char *service; /* its name */
        char *user;
        Grant *grant;     /* the call under way */
        Judging *judging; /* the check under way */
        bool tried;
        bool has_verdict;
        LoginVerdict verdict;
        bool has_ended; /* the owner was told */
        int64_t begun_usec;
        int64_t linger_usec; /* has_ended: till when */
        int64_t timeout_usec;
        RunningDone held; /* a reply that is held back */
        void *held_userdata;
        int64_t held_until_usec;
        GSource *timer;
};

static void settle(Running *running);

static Running *running_ref(Running *running)
{
        running->n_refs++;
        return running;
}

static void running_unref(Running *running)
{
        if (--running->n_refs > 0)
                return;
        conversation_free(running->conversation);
        secret_erase(&running->verdict, sizeof(running->verdict));
        g_free(running->service);
        g_free(running->user);
        g_free(running);
}

static void drop_timer(Running *running)
{
        if (!running->timer)
                return;
        g_source_destroy(running->timer);
        g_clear_pointer(&running->timer, g_source_unref);
}

Running *running_new(const RunningOwner *owner, const char *id, const Service *service,
                     const LoginQuestion *question)
{
        Running *running = g_new0(Running, 1);

        running->n_refs = 1;
        running->owner = owner;
        running->begun_usec = clock_monotonic_usec();
        running->conversation = conversation_new(id, service, question, running->begun_usec);
        running->service = g_strdup(service->settings->name);
        running->user = g_strdup(question->user);
        running->timeout_usec = service->settings->timeout_sec * G_USEC_PER_SEC;
        return running;
}

/* What the conversation wishes. */

static const Service *service_of(const Running *running)
{
        return running->owner->service(running->service, running->owner->userdata);
}

/* judged: the verdict is kept for the record. */
static void judged(Running *running, const LoginVerdict *verdict)
{
        running->verdict = *verdict;
        running->verdict.claims = NULL;
        running->has_verdict = true;
        conversation_judged(running->conversation, verdict->judged, NULL, clock_monotonic_usec());
        settle(running);
}

static void unjudged(Running *running, const char *detail)
{
        LoginVerdict verdict = { .judged = JUDGED_UNAVAILABLE, .reason = "unavailable" };

        g_strlcpy(verdict.detail, detail, sizeof(verdict.detail));
        judged(running, &verdict);
}

/* remember: a password that was good online, for when the realm is away. Who has one-time codes has
 * none kept: offline, the password alone would be enough. */
static void remember(Running *running, const Service *service, const LoginVerdict *verdict)
{
        Span password = conversation_password(running->conversation);
        Offline *offline = running->owner->offline;

        if (!offline || password.len == 0 || !verdict->subject[0])
                return;
        if (conversation_typed_otp(running->conversation))
                offline_forget(offline, verdict->subject);
        else if (service->settings->offline_sec > 0)
                offline_remember(offline, verdict->subject, password, clock_wall_sec());
}

static void judged_online(const LoginVerdict *verdict, void *userdata)
{
        Running *running = userdata;
        const Service *service = service_of(running);

        running->judging = NULL;
        if (!service) {
                unjudged(running, "The service is configured no longer.");
                return;
        }
        if (verdict->judged == JUDGED_ALLOWED) {
                remember(running, service, verdict);
                running->owner->allowed(running, verdict->claims, running->owner->userdata);
        }
        judged(running, verdict);
}

static void judge(Running *running)
{
        const Service *service = service_of(running);
        LoginVerdict verdict;

        if (!service) {
                unjudged(running, "The service is configured no longer.");
        } else if (conversation_was_offline(running->conversation)) {
                judging_account(&running->owner->judging, running->user, &verdict);
                judged(running, &verdict);
        } else {
                judging_start(&running->owner->judging, service,
                              conversation_token(running->conversation), running->user,
                              &running->judging, judged_online, running);
        }
}

static void granted(const GrantAnswer *answer, void *userdata)
{
        Running *running = userdata;

        running->grant = NULL;
        conversation_granted(running->conversation, answer, clock_monotonic_usec());
        settle(running);
}

static void device_begun(const DeviceAnswer *answer, void *userdata)
{
        Running *running = userdata;

        running->grant = NULL;
        conversation_device(running->conversation, answer, clock_monotonic_usec());
        settle(running);
}

static void push_begun(const PushAnswer *answer, void *userdata)
{
        Running *running = userdata;

        running->grant = NULL;
        conversation_push(running->conversation, answer, clock_monotonic_usec());
        settle(running);
}

static Grant *start_grant(Running *running, WishKind wish, const Service *service,
                          const GrantTarget *target)
{
        Conversation *conversation = running->conversation;
        Fetcher *fetcher = running->owner->fetcher;
        const char *scope = service->settings->scope;
        const char *username = judging_username(&running->owner->judging, running->user);

        switch (wish) {
        case WISH_DEVICE_BEGIN:
                return grant_device_begin(fetcher, target, scope, device_begun, running);
        case WISH_DEVICE_POLL:
                return grant_device_poll(fetcher, target, conversation_code(conversation), granted,
                                         running);
        case WISH_PUSH_BEGIN:
                return grant_push_begin(fetcher, target, scope, username,
                                        conversation_binding(conversation), push_begun, running);
        case WISH_PUSH_POLL:
                return grant_push_poll(fetcher, target, conversation_code(conversation), granted,
                                       running);
        case WISH_PASSWORD:
                return grant_password(fetcher, target, scope, span_from(username),
                                      conversation_password(conversation),
                                      conversation_otp(conversation), granted, running);
        default: return NULL;
        }
}

/* could_not_ask: the answer to a wish that nobody can be asked for. */
static void could_not_ask(Running *running)
{
        int64_t now_usec = clock_monotonic_usec();

        conversation_device(running->conversation, &(DeviceAnswer){ 0 }, now_usec);
        conversation_push(running->conversation, &(PushAnswer){ 0 }, now_usec);
        conversation_granted(running->conversation, &(GrantAnswer){ 0 }, now_usec);
}

static void ask_issuer(Running *running, WishKind wish)
{
        const Service *service = service_of(running);
        GrantTarget target;

        if (service &&
            issuers_grant_target(running->owner->judging.issuers, service->issuer, &target))
                running->grant = start_grant(running, wish, service, &target);
        if (!running->grant)
                could_not_ask(running);
}

/* offline_checked: a reference was taken for it. */
static void offline_checked(OfflineResult result, void *userdata)
{
        Running *running = userdata;

        if (running->owner) {
                conversation_offline(running->conversation, result, clock_monotonic_usec());
                settle(running);
        }
        running_unref(running);
}

static void check_offline(Running *running)
{
        const RunningOwner *owner = running->owner;
        const Service *service = service_of(running);
        LoginVerdict account;

        judging_account(&owner->judging, running->user, &account);
        running_ref(running);
        if (!owner->offline || !service || !account.subject[0])
                offline_checked(OFFLINE_NONE, running);
        else
                offline_check(
                    owner->offline, account.subject, conversation_password(running->conversation),
                    service->settings->offline_sec, clock_wall_sec(), offline_checked, running);
}

/* try_way: what is wrong, or disturbs a person, as often as it is sent. */
static void try_way(Running *running, WishKind wish)
{
        g_autofree char *locked = running->owner->tries(running, running->owner->userdata);

        if (locked) {
                conversation_locked(running->conversation, locked, clock_monotonic_usec());
                return;
        }
        running->tried |= wish == WISH_PASSWORD;
        ask_issuer(running, wish);
}

static void fulfil(Running *running, WishKind wish)
{
        switch (wish) {
        case WISH_PASSWORD:
        case WISH_PUSH_BEGIN: try_way(running, wish); break;
        case WISH_JUDGE: judge(running); break;
        case WISH_OFFLINE: check_offline(running); break;
        default: ask_issuer(running, wish); break;
        }
}

/* What PAM is told, and when. */

static gboolean look_again(gpointer userdata)
{
        Running *running = userdata;

        drop_timer(running);
        settle(running);
        return G_SOURCE_REMOVE;
}

static void set_timer(Running *running, int64_t at_usec)
{
        drop_timer(running);
        running->timer = g_timeout_source_new(0);
        g_source_set_ready_time(running->timer, at_usec);
        g_source_set_callback(running->timer, look_again, running, NULL);
        g_source_attach(running->timer, running->owner->context);
}

static void answer_held(Running *running, const LoginReply *reply)
{
        RunningDone held = running->held;

        running->held = NULL;
        held(reply, running->held_userdata);
}

static void tell(Running *running, int64_t now_usec)
{
        const LoginReply *reply;

        if (!running->held)
                return;
        reply = conversation_reply(running->conversation, now_usec);
        if (reply->state != LOGIN_WAIT || now_usec >= running->held_until_usec)
                answer_held(running, reply);
}

static void note_end(Running *running, int64_t now_usec)
{
        if (running->has_ended || !conversation_over(running->conversation, now_usec))
                return;
        running->has_ended = true;
        running->linger_usec =
            MAX(now_usec + RUNNING_LINGER_USEC, running->begun_usec + running->timeout_usec);
        g_clear_pointer(&running->grant, grant_cancel);
        g_clear_pointer(&running->judging, judging_cancel);
        running->owner->ended(running, running->owner->userdata);
}

static int64_t next_look(const Running *running)
{
        int64_t next_usec = running->has_ended ? running->linger_usec
                                               : conversation_next_usec(running->conversation);

        return running->held ? MIN(next_usec, running->held_until_usec) : next_usec;
}

static void do_wishes(Running *running, int64_t now_usec)
{
        WishKind wish;

        while (running->owner &&
               (wish = conversation_wish(running->conversation, now_usec)) != WISH_NOTHING)
                fulfil(running, wish);
}

/* look_on: until something happens, or for ever: then the owner drops its reference. */
static void look_on(Running *running, bool is_done)
{
        if (!running->owner)
                return;
        if (is_done)
                running->owner->gone(running, running->owner->userdata);
        else
                set_timer(running, next_look(running));
}

/* settle: after every event. Whoever is called in it may close the running, or ask it again. */
static void settle(Running *running)
{
        int64_t now_usec = clock_monotonic_usec();
        bool is_asked;

        running_ref(running);
        conversation_tick(running->conversation, now_usec);
        do_wishes(running, now_usec);
        now_usec = clock_monotonic_usec(); /* what was done may have ended it */
        if (running->owner)
                note_end(running, now_usec);
        is_asked = running->held != NULL;
        if (running->owner)
                tell(running, now_usec);
        look_on(running, running->has_ended &&
                             ((is_asked && !running->held) || now_usec >= running->linger_usec));
        running_unref(running);
}

/* tell_earlier: only the last of those who ask is held back. */
static void tell_earlier(Running *running)
{
        if (running->held)
                answer_held(running, &(LoginReply){ .state = LOGIN_WAIT,
                                                    .id = running_id(running),
                                                    .after_msec = REPLY_AFTER_MAX });
}

void running_ask(Running *running, const Span *answer, RunningDone done, void *userdata)
{
        int64_t now_usec = clock_monotonic_usec();

        running_ref(running);
        tell_earlier(running);
        if (!running->owner) {
                done(&(LoginReply){ .state = LOGIN_UNAVAILABLE }, userdata);
                running_unref(running);
                return;
        }
        running->held = done;
        running->held_userdata = userdata;
        running->held_until_usec = now_usec + RUNNING_HOLD_USEC;
        conversation_next(running->conversation, answer, now_usec);
        settle(running);
        running_unref(running);
}

void running_close(Running *running)
{
        drop_timer(running);
        g_clear_pointer(&running->grant, grant_cancel);
        g_clear_pointer(&running->judging, judging_cancel);
        running->owner = NULL;
        if (running->held)
                answer_held(running, &(LoginReply){ .state = LOGIN_UNAVAILABLE });
        running_unref(running);
}

const char *running_id(const Running *running)
{
        return conversation_id(running->conversation);
}

const LoginQuestion *running_question(const Running *running)
{
        return conversation_question(running->conversation);
}

const Conversation *running_conversation(const Running *running)
{
        return running->conversation;
}

LoginState running_end(const Running *running)
{
        return conversation_end(running->conversation);
}

bool running_tried(const Running *running)
{
        return running->tried;
}

const LoginVerdict *running_verdict(const Running *running)
{
        return running->has_verdict ? &running->verdict : NULL;
}

int64_t running_begun_usec(const Running *running)
{
        return running->begun_usec;
}
