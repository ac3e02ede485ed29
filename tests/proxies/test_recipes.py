"""test_recipes: Loki's and Grafana's recipes and the migration pages' settings, as they are handed out, behind nginx;
what Istio's files share with Envoy's; a fault of HAProxy's Lua."""

import os
import re

import pytest
import yaml
from fronts import EXAMPLES, HAProxy, Nginx

from rows import ROOT
from test_rows import arrived, status_of

DOCS = EXAMPLES.parent / "docs"
PLACES = {"loki": 3100, "grafana": 3000}


class Recipes(Nginx):
    """examples/nginx with the locations of the recipes in its server."""

    def before(self):
        conf = self.folder / "nginx.conf"
        for name, port in PLACES.items():
            place = (EXAMPLES / name / "nginx-location.conf").read_text()
            place = place.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self.service_port}")
            (self.folder / f"{name}.conf").write_text(place)
            conf.write_text(conf.read_text().replace("        include authd.conf;\n",
                                                     f"        include authd.conf;\n        include {name}.conf;\n"))


def of_docs(page):
    """The settings of authd in a page: its ini blocks."""
    return "\n".join(re.findall(r"```ini\n(.*?)```", (DOCS / page).read_text(), re.DOTALL))


@pytest.fixture(scope="module")
def recipes(make_front):
    settings = [(EXAMPLES / name / "authd.conf").read_text() for name in PLACES]
    text = re.sub("audience = (loki|grafana)", "audience = orders", "\n".join(settings))
    return make_front(Recipes, "\n" + text)


@pytest.fixture(scope="module")
def told(recipes, provider, echo):
    """told(path, claims, headers the client sends) → (status, {name: value} of what arrives)."""
    def ask(path, claims, *lines):
        token = provider.mint("orders-rs256", user="alice", claims=claims)
        before = len(echo.arrived)
        head = [f"GET {path} HTTP/1.1", "Host: shop.example", "Connection: close", f"Authorization: Bearer {token}", *lines]
        status = status_of(recipes, ("\r\n".join(head) + "\r\n\r\n").encode())
        requests = arrived(echo, before)
        assert len(requests) <= 1
        return status, {name.lower(): value for request in requests for name, value in request["headers"]}
    return ask


@pytest.mark.parametrize("claim, wanted", [
    ("blue", "blue"), ("blue|green", "blue%7Cgreen"), ("a b/c", "a%20b%2Fc"), (None, None),
])
def test_loki_is_told_the_tenant_of_the_token_and_never_the_clients(told, claim, wanted):
    status, headers = told("/loki/api/v1/labels", {"tenant": claim}, f"X-Scope-OrgID: {ROOT}", f"X_Scope_OrgID: {ROOT}")
    assert (status, headers.get("x-scope-orgid")) == (200, wanted)
    assert ROOT not in headers.values() and "authorization" not in headers


@pytest.mark.parametrize("groups, role", [
    (["/admins"], "Admin"), (["/eng"], "Editor"), (["/eng", "/admins"], "Admin"), (["/other"], "Viewer"), (None, "Viewer"),
])
def test_grafana_is_told_user_and_role(told, groups, role):
    status, headers = told("/grafana/", {"groups": groups}, f"X-WEBAUTH-USER: {ROOT}", "X-WEBAUTH-ROLE: Admin",
                           "X_WEBAUTH_ROLE: Admin")
    assert (status, headers["x-webauth-user"]) == (200, "alice")
    assert headers["x-webauth-role"] == role
    assert ROOT not in headers.values() and "authorization" not in headers


class Migrated(Nginx):
    """examples/nginx with the settings of a migration page in place of examples/proxies.conf."""

    page = None

    def settings(self, provider, more=""):
        text = of_docs(self.page).replace("https://sso.example.com/realms/example", provider.issuer_url)
        return text.replace("trusted_proxies = user:www-data", f"trusted_proxies = user:www-data; uid:{os.getuid()}") + more


class FromOauth2Proxy(Migrated):
    page = "migrating-from-oauth2-proxy.md"


class FromIstio(Migrated):
    page = "migrating-from-istio.md"


@pytest.mark.parametrize("kind, method, path, claims, status", [
    (FromOauth2Proxy, "GET", "/shop/health", None, 200),
    (FromOauth2Proxy, "POST", "/shop/health", None, 401),
    (FromOauth2Proxy, "GET", "/shop/orders/1", None, 401),
    (FromOauth2Proxy, "GET", "/shop/orders/1", {"email_verified": True}, 200),
    (FromOauth2Proxy, "GET", "/shop/orders/1", {"email_verified": False}, 403),
    (FromIstio, "GET", "/shop/health", None, 200),
    (FromIstio, "GET", "/shop/orders/1", None, 401),
    (FromIstio, "GET", "/shop/orders/1", {}, 200),
    (FromIstio, "GET", "/shop/orders/1", {"groups": ["/other"]}, 403),
    (FromIstio, "POST", "/shop/orders/1", {}, 403),
    (FromIstio, "DELETE", "/shop/orders/1", {}, 403),
])
def test_the_settings_of_a_migration_page_do_what_it_says(migrated, provider, kind, method, path, claims, status):
    lines = [f"{method} {path} HTTP/1.1", "Host: shop.example", "Connection: close"]
    if claims is not None:
        lines.append(f"Authorization: Bearer {provider.mint('orders-rs256', user='alice', claims=claims)}")
    assert status_of(migrated(kind), ("\r\n".join(lines) + "\r\n\r\n").encode()) == status


@pytest.fixture(scope="module")
def migrated(make_front):
    """migrated(kind): the front of that page, made once."""
    made = {}
    return lambda kind: made.get(kind) or made.setdefault(kind, make_front(kind))


def test_istios_files_say_what_the_envoy_that_runs_here_says():
    """They need a cluster and are not started; what they have in common with examples/envoy is compared."""
    envoy = str(yaml.safe_load((EXAMPLES / "envoy" / "envoy.yaml").read_text()))
    mesh = yaml.safe_load((EXAMPLES / "istio" / "meshconfig.yaml").read_text())["meshConfig"]
    provider = mesh["extensionProviders"][0]["envoyExtAuthzHttp"]
    assert all(f"'exact': '{name}'" in envoy for name in provider["includeRequestHeadersInCheck"] if name != "authorization")
    assert provider["failOpen"] is False and provider["pathPrefix"] in envoy
    policy, strip = yaml.safe_load_all((EXAMPLES / "istio" / "authorizationpolicy.yaml").read_text())
    assert policy["spec"]["action"] == "CUSTOM"
    patch = strip["spec"]["configPatches"][0]["patch"]["value"]["typed_config"]
    mutations = patch["early_header_mutation_extensions"][0]["typed_config"]["mutations"]
    assert mutations and all(str(one) in envoy for one in mutations)


class FaultyHAProxy(HAProxy):
    """Its Lua fails when it is called, after the configuration was found good."""

    def before(self):
        lua = self.folder / "authd.lua"
        lua.write_text(lua.read_text().replace("local client = core.httpclient()", "local client = nobody.there()"))


def test_haproxy_lets_nobody_in_when_its_lua_fails(make_front, provider, echo):
    """HAProxy goes on with a request when an action fails; the deny behind it must not."""
    front = make_front(FaultyHAProxy)
    token = provider.token("orders-rs256", user="alice")
    before = len(echo.arrived)
    head = f"GET /orders/1 HTTP/1.1\r\nHost: shop.example\r\nConnection: close\r\nAuthorization: Bearer {token}\r\n\r\n"
    assert status_of(front, head.encode()) == 503
    assert arrived(echo, before) == []
