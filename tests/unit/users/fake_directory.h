/* fake_directory: a directory without rules: who is put in is an account. For what reads a
 * directory: the table, its readers, their benchmarks. */
#pragma once

#include "users/directory.h"

Directory *fake_directory_new(void);
/* fake_directory_person: named, with their own group, no others; to be changed at will. */
Person *fake_directory_person(Directory *directory, const char *name, uint32_t uid);
void fake_directory_join(Person *person, uint32_t gid);
Group *fake_directory_group(Directory *directory, const char *name, uint32_t gid);
/* fake_directory_fill: people p000001… from uid_first on, groups g0001… behind them, each person in
 * n_groups_each of them. */
void fake_directory_fill(Directory *directory, uint32_t n_people, uint32_t n_groups,
                         uint32_t n_groups_each, uint32_t uid_first);
void fake_directory_free(Directory *directory);

typedef Directory FakeDirectory;
G_DEFINE_AUTOPTR_CLEANUP_FUNC(FakeDirectory, fake_directory_free)
