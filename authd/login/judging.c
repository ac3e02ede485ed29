/* judging: see judging.h. */
#include "login/judging.h"

#include "base/clock.h"

#include <string.h>

#define SYSTEM_UID_MAX 999

struct Judging {
        JudgingFor with;
        Policy *policy;
        const char *issuer; /* interned */
        Secret *token;
        char *user;
        Asked asked;
        JudgingDone done; /* NULL: cancelled: what with borrows may be gone */
        void *userdata;
};

static void judging_free(Judging *judging)
{
        policy_unref(judging->policy);
        secret_free(judging->token);
        g_free(judging->user);
        g_free(judging);
}

static bool is_system(const Local *local, const char *user)
{
        uid_t uid;

        if (strcmp(user, "root") == 0)
                return true;
        return local_user_uid(local, user, &uid) && uid <= SYSTEM_UID_MAX;
}

static void refuse_account(LoginVerdict *ret, const char *reason, const char *detail)
{
        ret->judged = JUDGED_DENIED;
        ret->reason = reason;
        g_strlcpy(ret->detail, detail, sizeof(ret->detail));
}

static void allow_account(LoginVerdict *ret)
{
        ret->judged = JUDGED_ALLOWED;
        ret->reason = reason_words(VERDICT_VALID)->word;
}

static void refuse_system(LoginVerdict *ret)
{
        refuse_account(ret, "system_account", "A system account is nobody's of the realm.");
}

/* judge_person: found in the directory; user is what was typed. */
static void judge_person(const Person *person, const char *user, LoginVerdict *ret)
{
        if (!person || !person_is_account(person))
                refuse_account(ret, "no_account",
                               person && person->trouble ? person->trouble
                                                         : "Nobody of the directory.");
        else if (strcmp(person->name, user) != 0)
                refuse_account(ret, "wrong_account",
                               "The token is of another person than the name that was typed.");
        else if (person->uid <= SYSTEM_UID_MAX)
                refuse_system(ret);
        else if (person->state == PERSON_DISABLED)
                refuse_account(ret, "account_disabled", "The account is disabled in the realm.");
        else if (person->state == PERSON_GONE)
                refuse_account(ret, "account_gone", "The account is no longer in the realm.");
        else
                allow_account(ret);
}

static Span claim_text(const Claims *claims, const char *name)
{
        return tape_string(claims_find(claims, name));
}

/* judge_by_rule: nobody keeps a directory: the name that the default rule gives must be it. */
static void judge_by_rule(const Claims *claims, const char *user, LoginVerdict *ret)
{
        g_autoptr(UsersSettings) settings = users_settings_new();
        g_autoptr(Naming) naming = naming_new(settings, NULL);
        NamingFacts facts = { .preferred_username = claim_text(claims, "preferred_username"),
                              .email = claim_text(claims, "email") };
        g_autofree char *trouble = NULL;
        g_autofree char *name = naming ? naming_person(naming, &facts, &trouble) : NULL;

        if (!name)
                refuse_account(ret, "no_account", trouble ? trouble : "The name is none.");
        else if (strcmp(name, user) != 0)
                refuse_account(ret, "wrong_account",
                               "The token is of another person than the name that was typed.");
        else
                allow_account(ret);
}

static void judge_by_directory(Judging *judging, Directory *directory, const Claims *claims,
                               LoginVerdict *ret)
{
        const Person *person = NULL;
        int r = directory_learn(directory, claims, &person);

        if (r < 0) {
                ret->reason = "unavailable";
                g_strlcpy(ret->detail, "The state database cannot be written.",
                          sizeof(ret->detail));
                return;
        }
        judging->with.touched(judging->with.userdata);
        judge_person(r == 0 ? person : NULL, judging->user, ret);
}

static void judge_whose(Judging *judging, const Verdict *verdict, LoginVerdict *ret)
{
        Directory *directory = judging->with.directory(judging->with.userdata);

        if (is_system(judging->with.local, judging->user))
                refuse_system(ret);
        else if (verdict->issuer != judging->issuer)
                refuse_account(ret, reason_words(VERDICT_UNKNOWN_ISSUER)->word,
                               "The token is of another issuer than that of the service.");
        else if (directory)
                judge_by_directory(judging, directory, verdict->claims, ret);
        else
                judge_by_rule(verdict->claims, judging->user, ret);
}

static void copy_subject(const Verdict *verdict, LoginVerdict *ret)
{
        Span subject = verdict->claims ? claims_subject(verdict->claims) : SPAN_EMPTY;

        if (subject.len < sizeof(ret->subject))
                verdict_printable(subject, ret->subject, sizeof(ret->subject));
        ret->issuer = verdict->issuer;
}

