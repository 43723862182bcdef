"""A scripted SIP user agent over UDP, for exact call shapes.

One UA is one phone: one socket on one host, one thread that reads it. The
thread does what a phone does by itself (retransmit until answered, absorb
retransmissions, answer OPTIONS, repeat a 200 until its ACK); everything else
is said by the test:

    alice = UA(net, "first", "alice", proxy=PROXY1)
    bob = UA(net, "second", "bob", proxy=PROXY2)
    alice.register(), bob.register()
    call = alice.invite("sip:bob@example.com", sdp("10.0.0.16"))
    leg = bob.incoming()
    leg.ring(); call.wait_status(180)
    leg.answer(sdp("10.0.0.16")); call.wait_status(200); call.ack()
    leg.wait_ack()
    call.bye(); leg.wait_request("BYE")

Nothing sleeps: wait_for() returns as soon as what it waits for is so.
"""

import select
import socket
import threading
import time

from .call import TIMEOUT, Call
from .digest import ALGORITHMS, answer as answer_challenge, challenges
from .net import ADDRESS
from .sipmsg import Message, host_port, token

T1, T2 = 0.5, 4.0

_REASONS = {100: "Trying", 180: "Ringing", 183: "Session Progress", 200: "OK",
            202: "Accepted", 302: "Moved Temporarily", 404: "Not Found",
            480: "Temporarily Unavailable", 481: "No Such Call",
            486: "Busy Here", 487: "Request Terminated",
            488: "Not Acceptable Here", 500: "Server Internal Error",
            501: "Not Implemented", 503: "Service Unavailable",
            603: "Decline"}


class _Resend:
    """A message repeated at T1, 2 T1, … until stopped."""

    def __init__(self, raw, to, now, cap):
        self.raw, self.to, self.cap = raw, to, cap
        self.interval = T1
        self.due = now + T1
        self.end = now + 64 * T1

    def fire(self, now):
        self.interval = min(self.interval * 2, self.cap)
        self.due = now + self.interval


