#include "api/gate.h"

#include "api/routes.h"
#include "base/log.h"

static bool peer_is_admin(const Api *api, const Request *request)
{
        const Peer *peer = request_peer(request);

        if (!peer->has_credentials)
                return false;
        if (peer->uid == 0 || peer->uid == api->own_uid)
                return true;
        return api->has_admin_gid && request_peer_in_group(request, api->admin_gid);
}

static bool peer_is_root(const Request *request)
{
        const Peer *peer = request_peer(request);

        return peer->has_credentials && peer->uid == 0;
}

void gate_serve(Api *api, Request *request)
{
        Exchange *exchange = exchange_new(api, request);
        RouteWhere where = request_peer(request)->unix_socket ? ROUTE_UNIX : ROUTE_TCP;

        exchange->route = routes_find(request_path(request), where);
        if (!exchange->route)
                exchange_problem(
                    exchange, 404, "no_such_door",
                    "There is no door of that path on this socket; authd.openapi.yaml lists them.");
        else if (!route_allows(exchange->route, request_method(request)))
                exchange_problem(exchange, 405, "method_not_allowed", "%s takes %s.",
                                 exchange->route->path, exchange->route->methods);
        else if (exchange->route->access == ACCESS_ROOT && !peer_is_root(request))
                exchange_problem(exchange, 403, "root_only", "%s is for root alone.",
                                 exchange->route->path);
        else if (exchange->route->access == ACCESS_ADMIN && !peer_is_admin(api, request))
                exchange_problem(
                    exchange, 403, "admin_only",
                    "%s is for root, the daemon's own user and members of the admin group.",
                    exchange->route->path);
        else
                exchange->route->serve(exchange);
}

/* refused_word: the same words as in the server's own problems. */
static const char *refused_word(unsigned status)
{
        switch (status) {
        case 413: return "body_too_large";
        case 414: return "target_too_long";
        case 431: return "head_too_large";
        default: return "bad_request";
        }
}

void gate_refused(Api *api, unsigned status, const Peer *peer)
{
        const char *word = refused_word(status);

        metric_add(api->metrics->refused, (const char *[]){ "none", word }, 1);
        log_event(LOG_LEVEL_INFO, "request_refused",
                  "A request was refused before it reached a door.", LOG_TEXT("error", word),
                  LOG_NUMBER("status", status),
                  LOG_NUMBER("uid", peer->has_credentials ? (int64_t) peer->uid : -1),
                  LOG_TEXT("address", peer->address));
}
