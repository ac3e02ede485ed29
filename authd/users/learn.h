/* learn: what verified claims say of a person, laid over what is known already.
 *
 * Claims say less than the Admin API. The claim groups is the whole truth as full paths, and says
 * nothing otherwise: a bare name may be a role (Keycloak's scope microprofile-jwt writes those
 * there) or a group of that name somewhere else, made a minute ago (CVE-2025-49012). Roles that a
 * client's scope does not map are not in its tokens, so they, too, only add, unless claims alone
 * tell of anybody. A claim that is not there says nothing. Private to users/. Pure but for add. */
#pragma once

#include "token/claims.h"
#include "users/naming.h"
#include "users/roster.h"

typedef struct Learning {
        const Claims *claims;
        const Roster *roster;
        const Naming *naming;
        bool alone; /* nothing but claims tells of people: no sync */
        /* A group that is not known and that a rule takes; NULL: it stays unknown. */
        GroupEntry *(*add)(const char *key, const char *source, void *userdata);
        void *userdata;
} Learning;

#define LEARN_PATH_KEY "path:" /* and the path: key of a group that claims alone tell of */

/* learn_facts: known NULL: a new person, enabled. */
Facts *learn_facts(const Claims *claims, const Facts *known);
/* learn_groups: numbers, sorted, from those known. */
GArray *learn_groups(const Learning *learning, const uint32_t *known, size_t n_known);
