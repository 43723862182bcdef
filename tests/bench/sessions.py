"""Media sessions set up by hand in a relay, through the control protocol each
has: relayd's SIP dialect, rtpengine's ng (bencode over UDP), and none where
the kernel forwards."""

import re
import time
from dataclasses import dataclass

from support.sipmsg import Message, sdp, sdp_media, token

from bencode import bdecode, bencode
from world import CALLEE, CALLER, PROXY

_TRIES = 10
# Requests under way at a time: the relay never waits for us, and its queue
# does not overflow.
_WINDOW = 24
_FIRST_PORT = 10000


def parties(sessions):
    """[(A, B)], where the two parties of each session have their media."""
    return [((CALLER, _FIRST_PORT + 2 * i), (CALLEE, _FIRST_PORT + 2 * i))
            for i in range(sessions)]


@dataclass
class Opened:
    """ends: for each session where A sends to, where B sends to. seconds: what
    it took at full speed, our preparations not counted."""
    ends: list
    seconds: float


class _Control:
    """One UDP socket to a relay's control port."""

    def __init__(self, world, to, ip):
        self.to = to
        self.socket = world.udp("servers", ip=ip)
        self.socket.settimeout(0.5)
        self.open_calls = []
        world.own(self)

    def close(self):
        self.socket.close()

    def key(self, answer):
        """Of the request that is answered; None for what answers none."""
        raise NotImplementedError

    def answered(self, key, answer):
        """Called for each answer, at once."""

    def ask(self, requests):
        """All of {key: bytes}, many at a time and each repeated until it is
        answered: {key: answer}, and the seconds it took."""
        begun = time.monotonic()
        left = list(requests.items())[::-1]
        waiting, answers, tries = {}, {}, 0
        while left or waiting:
            while left and len(waiting) < _WINDOW:
                key, raw = left.pop()
                waiting[key] = raw
                self.socket.sendto(raw, self.to)
            try:
                answer = self.socket.recv(65535)
            except (TimeoutError, ConnectionError):
                tries += 1
                self._repeat(waiting, tries)
                continue
            key = self.key(answer)
            if waiting.pop(key, None) is not None:
                answers[key] = answer
                tries = 0
                self.answered(key, answer)
        return answers, time.monotonic() - begun

    def _repeat(self, waiting, tries):
        if tries == _TRIES:
            raise TimeoutError("the relay at %s:%d does not answer" % self.to)
        for raw in waiting.values():
            self.socket.sendto(raw, self.to)

    def open(self, pairs):
        """Sessions for these parties, Opened: first all offers, then all
        answers, as if as many calls were answered at the same time."""
        calls = [token("bench") for _ in pairs]
        self.open_calls += calls
        offers = {c: self.offer(c, a) for c, (a, _) in zip(calls, pairs)}
        answers = {c: self.answer(c, b) for c, (_, b) in zip(calls, pairs)}
        for_b, offers_s = self.ask(dict(offers.values()))
        for_a, answers_s = self.ask(dict(answers.values()))
        ends = [(self.port(for_a[answers[c][0]]),
                 self.port(for_b[offers[c][0]])) for c in calls]
        return Opened(ends, offers_s + answers_s)

    def close_all(self):
        self.ask(dict(self.release(c) for c in self.open_calls))
        self.open_calls.clear()


def _audio(body):
    """(address, port) of the audio line."""
    for media, address, port in sdp_media(body):
        if media == "audio" and port:
            return address, port
    raise ValueError(f"no audio in the relay's answer: {body!r}")


_BRANCH = re.compile(rb"branch=([^;,\s]+)")
_TO_TAG = re.compile(rb"\r\nTo:[^\r]*;tag=([^;\r]+)")
_TO_BE_TAGGED = b"to-be-tagged"


