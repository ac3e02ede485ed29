/* assertions: see assertions.h. */
#include "assertions.h"

#include "base/clock.h"
#include "base/log.h"

#define TURN_EVERY_SEC 60

struct Assertions {
        Store *store;
        AssertionKeys *keys;
        void (*changed)(void *userdata);
        void *userdata;
        bool unkept; /* the database lacks what is in use */
        guint timer;
};

static void keep(Assertions *assertions)
{
        bool unkept = assertion_keys_save(assertions->store, assertions->keys) < 0;

        if (unkept && !assertions->unkept)
                log_event(LOG_LEVEL_WARNING, "assertion_keys_not_kept",
                          "The keys of assertions could not be written to the state database; "
                          "after a restart there will be others.");
        assertions->unkept = unkept;
}

/* turn: true: the keys are others now. */
static bool turn(Assertions *assertions)
{
        AssertionKeys *keys = assertion_keys_turn(assertions->keys, clock_wall_sec());
        bool same = keys == assertions->keys;

        if (!keys) {
                log_event(LOG_LEVEL_ERROR, "assertion_keys_failed",
                          "OpenSSL made no key for assertions.");
                return false;
        }
        assertion_keys_unref(assertions->keys);
        assertions->keys = keys;
        if (!same)
                log_event(LOG_LEVEL_NOTICE, "assertion_keys_turned",
                          "The keys of assertions are others now.",
                          LOG_TEXT("kid", assertion_keys_signing(keys)->kid),
                          LOG_NUMBER("published", (int64_t) assertion_keys_size(keys)));
        if (!same || assertions->unkept)
                keep(assertions);
        return !same;
}

static gboolean turn_in_time(gpointer userdata)
{
        Assertions *assertions = userdata;

        if (turn(assertions))
                assertions->changed(assertions->userdata);
        return G_SOURCE_CONTINUE;
}

static void load(Assertions *assertions)
{
        if (assertion_keys_load(assertions->store, clock_wall_sec(), &assertions->keys) < 0)
                log_event(LOG_LEVEL_WARNING, "assertion_keys_not_read",
                          "The keys of assertions could not be read from the state database; new "
                          "ones are made.");
}

Assertions *assertions_new(Store *store, void (*changed)(void *userdata), void *userdata)
{
        Assertions *assertions = g_new0(Assertions, 1);
        g_autoptr(GError) error = NULL;

        assertions->store = store;
        if (!assertion_keys_prepare(store, &error)) {
                log_event(LOG_LEVEL_WARNING, "assertion_keys_not_kept", error->message);
                assertions->store = NULL;
        }
        assertions->changed = changed;
        assertions->userdata = userdata;
        return assertions;
}

void assertions_free(Assertions *assertions)
{
        if (!assertions)
                return;
        if (assertions->timer > 0)
                g_source_remove(assertions->timer);
        assertion_keys_unref(assertions->keys);
        g_free(assertions);
}

static bool policies_ask(const PolicySet *policies)
{
        for (size_t i = 0; i < policy_set_size(policies); i++)
                if (policy_assertion(policy_set_get(policies, i)))
                        return true;
        return false;
}

void assertions_serve(Assertions *assertions, const PolicySet *policies)
{
        if (assertions->timer > 0 || !policies_ask(policies))
                return;
        load(assertions);
        turn(assertions);
        assertions->timer = g_timeout_add_seconds(TURN_EVERY_SEC, turn_in_time, assertions);
}

AssertionKeys *assertions_keys(const Assertions *assertions)
{
        return assertions->keys;
}
