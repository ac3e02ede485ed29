/* doors: the functions behind the table of routes, one file a door. */
#pragma once

#include "api/exchange.h"

void door_check(Exchange *exchange);       /* check.c: /v1/check */
void door_explain(Exchange *exchange);     /* check.c: /v1/explain, the same question with steps */
void door_auth(Exchange *exchange);        /* auth.c: /auth/POLICY and /forward-auth/POLICY */
void door_ext_authz(Exchange *exchange);   /* auth.c: /ext-authz/POLICY/… */
void door_policy_test(Exchange *exchange); /* policytest.c */
void door_introspect(Exchange *exchange);  /* introspect.c: /introspect */
void door_status(Exchange *exchange);      /* admin.c: what the main thread says or does */
void door_issuers(Exchange *exchange);
void door_keys(Exchange *exchange);
void door_config(Exchange *exchange);
void door_reload(Exchange *exchange);
void door_distrust(Exchange *exchange);
void door_doctor(Exchange *exchange);
void door_passwd(Exchange *exchange); /* people.c: people as accounts */
void door_group(Exchange *exchange);
void door_users(Exchange *exchange);
void door_users_sync(Exchange *exchange);
void door_groups(Exchange *exchange);
void door_id(Exchange *exchange);
void door_ids(Exchange *exchange);
void door_ids_assign(Exchange *exchange);
void door_login(Exchange *exchange); /* login.c: /v1/login/… */
void door_ssh_keys(Exchange *exchange);
void door_sessions(Exchange *exchange);
void door_livez(Exchange *exchange); /* probes.c */
void door_readyz(Exchange *exchange);
void door_metrics(Exchange *exchange);
void door_jwks(Exchange *exchange); /* vouch.c: /jwks.json */
