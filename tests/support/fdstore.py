"""A service manager, as far as a daemon that is killed and started again can
tell: it keeps descriptors (FDSTORE=1, sd_notify(3)) and gives them back
($LISTEN_FDS, sd_listen_fds(3))."""

import array
import fcntl
import os
import socket
import threading

from .daemons import BIN, Daemon

FIRST = 3
ENVIRONMENT_MAX = 128 * 1024


class Store:
    """Named descriptors. One that is there already is not kept twice."""

    def __init__(self, path):
        self.kept = []  # (name, fd)
        self.said = []  # every other line
        self.socket = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        self.socket.bind(path)
        self.path = path
        self._lock = threading.Lock()
        self._thread = threading.Thread(target=self._run, daemon=True)
        self._thread.start()

    def _run(self):
        room = socket.CMSG_SPACE(253 * 4)
        while True:
            raw, control, _, _ = self.socket.recvmsg(4096, room)
            if not raw:
                return
            fds = array.array("i")
            for level, kind, data in control:
                if (level, kind) == (socket.SOL_SOCKET, socket.SCM_RIGHTS):
                    fds.frombytes(data[:len(data) - len(data) % 4])
            lines = dict(line.split("=", 1)
                         for line in raw.decode().splitlines())
            with self._lock:
                self._message(lines, list(fds))

    def _message(self, lines, fds):
        name = lines.get("FDNAME")
        if "FDSTORE" in lines:
            assert lines["FDPOLL"] == "0"
            for fd in fds:
                self._keep(name, fd)
        elif "FDSTOREREMOVE" in lines:
            for _, fd in [k for k in self.kept if k[0] == name]:
                os.close(fd)
            self.kept = [k for k in self.kept if k[0] != name]
        else:
            self.said.append(lines)

    def _keep(self, name, fd):
        if any(os.path.sameopenfile(fd, other) for _, other in self.kept):
            os.close(fd)
        else:
            self.kept.insert(0, (name, fd))  # as systemd does

    def names(self):
        with self._lock:
            return [name for name, _ in self.kept]

    def sockets(self):
        """How many are kept of sessions."""
        return sum(n not in ("table", "control") for n in self.names())

    def close(self):
        self.socket.close()
        stop = socket.socket(socket.AF_UNIX, socket.SOCK_DGRAM)
        try:
            stop.sendto(b"", self.path)
        except OSError:
            pass
        stop.close()
        for _, fd in self.kept:
            os.close(fd)


class Kept(Daemon):
    """A daemon under such a service manager."""

    def __init__(self, net, host, program, conf, **kw):
        super().__init__(net, host, program, conf, start=False, **kw)
        self.store = net.own(Store(str(self.dir / "notify")))
        self.start()

    def start(self, ready=True, args=()):
        kept = [(n, os.dup(fd)) for n, fd in self.store.kept]
        env = {**os.environ, **self.env,
               "NOTIFY_SOCKET": self.store.path,
               "LISTEN_FDS": str(len(kept)),
               "LISTEN_FDNAMES": ":".join(n for n, _ in kept)}
        assert len(env["LISTEN_FDNAMES"]) < ENVIRONMENT_MAX

        def place():
            high = [fcntl.fcntl(fd, fcntl.F_DUPFD, FIRST + len(kept))
                    for _, fd in kept]
            for i, fd in enumerate(high):
                os.dup2(fd, FIRST + i)
                os.close(fd)

        with open(self.log_path, "ab") as log:
            self.proc = self.net.popen(
                self.host, "sh", "-c", 'LISTEN_PID=$$; export LISTEN_PID; '
                'exec "$@"', "sh", BIN / self.program, "-c", self.conf_path,
                *args, stderr=log, stdout=log, env=env, close_fds=False,
                preexec_fn=place)
        for _, fd in kept:
            os.close(fd)
        if ready:
            self.wait_ready()
        return self
