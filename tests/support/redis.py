"""A Redis of a test's own, on a Unix socket and without a disk."""

import shutil
import socket
import subprocess
import tempfile

from .net import end_process, wait_until


class Redis:
    """with Redis() as r: r.url is what `store` of redirectd takes."""

    def __init__(self):
        self.dir = tempfile.mkdtemp(prefix="redis.")
        self.path = f"{self.dir}/socket"
        self.url = f"redis+unix://{self.path}"
        self.proc = subprocess.Popen(
            ["redis-server", "--port", "0", "--unixsocket", self.path,
             "--save", "", "--appendonly", "no", "--dir", self.dir],
            stdout=subprocess.DEVNULL)
        try:
            wait_until(self._answers, 20)
        except BaseException:
            self.close()
            raise

    def _answers(self):
        with socket.socket(socket.AF_UNIX) as s:
            try:
                s.connect(self.path)
                s.sendall(b"PING\r\n")
                return s.recv(16).startswith(b"+PONG")
            except OSError:
                return False

    def close(self):
        end_process(self.proc)
        shutil.rmtree(self.dir, ignore_errors=True)

    def __enter__(self):
        return self

    def __exit__(self, *_):
        self.close()
