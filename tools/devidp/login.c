#include "login.h"

#include <string.h>

static gboolean has_address(gpointer key, gpointer value, gpointer address)
{
        const Person *person = value;

        return person->email && g_ascii_strcasecmp(person->email, address) == 0;
}

const Person *login_person(const Idp *idp, const char *name)
{
        g_autofree char *lower = g_utf8_validate(name, -1, NULL) ? g_utf8_strdown(name, -1) : NULL;
        const Person *person = lower ? realm_person(idp->realm, lower) : NULL;

        if (!person && lower && strchr(lower, '@'))
                person = g_hash_table_find(idp->realm->people, has_address, lower);
        return person;
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
