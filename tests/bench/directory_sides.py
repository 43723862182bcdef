"""Who keeps the directory: redirectd with each of its stores, and Kamailio with
its location table in memory. All of a side's processes are on the servers'
core."""

import os
import shutil
import subprocess
import tempfile
import time
from pathlib import Path

from support.daemons import BIN, NO_FILE, Daemon, redirectd_conf
from support.net import end_process, wait_until

import cpu
from sides import first_line, last_words, number
from sipload import DOMAIN
from world import CALLER, PROXY, REDIRECT

HERE = Path(__file__).resolve().parent
# Each side has ports of its own, as all are up at the same time.
_SIP_PORT, _HTTP_PORT, _REDIS_PORT = 5060, 8080, 6390
START_MAX_S = 120.0
_END_S = 3.0


class Redirectd:
    """With its registrations in memory."""

    name = "redirectd, memory"
    short = "memory"
    store = "memory"
    settings = '"log": "warn", "trace.calls": 0'
    durable = False

    def __init__(self, world, nth, contacts):
        self.world = world
        self.dir = Path(tempfile.mkdtemp(prefix="pinhole-directory-"))
        world.own(self)
        self.at = (REDIRECT, _SIP_PORT + nth)
        self.target = "%s:%d;ph-domain=%s" % (*self.at, DOMAIN)
        self.daemon = Daemon(world, "servers", "redirectd",
                             self._conf(contacts),
                             http=("127.0.0.1", _HTTP_PORT + nth))

    def _conf(self, contacts):
        more = {"auth": {"required": "never"}} if knows("auth.required") \
            else {}
        return redirectd_conf(
            log="warn", trace={"calls": 0}, listen="udp:%s:%d" % self.at,
            trusted=[f"{CALLER}/32"], store=self.store.format(dir=self.dir),
            known={"max": contacts}, **more)

    @classmethod
    def missing(cls):
        """What is not there, as one line; None if all is."""
        if not (BIN / "redirectd").exists():
            return f"redirectd not in {BIN}: run make"
        done = subprocess.run(
            [BIN / "redirectd", *NO_FILE, "-t"], text=True, capture_output=True,
            env={**os.environ, "REDIRECTD_STORE": cls.store.format(dir="/")})
        return None if done.returncode == 0 \
            else f"{cls.name}: {done.stderr.strip()}"

    @classmethod
    def version(cls):
        return first_line(BIN / "redirectd", "-V")

    @property
    def programs(self):
        return {"redirectd": [self.daemon.pid]}

    def contacts(self):
        return int(self.daemon.metric("contacts"))

    def restart(self):
        """End it; the seconds from its next start until it is ready."""
        if self.daemon.terminate(START_MAX_S) != 0:
            raise RuntimeError("redirectd did not end well")
        begun = time.monotonic()
        self.daemon.start(ready=False).wait_ready(START_MAX_S)
        return time.monotonic() - begun

    def complaints(self):
        return last_words({self.name: self.daemon.log()})

    def close(self):
        shutil.rmtree(self.dir, ignore_errors=True)


def knows(key):
    """Whether redirectd has that key."""
    done = subprocess.run([BIN / "redirectd", "-h"], text=True,
                          capture_output=True)
    return key in (done.stdout + done.stderr).split()


class Sqlite(Redirectd):
    name = "redirectd, SQLite"
    short = "SQLite"
    store = "sqlite:{dir}/directory.db"
    settings = "the same"
    durable = True


