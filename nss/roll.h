/* roll: enumeration: the accounts seen on this host, one after the other, out of one table (which
 * is held meanwhile) or one answer of the daemon's.
 *
 * One caller at a time: glibc locks getpwent_r(3) and its like. An entry is given again until
 * roll_step goes on: so a buffer that was too small loses none. */
#pragma once

#include "account.h"

union roll_entry {
        struct person person;
        struct group_entry group;
};

struct roll_kind;
extern const struct roll_kind roll_people, roll_groups;

struct roll {
        const struct roll_kind *kind;
        enum { ROLL_NEW, ROLL_TABLE, ROLL_BODY, ROLL_ENDED } state;
        struct mapping *mapping;
        uint32_t number;
        char *body;
        char *at;      /* the next line of the body */
        bool has_line; /* the one before is not stepped over yet */
        union roll_entry line;
};

/* roll_peek: 0; ACCOUNT_E_NOT_FOUND: there are no more, or nobody tells; a negative errno. The
 * entry is borrowed until roll_step. */
int roll_peek(struct roll *roll, union roll_entry *ret);
void roll_step(struct roll *roll);
/* roll_restart: from the beginning at the next roll_peek; gives back what it holds. */
void roll_restart(struct roll *roll);
