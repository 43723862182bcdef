"""Media sessions set up by hand in either relay, through the control protocol
each has: relayd's SIP dialect, rtpengine's ng (bencode over UDP). open()
returns where the two parties send their media to."""

from support.sipmsg import Message, sdp, sdp_media, token

from world import CALLEE, CALLER, PROXY

MEDIA_A = (CALLER, 40000)
MEDIA_B = (CALLEE, 40000)
_TRIES = 5


class _Control:
    """One UDP socket to a relay's control port; ask() repeats until there is
    an answer that `match` takes."""

    def __init__(self, world, to, ip):
        self.to = to
        self.socket = world.udp("servers", ip=ip)
        self.socket.settimeout(0.5)
        self.open_calls = []
        world.own(self)

    def close(self):
        self.socket.close()

    def ask(self, raw, match):
        for _ in range(_TRIES):
            self.socket.sendto(raw, self.to)
            try:
                while True:
                    got = match(self.socket.recv(65535))
                    if got is not None:
                        return got
            except (TimeoutError, ConnectionError):
                continue
        raise TimeoutError("the relay at %s:%d does not answer" % self.to)


def _audio(body):
    """(address, port) of the audio line."""
    for media, address, port in sdp_media(body):
        if media == "audio" and port:
            return address, port
    raise ValueError(f"no audio in the relay's answer: {body!r}")


class Relayd(_Control):
    """The dialect of proto/README.md, asked as a proxy would."""

    def __init__(self, world, to):
        super().__init__(world, to, PROXY)

    def _request(self, method, call, cseq, to_tag=None, contact=None,
                 body=b""):
        ip, port = self.socket.getsockname()
        dest = "<sip:second@example.com>"
        return Message.build(f"{method} sip:relay@{self.to[0]} SIP/2.0", [
            ("Via", f"SIP/2.0/UDP {ip}:{port};branch={token('z9hG4bK')}"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:first@example.com>;tag=a{call}"),
            ("To", f"{dest};tag={to_tag}" if to_tag else dest),
            ("Call-ID", call), ("CSeq", f"{cseq} {method}"),
            ("Contact", contact and f"<sip:bench@{contact}:5060>"),
            ("Content-Type", "application/sdp" if body else None)], body)

    def _final(self, request, want):
        def match(raw):
            m = Message(raw)
            fits = not m.is_request and m.branch == request.branch
            return m if fits and m.status >= 200 else None
        answer = self.ask(request.raw, match)
        if answer.status != want:
            raise RuntimeError(f"relayd: {answer.start} to {request.start}")
        return answer

    def _invite(self, call, cseq, media, to_tag=None):
        ip, port = media
        request = self._request("INVITE", call, cseq, to_tag, ip,
                                sdp(ip, ("audio", port)))
        answer = self._final(request, 302)
        ack = self._request("ACK", call, cseq, answer.to_tag)
        self.socket.sendto(ack.raw, self.to)
        return _audio(answer.body)

    def open(self):
        call = token("bench")
        for_b = self._invite(call, 1, MEDIA_A)
        for_a = self._invite(call, 2, MEDIA_B, f"b{call}")
        self.open_calls.append(call)
        return for_a, for_b

    def close_all(self):
        while self.open_calls:
            call = self.open_calls.pop()
            self._final(self._request("BYE", call, 3, f"b{call}"), 200)


def bencode(value):
    if isinstance(value, dict):
        return b"d" + b"".join(bencode(k) + bencode(v)
                               for k, v in sorted(value.items())) + b"e"
    if isinstance(value, (list, tuple)):
        return b"l" + b"".join(map(bencode, value)) + b"e"
    raw = value if isinstance(value, bytes) else str(value).encode()
    return b"%d:%s" % (len(raw), raw)


def bdecode(raw, at=0):
    """(value, where it ended); strings as bytes, keys of a dictionary as
    str."""
    kind = raw[at:at + 1]
    if kind == b"i":
        end = raw.index(b"e", at)
        return int(raw[at + 1:end]), end + 1
    if kind in (b"l", b"d"):
        items, at = [], at + 1
        while raw[at:at + 1] != b"e":
            item, at = bdecode(raw, at)
            items.append(item)
        if kind == b"d":
            items = {k.decode(): v for k, v in zip(items[::2], items[1::2])}
        return items, at + 1
    colon = raw.index(b":", at)
    end = colon + 1 + int(raw[at:colon])
    return raw[colon + 1:end], end


class Ng(_Control):
    """rtpengine's control protocol: COOKIE, blank, a bencoded dictionary."""

    def __init__(self, world, to):
        super().__init__(world, to, "127.0.0.1")

    def _command(self, command, **fields):
        cookie = token().encode()
        request = {k.replace("_", "-"): v for k, v in fields.items()}
        request["command"] = command

        def match(raw):
            got, _, rest = raw.partition(b" ")
            return bdecode(rest)[0] if got == cookie else None

        answer = self.ask(cookie + b" " + bencode(request), match)
        if answer.get("result") not in (b"ok", b"pong"):
            raise RuntimeError(f"rtpengine: {command}: {answer}")
        return answer

    def ping(self):
        try:
            return self._command("ping")
        except TimeoutError:
            return None

    def _offer_answer(self, command, call, media, **tags):
        ip, port = media
        answer = self._command(
            command, call_id=call, ICE="remove",
            replace=["origin", "session-connection"],
            sdp=sdp(ip, ("audio", port)), **tags)
        return _audio(answer["sdp"])

    def open(self):
        call = token("bench")
        for_b = self._offer_answer("offer", call, MEDIA_A, from_tag="a")
        for_a = self._offer_answer("answer", call, MEDIA_B, from_tag="a",
                                   to_tag="b")
        self.open_calls.append(call)
        return for_a, for_b

    def close_all(self):
        while self.open_calls:
            self._command("delete", call_id=self.open_calls.pop(),
                          from_tag="a")