class Redis(Redirectd):
    """Redis runs beside it, on the same core."""

    name = "redirectd, Redis"
    short = "Redis"
    store = f"redis://127.0.0.1:{_REDIS_PORT}"
    settings = ("the same; redis-server on the same core, appendonly, "
                "appendfsync everysec, no snapshots")
    durable = True

    def __init__(self, world, nth, contacts):
        self.redis = None
        self._redis_dir = tempfile.mkdtemp(prefix="pinhole-redis-")
        world.own(_Closing(self._end_redis))
        self._start_redis(world)
        super().__init__(world, nth, contacts)

    def _start_redis(self, world):
        with open(Path(self._redis_dir) / "log", "wb") as log:
            self.redis = world.popen(
                "servers", "redis-server", "--bind", "127.0.0.1", "--port",
                _REDIS_PORT, "--dir", self._redis_dir, "--save", "",
                "--appendonly", "yes", "--appendfsync", "everysec",
                "--daemonize", "no", stdout=log, stderr=log)
        wait_until(lambda: self._pong(world), 10.0, "redis-server ready")

    @staticmethod
    def _pong(world):
        try:
            with world.tcp("servers", ("127.0.0.1", _REDIS_PORT)) as s:
                s.sendall(b"PING\r\n")
                return s.recv(16).startswith(b"+PONG")
        except OSError:
            return False

    def _end_redis(self):
        if self.redis is not None:
            end_process(self.redis)
        shutil.rmtree(self._redis_dir, ignore_errors=True)

    @classmethod
    def missing(cls):
        if not shutil.which("redis-server"):
            return f"{cls.name}: redis-server not installed: make deps"
        return super().missing()

    @classmethod
    def version(cls):
        redis = number(first_line("redis-server", "--version"))
        return f"{super().version()}, Redis {redis}"

    @property
    def programs(self):
        return {**super().programs, "redis-server": [self.redis.pid]}


class _Closing:
    def __init__(self, close):
        self.close = close


class Kamailio:
    name = "Kamailio, memory"
    short = "Kamailio"
    settings = ("children=1, debug=0, usrloc db_mode=0 hash_size=20, "
                "use_path=1, -x tlsf (its quickest memory manager here)")
    durable = False
    _SHM_MB, _SHM_MB_EACH = 256, 0.003

    def __init__(self, world, nth, contacts):
        self.dir = Path(tempfile.mkdtemp(prefix="pinhole-kamailio-"))
        self.proc = None
        world.own(self)
        self.at = (PROXY, _SIP_PORT + nth)
        self.target = DOMAIN
        shm = int(self._SHM_MB + contacts * self._SHM_MB_EACH)
        with open(self.dir / "log", "wb") as log:
            self.proc = world.popen(
                "servers", "kamailio", "-DD", "-E", "-f",
                HERE / "kamailio-directory.cfg", "-l", "udp:%s:%d" % self.at,
                "-m", shm, "-M", 16, "-x", "tlsf", "-b", 4 << 20, "-Y",
                self.dir, stdout=log, stderr=log)
        probe = world.udp("phones", ip=CALLER)
        probe.settimeout(0.2)
        with probe:
            wait_until(lambda: self._answers(probe), 20.0,
                       lambda: "kamailio ready; its log:\n" + self._log())
        self.programs = {"kamailio": cpu.descendants(self.proc.pid)}

    def _answers(self, probe):
        if self.proc.poll() is not None:
            raise RuntimeError("kamailio ended at its start:\n" + self._log())
        ip, port = probe.getsockname()
        probe.sendto(
            f"OPTIONS sip:nobody@{DOMAIN} SIP/2.0\r\n"
            f"Via: SIP/2.0/UDP {ip}:{port};branch=z9hG4bKready\r\n"
            f"From: <sip:bench@{DOMAIN}>;tag=b\r\nTo: <sip:nobody@{DOMAIN}>"
            f"\r\nCall-ID: ready\r\nCSeq: 1 OPTIONS\r\n\r\n".encode(), self.at)
        try:
            return probe.recv(4096).startswith(b"SIP/2.0 404")
        except (TimeoutError, ConnectionError):
            return False

    @classmethod
    def missing(cls):
        return None if shutil.which("kamailio") \
            else "kamailio not installed: make bench-deps"

    @classmethod
    def version(cls):
        return f"Kamailio {number(first_line('kamailio', '-v'))}"

    def _log(self):
        return (self.dir / "log").read_text(errors="replace")

    def complaints(self):
        return last_words({"kamailio": self._log()})

    def close(self):
        # It ends its children, and is not waited for while it gives back a
        # million contacts.
        if self.proc is not None:
            end_process(self.proc, _END_S)
        shutil.rmtree(self.dir, ignore_errors=True)


ALL = {"memory": Redirectd, "sqlite": Sqlite, "redis": Redis,
       "kamailio": Kamailio}
# Whose figures are divided by whose.
RATIOS = tuple((side, Kamailio) for side in (Redirectd, Sqlite, Redis))
