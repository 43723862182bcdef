"""The images of the compose tests, from the Dockerfiles that everybody has."""

import subprocess
import tempfile

from support.net import TOP

from engine import DOCKER

BASE = "debian:bookworm-slim"
DAEMONS = ("proxyd", "redirectd", "relayd", "redis")
DEBIAN_TREE = TOP / "tests" / "support" / "debian-tree"
PULL_TIME = 60


def pull(engine):
    """The base image from a registry; whether that can be."""
    try:
        return subprocess.run([DOCKER, "pull", "-q", BASE], env=engine.env,
                              timeout=PULL_TIME, capture_output=True
                              ).returncode == 0
    except subprocess.TimeoutExpired:
        return False


def import_tree(engine):
    """The base image of this host's archive, under the same name."""
    with tempfile.TemporaryDirectory(dir=engine.dir) as tree:
        subprocess.run([DEBIAN_TREE, tree], check=True)
        with subprocess.Popen(["tar", "-C", tree, "-c", "."],
                              stdout=subprocess.PIPE) as tar:
            engine.docker("import", "-", BASE, stdin=tar.stdout)


def build(engine, dockerfile, name, *args):
    engine.docker("build", "--network", "host", "-f", TOP / dockerfile,
                  "-t", name, *args, TOP)


def prepare(engine):
    """Every image, each as latest; what has not changed is not built anew, and
    what nothing is built upon any more is dropped."""
    if not engine.has_image(BASE) and not pull(engine):
        import_tree(engine)
    for target in ("build", *DAEMONS):
        build(engine, "deploy/Dockerfile", f"pinhole-{target}", "--target",
              target)
    build(engine, "tests/compose/Dockerfile", "pinhole-host")
    engine.docker("image", "prune", "-f")


def release(engine, tag):
    """Another version of the daemons: the same programs, other images."""
    for target in DAEMONS:
        engine.docker("build", "-t", f"pinhole-{target}:{tag}", "-",
                      input=f"FROM pinhole-{target}\n"
                            f"LABEL release={tag}\n")
