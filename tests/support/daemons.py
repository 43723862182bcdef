"""proxyd, redirectd and relayd as processes on hosts of the test network."""

import http.client
import json
import os
import re
import shutil
import signal
import subprocess
import tempfile
import urllib.parse
from pathlib import Path

from .net import ADDRESS, PROXY1, PROXY2, REDIRECT, RELAY, TOP, end_process, \
    wait_until

BIN = Path(os.environ.get("PINHOLE_BUILD", TOP / "build")).resolve() / "bin"

# Not even a configuration that is installed on this host.
NO_FILE = ("-c", "/dev/null")

HTTP = ("127.0.0.1", 8060)
SECRET = "a secret of the test network"

_SAMPLE = re.compile(r"^([a-zA-Z_:][\w:]*)(\{.*\})? (\S+)$")


def parse_metrics(text):
    """Prometheus text -> {name or name{labels}: float}."""
    samples = {}
    for line in text.splitlines():
        m = _SAMPLE.match(line)
        if m:
            samples[m[1] + (m[2] or "")] = float(m[3])
    return samples


def proxyd_conf(host="proxy1", **changes):
    return {
        "listen": [f"udp:{ADDRESS[host]}:5060"],
        "domains": ["example.com"],
        "redirect": [f"{REDIRECT}:5060"],
        "relays": [f"{RELAY}:5060"],
        "trusted": [f"{PROXY1}/32", f"{PROXY2}/32"],
        "secret": SECRET,
        **changes,
    }


def redirectd_conf(**changes):
    return {
        "listen": f"udp:{REDIRECT}:5060",
        "trusted": [f"{PROXY1}/32", f"{PROXY2}/32"],
        "store": "memory",
        "auth": {"required": "never"},
        **changes,
    }


def relayd_conf(**changes):
    return {
        "listen": [f"udp:{RELAY}:5060"],
        "trusted": [f"{PROXY1}/32", f"{PROXY2}/32"],
        "media": {"address": RELAY, "ports": [30000, 30999]},
        **changes,
    }


