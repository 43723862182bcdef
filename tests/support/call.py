"""One side of one call of a scripted user agent (sip.UA)."""

from .sipmsg import Message, host_port, param, token, uri_of

TIMEOUT = 10.0


class Call:
    """One side of one call: made by UA.invite() or returned by
    UA.incoming()."""

    def __init__(self, ua, invite=None, uri=None, sdp=None, headers=(),
                 call_id=None):
        self.ua = ua
        self.outgoing = invite is None
        self.messages = []
        self.acks = []
        self.auto = {"BYE", "INFO", "UPDATE", "OPTIONS"}
        # method -> (status, headers), where that is not a plain 200; status 0
        # answers nothing
        self.answers = {}
        self.local_tag = token("t")
        self._acked = {}
        self._taken = []
        if self.outgoing:
            self.call_id = call_id or token("call")
            self._uri, self._headers = uri, tuple(headers)
            self._cseq = 0
            self.remote, self.routes, self.remote_tag = uri, [], None
            with ua._changed:
                ua.calls[self.call_id] = self
            self._invite(sdp)
        else:
            self.invite = invite
            self.call_id = invite.call_id
            self._cseq = 100
            self.remote = invite.contact
            self.remote_tag = invite.from_tag
            self.routes = invite.all("Record-Route")

    def _invite(self, sdp, extra=()):
        self._offer = sdp
        self._cseq += 1
        self.invite = self.ua.request(
            "INVITE", self._uri, call_id=self.call_id, cseq=self._cseq,
            tag=self.local_tag, body=sdp or b"",
            headers=[("Contact", f"<{self.ua.contact_uri}>"),
                     ("Allow", "INVITE, ACK, BYE, CANCEL, OPTIONS"),
                     ("Content-Type", "application/sdp" if sdp else None),
                     *self._headers, *extra])

    # Called by the UA's thread.

    def _request(self, m):
        self.messages.append(m)
        if m.method == "ACK":
            self.acks.append(m)
        elif m.method in self.auto:
            status, headers = self.answers.get(m.method, (200, ()))
            if status:
                self.ua.respond(m, status, headers=headers)
        elif m.method == "CANCEL":
            self.ua.respond(m, 200)
            if not self.outgoing and self._answered is None:
                self.respond(487)

    def _response(self, m):
        self.messages.append(m)
        if m.cseq_method != "INVITE" or m.status < 200:
            return
        if m.status >= 300:
            self._ack_failure(m)
        else:
            if m.contact:
                self.remote = m.contact
            if self.outgoing and self.remote_tag is None:
                self.routes = list(reversed(m.all("Record-Route")))
            self.remote_tag = m.to_tag
            if m.cseq in self._acked:
                self.ua._transmit(*self._acked[m.cseq])

    def _ack_failure(self, m):
        sent = next((Message(raw) for _, _, raw in reversed(self.ua.sent)
                     if m.branch.encode() in raw), None)
        if sent is None:
            return
        head = [("Via", sent.get("Via")), ("Max-Forwards", "70")]
        head += [("Route", r) for r in sent.all("Route")]
        head += [("From", m.get("From")), ("To", m.get("To")),
                 ("Call-ID", m.call_id), ("CSeq", f"{m.cseq} ACK")]
        ack = Message.build(f"ACK {sent.uri} SIP/2.0", head)
        self.ua.send(ack, self._next_hop())

    # What has come so far.

    @property
    def _answered(self):
        """The final answer we gave to the INVITE, or None."""
        got = self.ua._answers.get((self.invite.branch, "INVITE"))
        if got is None or Message(got[0]).status < 200:
            return None
        return Message(got[0])

    def responses(self, method="INVITE"):
        return [m for m in self.messages
                if m.status is not None and m.cseq_method == method
                and not m.duplicate]

    def requests(self, method):
        return [m for m in self.messages if m.is_request
                and m.method == method and not m.duplicate]

    @property
    def status(self):
        """Of the latest response to the latest INVITE; 0 before any."""
        got = [m for m in self.responses() if m.cseq == self.invite.cseq]
        return got[-1].status if got else 0

    def wait_for(self, predicate, timeout=TIMEOUT, what=""):
        return self.ua.wait_for(lambda: predicate(self), timeout, what)

    def wait_status(self, status, timeout=TIMEOUT):
        """The response to the latest INVITE with this status. A final one
        that is another fails at once."""
        def look():
            got = [m for m in self.responses() if m.cseq == self.invite.cseq]
            for m in got:
                if m.status == status:
                    return m
            final = [m for m in got if m.status >= 200]
            if final:
                raise AssertionError(f"{self.ua.user}: {status} awaited, "
                                     f"got {final[0].start}")
        return self.ua.wait_for(look, timeout, f"{status} to INVITE")

    def wait_final(self, timeout=TIMEOUT):
        return self.ua.final(self.invite, timeout)

    def wait_request(self, method, timeout=TIMEOUT):
        """The latest request of this method within the call."""
        return self.ua.wait_for(lambda: (self.requests(method) or [None])[-1],
                                timeout, method)

    def wait_ack(self, timeout=TIMEOUT):
        """The ACK of the latest INVITE we answered."""
        return self.ua.wait_for(
            lambda: next((a for a in self.acks
                          if a.cseq == self.invite.cseq), None),
            timeout, "ACK")

    # As the callee.

    def respond(self, status, reason=None, sdp=None, headers=()):
        return self.ua.respond(self.invite, status, reason, sdp,
                               self.local_tag, headers)

    def ring(self, status=180, sdp=None):
        return self.respond(status, sdp=sdp)

    def ring_reliably(self, sdp=None, status=183, rseq=1):
        """A provisional response that asks for a PRACK (RFC 3262 7.1)."""
        return self.respond(status, sdp=sdp, headers=[
            ("Require", "100rel"), ("RSeq", str(rseq))])

    def answer(self, sdp):
        return self.respond(200, sdp=sdp)

    def reject(self, status=486):
        return self.respond(status)

    # As the caller.

    def authenticate(self, answer):
        """Repeat the INVITE with credentials after a 401 or 407."""
        self._invite(self._offer, [self.ua.credentials(
            answer, "INVITE", self._uri)])

    def ack(self, sdp=None):
        """ACK the 200; repeated whenever that is."""
        m = self._build("ACK", sdp, cseq=self.invite.cseq)
        m = self.ua.send(m, self._next_hop())
        with self.ua._changed:
            self._acked[m.cseq] = (m.raw, self._next_hop())
        return m

    def early(self, m):
        """Take the early dialog that a provisional response has made."""
        self.remote, self.remote_tag = m.contact, m.to_tag
        self.routes = list(reversed(m.all("Record-Route")))

    def prack(self, m, sdp=None):
        """Acknowledge a reliable provisional response (RFC 3262 7.2)."""
        if self.remote_tag is None:
            self.early(m)
        return self.request("PRACK", sdp, headers=[
            ("RAck", f"{m.get('RSeq')} {m.get('CSeq')}")])

    def cancel(self):
        """CANCEL the INVITE; returns the request."""
        head = [("Via", self.invite.get("Via")), ("Max-Forwards", "70"),
                ("From", self.invite.get("From")),
                ("To", self.invite.get("To")), ("Call-ID", self.call_id),
                ("CSeq", f"{self.invite.cseq} CANCEL")]
        m = Message.build(f"CANCEL {self.invite.uri} SIP/2.0", head)
        return self.ua.send(m)

    # Within the dialog, from either side.

    def _next_hop(self):
        if self.routes:
            return host_port(uri_of(self.routes[0]))
        return self.ua.proxy if self.remote_tag is None and self.ua.proxy \
            else host_port(self.remote)

    def _build(self, method, sdp=None, headers=(), cseq=None):
        if cseq is None:
            self._cseq += 1
            cseq = self._cseq
        mine = self.invite_of_dialog.get("From" if self.outgoing else "To")
        peer = self.invite_of_dialog.get("To" if self.outgoing else "From")
        if not self.outgoing:
            mine += f";tag={self.local_tag}"
        elif self.remote_tag and param(peer, "tag") is None:
            peer += f";tag={self.remote_tag}"
        head = [("Via", self.ua.via()), ("Max-Forwards", "70")]
        head += [("Route", r) for r in self.routes]
        head += [("From", mine), ("To", peer), ("Call-ID", self.call_id),
                 ("CSeq", f"{cseq} {method}"),
                 ("Contact", f"<{self.ua.contact_uri}>"
                  if method in ("INVITE", "UPDATE") else None),
                 *headers,
                 ("Content-Type", "application/sdp" if sdp else None)]
        return Message.build(f"{method} {self.remote} SIP/2.0", head,
                             sdp or b"")

    @property
    def invite_of_dialog(self):
        """The INVITE that the dialog's From and To are taken from."""
        return getattr(self, "_first_invite", self.invite)

    def request(self, method, sdp=None, headers=()):
        """Send a request within the dialog; returns it as sent."""
        m = self._build(method, sdp, headers)
        return self.ua.send(m, self._next_hop())

    def reinvite(self, sdp, headers=()):
        """A re-INVITE from either side; wait_status() and ack() then are
        about it. The other side sees it with wait_reinvite()."""
        self._first_invite = self.invite_of_dialog
        self.invite = self.request("INVITE", sdp, headers)
        return self.invite

    def wait_reinvite(self, timeout=TIMEOUT):
        """The next INVITE within the dialog, which answer() then answers."""
        m = self.ua.wait_for(
            lambda: next((r for r in self.requests("INVITE")
                          if r not in self._taken), None),
            timeout, "re-INVITE")
        self._first_invite = self.invite_of_dialog
        self._taken.append(m)
        self.invite = m
        self.remote = m.contact or self.remote
        return m

    def hand_over(self, ua):
        """The phone has moved: it goes on as another UA."""
        del self.ua.calls[self.call_id]
        self.ua = ua
        ua.calls[self.call_id] = self

    def bye(self, timeout=TIMEOUT):
        """BYE, and its final response."""
        return self.ua.final(self.request("BYE"), timeout)
