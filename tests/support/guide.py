"""deploy/README.md as something to run: its blocks of commands, each with the
hosts that its first line names.

    guide = Guide()
    guide.run("Three hosts", machines)

The passwords that a person would type are typed for him.
"""

import re
import subprocess
from concurrent.futures import ThreadPoolExecutor

from .net import TOP

DOCUMENT = TOP / "deploy" / "README.md"
BUILD_HOST = "the build machine"
PASSWORD = "secret-of-{}"

_FENCE = re.compile(r"^```(\w*)$")
_TYPING = """\
redirectd() {
    case "$1 $2" in
    "user add") printf 'secret-of-%s\\n' "${3%%@*}" | command redirectd "$@" ;;
    *) command redirectd "$@" ;;
    esac
}
"""


class Block:
    def __init__(self, section, language, lines):
        self.section, self.language = section, language
        self.hosts = []
        if language == "sh" and lines and lines[0].startswith("# on "):
            self.hosts = lines.pop(0)[len("# on "):].split(", ")
        self.text = "\n".join(lines) + "\n"

    def __repr__(self):
        return f"{self.section}: {' '.join(self.text.split())[:60]}"


def read(document=DOCUMENT):
    """The blocks of a document in their order."""
    blocks, section, language, lines = [], None, None, []
    for line in document.read_text().splitlines():
        fence = _FENCE.match(line)
        if language is not None and line == "```":
            blocks.append(Block(section, language, lines))
            language, lines = None, []
        elif language is not None:
            lines.append(line)
        elif fence:
            language = fence[1]
        elif line.startswith("## "):
            section = line[3:]
    return blocks


class Guide:
    """What has been run of it is in `done`, for who wants all to be."""

    done = set()

    def __init__(self):
        self.blocks = read()
        self.env = {}

    def section(self, name):
        found = [b for b in self.blocks if b.section == name]
        assert found, f"no section {name} with blocks"
        return found

    def run(self, name, machines, only="", first=False):
        """All blocks of a section in their order, or those that contain
        `only`, or the first of them; what they printed."""
        out = []
        found = [b for b in self.section(name)
                 if b.language == "sh" and only in b.text]
        for block in found[:1] if first else found:
            Guide.done.add(block.text)
            with ThreadPoolExecutor(len(block.hosts)) as pool:
                out += pool.map(
                    lambda host, b=block: self._run_on(host, b, machines),
                    block.hosts)
        assert out, f"{name}: nothing to run"
        return "".join(out)

    def _run_on(self, host, block, machines):
        if host == BUILD_HOST:
            return self._run_here(block)
        exports = "".join(f"export {k}='{v}'\n" for k, v in self.env.items())
        typing = _TYPING if "user add" in block.text else ""
        return machines[host].exec(
            "bash", "-euc",
            f"cd /root\n{exports}{typing}{block.text}", timeout=300)

    def _run_here(self, block):
        """What it says to export is typed on the hosts."""
        out = subprocess.run(["bash", "-euc", block.text], cwd=TOP, text=True,
                             stdout=subprocess.PIPE, check=True).stdout
        self.env.update(re.findall(r"^export (\w+)=(\S+)$", out, re.M))
        return out
