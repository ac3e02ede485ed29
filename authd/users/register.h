/* register: what the state database keeps of people: which number was given to whom, for ever, and
 * the roster as it was.
 *
 * It also holds in memory the numbers whose owners are on the roster no more: removed, of another
 * issuer, or with another number since. Changes are made between register_begin and
 * register_commit; one that fails leaves the database as it was. Private to users/. Main thread. */
#pragma once

#include "base/store.h"
#include "users/roster.h"

typedef struct Register Register;

/* register_new: store NULL: nothing is kept, everything works. */
Register *register_new(Store *store, GError **error);
void register_free(Register *reg);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Register, register_free)
bool register_keeps(const Register *reg); /* there is a store */

/* register_load: another issuer: everything that the database has of it goes to the (empty) roster.
 * 0; -EUCLEAN: what could be read; another negative errno: the register is as it was. */
int register_load(Register *reg, const char *issuer_url, Roster *roster);
/* Of the issuer that was loaded: when a sweep has last ended well (0: never), and which attributes
 * were read then ("a,b"). */
int64_t register_filled_sec(const Register *reg);
const char *register_attributes(const Register *reg);

/* register_holder: whose a number is that nobody on the roster holds; NULL: nobody's. */
const char *register_holder(const Register *reg, uint32_t id);
bool register_owns(const Register *reg, uint32_t id, const Claimant *claimant);
/* register_retain, register_take_back: a claimant leaves the roster, or is there (again): its
 * number, or UID_NONE. */
void register_retain(Register *reg, const Claimant *claimant);
uint32_t register_take_back(Register *reg, const char *key, bool is_group);
/* register_given: after register_give was committed: claimant->id is its number, and what it held
 * before stays its own. */
void register_given(Register *reg, const Claimant *claimant);

int register_begin(Register *reg);
int register_commit(Register *reg);
void register_rollback(Register *reg);
/* register_rewrite: into a database begun afresh: all of the numbers, all of the roster. */
int register_rewrite(Register *reg, const Roster *roster);
/* register_give: claimant->id becomes its number, for ever. */
int register_give(Register *reg, const Claimant *claimant);
int register_put_person(Register *reg, const PersonEntry *entry);
int register_put_group(Register *reg, const GroupEntry *entry);
int register_delete_person(Register *reg, const char *subject);
int register_delete_group(Register *reg, uint32_t number);
int register_put_seen(Register *reg, const PersonEntry *entry);
int register_put_filled(Register *reg, int64_t filled_sec, const char *attributes);
