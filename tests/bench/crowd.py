"""The callers and callees of the soak: for each kind of call a SIPp on each
side, which judges every call of its own."""

import csv
import tempfile
import time
from pathlib import Path

from support.net import ADDRESS, end_process, wait_until

import mix

SCENARIOS = Path(__file__).resolve().parent / "scenarios"
USERS = 20
_CALLER_PORT, _CALLEE_PORT = 5100, 5200
# Longer than anything that a party waits for, and than a lost message costs.
_RECV_TIMEOUT_MS = 20000
_RATE_PERIOD_MS = 100000
_END_S = 60


class Party:
    """One SIPp on one host: its process and what it counted."""

    def __init__(self, crowd, name, host, port):
        self.crowd, self.name, self.host, self.port = crowd, name, host, port
        self.proc = None

    def run(self, scenario, calls, *args):
        self._table = self.crowd.dir / f"{self.name}.csv"
        with open(self._log_path(), "ab") as log:
            self.proc = self.crowd.net.popen(
                self.host, "sipp", "-sf", scenario, "-nostdin",
                "-i", ADDRESS[self.host], "-p", self.port,
                "-m", calls, "-recv_timeout", _RECV_TIMEOUT_MS,
                "-trace_stat", "-stf", self._table, "-fd", 1,
                "-trace_err", "-error_file", self._error_path(), *args,
                stdout=log, stderr=log, cwd=self.crowd.dir)

    def _log_path(self):
        return self.crowd.dir / f"{self.name}.log"

    def _error_path(self):
        return self.crowd.dir / f"{self.name}.errors"

    def over(self):
        return self.proc.poll() is not None

    def count(self):
        """{"good", "failed", "repeated"}, as SIPp has them at its end."""
        try:
            with open(self._table, newline="") as f:
                row = list(csv.DictReader(f, delimiter=";"))[-1]
        except (FileNotFoundError, IndexError):
            return {"good": 0, "failed": 0, "repeated": 0}
        return {"good": int(row["SuccessfulCall(C)"]),
                "failed": int(row["FailedCall(C)"]),
                "repeated": int(row["Retransmissions(C)"])}

    def errors(self):
        """The first thing that it complained of."""
        try:
            text = self._error_path().read_text(errors="replace")
        except FileNotFoundError:
            text = self._log_path().read_text(errors="replace")[-2000:]
        return text[:1500].strip()

    def end(self):
        if self.proc is not None:
            end_process(self.proc)


class Crowd:
    """Everybody who calls or is called in `total` calls of the mix."""

    def __init__(self, net, total):
        self.net = net
        self._tmp = tempfile.TemporaryDirectory(prefix="pinhole-soak-")
        self.dir = Path(self._tmp.name)
        self.counts = mix.counts(total)
        self.total = sum(self.counts.values())
        self.callers, self.callees = [], []
        net.own(self)
        for kind in mix.MIX:
            self._cast(kind)

    def close(self):
        for _, party in self._parties():
            party.end()
        self._tmp.cleanup()

    def _parties(self):
        return [(kind, p) for kind, p, _ in self.callees] \
            + list(self.callers)

    def _cast(self, kind):
        (self.dir / f"{kind.name}.csv.users").write_text(
            "SEQUENTIAL\n" + "".join(f"{kind.name}{i};\n"
                                     for i in range(USERS)))
        self.callers.append((kind, Party(self, f"{kind.name}-caller",
                                         kind.caller, _CALLER_PORT
                                         + len(self.callers))))
        for phone in kind.phones:
            name = f"{kind.name}-at-{phone.host}"
            self.callees.append((kind, Party(self, name, phone.host,
                                             _CALLEE_PORT
                                             + len(self.callees)), phone))

    def _users(self, kind):
        return ("-inf", self.dir / f"{kind.name}.csv.users")

    def _scenario(self, party, text):
        path = self.dir / f"{party.name}.xml"
        path.write_text(text)
        return path

    def register(self):
        """Every callee, from where it will listen."""
        for kind, party, phone in self.callees:
            party.run(SCENARIOS / "register.xml", USERS, "-r", 100,
                      *self._users(kind), f"{ADDRESS[phone.proxy]}:5060")
        wait_until(lambda: all(p.over() for _, p, _ in self.callees), 30,
                   "registrations")
        for _, party, _ in self.callees:
            if party.proc.returncode != 0:
                raise RuntimeError(f"{party.name} is not registered:\n"
                                   + party.errors())

    def answer(self):
        for kind, party, phone in self.callees:
            party.run(self._scenario(party, kind.phone_script(phone)),
                      self.counts[kind.name])

    def call(self, rate):
        """Begin; each kind at its share of so many calls a second."""
        for kind, party in self.callers:
            party.run(self._scenario(party, kind.caller_script()),
                      self.counts[kind.name], *self._users(kind),
                      "-r", round(kind.share * rate * _RATE_PERIOD_MS
                                  / 100000),
                      "-rp", _RATE_PERIOD_MS, "-l", 20 * rate,
                      f"{ADDRESS[mix.FIRST_PROXY]}:5060")

    def calling(self):
        return not all(p.over() for _, p in self.callers)

    def finish(self):
        """Wait for the callees' ends of the calls; each ends by itself with
        the last of its calls, unless one never came to it."""
        deadline = time.monotonic() + _END_S
        while time.monotonic() < deadline and \
                not all(p.over() for _, p in self._parties()):
            time.sleep(0.1)
        for _, party in self._parties():
            party.end()

    def results(self):
        """[{"kind", "party", "calls", "good", "failed", "repeated"}]."""
        return [{"kind": kind.name, "party": party.name,
                 "calls": self.counts[kind.name], **party.count()}
                for kind, party in self._parties()]

    def complaints(self):
        return "\n".join(f"{p.name}: {p.errors()}" for k, p in self._parties()
                         if p.count()["good"] != self.counts[k.name])
