"""The two sides of the comparison, each a set of processes that does the whole
job: Pinhole (proxyd, redirectd, relayd) and Peers (Kamailio, rtpengine)."""

import re
import shutil
import subprocess
import tempfile
from pathlib import Path

from support.daemons import BIN, Daemon, proxyd_conf, redirectd_conf, \
    relayd_conf
from support.net import end_process, wait_until
from support.sipmsg import Message, token

import cpu
import sessions
from world import CALLER, MEDIA_PORTS, PROXY, RELAY

HERE = Path(__file__).resolve().parent
NG = ("127.0.0.1", 2223)


def first_line(*argv):
    """The first line a program prints, on whichever stream."""
    done = subprocess.run(argv, text=True, stdout=subprocess.PIPE,
                          stderr=subprocess.STDOUT)
    lines = done.stdout.strip().splitlines()
    return lines[0].strip() if lines else ""


def last_words(logs):
    """The end of each program's log, for an error message."""
    return "\n".join(f"{program}: {line}" for program, log in logs.items()
                     for line in log.splitlines()[-8:])


class Pinhole:
    name = "pinhole"
    settings = ('"log": "warn", proxyd "trace.calls": 0, redirectd "store": '
                '"memory", relayd "media.quarantine": 1 s, "fastpath": "off"')
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
            return proxyd_conf(log="warn", trace={"calls": 0})
        if program == "redirectd":
            return redirectd_conf(log="warn")
        # User space on both sides: what the kernel forwards for relayd would
        # be on no process's account.
        return relayd_conf(log="warn", fastpath="off", media={
            "address": RELAY, "ports": list(MEDIA_PORTS), "quarantine": 1})

    @classmethod
    def missing(cls):
        """What is not there, as one line; None if all is."""
        gone = [p for p in cls.programs if not (BIN / p).exists()]
        return f"{', '.join(gone)} not in {BIN}: run make" if gone else None

    @classmethod
    def version(cls):
        return first_line(BIN / "proxyd", "-V")

    def sessions(self):
        return sessions.Relayd(self.world, (RELAY, 5060))

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
        self.procs = {}
        world.own(self)
        self._start_rtpengine()
        self._start_kamailio()
        self.pids = {p: cpu.descendants(proc.pid)
                     for p, proc in self.procs.items()}
        self.relay_program = "rtpengine"

    def _popen(self, program, *argv):
        with open(self.dir / f"{program}.log", "wb") as log:
            self.procs[program] = self.world.popen(
                "servers", program, *argv, stdout=log, stderr=log)

    def _start_rtpengine(self):
        conf = self.dir / "rtpengine.conf"
        low, high = MEDIA_PORTS
        conf.write_text("[rtpengine]\ntable = -1\n"
                        f"interface = {RELAY}\n"
                        f"listen-ng = {NG[0]}:{NG[1]}\n"
                        f"port-min = {low}\nport-max = {high}\n"
                        "num-threads = 1\nlog-level = 4\n"
                        "delete-delay = 0\n")
        self._popen("rtpengine", f"--config-file={conf}",
                    "--config-section=rtpengine", "-f", "-E")
        ng = sessions.Ng(self.world, NG)
        self._wait("rtpengine", lambda: ng.ping())

    def _start_kamailio(self):
        self._popen("kamailio", "-DD", "-E", "-f", HERE / "kamailio.cfg",
                    "-m", "1024", "-M", "16", "-Y", self.dir)
        sock = self.world.udp("phones", ip=CALLER)
        sock.settimeout(0.2)
        try:
            self._wait("kamailio", lambda: self._answers(sock))
        finally:
            sock.close()

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

    def _wait(self, program, ready):
        def look():
            if self.procs[program].poll() is not None:
                raise RuntimeError(f"{program} ended at its start:\n"
                                   f"{self._log(program)}")
            return ready()
        wait_until(look, 10.0, lambda: f"{program} ready; its log:\n"
                                       f"{self._log(program)}")

    def _log(self, program):
        return (self.dir / f"{program}.log").read_text(errors="replace")

    @classmethod
    def missing(cls):
        gone = [p for p in cls.programs if not shutil.which(p)]
        return f"{', '.join(gone)} not installed: make bench-deps" \
            if gone else None

    @classmethod
    def version(cls):
        def number(line):
            found = re.search(r"\d+(\.\d+)+", line)
            return found[0] if found else "?"
        return (f"Kamailio {number(first_line('kamailio', '-v'))}, rtpengine "
                f"{number(first_line('rtpengine', '--version'))}")

    def sessions(self):
        return sessions.Ng(self.world, NG)

    def complaints(self):
        return last_words({p: self._log(p) for p in self.procs})

    def close(self):
        for proc in reversed(self.procs.values()):
            end_process(proc)
        shutil.rmtree(self.dir, ignore_errors=True)
