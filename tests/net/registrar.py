"""A stand-in for the daemons, to see what a phone registers."""

from support.sip import UA


class Registrar(UA):
    """Just enough of one to see what a UA sends; asks for a password."""

    def __init__(self, net, host="proxy1"):
        self.seen = []
        super().__init__(net, host, "registrar")

    def _request(self, m):
        if m.duplicate:
            return
        self.seen.append(m)
        if len(self.seen) == 1:
            self.respond(m, 401, "Unauthorized", headers=[
                ("WWW-Authenticate", 'Digest realm="example.com", '
                 'nonce="n1", qop="auth,auth-int", opaque="o"')])
        else:
            self.respond(m, 200, headers=[("Contact", m.get("Contact"))])
