/* contest: who gets a name and a number that several want.
 *
 * Nobody wins by coming first (CVE-2024-9312): who has the name or number keeps it; else one alone
 * gets it, and of several none. Of a number, a line of the settings goes before an attribute of the
 * realm, and that before a candidate. A local account wins over all of them. Who is gone gives its
 * name to who is there, and is called gone-UID from then on. What comes out depends on what the
 * realm says, on the settings, and on what was given before, never on an order. Whoever's lot may
 * have changed is put on a list. Private to users/; returns, does not log. Main thread. */
#pragma once

#include "users/local.h"
#include "users/naming.h"
#include "users/register.h"
#include "users/roster.h"

typedef struct Contest {
        Roster *roster; /* all borrowed */
        const Register *reg;
        const Local *local;
        const Naming *naming;
        const UsersSettings *settings;
        const char *issuer_url;
        GHashTable *lines;  /* id = KEY=NUMBER: key → number */
        GPtrArray *touched; /* Claimant */
} Contest;

/* contest_read_lines: of the settings' id. NULL and GError: what is wrong with one. */
GHashTable *contest_read_lines(const UsersSettings *settings, GError **error);

/* contest_join: what claimant wants by now, and what follows for it and for others. */
void contest_join(Contest *contest, Claimant *claimant);
/* contest_leave: wants nothing any more; others may win. It is about to be dropped. */
void contest_leave(Contest *contest, Claimant *claimant);
/* contest_all: the same for all at once. */
void contest_all(Contest *contest);
void contest_touch(Contest *contest, Claimant *claimant);

/* claimant_wins: its name and its number, nobody and nothing in the way. */
bool claimant_wins(const Claimant *claimant);
