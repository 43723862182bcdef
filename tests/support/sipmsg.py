"""SIP and SDP messages for the scripted user agents: parsed for reading, with
the raw bytes kept; nothing is repaired."""

import itertools
import os
import re

_COMPACT = {"v": "via", "f": "from", "t": "to", "i": "call-id",
            "m": "contact", "l": "content-length", "c": "content-type",
            "s": "subject", "k": "supported", "e": "content-encoding"}
_counter = itertools.count(1)


def token(prefix=""):
    """A new unique word: tags, branches, Call-IDs."""
    return f"{prefix}{os.urandom(4).hex()}{next(_counter)}"


def _canonical(name):
    name = name.strip().lower()
    return _COMPACT.get(name, name)


def split_list(value):
    """Split a header value at its top-level commas."""
    parts, depth, quoted, start = [], 0, False, 0
    for i, c in enumerate(value):
        if c == '"' and value[i - 1:i] != "\\":
            quoted = not quoted
        elif quoted:
            continue
        elif c == "<":
            depth += 1
        elif c == ">":
            depth -= 1
        elif c == "," and depth == 0:
            parts.append(value[start:i].strip())
            start = i + 1
    parts.append(value[start:].strip())
    return [p for p in parts if p]


def uri_of(value):
    """The URI of a name-addr ("Bob" <sip:…>;tag=…) or of an addr-spec."""
    m = re.search(r"<([^>]*)>", value)
    return m[1] if m else value.split(";")[0].strip()


def param(value, name):
    """A header parameter (not one of the URI inside <>); None if absent,
    "" if it has no value."""
    after = value.split(">", 1)[1] if ">" in value else value
    m = re.search(r";\s*%s(?:\s*=\s*(\"[^\"]*\"|[^;,\s]*))?\s*(?=[;,\s]|$)"
                  % re.escape(name), after, re.I)
    return None if m is None else (m[1] or "").strip('"')


def uri_param(uri, name):
    m = re.search(r";%s(?:=([^;?]*))?(?=[;?]|$)" % re.escape(name), uri, re.I)
    return None if m is None else (m[1] or "")


def host_port(uri, default=5060):
    """(host, port) of a sip URI or of a Via sent-by."""
    m = re.match(r"(?:sips?:)?(?:[^@;]*@)?(\[[^\]]*\]|[^:;?>\s]+)(?::(\d+))?",
                 uri.strip())
    if not m:
        raise ValueError(f"no host in {uri!r}")
    return m[1].strip("[]"), int(m[2] or default)


class Message:
    """One message. headers is [(name as written, value)], raw the bytes it
    came as (or will go as), source where it came from; duplicate says that
    its receiver had seen it before."""

    is_keepalive = False
    duplicate = False

    def __init__(self, raw, source=None):
        self.raw = bytes(raw)
        self.source = source
        head, _, self.body = self.raw.partition(b"\r\n\r\n")
        lines = head.decode("utf-8", "surrogateescape").split("\r\n")
        self.start = lines[0]
        self.headers = []
        for line in lines[1:]:
            if line[:1] in " \t" and self.headers:
                name, value = self.headers[-1]
                self.headers[-1] = (name, value + " " + line.strip())
            elif ":" in line:
                name, value = line.split(":", 1)
                self.headers.append((name.strip(), value.strip()))
        words = self.start.split(" ", 2)
        self.is_request = len(words) == 3 and words[2] == "SIP/2.0"
        is_response = len(words) >= 2 and words[0] == "SIP/2.0" \
            and words[1].isdigit()
        if not self.is_request and not is_response:
            raise ValueError(f"not SIP: {self.start[:60]!r}")
        self.method = words[0] if self.is_request else self.cseq_method
        self.uri = words[1] if self.is_request else None
        self.status = int(words[1]) if is_response else None
        self.reason = words[2] if is_response and len(words) > 2 else ""

    @classmethod
    def build(cls, start, headers, body=b""):
        """From a start line and (name, value) pairs; a pair whose value is
        None is left out. Content-Length is added."""
        if isinstance(body, str):
            body = body.encode()
        lines = [start] + [f"{n}: {v}" for n, v in headers if v is not None]
        lines.append(f"Content-Length: {len(body)}")
        text = "\r\n".join(lines) + "\r\n\r\n"
        return cls(text.encode("utf-8", "surrogateescape") + body)

    def __repr__(self):
        return f"<{self.start} | {self.get('CSeq')} from {self.source}>"

    def all(self, name):
        """All values of a header, comma-separated ones taken apart where the
        header is a list of addresses."""
        want = _canonical(name)
        values = [v for n, v in self.headers if _canonical(n) == want]
        if want in ("via", "route", "record-route", "contact", "path",
                    "service-route"):
            values = [p for v in values for p in split_list(v)]
        return values

    def get(self, name, default=None):
        values = self.all(name)
        return values[0] if values else default

    @property
    def call_id(self):
        return self.get("Call-ID")

    @property
    def cseq(self):
        return int(self.get("CSeq", "0").split()[0])

    @property
    def cseq_method(self):
        words = self.get("CSeq", "").split()
        return words[1] if len(words) > 1 else ""

    @property
    def branch(self):
        return param(self.get("Via", ""), "branch")

    @property
    def from_tag(self):
        return param(self.get("From", ""), "tag")

    @property
    def to_tag(self):
        return param(self.get("To", ""), "tag")

    @property
    def contact(self):
        """The first Contact's URI, or None."""
        value = self.get("Contact")
        return uri_of(value) if value else None

    @property
    def text(self):
        return self.raw.decode("utf-8", "replace")

    @property
    def media(self):
        """[(media, address, port)] of the SDP body."""
        return sdp_media(self.body)


def sdp_media(body):
    """[(media, address, port)] of an SDP body; c= of the media line, or of
    the session."""
    session = None
    found = []
    for line in body.decode("utf-8", "replace").splitlines():
        if line.startswith("c="):
            address = line.split()[-1].split("/")[0]
            if found:
                found[-1][1] = address
            else:
                session = address
        elif line.startswith("m="):
            words = line[2:].split()
            found.append([words[0], session, int(words[1].split("/")[0])])
    return [tuple(f) for f in found]


def sdp(ip, *streams, attributes=()):
    """An SDP body: sdp("10.0.0.16", ("audio", 4000), ("video", 4002))."""
    streams = streams or (("audio", 4000),)
    where = f"IN IP{6 if ':' in ip else 4} {ip}"
    lines = ["v=0", f"o=- {next(_counter)} 1 {where}", "s=-", f"c={where}",
             "t=0 0"]
    formats = {"audio": "RTP/AVP 0 8", "video": "RTP/AVP 96",
               "image": "udptl t38"}
    for media, port in streams:
        lines.append(f"m={media} {port} {formats[media]}")
        if media == "video":
            lines.append("a=rtpmap:96 H264/90000")
    lines += [f"a={a}" for a in attributes]
    return "\r\n".join(lines) + "\r\n"
