"""One side of a dialog that no INVITE has made (RFC 3261 12, RFC 6665), or of
another usage of one that an INVITE has (RFC 5057)."""

from .sipmsg import Message, host_port, param, token, uri_of


class Dialog:
    """Use the ones who make them: asked() and taken()."""

    def __init__(self, ua, call_id, local, remote, target, routes, cseq):
        self.ua, self.call_id, self.cseq = ua, call_id, cseq
        self.local, self.remote = local, remote
        self.target, self.routes = target, routes

    @classmethod
    def asked(cls, ua, request, answer):
        """By a request of ours and its 2xx, or the first NOTIFY."""
        notify = answer.is_request
        return cls(ua, request.call_id, request.get("From"),
                   answer.get("From" if notify else "To"), answer.contact,
                   answer.all("Record-Route")[::1 if notify else -1],
                   request.cseq)

    @classmethod
    def taken(cls, ua, request):
        """By a request to us."""
        return cls(ua, request.call_id, request.get("To") + f";tag={token()}",
                   request.get("From"), request.contact,
                   request.all("Record-Route"), 7000)

    @property
    def tag(self):
        return param(self.local, "tag")

    def send(self, method, headers=(), body=b""):
        """A request within it; returns it as sent."""
        self.cseq += 1
        head = [("Via", self.ua.via()), ("Max-Forwards", "70"),
                *(("Route", r) for r in self.routes),
                ("From", self.local), ("To", self.remote),
                ("Call-ID", self.call_id), ("CSeq", f"{self.cseq} {method}"),
                ("Contact", f"<{self.ua.contact_uri}>"), *headers]
        m = Message.build(f"{method} {self.target} SIP/2.0", head, body)
        return self.ua.send(m, host_port(uri_of(self.routes[0]))
                            if self.routes else host_port(self.target))
