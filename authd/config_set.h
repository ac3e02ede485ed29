/* config_set: a setter for each kind of value: from a line's text into the member that it is for,
 * or refused with the line and what to write instead.
 *
 * A file that a setting names is opened here once, so that what cannot be read is refused at once;
 * its bytes are forgotten, they are read again when they are used. Main thread. */
#pragma once

#include "config_rules.h"

#define ALGORITHMS_ALL "RS256;RS384;RS512;PS256;PS384;PS512;ES256;ES384;ES512;EdDSA"
#define STATE_DIR_NONE "none"

bool config_set_text(const ConfigReading *reading, GError **error);
bool config_set_socket(const ConfigReading *reading, GError **error);
bool config_set_ca_file(const ConfigReading *reading, GError **error);
bool config_set_keys_file(const ConfigReading *reading, GError **error);
bool config_set_secret_file(const ConfigReading *reading, GError **error);
bool config_set_url(const ConfigReading *reading, GError **error);
bool config_set_list(const ConfigReading *reading, GError **error);
bool config_set_algorithms(const ConfigReading *reading, GError **error);
bool config_set_boolean(const ConfigReading *reading, GError **error);
bool config_set_workers(const ConfigReading *reading, GError **error);
bool config_set_log_level(const ConfigReading *reading, GError **error);
bool config_set_subject(const ConfigReading *reading, GError **error);
bool config_set_duration(const ConfigReading *reading, GError **error);
bool config_set_size(const ConfigReading *reading, GError **error);
bool config_set_state_dir(const ConfigReading *reading, GError **error);
bool config_set_secret_key_file(const ConfigReading *reading, GError **error);
bool config_set_certificate_file(const ConfigReading *reading, GError **error);
bool config_set_bearer_file(const ConfigReading *reading, GError **error);
bool config_set_proxy(const ConfigReading *reading, GError **error);
bool config_set_number(const ConfigReading *reading, GError **error);
bool config_set_client_auth(const ConfigReading *reading, GError **error);
bool config_set_introspect(const ConfigReading *reading, GError **error);
bool config_set_binding(const ConfigReading *reading, GError **error);
bool config_set_qr(const ConfigReading *reading, GError **error);
bool config_set_allow(const ConfigReading *reading, GError **error);
bool config_set_big_number(const ConfigReading *reading, GError **error);
