"""test_recipes: Loki's and Grafana's recipes and those of the migration pages, as they are handed out, behind nginx."""

import re

import pytest
from fronts import EXAMPLES, Nginx

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
            (self.folder / f"{name}.conf").write_text(place.replace(f"127.0.0.1:{port}", f"127.0.0.1:{self.service_port}"))
            conf.write_text(conf.read_text().replace("        include authd.conf;\n",
                                                     f"        include authd.conf;\n        include {name}.conf;\n"))


def of_docs(page):
    """The settings of authd in a page: its ini blocks."""
    return "\n".join(re.findall(r"```ini\n(.*?)```", (DOCS / page).read_text(), re.DOTALL))


@pytest.fixture(scope="module")
def recipes(make_front):
    settings = [(EXAMPLES / name / "authd.conf").read_text() for name in PLACES]
    text = "\n".join(settings).replace("audience = loki", "audience = orders").replace("audience = grafana", "audience = orders")
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


@pytest.mark.parametrize("claim, wanted", [("blue", "blue"), ("blue|green", "blue%7Cgreen"), ("a b/c", "a%20b%2Fc"), (None, None)])
def test_loki_is_told_the_tenant_of_the_token_and_never_the_clients(told, claim, wanted):
    status, headers = told("/loki/api/v1/labels", {"tenant": claim}, f"X-Scope-OrgID: {ROOT}", f"X_Scope_OrgID: {ROOT}")
    assert (status, headers.get("x-scope-orgid")) == (200, wanted)
    assert ROOT not in headers.values() and "authorization" not in headers


@pytest.mark.parametrize("groups, role", [
    (["/admins"], "Admin"), (["/eng"], "Editor"), (["/eng", "/admins"], None), (["/other"], "Viewer"), (None, "Viewer"),
])
def test_grafana_is_told_user_and_role(told, groups, role):
    status, headers = told("/grafana/", {"groups": groups}, f"X-WEBAUTH-USER: {ROOT}", "X-WEBAUTH-ROLE: Admin",
                           "X_WEBAUTH_ROLE: Admin")
    assert (status, headers["x-webauth-user"]) == (200, "alice")
    assert headers["x-webauth-role"] == role or role is None and headers["x-webauth-role"] in ("Admin", "Editor")
    assert ROOT not in headers.values() and "authorization" not in headers
