"""The load generator for SIP requests, sipload: built, started, stepped; and
the requests that it sends."""

import json
import os
import shutil
import subprocess
import tempfile
from pathlib import Path

from support.daemons import BIN
from support.net import end_process

HERE = Path(__file__).resolve().parent
_C = ("sipload.c", "sipform.c", "sipwait.c")
_HEADERS = ("sipform.h", "sipwait.h")
DOMAIN = "example.com"

# What a phone behind a NAT registers through its proxy, and what that proxy
# asks for a call to such a phone: the messages of proto/README.md. Fields in
# braces are sipform.h's.
_REGISTER = """\
REGISTER sip:%(domain)s SIP/2.0
Path: <sip:%(asker)s;lr>
Via: SIP/2.0/UDP %(asker)s;branch=z9hG4bK{number};rport
Via: SIP/2.0/UDP 10.0.0.16:5062;branch=z9hG4bKphone;\
received=198.51.100.{net};rport={port}
Max-Forwards: 69
From: <sip:user{user}@%(domain)s>;tag=r{user}
To: <sip:user{user}@%(domain)s>
Call-ID: 5f2c81d09e{user}@10.0.0.16
CSeq: {cseq} REGISTER
Contact: <sip:user{user}@198.51.100.{net}:{port};ph-own=10.0.0.16:5062>
%(authorization)sExpires: 7200
Content-Length: 0

"""
_SDP = """\
v=0
o=first 3915 3915 IN IP4 10.0.0.16
s=-
c=IN IP4 10.0.0.16
t=0 0
m=audio 40000 RTP/AVP 0 8 101
a=rtpmap:0 PCMU/8000
a=rtpmap:8 PCMA/8000
a=rtpmap:101 telephone-event/8000
m=video 40002 RTP/AVP 96
a=rtpmap:96 H264/90000
a=sendrecv
"""
_INVITE = """\
INVITE sip:user{user}@%(target)s SIP/2.0
Via: SIP/2.0/UDP %(asker)s;branch=z9hG4bK{number};rport
Via: SIP/2.0/UDP 10.0.0.16:5062;branch=z9hG4bKphone;rport=40000;\
received=198.51.100.28
Max-Forwards: 69
From: <sip:first@%(domain)s>;tag=f{number}
To: <sip:user{user}@%(domain)s>
Call-ID: 8b07d3{number}@10.0.0.16
CSeq: 7 INVITE
Contact: <sip:first@198.51.100.28:40000;ph-own=10.0.0.16:5062>
%(authorization)sContent-Type: application/sdp
Content-Length: %(length)d

%(sdp)s"""
# The requests by name. Each may have a header line with credentials.
REQUESTS = {"register": _REGISTER, "query": _INVITE}


def request(name, asker, target, authorization=""):
    """The form of one request: `asker` is the proxy's host:port, `target` what
    follows the @ of a query's Request-URI."""
    return REQUESTS[name] % {
        "asker": asker, "target": target, "domain": DOMAIN, "sdp": _SDP,
        "length": len(_SDP.replace("\n", "\r\n")),
        "authorization": authorization}


def missing():
    """What it needs and is not there, as one line; None if all is."""
    for program in ("clang", "tc"):
        if not shutil.which(program):
            return f"{program} not installed: make deps"
    return None


def build():
    """The program, made anew when a source is newer."""
    program = BIN.parent / "bench" / "sipload"
    newest = max((HERE / f).stat().st_mtime for f in (*_C, *_HEADERS))
    if program.exists() and program.stat().st_mtime > newest:
        return program
    program.parent.mkdir(parents=True, exist_ok=True)
    cc = os.environ.get("CC") or shutil.which("cc") or "gcc"
    subprocess.run([cc, "-std=c11", "-D_GNU_SOURCE", "-O2", "-o", program,
                    *(HERE / f for f in _C)], check=True)
    return program


def echo(world):
    """Have everything that comes to the servers sent back unread: what the
    load is measured with."""
    program = BIN.parent / "bench" / "sipecho.bpf"
    program.parent.mkdir(parents=True, exist_ok=True)
    subprocess.run(["clang", "-target", "bpf", "-O2", "-g",
                    f"-I/usr/include/{os.uname().machine}-linux-gnu",
                    "-c", "-o", program, HERE / "sipecho.bpf.c"], check=True)
    world.exec("servers", "tc", "qdisc", "add", "dev", "eth0", "clsact")
    world.exec("servers", "tc", "filter", "add", "dev", "eth0", "ingress",
               "bpf", "direct-action", "object-file", program, "section",
               "tc")


class SipLoad:
    """One sipload on the phones' side of a world, at `own` (address, port),
    which is the asking proxy to the daemon at `to`."""

    def __init__(self, world, own, to, target):
        self._tmp = tempfile.TemporaryDirectory(prefix="pinhole-sipload-")
        asker = "%s:%d" % own
        for name in REQUESTS:
            self._form(name).write_text(request(name, asker, target))
        self.proc = world.popen("phones", build(), *own, *to, text=True,
                                stdin=subprocess.PIPE, stdout=subprocess.PIPE)
        world.own(self)

    def _form(self, name):
        return Path(self._tmp.name) / name

    def step(self, name, order, users, window, seconds, rate=0):
        """Requests of that name for the users, a range; order: "each",
        "scattered" or "random"."""
        self.proc.stdin.write(
            f"{self._form(name)} {order} {users.start} {len(users)} {window} "
            f"{rate:.1f} {seconds}\n")
        self.proc.stdin.flush()
        line = self.proc.stdout.readline()
        if not line:
            raise RuntimeError("sipload has ended")
        return json.loads(line)

    def close(self):
        self.proc.stdin.close()
        end_process(self.proc)
        self.proc.stdout.close()
        self._tmp.cleanup()
