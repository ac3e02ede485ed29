/* survey: one look at everybody in the realm, into the directory.
 *
 * Groups; the groups that have a role which the rules name; people, page by page; the members of
 * the groups that the rules take and of those below them; who has such a role. Where [users] within
 * narrows people, nobody else is asked about: its members come in place of all people. Lists are
 * read by pages that are counted from the front, so that who is deleted meanwhile moves others over
 * the edge of a page, onto none; and a service account that lost a role is shown nobody. So who is
 * known and in no list is asked for by name before they are taken for gone: "not found" is gone,
 * "not permitted" ends the survey. Owned by sync; nothing in the directory has changed when it
 * fails or is freed. Main thread. Returns, does not log. */
#pragma once

#include "issuer/admin.h"
#include "users/directory.h"

/* Asked for by name; of more the first ones, and if one of those is there, the lists are not
 * believed about the rest. */
#define SURVEY_MISSING_MAX 200

typedef enum LookResult {
        LOOK_UNAVAILABLE, /* zero: the realm could not be asked */
        LOOK_OK,
        LOOK_NOT_PERMITTED,
        LOOK_REFUSED,   /* the directory did not take it: too many gone, too many at all */
        LOOK_UNWRITTEN, /* taken, but the state database does not remember all of it */
        _LOOK_RESULT_MAX,
} LookResult;

const char *look_result_text(LookResult result);

typedef struct LookAnswer {
        LookResult result;
        const char *trouble; /* not OK: a sentence, borrowed for the call */
} LookAnswer;

typedef void (*LookDone)(const LookAnswer *answer, void *userdata);

typedef struct SurveyCounts {
        size_t n_people, n_groups, n_pages;
        const char *missing_role; /* one that a rule names and the realm has not; NULL: none */
} SurveyCounts;

typedef struct Survey Survey;

/* survey_start: naming is borrowed until the end. force: even if most are gone. done is called
 * once, never before this returned; in it the owner may free the survey. */
Survey *survey_start(Admin *admin, Directory *directory, const Naming *naming, bool force,
                     LookDone done, void *userdata);
const SurveyCounts *survey_counts(const Survey *survey);
void survey_free(Survey *survey); /* takes NULL */
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Survey, survey_free)

/* look_answer: of an AdminAnswer that is no OK. */
LookAnswer look_answer(const AdminAnswer *answer);
