#include "person.h"

#include "otp.h"

char *stable_id(const char *realm, const char *what)
{
        g_autofree char *seed = g_strdup_printf("devidp:%s:%s", realm, what);
        g_autofree char *hex = g_compute_checksum_for_string(G_CHECKSUM_SHA256, seed, -1);

        return g_strdup_printf("%.8s-%.4s-4%.3s-8%.3s-%.12s", hex, hex + 8, hex + 13, hex + 17,
                               hex + 20);
}

static bool is_object_of_lists(const json_t *object)
{
        const char *name;
        json_t *list;

        if (!object)
                return true;
        if (!json_is_object(object))
                return false;
        json_object_foreach ((json_t *) object, name, list)
                if (!json_is_array(list))
                        return false;
        return true;
}

static bool is_list(const json_t *value)
{
        return !value || json_is_array(value);
}

static bool is_sane(const Person *person)
{
        return is_list(person->realm_roles) && is_list(person->groups) &&
               is_list(person->required_actions) && is_object_of_lists(person->client_roles) &&
               (!person->attributes || json_is_object(person->attributes));
}

static bool otp_secret_is_sane(const Person *person)
{
        g_autoptr(GBytes) secret = person->otp_secret ? otp_secret_read(person->otp_secret) : NULL;

        return !person->otp_secret || secret;
}

static Person *person_new(json_t *json)
{
        Person *person = g_new0(Person, 1);

        person->n_refs = 1;
        person->json = json_incref(json);
        person->enabled = 1;
        return person;
}

Person *person_read(const char *realm, json_t *json, GError **error)
{
        g_autoptr(Person) person = person_new(json);
        const char *id = NULL;
        json_error_t trouble;
        int r = json_unpack_ex(
            json, &trouble, JSON_STRICT,
            "{s:s, s?s, s?s, s?s, s?s, s?s, s?b, s?o, s?o, s?o, s?o, s?s, s?o}", "username",
            &person->username, "id", &id, "password", &person->password, "email", &person->email,
            "first_name", &person->first_name, "last_name", &person->last_name, "enabled",
            &person->enabled, "realm_roles", &person->realm_roles, "client_roles",
            &person->client_roles, "groups", &person->groups, "attributes", &person->attributes,
            "otp_secret", &person->otp_secret, "required_actions", &person->required_actions);

        if (r != 0 || !is_sane(person)) {
                g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "a user: %s",
                            r != 0 ? trouble.text
                                   : "roles, groups or attributes have the wrong type");
                return NULL;
        }
        if (!otp_secret_is_sane(person)) {
                g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL,
                            "%s: \"otp_secret\" is no base32", person->username);
                return NULL;
        }
        person->id = id ? g_strdup(id) : stable_id(realm, person->username);
        return g_steal_pointer(&person);
}

static json_t *named(json_t *json, const char *client)
{
        json_t *whole = json_is_object(json) ? json_copy(json) : json_object();

        json_object_set_new(whole, "username", json_sprintf("service-account-%s", client));
        return whole;
}

Person *person_read_service_account(const char *realm, const char *client, json_t *json,
                                    GError **error)
{
        json_t *whole = named(json, client);
        g_autoptr(Person) person = person_new(whole);
        json_error_t trouble;
        int r = json_unpack_ex(whole, &trouble, JSON_STRICT, "{s:s, s?o, s?o, s?o}", "username",
                               &person->username, "realm_roles", &person->realm_roles,
                               "client_roles", &person->client_roles, "groups", &person->groups);

        json_decref(whole);
        if (r != 0 || !json_is_object(json) || !is_sane(person)) {
                g_set_error(error, G_FILE_ERROR, G_FILE_ERROR_INVAL, "service-account-%s: %s",
                            client, r != 0 ? trouble.text : "roles or groups have the wrong type");
                return NULL;
        }
        person->id = stable_id(realm, person->username);
        person->service_account = 1;
        return g_steal_pointer(&person);
}

Person *person_ref(const Person *person)
{
        Person *same = (Person *) person;

        same->n_refs++;
        return same;
}

void person_unref(Person *person)
{
        if (!person || --person->n_refs > 0)
                return;
        json_decref(person->json);
        g_free(person->id);
        g_free(person);
}
