"""A compose file's containers, as hosts of a test network.

A host is a service with one container, or a container by its id. Everything
that works on a Net does so here: phones are started in the namespaces of a
container, sockets are opened there.
"""

import os
import shutil
import signal
import subprocess
import tempfile

from support.daemons import Daemon
from support.net import Net, wait_until

from engine import COMPOSE, DOCKER

# Where each daemon's image has its admin server.
HTTP_PORT = {"proxyd": 8091, "redirectd": 8092, "relayd": 8093}


class Containers(Net):
    """with Containers(engine, FILE): every service is up and healthy."""

    def __init__(self, engine, file, env=None, project="test"):
        super().__init__()
        self.engine, self.file, self.project = engine, file, project
        # Phones find it at the same path in their containers.
        self.folder = tempfile.mkdtemp(prefix="pinhole-phones-")
        self.env = {"PINHOLE_PHONES": self.folder, **(env or {})}

    def up(self):
        try:
            self.compose("up", "-d")
            self.wait_healthy()
        except BaseException:
            self.down()
            raise

    def down(self):
        try:
            while self._owned:
                self._owned.pop().close()
        finally:
            self.compose("down", "-v", "-t", "0")
            shutil.rmtree(self.folder)

    def command_line(self, *argv):
        """A command of docker-compose about this file."""
        return [COMPOSE, "-p", self.project, "-f", self.file, *argv]

    def compose(self, *argv, tag="latest"):
        """A command of docker-compose, with the images of this tag."""
        return self.engine.run(self.command_line(*argv),
                               env={**self.env, "PINHOLE_TAG": tag})

    # Its containers.

    def containers(self, service=None, every=False):
        """The ids of a service's containers that run; every: of all."""
        labels = [f"com.docker.compose.project={self.project}"]
        if service:
            labels.append(f"com.docker.compose.service={service}")
        return [c["Id"] for c in self.engine.api.containers(
            all=every, filters={"label": labels})]

    def container(self, host):
        """The id of the container that is this host."""
        found = self.containers(host, every=True)
        return found[0] if found else host

    def inspect(self, host):
        return self.engine.api.inspect_container(self.container(host))

    def _unhealthy(self, services):
        ids = [i for s in services or [None] for i in self.containers(s, True)]
        return [s["Name"] for s in map(self.engine.api.inspect_container, ids)
                if s["State"].get("Health", {}).get("Status") != "healthy"]

    def wait_healthy(self, *services, timeout=60):
        """By their own health checks."""
        wait_until(lambda: not self._unhealthy(services), timeout,
                   lambda: f"healthy: {self._unhealthy(services)}:\n"
                           f"{self.compose('logs', '--tail', '20')}",
                   interval=0.3)

    def crash(self, host):
        """End its program as a fault of its own would; Docker sees to it."""
        os.kill(self.pid(host), signal.SIGKILL)

    def pid(self, host):
        return self.inspect(host)["State"]["Pid"]

    def ip(self, host):
        networks = self.inspect(host)["NetworkSettings"]["Networks"]
        return next(n["IPAddress"] for n in networks.values())

    def labels(self, host):
        """Those of the container and of its image."""
        return self.inspect(host)["Config"]["Labels"]

    def stop_later(self, host, seconds):
        """`docker stop`, which returns when it has drained."""
        return subprocess.Popen(
            [DOCKER, "stop", "-t", str(seconds), self.container(host)],
            env=self.engine.env, stdout=subprocess.DEVNULL)

    # As hosts of a Net.

    def namespace(self, host):
        return f"/proc/{self.pid(host)}/ns/net"

    def command(self, host, argv):
        return ["nsenter", "--target", str(self.pid(host)), "--net",
                "--mount", "--", *map(str, argv)]


class Program(Daemon):
    """The daemon in a container, by its admin server there."""

    def __init__(self, net, host, port=None):
        self.net, self.host = net, net.container(host)
        service = net.labels(self.host)["com.docker.compose.service"]
        self.program = service.rstrip("0123456789")
        self.http = ("127.0.0.1", port or HTTP_PORT[self.program])

    @property
    def pid(self):
        return self.net.pid(self.host)

    def log(self):
        return self.net.engine.docker("logs", self.host)
