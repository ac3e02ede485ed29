/* config: authd.conf and conf.d/ (GKeyFile), read into one struct or refused with file and line.
 *
 * GKeyFile keeps no lines and merges duplicates, so a first pass over the text (config_text) finds
 * duplicate and unknown sections and keys, inline comments, empty values and their lines. Only main
 * and daemon include this file; layers get their own *Settings structs. Main thread. */
#pragma once

#include "api/clients.h"
#include "api/front.h"
#include "base/log.h"
#include "issuer/issuer.h"
#include "login/service.h"
#include "users/record.h"
#include "verdict/policy.h"
#include "verdict/routing.h"

#define CONFIG_FILE_SIZE_MAX     (1024 * 1024)
#define CONFIG_PATH_DEFAULT      "/etc/authd/authd.conf"
#define CONFIG_SOCKET_DEFAULT    "/run/authd/authd.sock"
#define CONFIG_STATE_DIR_DEFAULT "/var/lib/authd"
#define CONFIG_WORKERS_MAX       64
#define CONFIG_FILES_MAX         256 /* in conf.d */
#define CONFIG_CACHE_SIZE_MIN    (INT64_C(256) * 1024)
#define CONFIG_CACHE_SIZE_MAX    (INT64_C(64) * 1024 * 1024 * 1024)

typedef struct Config {
        char *socket_path;
        char **listen;    /* NULL: no TCP */
        bool listen_any;  /* addresses other than loopback allowed */
        unsigned workers; /* 0: auto (processors that we may use) */
        size_t cache_size_bytes;
        LogLevel log_level;
        bool allow_development_issuers;
        bool core_dumps;     /* PR_SET_DUMPABLE stays on */
        char *admin_group;   /* "authd-admin" */
        char *state_dir;     /* NULL: nothing outlives the process */
        GPtrArray *issuers;  /* IssuerSettings */
        GPtrArray *policies; /* PolicySettings */
        GPtrArray *shadows; /* PolicySettings of each [policy NAME.next], what it lacks from NAME */
        GPtrArray *clients; /* ClientSettings */
        char *assertion_issuer;
        FrontSettings front;
        GPtrArray *routes;    /* RouteSettings */
        GPtrArray *services;  /* ServiceSettings */
        UsersSettings *users; /* issuer NULL: there is no [users] */
        Routing *compiled_routing;
        Front *compiled_front;
        PolicySet *compiled;
        Clients *compiled_clients;
        GPtrArray *compiled_services; /* Service */
        json_t *described;            /* what config_describe gives */
} Config;

/* config_load: path and, beside it, conf.d/ *.conf in byte order. The error is "FILE:LINE: what;
 * what to do". */
Config *config_load(const char *path, GError **error);
/* config_parse: one text under a name for messages (tests, fuzzing). */
Config *config_parse(const char *name, Span text, GError **error);
void config_free(Config *config);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Config, config_free)

typedef struct ConfigSetting {
        const char *section; /* "authd", "issuer", "policy", "users", "pam" */
        const char *key;
        const char *kind;     /* text, list, path, url, duration, size, number, boolean, word */
        const char *fallback; /* shown in the man page and authctl config; "": none */
        const char *meaning;
} ConfigSetting;
/* config_settings: the table that the parser walks, for docs' tests and authctl. */
const ConfigSetting *config_settings(size_t *ret_n);
/* config_describe: a new
 * {"path","files":[…],"settings":[{"section","key","value","file","line","default"}]}: each setting
 * written, then the defaults of its section. Secrets are never in settings, only their files. */
json_t *config_describe(const Config *config);
