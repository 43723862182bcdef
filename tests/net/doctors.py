"""What the doctors of the daemons say, and what makes a network ill."""

import datetime
import glob
import json
import select
import socket
import subprocess
import threading
from types import SimpleNamespace

from support.daemons import BIN
from support.net import ADDRESS

# Of the machine that tests run on, and not for them to change.
UNSYNCED = "nothing keeps the clock"
OVERLAPS = "overlaps ip_local_port_range"
KERNEL = ("buffers", "backlog", "files")


def run_doctor(daemon, *args):
    return subprocess.run(
        daemon.net.command(daemon.host, [
            BIN / daemon.program, "-c", daemon.conf_path, "doctor", *args]),
        text=True, capture_output=True, timeout=120)


def is_of_the_machine(finding):
    return (finding["text"].startswith(UNSYNCED) or OVERLAPS in finding["text"]
            or finding["check"] in KERNEL)


def doctor(daemon):
    """Its doctor's word: exit status, findings but for the machine's own, the
    line on stderr."""
    done = run_doctor(daemon, "--json")
    found = [f for f in json.loads(done.stdout)
             if not is_of_the_machine(f)]
    return SimpleNamespace(status=done.returncode, err=done.stderr,
                           found=found)


def texts(said, level):
    return [f["text"] for f in said.found if f["level"] == level]


def the_failure(daemon):
    """The only one that its doctor found, and said so."""
    said = doctor(daemon)
    failed = texts(said, "fail")
    assert len(failed) == 1, said.found
    assert said.status == 1
    assert said.err == (f"{daemon.program}: doctor: 1 thing would break "
                        "calls\n")
    return failed[0]


def the_warning(daemon):
    """The only one, of what breaks nothing."""
    said = doctor(daemon)
    assert (said.status, said.err, texts(said, "fail")) == (0, "", [])
    warned = texts(said, "warn")
    assert len(warned) == 1, said.found
    return warned[0]


def rules(net, host, hook, kind, *lines):
    """Rules of nftables in a chain of their own."""
    net.exec(host, "nft", "add", "table", "ip", "ill")
    net.exec(host, "nft", "add chain ip ill c { type %s hook %s priority "
             "-90; }" % (kind, hook))
    for line in lines:
        net.exec(host, "nft", "add rule ip ill c " + line)


def other_clock(seconds):
    """The environment of a daemon whose clock is so far ahead."""
    library, = glob.glob("/usr/lib/*/faketime/libfaketimeMT.so.1")
    return {"LD_PRELOAD": library, "FAKETIME": f"{seconds:+d}s",
            "FAKETIME_DONT_FAKE_MONOTONIC": "1"}


def certificate(folder, name, first=-1, last=365):
    """One for a host name, good from so many days from now until so many."""
    key, cert = f"{folder}/key.pem", f"{folder}/cert.pem"
    days = [(datetime.datetime.now(datetime.timezone.utc) +
             datetime.timedelta(days=d)).strftime("%Y%m%d%H%M%SZ")
            for d in (first, last)]
    request = subprocess.run(
        ["openssl", "req", "-new", "-newkey", "ec", "-pkeyopt",
         "ec_paramgen_curve:prime256v1", "-nodes", "-subj", f"/CN={name}",
         "-addext", f"subjectAltName=DNS:{name}", "-keyout", key],
        check=True, capture_output=True).stdout
    (folder / "request.pem").write_bytes(request)
    (folder / "index.txt").write_text("")
    (folder / "ca.cnf").write_text(
        "[ca]\ndefault_ca=d\n[d]\ndatabase=index.txt\nnew_certs_dir=.\n"
        "policy=p\ndefault_md=sha256\nrand_serial=yes\n"
        "copy_extensions=copy\n[p]\ncommonName=supplied\n")
    subprocess.run(
        ["openssl", "ca", "-batch", "-config", "ca.cnf", "-selfsign",
         "-keyfile", key, "-in", "request.pem", "-out", cert, "-notext",
         "-startdate", days[0], "-enddate", days[1]],
        check=True, capture_output=True, cwd=folder)
    return {"certificate": cert, "key": key}


class Alg:
    """A SIP ALG: a host on the way that passes SIP on, and writes its own
    address over that of the client in Contact."""

    def __init__(self, net, host, client, server):
        self._net, self._host = net, host
        self._server = (server, 5060)
        self._from = f"@{client}:".encode()
        self._to = f"@{ADDRESS[host]}:".encode()
        self._door = net.udp(host, 5060, ADDRESS[host])
        self._ways = {}  # by client
        self._wake = socket.socketpair()
        self._thread = threading.Thread(target=self._run, daemon=True,
                                        name="SIP ALG")
        self._thread.start()
        net.own(self)

    def _way(self, client):
        if client not in self._ways:
            self._ways[client] = self._net.udp(self._host)
        return self._ways[client]

    def _rewrite(self, data):
        return b"\r\n".join(
            line.replace(self._from, self._to)
            if line.startswith(b"Contact:") else line
            for line in data.split(b"\r\n"))

    def _pass_on(self, ready):
        if ready is self._door:
            data, client = ready.recvfrom(65536)
            self._way(client).sendto(self._rewrite(data), self._server)
            return
        for client, way in self._ways.items():
            if way is ready:
                self._door.sendto(ready.recv(65536), client)

    def _run(self):
        while True:
            ready, _, _ = select.select(
                [self._door, self._wake[0], *self._ways.values()], [], [])
            if self._wake[0] in ready:
                return
            for one in ready:
                self._pass_on(one)

    def close(self):
        self._wake[1].send(b"x")
        self._thread.join()
        for s in (self._door, *self._ways.values(), *self._wake):
            s.close()
