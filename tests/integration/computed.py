"""What worker processes of tests compute. It imports little, because each of them imports it."""

import os
import signal
import subprocess
import sys
import time
from pathlib import Path


def start_and_die(path):
    """Die by itself, and leave a process behind."""
    sleeper = subprocess.Popen(["sleep", "60"])
    Path(path).write_text(f"{sleeper.pid}\n")
    os._exit(3)


class Awkward(Exception):
    """An exception that pickle can write and not read."""

    def __init__(self, *, code):
        super().__init__(f"code {code}")


class Resource:
    """Writes down when it is built and closed."""

    def __init__(self, log):
        self.log = Path(log)
        self.note("built")

    def note(self, what):
        with self.log.open("a") as file:
            file.write(f"{what} {os.getpid()}\n")

    def close(self):
        self.note("closed")


class Managed:
    """A context manager that gives another resource than itself."""

    def __enter__(self):
        return "inner"

    def __exit__(self, *_):
        pass


class Stubborn:
    """A resource that cannot be closed."""

    def close(self):
        raise OSError("it sticks")


def double(number):
    return 2 * number


def keywords(number, *, factor=1):
    return number * factor


def divide(number):
    return 1 / number


def pid(*_):
    return os.getpid()


def first_of(resource, *_):
    return resource


def pid_with(resource, *_):
    assert resource.log
    return os.getpid()


def awkward(_):
    raise Awkward(code=7)


def local_error(_):
    class Local(Exception):
        pass

    raise Local("nobody knows me")


def no_message(_):
    class Mute(Exception):
        def __str__(self):
            raise ValueError

    raise Mute


def stop(_):
    raise StopIteration


def leave(_):
    sys.exit(3)


def unsendable(number):
    return (lambda: number) if number else os.getpid()


class Unreadable:
    """What pickle writes of it cannot be read where it was not made."""

    def __reduce__(self):
        return readable_only_in, (os.getpid(),)


def readable_only_in(made_in):
    if made_in != os.getpid():
        raise ValueError("made elsewhere")


def unreadable(number):
    return Unreadable() if number else os.getpid()


def die(how):
    if how == "exit":
        os._exit(3)
    if how is not None:
        os.kill(os.getpid(), how)
    return os.getpid()


def die_in_the_middle(number):
    if number == 100:
        os.kill(os.getpid(), signal.SIGKILL)
    return 2 * number


def run_away(number):
    while number:
        pass
    return os.getpid()


def nap(seconds):
    """Take a while."""
    time.sleep(seconds)


def announce_and_hang(path):
    if path is None:
        return os.getpid()
    sleeper = subprocess.Popen(["sleep", "60"])
    Path(path).write_text(f"{os.getpid()} {sleeper.pid}\n")
    time.sleep(60)
    return None


def hold(given):
    """Write down who holds the call, then wait until a file is there."""
    began, release = map(Path, given)
    with began.open("a") as file:
        file.write(f"{os.getpid()}\n")
    while not release.exists():
        time.sleep(0.005)
    return os.getpid()


def append(path):
    with Path(path).open("a") as file:
        file.write(f"{os.getpid()}\n")
    return os.getpid()


def build_at_the_second_try(path):
    """Build a resource that raises the first time."""
    tries = Path(path)
    if not tries.exists():
        tries.touch()
        raise OSError("no converter yet")
    return "converter"


def big(payload):
    return len(payload), bytes(reversed(payload[:3])) + payload[3:]


def interrupt(_):
    os.kill(os.getpid(), signal.SIGINT)
    return os.getpid()


def coroutine_of(_):
    async def answer():
        return 1

    return answer()


def open_spans(name):
    from opentelemetry import baggage, trace  # noqa: PLC0415 - for those who trace

    from llm_composition_patterns.tracing import span  # noqa: PLC0415 - as above

    tracer = trace.get_tracer("a function's own", "1.0")
    with span(name, input="secret") as handle:
        handle.set({"pid": os.getpid()})
        with tracer.start_as_current_span("inner") as inner:
            inner.add_event("half way", {"percent": 50})
            if name == "broken":
                raise ValueError("it broke")
    with tracer.start_as_current_span("linked", links=[trace.Link(inner.get_span_context(), {"of": "inner"})]):
        pass
    return inner.get_span_context().span_id, baggage.get_baggage("customer")


def double_with(_, number):
    return 2 * number


def hold_with(_, how):
    if how == "die":
        os.kill(os.getpid(), signal.SIGKILL)
    return os.getpid()


def alive(process):
    """Whether a process is there, and no zombie."""
    if not Path("/proc/self").exists():  # macOS
        state = subprocess.run(["ps", "-o", "stat=", "-p", str(process)], capture_output=True, text=True, check=False)
        return state.stdout.strip()[:1] not in {"", "Z"}
    try:
        return Path(f"/proc/{process}/stat").read_text().rpartition(")")[2].split()[0] != "Z"
    except (FileNotFoundError, ProcessLookupError):
        return False


def hold_or_append(_, path, release=None):
    return append(path) if release is None else hold((path, release))


def written(path):
    """What a worker wrote, once it has written a line."""
    while not path.exists() or not path.read_text().endswith("\n"):
        time.sleep(0.005)
    return path.read_text()


def gone(process):
    """Return when a process is dead."""
    while alive(process):
        time.sleep(0.005)


def modules():
    return sorted(sys.modules)


def same(value):
    return value
