/* daemon: the main thread and everything that it owns.
 *
 * Issuers, outgoing HTTP, listeners, workers, settings and metrics; signals and reload. daemon_run
 * returns when SIGTERM or SIGINT came and everybody was answered. */
#pragma once

#include "config.h"

typedef struct Daemon Daemon;

/* daemon_new: takes config. The error is one sentence; nothing is left open then. */
Daemon *daemon_new(const char *config_path, Config *config, GError **error);
void daemon_run(Daemon *daemon);
void daemon_free(Daemon *daemon);
G_DEFINE_AUTOPTR_CLEANUP_FUNC(Daemon, daemon_free)