class Relayd(_Control):
    """The dialect of proto/README.md, asked as a proxy would."""

    def __init__(self, world, to):
        super().__init__(world, to, PROXY)
        self._acks = {}

    def _request(self, method, call, cseq, to_tag=None, contact=None,
                 body=b""):
        """(branch, bytes)."""
        ip, port = self.socket.getsockname()
        dest = "<sip:second@example.com>"
        branch = token("z9hG4bK")
        return branch.encode(), Message.build(
            f"{method} sip:relay@{self.to[0]} SIP/2.0", [
                ("Via", f"SIP/2.0/UDP {ip}:{port};branch={branch}"),
                ("Max-Forwards", "70"),
                ("From", f"<sip:first@example.com>;tag=a{call}"),
                ("To", f"{dest};tag={to_tag}" if to_tag else dest),
                ("Call-ID", call), ("CSeq", f"{cseq} {method}"),
                ("Contact", contact and f"<sip:bench@{contact}:5060>"),
                ("Content-Type", "application/sdp" if body else None)],
            body).raw

    def _invite(self, call, cseq, media, to_tag=None):
        ip, port = media
        key, raw = self._request("INVITE", call, cseq, to_tag, ip,
                                 sdp(ip, ("audio", port)))
        self._acks[key] = self._request("ACK", call, cseq,
                                        _TO_BE_TAGGED.decode())[1]
        return key, raw

    def offer(self, call, media):
        return self._invite(call, 1, media)

    def answer(self, call, media):
        return self._invite(call, 2, media, f"b{call}")

    def release(self, call):
        return self._request("BYE", call, 3, f"b{call}")

    def key(self, answer):
        if answer.startswith(b"SIP/2.0 1"):
            return None
        branch = _BRANCH.search(answer)
        return branch and branch[1]

    def answered(self, key, answer):
        if not answer.startswith((b"SIP/2.0 302", b"SIP/2.0 200")):
            raise RuntimeError(f"relayd: {Message(answer).start}")
        ack = self._acks.pop(key, None)
        if ack:
            tag = _TO_TAG.search(answer)[1]
            self.socket.sendto(ack.replace(_TO_BE_TAGGED, tag), self.to)

    def port(self, answer):
        return _audio(Message(answer).body)


class Ng(_Control):
    """rtpengine's control protocol: COOKIE, blank, a bencoded dictionary."""

    def __init__(self, world, to):
        super().__init__(world, to, "127.0.0.1")

    @staticmethod
    def _command(command, **fields):
        """(cookie, bytes)."""
        cookie = token().encode()
        request = {k.replace("_", "-"): v for k, v in fields.items()}
        request["command"] = command
        return cookie, cookie + b" " + bencode(request)

    def ping(self):
        """Whether it is there."""
        key, raw = self._command("ping")
        self.socket.sendto(raw, self.to)
        try:
            return self.key(self.socket.recv(65535)) == key
        except (TimeoutError, ConnectionError):
            return False

    def _sdp(self, command, call, media, **tags):
        ip, port = media
        return self._command(
            command, call_id=call, ICE="remove",
            replace=["origin", "session-connection"],
            sdp=sdp(ip, ("audio", port)), **tags)

    def offer(self, call, media):
        return self._sdp("offer", call, media, from_tag="a")

    def answer(self, call, media):
        return self._sdp("answer", call, media, from_tag="a", to_tag="b")

    def release(self, call):
        return self._command("delete", call_id=call, from_tag="a")

    def key(self, answer):
        return answer.partition(b" ")[0]

    def answered(self, key, answer):
        if b"6:result2:ok" not in answer:
            raise RuntimeError(f"rtpengine: {answer!r}")

    def port(self, answer):
        return _audio(bdecode(answer.partition(b" ")[2])[0]["sdp"])


class Straight:
    """No relay: each party sends to the other."""

    @staticmethod
    def open(pairs):
        return Opened([(b, a) for a, b in pairs], 0.0)

    @staticmethod
    def close_all():
        pass


class Several:
    """Sessions shared out among relays that are alike."""

    def __init__(self, controls):
        self.controls = controls

    def open(self, pairs):
        opened = Opened([], 0.0)
        for i, control in enumerate(self.controls):
            first, end = (len(pairs) * k // len(self.controls)
                          for k in (i, i + 1))
            some = control.open(pairs[first:end])
            opened.ends += some.ends
            opened.seconds += some.seconds
        return opened

    def close_all(self):
        for control in self.controls:
            control.close_all()
