#include "login.h"

#include <string.h>

/* Who has this address: their name, kept, for the person lives no longer than the visit. */
typedef struct AddressSearch {
        const char *address;
        char *username; /* NULL: nobody so far */
} AddressSearch;

static void visit_address(const Person *person, void *userdata)
{
        AddressSearch *search = userdata;

        if (!search->username && person->email &&
            g_ascii_strcasecmp(person->email, search->address) == 0)
                search->username = g_strdup(person->username);
}

static const Person *person_at(const Realm *realm, const char *address)
{
        AddressSearch search = { .address = address };

        census_page(realm->people, &(CensusFilter){ 0 }, 0, UINT_MAX, visit_address, &search);
        const Person *person = realm_person(realm, search.username);
        g_free(search.username);
        return person;
}

const Person *login_person(const Idp *idp, const char *name)
{
        g_autofree char *lower = g_utf8_validate(name, -1, NULL) ? g_utf8_strdown(name, -1) : NULL;
        const Person *person = lower ? realm_person(idp->realm, lower) : NULL;

        return !person && lower && strchr(lower, '@') ? person_at(idp->realm, lower) : person;
}

Login login_password(const Idp *idp, const char *name, const char *password,
                     const Person **ret_person)
{
        const Person *person = name ? login_person(idp, name) : NULL;

        if (!person || !person->password || g_strcmp0(person->password, password) != 0)
                return LOGIN_WRONG;
        if (!person->enabled)
                return LOGIN_DISABLED;
        *ret_person = person;
        return LOGIN_GOOD;
}

bool login_otp(Idp *idp, const Person *person, const char *code)
{
        return !person->otp_secret ||
               otp_take(idp->otp_uses, person->id, person->otp_secret, code, idp_now_sec(idp));
}

bool login_is_set_up(const Person *person)
{
        return json_array_size(person->required_actions) == 0;
}
