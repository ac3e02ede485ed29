/* config_rules: the one table of settings: section, key, kind, default, bounds, and the function
 * that reads each value into its member.
 *
 * config.c walks it; docs and authctl see its public half by config_settings. A file that a setting
 * names is opened here once, so that what cannot be read is refused with the setting's line. Main
 * thread. */
#pragma once

#include "config.h"
#include "config_text.h"

typedef struct ConfigRule ConfigRule;

/* ConfigReading: one setting on its way from text into its struct. */
typedef struct ConfigReading {
        const ConfigRule *rule;
        const ConfigLine *line;
        GKeyFile *decoder; /* holds every value as written, and undoes its escapes */
        void *target;      /* Config, or the *Settings of its section */
} ConfigReading;

struct ConfigRule {
        ConfigSetting shown;
        bool (*set)(const ConfigReading *reading, GError **error);
        size_t offset; /* of the member in the target */
        int64_t minimum, maximum;
};

const ConfigRule *config_rules(size_t *ret_n);
