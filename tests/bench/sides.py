"""The two sides of the comparison, each a set of processes that does the whole
job: Pinhole (proxyd, redirectd, relayd) and Peers (Kamailio, rtpengine)."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from support.daemons import BIN, Daemon, proxyd_conf, redirectd_conf
from support.net import end_process, wait_until
from support.sipmsg import Message, token

import cpu
import relays
from world import CALLER, PROXY

HERE = Path(__file__).resolve().parent


def first_line(*argv):
    """The first line a program prints, on whichever stream."""
    done = subprocess.run(argv, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    lines = done.stdout.strip().splitlines()
    return lines[0].strip() if lines else ""


def number(line):
    """The first version number in it."""
    found = re.search(r"\d+(\.\d+)+", line)
    return found[0] if found else "?"


def last_words(logs):
    """The end of each program's log, for an error message."""
    return "\n".join(f"{program}: {line}" for program, log in logs.items()
                     for line in log.splitlines()[-8:])


class Pinhole:
    name = "pinhole"
    settings = ('"log": "warn", proxyd "trace.calls": 0, "limits.requests": 0 '
                '(all calls come from one IP), redirectd "store": "memory", '
                'relayd "workers": 1, "media.quarantine": 1 s, '
                '"fastpath": "off"')
    programs = ("redirectd", "relayd", "proxyd")

    def __init__(self, world):
        self.world = world
        daemons = {p: Daemon(world, "servers", p, self._conf(p),
                             http=("127.0.0.1", 8061 + i))
                   for i, p in enumerate(self.programs)}
        self.pids = {p: [d.pid] for p, d in daemons.items()}
        self.relay_program = "relayd"
        self.daemons = daemons

    @staticmethod
    def _conf(program):
        if program == "proxyd":
            return proxyd_conf(log="warn", trace={"calls": 0},
                               limits={"requests": 0})
        if program == "redirectd":
            return redirectd_conf(log="warn")
        # User space on both sides: what the kernel forwards for relayd would
        # be on no process's account.
        return relays.relayd_settings(fastpath="off")

    @classmethod
    def missing(cls):
        """What is not there, as one line; None if all is."""
        gone = [p for p in cls.programs if not (BIN / p).exists()]
        return f"{', '.join(gone)} not in {BIN}: run make" if gone else None

    @classmethod
    def version(cls):
        return first_line(BIN / "proxyd", "-V")

    def sessions(self):
        return relays.relayd_control(self.world)

    def complaints(self):
        return last_words({p: d.log() for p, d in self.daemons.items()})


class Peers:
    name = "kamailio+rtpengine"
    settings = ("Kamailio children=1, debug=0, usrloc in memory; rtpengine "
                "in user space, num-threads=1, log-level=4, delete-delay=0")
    programs = ("kamailio", "rtpengine")

    def __init__(self, world):
        self.world = world
        self.dir = Path(tempfile.mkdtemp(prefix="pinhole-bench-"))
        self._kamailio = None
        world.own(self)
        self._rtpengine = relays.Rtpengine(world)
        self._start_kamailio()
        self.pids = {"kamailio": cpu.descendants(self._kamailio.pid),
                     "rtpengine": [self._rtpengine.pid]}
        self.relay_program = "rtpengine"

    def _start_kamailio(self):
        with open(self.dir / "log", "wb") as log:
            self._kamailio = self.world.popen(
                "servers", "kamailio", "-DD", "-E", "-f",
                HERE / "kamailio.cfg", "-m", "1024", "-M", "16",
                # Its quickest memory manager: with the default one half of
                # its CPU time at bench-directory goes into that alone.
                "-x", "tlsf", "-Y", self.dir, stdout=log, stderr=log)
        sock = self.world.udp("phones", ip=CALLER)
        sock.settimeout(0.2)
        try:
            wait_until(lambda: self._ready(sock), 10.0,
                       lambda: "kamailio ready; its log:\n" + self._log())
        finally:
            sock.close()

    def _ready(self, sock):
        if self._kamailio.poll() is not None:
            raise RuntimeError("kamailio ended at its start:\n"
                               + self._log())
        return self._answers(sock)

    @staticmethod
    def _answers(sock):
        """Whether the proxy answers an OPTIONS, with whatever."""
        ip, port = sock.getsockname()
        sock.sendto(Message.build("OPTIONS sip:example.com SIP/2.0", [
            ("Via", f"SIP/2.0/UDP {ip}:{port};branch={token('z9hG4bK')}"),
            ("Max-Forwards", "70"),
            ("From", f"<sip:bench@example.com>;tag={token()}"),
            ("To", "<sip:example.com>"), ("Call-ID", token("ready")),
            ("CSeq", "1 OPTIONS")]).raw, (PROXY, 5060))
        try:
            return Message(sock.recv(4096)).status
        except (TimeoutError, ConnectionError):
            return None

    def _log(self):
        return (self.dir / "log").read_text(errors="replace")

    @classmethod
    def missing(cls):
        gone = [p for p in cls.programs if not shutil.which(p)]
        return f"{', '.join(gone)} not installed: make bench-deps" \
            if gone else None

    @classmethod
    def version(cls):
        return (f"Kamailio {number(first_line('kamailio', '-v'))}, rtpengine "
                f"{number(first_line('rtpengine', '--version'))}")

    def sessions(self):
        return self._rtpengine.control()

    def complaints(self):
        return last_words({"kamailio": self._log(),
                           "rtpengine": self._rtpengine.log()})

    def close(self):
        if self._kamailio is not None:
            end_process(self._kamailio)
        shutil.rmtree(self.dir, ignore_errors=True)