class Daemon:
    """One daemon on one host: Daemon(net, "proxy1", "proxyd", conf).

    start() returns when /readyz says so. Ended by its pid, when the network
    goes down at the latest.
    """

    def __init__(self, net, host, program, conf, http=HTTP, env=None,
                 start=True):
        self.net = net
        self.host = host
        self.program = program
        self.http = http
        self.env = env or {}
        self.proc = None
        self.dir = Path(tempfile.mkdtemp(prefix=f"pinhole-{program}-"))
        self.log_path = self.dir / f"{program}.log"
        self.conf_path = self.dir / f"{program}.json"
        self.configure(conf)
        net.own(self)
        if start:
            self.start()

    def configure(self, conf):
        """Write another configuration, for the next start() or reload()."""
        self.conf = {"http": "%s:%d" % self.http, **conf}
        self.conf_path.write_text(json.dumps(self.conf, indent=2) + "\n")

    def start(self, ready=True, args=()):
        binary = BIN / self.program
        if not binary.exists():
            raise FileNotFoundError(f"{binary}: run make first")
        with open(self.log_path, "ab") as log:
            self.proc = self.net.popen(
                self.host, binary, "-c", self.conf_path, *args,
                stderr=log, stdout=log, env={**os.environ, **self.env})
        if ready:
            self.wait_ready()
        return self

    def wait_ready(self, timeout=10.0):
        wait_until(self._is_ready, timeout,
                   lambda: f"{self.program} on {self.host} ready; "
                           f"its log:\n{self.log()}")

    def _is_ready(self):
        if self.proc.poll() is not None:
            raise RuntimeError(f"{self.program} on {self.host} ended with "
                               f"{self.proc.returncode}:\n{self.log()}")
        try:
            return self.get("/readyz")[0] == 200
        except OSError:
            return False

    @property
    def pid(self):
        return self.proc.pid

    def get(self, path, timeout=5.0):
        """(status, text) of one page of the admin server."""
        conn = http.client.HTTPConnection(*self.http, timeout=timeout)
        conn.sock = self.net.tcp(self.host, self.http, timeout)
        try:
            conn.request("GET", path)
            answer = conn.getresponse()
            return answer.status, answer.read().decode(errors="replace")
        finally:
            conn.close()

    def api(self, path, **args):
        """The JSON under /api/PATH?ARGS."""
        if args:
            path += "?" + urllib.parse.urlencode(args)
        status, text = self.get("/api/" + path)
        if status != 200:
            raise LookupError(f"{self.program}: /api/{path}: {status} {text}")
        return json.loads(text)

    def trace(self, call_id):
        """What the daemon saw of one call; [] if it never did."""
        try:
            return self.api("trace", call=call_id) or []
        except LookupError:
            return []

    def metrics(self):
        status, text = self.get("/metrics")
        if status != 200:
            raise LookupError(f"{self.program}: /metrics: {status} {text}")
        return parse_metrics(text)

    def metric(self, name):
        """One sample, by its name without the daemon's and _total; KeyError
        if there is none."""
        samples = self.metrics()
        name = f"{self.program}_{name}"
        return samples[name] if name in samples else samples[name + "_total"]

    def wait_metric(self, name, predicate, timeout=10.0):
        wait_until(lambda: predicate(self.metric(name)), timeout,
                   f"{self.program}_{name}")

    def log(self):
        try:
            return self.log_path.read_text(errors="replace")
        except FileNotFoundError:
            return ""

    def wait_log(self, text, timeout=10.0):
        wait_until(lambda: text in self.log(), timeout,
                   f"'{text}' in the log of {self.program}")

    def signal(self, number):
        os.kill(self.pid, number)

    def reload(self):
        self.signal(signal.SIGHUP)

    def terminate(self, timeout=5.0):
        """SIGTERM and wait; the exit status."""
        return end_process(self.proc, timeout)

    def kill(self):
        self.proc.kill()
        return self.proc.wait()

    def restart(self, conf=None, kill=False):
        """End it (kill: as a crash would) and start it again."""
        self.kill() if kill else self.terminate()
        if conf is not None:
            self.configure(conf)
        return self.start()

    def take_over(self):
        """A new process takes over from this one, which ends."""
        old = self.proc
        try:
            self.start(ready=False, args=["--takeover"])
            wait_until(lambda: old.poll() is not None, 15,
                       lambda: f"the end of the old {self.program}; "
                               f"the log:\n{self.log()}")
        except BaseException:
            end_process(old)
            raise
        assert old.returncode == 0, self.log()
        self.wait_ready()

    def close(self):
        """Nobody waits for what is up: the second SIGTERM ends a draining
        daemon at once."""
        if self.proc is not None:
            self.proc.terminate()
            try:
                self.proc.wait(0.2)
            except subprocess.TimeoutExpired:
                pass
            end_process(self.proc)
        shutil.rmtree(self.dir, ignore_errors=True)


class Pinhole:
    """The usual deployment: redirectd, relayd and two proxyd."""

    def __init__(self, net, proxyd=None, redirectd=None, relayd=None):
        self.redirect = Daemon(net, "redirect", "redirectd",
                               redirectd_conf(**(redirectd or {})))
        self.relay = Daemon(net, "relay", "relayd",
                            relayd_conf(**(relayd or {})))
        self.proxy1 = Daemon(net, "proxy1", "proxyd",
                             proxyd_conf("proxy1", **(proxyd or {})))
        self.proxy2 = Daemon(net, "proxy2", "proxyd",
                             proxyd_conf("proxy2", **(proxyd or {})))
        self.all = {"redirect": self.redirect, "relay": self.relay,
                    "proxy1": self.proxy1, "proxy2": self.proxy2}

    def traces(self, call_id):
        return {name: d.trace(call_id) for name, d in self.all.items()}
