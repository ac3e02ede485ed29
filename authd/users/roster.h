/* roster: the people and groups of one realm in memory, and how each is found.
 *
 * What the realm says (facts), what each wants to be here (a name, a number), what it has. A person
 * and a group are both a claimant: names are one space, and so are numbers. Who wants a name or a
 * number that others want, too, is found by it. The roster decides nothing: contest does, and the
 * directory owns both. Private to users/. Main thread. */
#pragma once

#include "users/record.h"

/* Facts: one user of the realm as last read, in one block; strings point behind it. */
typedef struct Facts {
        const char *subject;
        const char *username;
        const char *email; /* "" unless verified */
        const char *full_name;
        const char *attributes; /* see attributes.h: those that the settings name; "": none */
        bool enabled;
        char text[];
} Facts;

/* facts_new: texts are copied; longer ones than RECORD_TEXT_MAX are cut, which no rule accepts. */
Facts *facts_new(const Facts *from);
bool facts_equal(const Facts *a, const Facts *b);

/* Where a wanted number comes from; a later one gives way to an earlier one. */
typedef enum IdSource {
        ID_SOURCE_NONE,
        ID_SOURCE_LINE,      /* id = KEY=NUMBER */
        ID_SOURCE_ATTRIBUTE, /* the realm's */
        ID_SOURCE_HELD,      /* it has it */
        ID_SOURCE_CANDIDATE,
} IdSource;

typedef enum RosterIndex {
        ROSTER_BY_KEY,
        ROSTER_BY_NAME, /* wanted */
        ROSTER_BY_ID,   /* wanted */
        ROSTER_BY_HELD,
        ROSTER_BY_HOME,
        _ROSTER_INDEX_MAX,
} RosterIndex;

/* Troubles: why a claimant is no account; each NULL or a sentence. */
typedef struct Troubles {
        char *facts;   /* by itself: no name, no number to want */
        char *name;    /* others want the name, or have it */
        char *id;      /* the same of the number */
        char *warning; /* it is an account all the same: of its number */
        char *record;  /* the same: of its home, shell or groups */
} Troubles;

typedef struct Claimant {
        struct Claimant *next[_ROSTER_INDEX_MAX];
        const char *key;
        char *name;         /* wanted, good by itself; NULL: none. May be the facts' username. */
        const char *home;   /* given with the first account, kept; NULL: none yet. People only. */
        Troubles *troubles; /* NULL: none */
        uint32_t id;        /* wanted; UID_NONE */
        uint32_t held_id;   /* given once and for ever; UID_NONE */
        uint32_t told;      /* hash of the trouble that was logged last; 0: none */
        IdSource id_source : 8;
        bool is_group : 1;
        bool present : 1;  /* in the realm, by all that we know */
        bool has_name : 1; /* it has been an account under this name: nobody takes it away */
        bool wins_name : 1, wins_id : 1;
        bool collides : 1; /* others want its number, or have it */
        bool dirty : 1;    /* not yet so in the database */
        bool giving : 1;   /* its number is being written */
        bool unread : 1;   /* its attributes were not read under these settings */
        bool touched : 1;  /* on the contest's list */
} Claimant;

typedef struct PersonEntry {
        Claimant claimant;
        Person person; /* strings are of facts, of claimant or of own_… */
        Facts *facts;
        uint32_t *groups; /* numbers of those that it is in itself, sorted */
        uint32_t n_groups;
        bool found;                 /* by the sweep that is being taken over */
        bool leaving;               /* is about to be dropped */
        bool news;                  /* heard of since the sweep began: newer than it */
        int64_t since_sec;          /* of its state */
        char *own_gecos;            /* NULL: the full name as it is */
        char *own_home, *own_shell; /* of attributes */
} PersonEntry;

typedef struct GroupEntry {
        Claimant claimant;
        Group group;
        uint32_t number;                  /* in this database, for ever */
        char *parent_key;                 /* NULL: none */
        char *attributes;                 /* as Facts */
        char *local_name, *local_trouble; /* of a group of /etc/group, which is no claimant */
        uint32_t *grants; /* gids that a member gets by it and by those above; sorted */
        uint32_t n_grants;
        bool within; /* its members are among those whom the settings narrow to */
} GroupEntry;

typedef struct Roster Roster;

Roster *roster_new(void);
void roster_free(Roster *roster);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Roster, roster_free)

/* People and groups, in the order of their keys once sorted. */
PersonEntry *roster_add_person(Roster *roster, Facts *facts); /* owns facts */
void roster_set_facts(Roster *roster, PersonEntry *entry, Facts *facts);
/* roster_drop_people: whoever goes says so; what goes is told of before. */
typedef bool (*RosterGoes)(const PersonEntry *entry, void *userdata);
void roster_drop_people(Roster *roster, RosterGoes goes, void *userdata);
PersonEntry *roster_person(const Roster *roster, const char *subject);
size_t roster_n_people(const Roster *roster);
PersonEntry *roster_person_at(const Roster *roster, size_t index);
/* number 0: a new one. */
GroupEntry *roster_add_group(Roster *roster, const char *key, uint32_t number);
void roster_remove_group(Roster *roster, GroupEntry *entry);
GroupEntry *roster_group(const Roster *roster, const char *key);
GroupEntry *roster_group_numbered(const Roster *roster, uint32_t number); /* NULL: none */
size_t roster_n_groups(const Roster *roster);
GroupEntry *roster_group_at(const Roster *roster, size_t index);
uint32_t roster_next_number(const Roster *roster);
void roster_sort(Roster *roster);

/* What a claimant wants or has; the indexes follow. name is taken. A name or home that
 * its record showed and that is no more is NULL there until the record is made anew. */
void roster_set_name(Roster *roster, Claimant *claimant, char *name);
void roster_set_id(Roster *roster, Claimant *claimant, uint32_t id, IdSource source);
void roster_set_held(Roster *roster, Claimant *claimant, uint32_t id);
void roster_set_home(Roster *roster, PersonEntry *entry, const char *home); /* copied */
/* The first of those with it, and the next one; NULL: no more. */
Claimant *roster_by_name(const Roster *roster, const char *name);
Claimant *roster_next_by_name(const Claimant *claimant);
Claimant *roster_by_id(const Roster *roster, uint32_t id);
Claimant *roster_next_by_id(const Claimant *claimant);
Claimant *roster_by_held(const Roster *roster, uint32_t id);
PersonEntry *roster_by_home(const Roster *roster, const char *home);

/* claimant_set_trouble: at is a member of Troubles; text is taken, may be NULL. */
typedef enum TroubleKind {
        TROUBLE_FACTS,
        TROUBLE_NAME,
        TROUBLE_ID,
        TROUBLE_WARNING,
        TROUBLE_RECORD
} TroubleKind;
void claimant_set_trouble(Claimant *claimant, TroubleKind kind, char *text);
const char *claimant_trouble(const Claimant *claimant); /* the first one; NULL: none */

static inline PersonEntry *person_entry(const Claimant *claimant)
{
        return (PersonEntry *) claimant; /* its first member */
}

static inline GroupEntry *group_entry(const Claimant *claimant)
{
        return (GroupEntry *) claimant;
}