class UA:
    """proxy: the outbound proxy ("ip" or (ip, port)); None sends requests to
    where their URI says. address: what the phone believes its own address is
    (by default the host's: the private one behind a NAT)."""

    def __init__(self, net, host, user, proxy=None, domain="example.com",
                 port=5060, address=None, password=None, rport=True,
                 transform=None):
        self.user, self.domain, self.password = user, domain, password
        self.ip = address or ADDRESS[host]
        self.port = port
        self.proxy = (proxy, 5060) if isinstance(proxy, str) else proxy
        self.algorithms = tuple(ALGORITHMS)  # of digests that it can make
        self.auth_name = None  # in credentials, where it is not the user
        self.challenge = None  # the last that it has answered
        self.rport = rport
        self.transform = transform or (lambda raw: raw)
        self.auto_options = True
        self.received = []
        self.sent = []
        self.calls = {}
        self._register = {"call_id": token("reg"), "cseq": 0,
                          "tag": token("t")}
        self._resend = {}
        self._answers = {}
        self._seen = set()
        self._new_calls = []
        self._error = None
        self._changed = threading.Condition(threading.RLock())
        self.socket = self._open(net, host, port)
        self._wake_r, self._wake_w = socket.socketpair()
        self._closing = False
        self._thread = threading.Thread(target=self._run, daemon=True,
                                        name=f"ua {user}")
        self._thread.start()
        net.own(self)

    def close(self):
        if self._closing:
            return
        self._closing = True
        self._wake_w.send(b"x")
        self._thread.join()
        for s in (self.socket, self._wake_r, self._wake_w):
            s.close()

    def _open(self, net, host, port):
        """What messages come from (recvfrom) and go to (sendto)."""
        return net.udp(host, port, "::" if ":" in self.ip else "0.0.0.0")

    # The thread.

    def _run(self):
        while not self._closing:
            with self._changed:
                timeout = self._resend_due()
            ready, _, _ = select.select([self.socket, self._wake_r], [], [],
                                        timeout)
            if self._wake_r in ready:
                self._wake_r.recv(4096)
            if self.socket not in ready:
                continue
            try:
                raw, source = self.socket.recvfrom(65535)
            except ConnectionError:
                continue
            with self._changed:
                try:
                    self._datagram(raw, source)
                except Exception as e:
                    self._error = e
                self._changed.notify_all()

    def _resend_due(self):
        """Send what is due; the seconds until the next, None without one."""
        now = time.monotonic()
        for key, r in list(self._resend.items()):
            if now >= r.end:
                del self._resend[key]
            elif now >= r.due:
                self._transmit(r.raw, r.to)
                r.fire(now)
        dues = [r.due for r in self._resend.values()]
        return max(0.0, min(dues) - now) if dues else None

    def _datagram(self, raw, source):
        if not raw.strip(b"\r\n\0"):
            self.received.append(Keepalive(raw, source))
            return
        m = Message(raw, source)
        m.duplicate = self._is_duplicate(m)
        self.received.append(m)
        if m.is_request:
            self._request(m)
        else:
            self._response(m)

    def _is_duplicate(self, m):
        key = (m.start, m.branch, m.get("CSeq"), m.call_id, m.to_tag)
        if key in self._seen:
            return True
        self._seen.add(key)
        return False

    def _request(self, m):
        if m.method == "ACK":
            self._resend.pop(("answer", m.call_id, m.cseq), None)
        elif m.duplicate:
            answer = self._answers.get((m.branch, m.method))
            if answer:
                self._transmit(*answer)
            return
        call = self.calls.get(m.call_id)
        if m.method == "OPTIONS" and self.auto_options and not call:
            self.respond(m, 200)
        elif m.method == "INVITE" and call is None:
            call = self.calls[m.call_id] = Call(self, invite=m)
            self._new_calls.append(call)
        elif call is None and m.method not in ("ACK", "OPTIONS"):
            self.respond(m, 481)
        elif call is not None:
            call._request(m)

    def _response(self, m):
        key = (m.branch, m.cseq_method)
        if m.cseq_method == "INVITE" or m.status >= 200:
            self._resend.pop(key, None)
        call = self.calls.get(m.call_id)
        if call is not None:
            call._response(m)

    # Sending.

    def _transmit(self, raw, to):
        self.sent.append((time.monotonic(), to, raw))
        try:
            self.socket.sendto(raw, to)
        except OSError as e:
            self._error = self._error or e

    def send_raw(self, raw, to=None):
        """Any bytes, once, to the proxy or to (ip, port)."""
        with self._changed:
            self._transmit(raw, to or self.proxy)

    def send(self, m, to=None, repeat=True):
        """Send a request; repeated until there is an answer, except ACK.
        Returns the message as it went out."""
        m = Message(self.transform(m.raw))
        to = to or self.proxy or host_port(m.uri)
        with self._changed:
            now = time.monotonic()
            if repeat and m.method != "ACK":
                cap = 64 * T1 if m.method == "INVITE" else T2
                self._resend[(m.branch, m.method)] = \
                    _Resend(m.raw, to, now, cap)
            self._transmit(m.raw, to)
        self._wake_w.send(b"x")
        return m

    def respond(self, req, status, reason=None, sdp=None, tag=None,
                headers=(), to=None):
        """Answer a request with any status. Sent to where it came from (RFC
        3581), a 2xx to an INVITE repeated until its ACK."""
        reason = reason or _REASONS.get(status, "Whatever")
        dest = req.get("To")
        if tag and status > 100 and not req.to_tag:
            dest += f";tag={tag}"
        head = [("Via", v) for v in req.all("Via")]
        head += [("Record-Route", v) for v in req.all("Record-Route")]
        head += [("From", req.get("From")), ("To", dest),
                 ("Call-ID", req.call_id), ("CSeq", req.get("CSeq")),
                 ("Contact", f"<{self.contact_uri}>"
                  if req.method == "INVITE" and 101 <= status < 300
                  else None),
                 *headers,
                 ("Content-Type", "application/sdp" if sdp else None)]
        m = Message.build(f"SIP/2.0 {status} {reason}", head, sdp or b"")
        m = Message(self.transform(m.raw))
        to = to or req.source
        with self._changed:
            self._answers[(req.branch, req.method)] = (m.raw, to)
            if req.method == "INVITE" and 200 <= status < 700:
                self._resend[("answer", req.call_id, req.cseq)] = \
                    _Resend(m.raw, to, time.monotonic(), T2)
            self._transmit(m.raw, to)
        self._wake_w.send(b"x")
        return m

    @property
    def sent_by(self):
        """Its address as SIP writes it."""
        return f"[{self.ip}]:{self.port}" if ":" in self.ip \
            else f"{self.ip}:{self.port}"

    @property
    def contact_uri(self):
        return f"sip:{self.user}@{self.sent_by}"

    @property
    def aor(self):
        return f"sip:{self.user}@{self.domain}"

    def via(self, branch=None):
        return (f"SIP/2.0/UDP {self.sent_by}"
                f"{';rport' if self.rport else ''};"
                f"branch={branch or token('z9hG4bK')}")

    # Waiting.

    def wait_for(self, predicate, timeout=TIMEOUT, what=""):
        """Wait until predicate() is true, asked again after every datagram,
        and return its value."""
        with self._changed:
            value = self._changed.wait_for(
                lambda: self._error or predicate(), timeout)
            if self._error:
                error, self._error = self._error, None
                raise error
            if not value:
                seen = "\n  ".join(repr(m) for m in self.received) or "nothing"
                raise TimeoutError(f"{self.user}: not within {timeout} s: "
                                   f"{what}; received:\n  {seen}")
            return value

    def messages(self, predicate=lambda m: True, duplicates=False):
        """The SIP messages received so far that the predicate likes."""
        with self._changed:
            return [m for m in self.received if not m.is_keepalive
                    and (duplicates or not m.duplicate) and predicate(m)]

    def wait_message(self, predicate, timeout=TIMEOUT, what="a message"):
        """The first message received, ever, that the predicate likes."""
        return self.wait_for(
            lambda: next(iter(self.messages(predicate)), None), timeout, what)

    def wait_keepalive(self, count=1, timeout=TIMEOUT):
        """Wait until CRLF keepalives were received `count` times."""
        return self.wait_for(
            lambda: sum(m.is_keepalive for m in self.received) >= count,
            timeout, "keepalive")

    # Outside a dialog.

    def request(self, method, uri, headers=(), body=b"", to=None, call_id=None,
                cseq=1, tag=None, dest=None, branch=None):
        """Build and send one request outside any dialog."""
        head = [("Via", self.via(branch)), ("Max-Forwards", "70"),
                ("From", f"<{self.aor}>;tag={tag or token('t')}"),
                ("To", dest or f"<{uri}>"),
                ("Call-ID", call_id or token("c")),
                ("CSeq", f"{cseq} {method}"), *headers]
        m = Message.build(f"{method} {uri} SIP/2.0", head, body)
        return self.send(m, to)

    def transact(self, method, uri, timeout=TIMEOUT, **kw):
        """request() and wait for its final response; a digest challenge is
        answered once where there is a password."""
        m = self.request(method, uri, **kw)
        answer = self.final(m, timeout)
        authorization = self.credentials(answer, method, uri)
        if authorization:
            kw["headers"] = [*kw.get("headers", ()), authorization]
            kw.update(call_id=m.call_id, tag=m.from_tag, cseq=m.cseq + 1)
            answer = self.final(self.request(method, uri, **kw), timeout)
        return answer

    def credentials(self, answer, method, uri):
        """The header that answers a 401 or 407, None if there is no need or
        no password."""
        asked = challenges(answer, self.algorithms)
        if answer.status not in (401, 407) or self.password is None \
                or not asked:
            return None
        self.challenge, self._nc = asked[0], 0
        return self.prove(method, uri)

    def prove(self, method, uri):
        """The same once more, with the nonce that it was given last."""
        self._nc += 1
        return answer_challenge(self.challenge, method, uri,
                                self.auth_name or self.user, self.password,
                                self._nc)

    def final(self, req, timeout=TIMEOUT):
        """The final response to a request that was sent."""
        return self.wait_message(
            lambda m: m.status is not None and m.status >= 200
            and m.branch == req.branch and m.cseq_method == req.method,
            timeout, f"final response to {req.method}")

    def register(self, expires=3600, contact=None, timeout=TIMEOUT,
                 headers=()):
        """REGISTER (again: a refresh, with the same Call-ID); returns the
        final response."""
        r = self._register
        r["cseq"] += 1
        answer = self.transact(
            "REGISTER", f"sip:{self.domain}", timeout,
            headers=[("Contact", contact or f"<{self.contact_uri}>"),
                     ("Expires", str(expires)), *headers],
            call_id=r["call_id"], cseq=r["cseq"], tag=r["tag"],
            dest=f"<{self.aor}>")
        r["cseq"] = max(r["cseq"], answer.cseq)
        return answer

    refresh = register

    def unregister(self, timeout=TIMEOUT):
        return self.register(expires=0, timeout=timeout)

    # Calls.

    def invite(self, uri, sdp=None, headers=(), call_id=None):
        """Begin a call; returns at once."""
        return Call(self, uri=uri, sdp=sdp, headers=headers, call_id=call_id)

    def incoming(self, timeout=TIMEOUT):
        """The next incoming call, not asked for before."""
        self.wait_for(lambda: self._new_calls, timeout, "an incoming call")
        with self._changed:
            return self._new_calls.pop(0)


class Keepalive:
    """A datagram of CRLF or NUL only."""
    is_keepalive = True
    is_request = duplicate = False
    method = status = None

    def __init__(self, raw, source):
        self.raw, self.source = raw, source

    def __repr__(self):
        return f"<keepalive from {self.source}>"
