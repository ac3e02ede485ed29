/* config_users: [users]: the setters that it alone has, and what its settings must be together.
 *
 * Whether a name or a rule is one is users/naming's to say, whether a range is one users/ids'; here
 * their sentences get a line. Main thread. */
#pragma once

#include "config_rules.h"

#define CONFIG_SYNC_SEC_MIN       10
#define CONFIG_SYNC_SEC_MAX       (INT64_C(24) * 3600)
#define CONFIG_SYNC_FULL_SEC_MIN  60
#define CONFIG_SYNC_FULL_SEC_MAX  (INT64_C(30) * 24 * 3600)
#define CONFIG_GONE_KEEP_SEC_MAX  (INT64_C(3650) * 24 * 3600)
#define CONFIG_SYNC_RATE_MAX      1000
#define CONFIG_ATTRIBUTE_SIZE_MAX 255 /* of an attribute's name, as in Keycloak's database */

bool config_set_id_range(const ConfigReading *reading, GError **error); /* two members */
bool config_set_ids(const ConfigReading *reading, GError **error);
bool config_set_id_lines(const ConfigReading *reading, GError **error);
bool config_set_attribute(const ConfigReading *reading, GError **error);
bool config_set_group_name(const ConfigReading *reading, GError **error);
bool config_set_shell(const ConfigReading *reading, GError **error);
bool config_set_sync(const ConfigReading *reading, GError **error); /* 0s, or from the minimum */

/* config_users_trouble: what is wrong with them together, as a sentence that the caller frees, and
 * the key to point to (NULL: the sentence names it); NULL: nothing. issuers: IssuerSettings. */
char *config_users_trouble(const UsersSettings *users, const GPtrArray *issuers,
                           const char **ret_key);
