"""The torture corpus (tests/torture), and phones that take a message as the
bytes it is: nothing they read is parsed further than has to be."""

import re
import select
import time

from .net import PROXY1, TOP

CORPUS = TOP / "tests" / "torture"
PROXY = (PROXY1, 5060)
PATIENCE = 5.0
ANSWERED = (b"Via", b"From", b"To", b"Call-ID", b"CSeq")
_COMPACT = {b"v": b"via", b"f": b"from", b"t": b"to", b"i": b"call-id",
            b"l": b"content-length"}
_ESCAPE = re.compile(rb"\\(?:x([0-9a-f]{2})|(.))", re.S)


def unescape(text):
    """What a line of a file stands for: \\xHH is that byte, \\\\ one
    backslash."""
    return _ESCAPE.sub(lambda m: bytes.fromhex(m[1].decode()) if m[1]
                       else m[2], text)


class Torture:
    """One file: keys with their values, and the lines of a message."""

    def __init__(self, path):
        self.name = path.stem
        head, _, self.text = path.read_bytes().partition(b"----\n")
        self.keys = []
        for line in head.decode().splitlines():
            if line.startswith(" "):
                self.keys[-1][1] += line
            else:
                key, _, value = line.partition(": ")
                self.keys.append([key, value])

    def all(self, key):
        """Every value of a key, as bytes."""
        return [unescape(v.encode()) for k, v in self.keys if k == key]

    def get(self, key, default=b""):
        return next(iter(self.all(key)), default)

    @property
    def expect(self):
        return self.get("expect").decode()

    def message(self, shared=None):
        """The bytes of it; `shared` has the header lines that "@Via" and the
        like stand for."""
        out = b""
        lines = self.text.split(b"\n")
        for i, line in enumerate(lines):
            last = i + 1 == len(lines)
            if line.startswith(b"@"):
                out += shared[line[1:]]
            elif re.search(rb"(?<!\\)(\\\\)*\\$", line):
                out += unescape(line[:-1])
            elif not last:
                out += unescape(line) + b"\r\n"
            else:
                out += unescape(line)
        return out


def corpus():
    return [Torture(p) for p in sorted(CORPUS.glob("*.sip"))]


def headers(raw, name):
    """The header lines of this name as they are, with their folds and line
    ends; compact forms too."""
    head = raw.partition(b"\r\n\r\n")[0] + b"\r\n"
    lines = re.findall(rb"[^\r\n][^\r\n]*\r\n(?:[ \t][^\r\n]*\r\n)*", head)
    found = []
    for line in lines[1:]:
        key = line.partition(b":")[0].strip().lower()
        if _COMPACT.get(key, key) == name.lower():
            found.append(line)
    return found


def value(raw, name):
    """The first value of this name, unfolded; None if it has none."""
    lines = headers(raw, name)
    return re.sub(rb"\s+", b" ", lines[0].partition(b":")[2]).strip() \
        if lines else None


def status(raw):
    """Of a response; 0 for anything else."""
    return int(raw[8:11]) if raw.startswith(b"SIP/2.0 ") else 0


def shared_lines(request, tag=b""):
    """The lines that a response takes from its request."""
    lines = {n: b"".join(headers(request, n)) for n in ANSWERED}
    if tag and not re.search(rb";\s*tag\s*=", lines[b"To"]):
        lines[b"To"] = lines[b"To"].rstrip() + b";tag=" + tag + b"\r\n"
    return lines


def response(request, code, extra=b""):
    lines = shared_lines(request, b"torture")
    return b"SIP/2.0 %d Whatever\r\n" % code + b"".join(
        lines[n] for n in ANSWERED) + extra + b"Content-Length: 0\r\n\r\n"


class Raw:
    """A phone that is nothing but a socket."""

    def __init__(self, net, host, port, ip):
        self.ip, self.port = ip, port
        self.socket = net.udp(host, port)
        net.own(self)

    def close(self):
        self.socket.close()

    def send(self, raw):
        self.socket.sendto(raw, PROXY)

    def wait(self, wanted, what):
        """The first datagram from now on that `wanted` likes; those before
        it are thrown away."""
        until = time.monotonic() + PATIENCE
        seen = []
        while time.monotonic() < until:
            ready, _, _ = select.select([self.socket], [], [],
                                        until - time.monotonic())
            if not ready:
                break
            raw = self.socket.recv(65535)
            if wanted(raw):
                return raw
            seen.append(raw)
        raise TimeoutError(f"no {what} within {PATIENCE} s, but {seen}")

    def request(self, method, uri, call, extra=""):
        """An ordinary request, sent once."""
        self.send((
            f"{method} {uri} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {self.ip}:{self.port};rport;"
            f"branch=z9hG4bK{call}\r\n"
            f"Max-Forwards: 70\r\nFrom: <{uri}>;tag={call}\r\n"
            f"To: <{uri}>\r\nCall-ID: {call}\r\nCSeq: 1 {method}\r\n"
            f"{extra}Content-Length: 0\r\n\r\n").encode())

    def final(self, call):
        """The final response of a call that was begun here."""
        return self.wait(lambda raw: status(raw) >= 200
                         and value(raw, b"Call-ID") == call.encode(),
                         f"final response to {call}")

    def register(self, aor, call):
        self.request("REGISTER", aor, call,
                     f"Contact: <sip:torture@{self.ip}:{self.port}>\r\n")
        answer = self.final(call)
        assert status(answer) == 200, answer
