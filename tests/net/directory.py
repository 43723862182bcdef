"""A scripted directory in place of redirectd, to have it say what a test wants:
it keeps what is registered, asks for a password where it is told to, and
answers for numbers as the test sets them."""

import itertools

from calls import Site
from support.daemons import Daemon, proxyd_conf, relayd_conf
from support.net import REDIRECT
from support.digest import fields
from support.sip import UA
from support.sipmsg import token, uri_of, uri_param

PASSWORD = "a good one"


class Directory(UA):
    """Just enough of redirectd, on its host. `realm`: what it asks
    credentials for, None: it lets everybody through."""

    def __init__(self, net, port=5060, host="redirect", realm=None):
        self.realm = realm
        self.bindings = {}   # client id -> Contact URIs
        self.routes = {}     # user -> [URI], the best first
        self.refusals = {}   # user -> (status, headers)
        self.busy = None     # Retry-After of a 503 to everything
        self.silent = False
        self.asked = []      # what came but the proxies' own questions
        self._nonces = set()
        super().__init__(net, host, "directory", port=port)

    def _request(self, m):
        if self.silent:
            return
        if m.method == "ACK" or m.duplicate:
            super()._request(m)
        elif m.method == "OPTIONS":
            self.respond(m, 403)
        else:
            self.asked.append(m)
            self._answer(m)

    def _answer(self, m):
        user = uri_of(m.get("To")).split("@")[0].split(":", 1)[1]
        tag = "tag" + m.from_tag
        if self.busy is not None:
            self.respond(m, 503, tag=tag,
                         headers=[("Retry-After", str(self.busy))])
        elif not self._lets_through(m):
            self._challenge(m, tag)
        elif user in self.refusals:
            status, headers = self.refusals[user]
            self.respond(m, status, tag=tag, headers=headers)
        elif m.method == "REGISTER":
            self._bind(m, tag)
        else:
            self._redirect(m, tag)

    def _lets_through(self, m):
        if self.realm is None or uri_param(m.uri, "ph-vouched") is not None \
                or uri_param(m.uri, "ph-served") is not None:
            return True
        name = "Authorization" if m.method == "REGISTER" \
            else "Proxy-Authorization"
        shown = [fields(v) for v in m.all(name)]
        return any(f.get("realm") == self.realm
                   and f.get("nonce") in self._nonces for f in shown)

    def _challenge(self, m, tag):
        nonce = token("nonce")
        self._nonces.add(nonce)
        status, name = (401, "WWW-Authenticate") if m.method == "REGISTER" \
            else (407, "Proxy-Authenticate")
        self.respond(m, status, "Who Are You", tag=tag, headers=[
            (name, f'Digest realm="{self.realm}", nonce="{nonce}", '
                   f'algorithm=SHA-256, qop="auth"'),
            (name, f'Digest realm="{self.realm}", nonce="{nonce}", '
                   f'algorithm=MD5, qop="auth"')])

    @staticmethod
    def _client(m):
        """Who is asked for: user@domain."""
        user = m.uri.split("@")[0].split(":", 1)[1]
        return f"{user}@{uri_param(m.uri, 'ph-domain')}"

    def _bind(self, m, tag):
        aor = uri_of(m.get("To")).split(":", 1)[1]
        self.bindings[aor] = [uri_of(c) for c in m.all("Contact")]
        self.respond(m, 200, tag=tag, headers=[
            ("Contact", f"<{c}>;expires=3600") for c in self.bindings[aor]])

    def _redirect(self, m, tag):
        client = self._client(m)
        found = self.bindings.get(client) \
            or self.routes.get(client.split("@")[0])
        if not found:
            self.respond(m, 404, tag=tag)
            return
        self.respond(m, 302, tag=tag, headers=[
            ("Contact", f"<{uri}>;q={1 - 0.1 * i:.3f}")
            for i, uri in enumerate(found)])

    def queries(self, call_id):
        """What it was asked for one call."""
        return [m for m in self.asked if m.call_id == call_id]


class DirectedSite(Site):
    """proxyd on proxy1 and relayd, and directories as scripted: phones, media
    and what is left behind as in any site."""

    def __init__(self, net, directories=1, realm=None, **changes):
        self.net = net
        self.directories = [Directory(net, 5060 + 2 * i, realm=realm)
                            for i in range(directories)]
        self.directory = self.directories[0]
        self.relay = Daemon(net, "relay", "relayd", relayd_conf())
        self.proxy1 = Daemon(net, "proxy1", "proxyd", proxyd_conf(
            redirect=[f"{REDIRECT}:{d.port}" for d in self.directories],
            trusted=[], **changes))
        self.pinhole = self
        self.all = {"relay": self.relay, "proxy1": self.proxy1}
        self._here = []
        self._serial = itertools.count(1)
        self._port = itertools.count(5062, 2)
        self._media = itertools.count(20000, 10)

    def phone(self, host, name, **kw):
        kw.setdefault("proxy", "203.0.113.1")
        kw.setdefault("password", PASSWORD)
        return super().phone(host, name, **kw)

    def gauges(self, names=(("relay", "sessions"), ("relay", "streams"),
                            ("proxy1", "sessions"))):
        return super().gauges(names)
