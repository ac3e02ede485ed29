/* fake_directory: see fake_directory.h. */
#include "fake_directory.h"

struct Directory {
        GPtrArray *people, *groups;
        uint64_t generation;
};

Directory *fake_directory_new(void)
{
        Directory *directory = g_new0(Directory, 1);

        directory->people = g_ptr_array_new_with_free_func((GDestroyNotify) person_free);
        directory->groups = g_ptr_array_new_with_free_func((GDestroyNotify) group_free);
        return directory;
}

Person *fake_directory_person(Directory *directory, const char *name, uint32_t uid)
{
        Person *person = g_new0(Person, 1);

        person->subject = g_strdup_printf("subject-of-%s", name);
        person->username = g_strdup(name);
        person->name = g_strdup(name);
        person->uid = person->gid = uid;
        person->gecos = g_strdup_printf("Full Name of %s", name);
        person->home = g_strdup_printf("/home/%s", name);
        person->shell = g_strdup("/bin/bash");
        g_ptr_array_add(directory->people, person);
        directory->generation++;
        return person;
}

void fake_directory_join(Person *person, uint32_t gid)
{
        person->gids = g_renew(uint32_t, person->gids, person->n_gids + 1);
        person->gids[person->n_gids++] = gid;
}

Group *fake_directory_group(Directory *directory, const char *name, uint32_t gid)
{
        Group *group = g_new0(Group, 1);

        group->key = g_strdup_printf("group:%s", name);
        group->source = g_strdup_printf("/%s", name);
        group->name = g_strdup(name);
        group->gid = gid;
        g_ptr_array_add(directory->groups, group);
        directory->generation++;
        return group;
}

void fake_directory_fill(Directory *directory, uint32_t n_people, uint32_t n_groups,
                         uint32_t n_groups_each, uint32_t uid_first)
{
        for (uint32_t i = 0; i < n_people; i++) {
                g_autofree char *name = g_strdup_printf("p%06u", i + 1);
                Person *person = fake_directory_person(directory, name, uid_first + i);

                for (uint32_t j = 0; j < n_groups_each; j++)
                        fake_directory_join(person, uid_first + n_people + (i + j) % n_groups);
        }
        for (uint32_t i = 0; i < n_groups; i++) {
                g_autofree char *name = g_strdup_printf("g%04u", i + 1);

                fake_directory_group(directory, name, uid_first + n_people + i);
        }
}

void fake_directory_free(Directory *directory)
{
        if (!directory)
                return;
        g_ptr_array_free(directory->people, TRUE);
        g_ptr_array_free(directory->groups, TRUE);
        g_free(directory);
}

/* --- what the table reads ------------------------------------------------------------------- */

size_t directory_n_people(const Directory *directory)
{
        return directory->people->len;
}

const Person *directory_person(const Directory *directory, size_t index)
{
        return directory->people->pdata[index];
}

size_t directory_n_groups(const Directory *directory)
{
        return directory->groups->len;
}

const Group *directory_group(const Directory *directory, size_t index)
{
        return directory->groups->pdata[index];
}

uint64_t directory_generation(const Directory *directory)
{
        return directory->generation;
}