static void copy_refusal(const Verdict *verdict, LoginVerdict *ret)
{
        const ReasonWords *words = reason_words(verdict->reason);

        ret->judged = words->verdict == CLASS_UNAVAILABLE ? JUDGED_UNAVAILABLE : JUDGED_DENIED;
        ret->reason = words->word;
        g_strlcpy(ret->detail, verdict->detail[0] ? verdict->detail : words->sentence,
                  sizeof(ret->detail));
}

static void conclude(Judging *judging, const Verdict *verdict, LoginVerdict *ret)
{
        Fingerprint fingerprint;

        *ret = (LoginVerdict){ .judged = JUDGED_UNAVAILABLE };
        fingerprint_of(secret_bytes(judging->token), &fingerprint);
        fingerprint_text(&fingerprint, ret->token);
        copy_subject(verdict, ret);
        if (verdict->reason == VERDICT_VALID)
                judge_whose(judging, verdict, ret);
        else
                copy_refusal(verdict, ret);
        if (ret->judged == JUDGED_ALLOWED)
                ret->claims = verdict->claims;
}

static CheckAnswer check(Judging *judging, Verdict *ret_verdict, CheckNeeds *ret_needs)
{
        const JudgingFor *with = &judging->with;
        const Question question = {
                .token = secret_bytes(judging->token),
                .policy = judging->policy,
                .now_sec = clock_wall_sec(),
                .now_usec = clock_monotonic_usec(),
                .unsafe = true,
                .asked = judging->asked,
        };

        return check_token(with->checker, with->view(with->userdata), &question, ret_verdict,
                           ret_needs);
}

static void tell(Judging *judging, const Verdict *verdict)
{
        LoginVerdict concluded;

        conclude(judging, verdict, &concluded);
        judging->done(&concluded, judging->userdata);
        judging_free(judging);
}

static void keys_came(IssuerKeysAnswer answer, void *userdata)
{
        Judging *judging = userdata;
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;

        if (!judging->done) {
                judging_free(judging);
                return;
        }
        judging->asked = answer == ISSUER_KEYS_UNAVAILABLE ? ASKED_IN_VAIN : ASKED_FRESH;
        if (check(judging, &verdict, &needs) != CHECK_ANSWERED)
                verdict_refuse(&verdict, VERDICT_UNAVAILABLE, NULL);
        tell(judging, &verdict);
        verdict_clear(&verdict);
}

/* A login has its token from the issuer a moment ago: a policy that asks about it once more is
 * refused by service_new. */
void judging_start(const JudgingFor *with, const Service *service, Span token, const char *user,
                   Judging **ret, JudgingDone done, void *userdata)
{
        Judging *judging = g_new(Judging, 1);
        Verdict verdict = VERDICT_INIT;
        CheckNeeds needs;

        *judging = (Judging){ .with = *with,
                              .policy = policy_ref(service->policy),
                              .issuer = service->issuer,
                              .token = secret_new(token),
                              .user = g_strdup(user),
                              .done = done,
                              .userdata = userdata };
        switch (check(judging, &verdict, &needs)) {
        case CHECK_NEEDS_KEYS:
                verdict_clear(&verdict);
                *ret = judging;
                issuers_want_key(with->issuers, needs.issuer, span_from(needs.kid), keys_came,
                                 judging);
                return;
        case CHECK_NEEDS_INTROSPECTION:
                verdict_refuse(&verdict, VERDICT_UNAVAILABLE,
                               "A login's policy cannot ask the issuer about a token.");
                break;
        case CHECK_ANSWERED: break;
        }
        tell(judging, &verdict);
        verdict_clear(&verdict);
}

void judging_cancel(Judging *judging)
{
        judging->done = NULL;
}

static const Person *find_person(const JudgingFor *with, const char *user)
{
        Directory *directory = with->directory(with->userdata);

        return directory ? directory_person_by_name(directory, span_from(user)) : NULL;
}

const char *judging_username(const JudgingFor *with, const char *user)
{
        const Person *person = find_person(with, user);

        return person && person->username && person->username[0] ? person->username : user;
}

void judging_account(const JudgingFor *with, const char *user, LoginVerdict *ret)
{
        const Person *person = find_person(with, user);

        *ret = (LoginVerdict){ .judged = JUDGED_UNAVAILABLE };
        if (person && strlen(person->subject) <= RECORD_SUBJECT_MAX)
                g_strlcpy(ret->subject, person->subject, sizeof(ret->subject));
        if (is_system(with->local, user))
                refuse_system(ret);
        else
                judge_person(person, user, ret);
}
