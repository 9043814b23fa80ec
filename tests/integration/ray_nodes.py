"""A Ray cluster of two nodes on this machine, each in a network namespace of its own where that is allowed.

Everything is started here and ended here; the token and the session's files are in a temporary directory.
"""

import os
import shutil
import signal
import subprocess
import sys
import tempfile
import time
import uuid
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from pathlib import Path

PORT = 6379
MAY_TAKE = 120.0


@dataclass
class Node:
    """One node: where it is, and what it runs in.

    Attributes:
        host: Its address.
        inside: What a command is prefixed with to run there.
        namespace: Its network namespace; None where there is none.
        link: Its end of the network.
        started: The command that keeps it.
    """

    host: str
    inside: list[str] = field(default_factory=list)
    namespace: str | None = None
    link: str = ""
    started: subprocess.Popen | None = None

    def kill(self) -> None:
        """End everything that runs on it at once, as when its power fails."""
        pids = self._pids()
        for pid in pids:
            with_suppressed(os.kill, pid, signal.SIGKILL)
        if self.started is not None:
            self.started.wait()
        while any(_lives(pid) for pid in pids):
            time.sleep(0.01)

    def cut_off(self) -> None:
        """Take its network down, so that nothing comes or goes."""
        subprocess.run([*self.inside, "ip", "link", "set", self.link, "down"], check=True)

    def _pids(self) -> list[int]:
        if self.namespace is not None:
            told = subprocess.run(["ip", "netns", "pids", self.namespace], capture_output=True, text=True, check=True)
            return [int(pid) for pid in told.stdout.split()]
        return [] if self.started is None else _descendants(self.started.pid)


def with_suppressed(call, *given):
    """Call what may be too late."""
    with suppress(ProcessLookupError, subprocess.CalledProcessError):
        call(*given)


def _lives(pid: int) -> bool:
    try:
        return Path(f"/proc/{pid}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except OSError:
        return False


def _descendants(pid: int) -> list[int]:
    """A process and what it has started, whoever of them is a group of its own."""
    children: dict[int, list[int]] = {}
    for stat in Path("/proc").glob("[0-9]*/stat"):
        try:
            parent = int(stat.read_text().rpartition(")")[2].split()[1])
        except OSError:
            continue
        children.setdefault(parent, []).append(int(stat.parent.name))
    found, todo = [], [pid]
    while todo:
        one = todo.pop()
        found.append(one)
        todo += children.get(one, [])
    return found


@contextmanager
def two_nodes(cpus: int = 2):
    """A head and another node, each with so many CPUs; gives both, and the environment for programs on them."""
    with ExitStack() as stack:
        files = tempfile.mkdtemp(prefix="ray", dir="/tmp")
        stack.callback(shutil.rmtree, files, ignore_errors=True)
        environ = {
            **os.environ,
            "RAY_AUTH_MODE": "token",
            "RAY_AUTH_TOKEN": uuid.uuid4().hex * 2,
            "RAY_USAGE_STATS_ENABLED": "0",
            "RAY_DEDUP_LOGS": "0",
            "RAY_TMPDIR": files,
        }
        nodes = _namespaces(stack) or [Node("127.0.0.1"), Node("127.0.0.1")]
        head, other = nodes
        for node in nodes:
            stack.callback(node.kill)
        _start(head, environ, ["--head", f"--port={PORT}", "--include-dashboard=false", f"--temp-dir={files}"], cpus)
        _start(other, environ, [f"--address={head.host}:{PORT}"], cpus)
        _wait_for(head, environ, 2 * cpus)
        yield head, other, environ


def _start(node: Node, environ: dict[str, str], flags: list[str], cpus: int) -> None:
    ray = shutil.which("ray", path=f"{Path(sys.executable).parent}:{os.environ.get('PATH', '')}")
    command = [ray, "start", "--block", f"--num-cpus={cpus}", *flags, "--object-store-memory=100000000"]
    if node.namespace is not None:
        command.append(f"--node-ip-address={node.host}")
    node.started = subprocess.Popen(
        [*node.inside, *command],
        env=environ,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
        start_new_session=True,
    )


def _wait_for(head: Node, environ: dict[str, str], cpus: int) -> None:
    program = (
        "import ray, sys, time\n"
        "until = time.monotonic() + 30\n"
        f"ray.init(address='{head.host}:{PORT}', logging_level='ERROR', log_to_driver=False)\n"
        f"while ray.cluster_resources().get('CPU') != {cpus} and time.monotonic() < until: time.sleep(0.1)\n"
        f"sys.exit(ray.cluster_resources().get('CPU') != {cpus})\n"
    )
    until = time.monotonic() + MAY_TAKE
    while True:
        tried = subprocess.run(
            [*head.inside, sys.executable, "-c", program], env=environ, capture_output=True, text=True, check=False
        )
        if tried.returncode == 0:
            return
        assert time.monotonic() < until, tried.stderr
        time.sleep(1.0)


def _namespaces(stack: ExitStack) -> list[Node] | None:
    """Two network namespaces that reach each other; None where that is not allowed."""
    ip = shutil.which("ip")
    if ip is None or os.geteuid() != 0:
        return None
    tag, net = uuid.uuid4().hex[:6], f"10.{os.getpid() % 200 + 20}.{os.getppid() % 250}"
    names, ends = [f"ray{tag}a", f"ray{tag}b"], [f"r{tag}a", f"r{tag}b"]

    def run(*command: str) -> None:
        subprocess.run([ip, *command], check=True, capture_output=True)

    try:
        for name in names:
            run("netns", "add", name)
            stack.callback(with_suppressed, run, "netns", "del", name)
        run("link", "add", ends[0], "netns", names[0], "type", "veth", "peer", "name", ends[1], "netns", names[1])
        for number, (name, end) in enumerate(zip(names, ends, strict=True), 1):
            run("-n", name, "addr", "add", f"{net}.{number}/24", "dev", end)
            run("-n", name, "link", "set", end, "up")
            run("-n", name, "link", "set", "lo", "up")
            run("-n", name, "route", "add", "default", "dev", end)
    except subprocess.CalledProcessError:
        return None
    return [
        Node(f"{net}.{number}", [ip, "netns", "exec", name], name, end)
        for number, (name, end) in enumerate(zip(names, ends, strict=True), 1)
    ]
