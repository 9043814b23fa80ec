"""`llm-patterns doctor`: what is configured, reachable and missing, and how to mend it.

Facts are gathered (all probes at once), read into findings by a pure function, and printed. Of a key only its
variable's name is ever shown, and of an address neither user nor password.
"""

from __future__ import annotations

import asyncio
import json
import os
import platform
import re
from argparse import ArgumentParser, Namespace
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import asdict, dataclass, field, replace
from http import HTTPStatus
from importlib import metadata
from itertools import groupby
from typing import Any, Literal

from ..console import (
    FAILED,
    OK,
    USAGE,
    LocalServer,
    Reply,
    default_model,
    find_local_servers,
    full_name,
    is_simulated,
    key_variables,
    load_env_file,
    probe_address,
    run_command,
    shown_url,
    terminal,
    why_not,
)
from ..errors import ConfigurationError
from ..tracing import LOCAL_PHOENIX, PHOENIX_VARIABLE, endpoint_variable

PACKAGE = "llm-composition-patterns"

State = Literal["good", "absent", "broken"]
STYLES: Mapping[State, str] = {"good": "green", "absent": "yellow", "broken": "red"}
MARKS: Mapping[State, str] = {"good": "✓", "absent": "-", "broken": "✗"}
ASCII_MARKS: Mapping[State, str] = {"good": "+", "absent": "-", "broken": "x"}


@dataclass(frozen=True, slots=True, kw_only=True)
class ModelFacts:
    """The model that a command without `--model` calls: its name, why that one, and why it cannot work."""

    name: str
    reason: str
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class PhoenixFacts:
    """Phoenix: the installed version, the address to look at, its answer's status, and why there is none."""

    installed: str | None
    url: str
    status: int | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class TracingFacts:
    """Where `--trace auto` sends spans (None: nowhere), the variable that says so, and why that cannot work."""

    endpoint: str | None = None
    variable: str | None = None
    problem: str = ""


@dataclass(frozen=True, slots=True, kw_only=True)
class Facts:
    """Everything that doctor knows. `keys` says of each variable whether it is set, and nothing else."""

    python: str
    packages: Mapping[str, str | None]
    env_file: str | None
    keys: Mapping[str, bool]
    model: ModelFacts
    local_servers: Sequence[LocalServer] = field(default_factory=list)
    phoenix: PhoenixFacts
    tracing: TracingFacts


@dataclass(frozen=True, slots=True)
class Finding:
    """One row of the report, with the repair where something is missing."""

    topic: str
    what: str
    state: State
    detail: str
    repair: str = ""


def configure(parser: ArgumentParser) -> None:
    """Add doctor's flags."""
    parser.add_argument("--json", action="store_true", help="one JSON object on stdout")


def run(arguments: Namespace) -> int:
    """Report; 2 if the configuration is broken, 1 if the default model does not answer, else 0."""
    here = _here(os.environ)
    reports: list[Facts] = []

    async def look() -> int:
        reports.append(await _with_probes(here, os.environ))
        return exit_code(reports[0])

    code = run_command(look)
    for facts in reports:
        _print_json(facts) if arguments.json else _print(findings(facts))
    return code


def _here(environ: Mapping[str, str]) -> Facts:
    """Look at everything that needs no asking."""
    tracing = _tracing(environ)
    return Facts(
        python=platform.python_version(),
        packages=dict(_packages()),
        env_file=load_env_file(),
        keys={key: bool(environ.get(key, "").strip()) for key in key_variables()},
        model=_model(environ),
        phoenix=PhoenixFacts(installed=_version("arize-phoenix"), url=tracing.endpoint or LOCAL_PHOENIX),
        tracing=tracing,
    )


async def _with_probes(facts: Facts, environ: Mapping[str, str]) -> Facts:
    """Ask around, all at once; what does not answer costs little over a second altogether."""
    variable = facts.tracing.variable
    address = environ[variable].strip() if variable else LOCAL_PHOENIX
    servers, reply = await asyncio.gather(find_local_servers(environ), probe_address(address))
    model = _model(environ, servers)
    return replace(facts, model=model, local_servers=servers, phoenix=_answered(facts.phoenix, reply))


def _answered(phoenix: PhoenixFacts, reply: Reply) -> PhoenixFacts:
    problem = reply.problem
    if reply.status is not None and reply.status >= HTTPStatus.INTERNAL_SERVER_ERROR:
        problem = f"it answers with status {reply.status}"
    return replace(phoenix, status=reply.status, problem=problem)


def exit_code(facts: Facts) -> int:
    """Say whether a command without `--model` and `--trace` could work."""
    if facts.model.problem or facts.tracing.problem:
        return USAGE
    return FAILED if _server_problem(facts) else OK


def findings(facts: Facts) -> list[Finding]:
    """Read the facts."""
    return [
        Finding("Environment", "Python", "good", facts.python),
        *(_package(name, version) for name, version in facts.packages.items()),
        Finding("Environment", ".env", "good" if facts.env_file else "absent", facts.env_file or "none found"),
        *(_key(variable, is_set) for variable, is_set in facts.keys.items()),
        _chosen(facts),
        *(_server(server) for server in facts.local_servers),
        *_phoenix(facts.phoenix),
        _spans(facts.tracing),
    ]


def _package(name: str, version: str | None) -> Finding:
    if version is None:
        return Finding("Environment", name, "broken", "not installed", f"pip install {name}")
    return Finding("Environment", name, "good", version)


def _key(variable: str, is_set: bool) -> Finding:  # noqa: FBT001  # a row of a table
    if is_set:
        return Finding("Keys", variable, "good", "set")
    return Finding("Keys", variable, "absent", "not set", f"export {variable}=..., or a line {variable}=... in .env")


def _chosen(facts: Facts) -> Finding:
    model = facts.model
    if model.problem:
        return Finding("Model", model.name, "broken", f"{model.reason}, but it cannot be called", model.problem)
    if problem := _server_problem(facts):
        return Finding(
            "Model", model.name, "broken", f"{model.reason}, but {problem}", f"see {model.name.partition(':')[0]} below"
        )
    repair = "for real answers set a key, or name a model with --model or LLM_MODEL" if is_simulated(model.name) else ""
    return Finding("Model", model.name, "good", model.reason, repair)


def _server(server: LocalServer) -> Finding:
    if server.problem:
        detail = f"{server.url}: {server.problem}" if server.url else server.problem
        return Finding("Local servers", server.provider, "absent", detail, server.hint)
    return Finding("Local servers", server.provider, "good", f"{server.url}: {', '.join(server.models)}")


def _phoenix(phoenix: PhoenixFacts) -> Iterator[Finding]:
    if phoenix.installed:
        yield Finding("Phoenix", "server", "good", f"arize-phoenix {phoenix.installed} is installed")
    else:
        yield Finding("Phoenix", "server", "absent", "not installed", "pip install arize-phoenix")
    if phoenix.problem:
        yield Finding("Phoenix", "traces", "absent", f"{phoenix.url}: {phoenix.problem}", "llm-patterns phoenix")
    else:
        yield Finding("Phoenix", "traces", "good", f"{phoenix.url} answers (status {phoenix.status})")


def _spans(tracing: TracingFacts) -> Finding:
    if tracing.problem:
        return Finding("Tracing", "--trace auto", "broken", "spans cannot be sent", tracing.problem)
    if tracing.endpoint:
        return Finding("Tracing", "--trace auto", "good", f"{tracing.endpoint} ({tracing.variable})")
    repair = f"--trace phoenix, or export {PHOENIX_VARIABLE}={LOCAL_PHOENIX}"
    return Finding("Tracing", "--trace auto", "absent", "off: the environment names no endpoint", repair)


def _server_problem(facts: Facts) -> str:
    """Say why the local server of the chosen model cannot be used; empty where it can, or where there is none."""
    provider, _, model = facts.model.name.partition(":")
    server = next((server for server in facts.local_servers if server.provider == provider), None)
    if server is None or server.problem:
        return server.problem if server else ""
    has_it = not model or model in server.models or f"{model}:latest" in server.models
    return "" if has_it else f"the server there has no model {model!r}"


def _model(environ: Mapping[str, str], servers: Sequence[LocalServer] = ()) -> ModelFacts:
    choice = default_model(environ, servers)
    name = full_name(choice.name, environ)
    return ModelFacts(name=name, reason=choice.reason, problem=why_not(name, environ))


def _tracing(environ: Mapping[str, str]) -> TracingFacts:
    try:
        variable = endpoint_variable(environ)
    except ConfigurationError as error:
        return TracingFacts(problem=str(error))
    if variable is None:
        return TracingFacts()
    return TracingFacts(endpoint=shown_url(environ[variable].strip()), variable=variable)


def _packages() -> Iterator[tuple[str, str | None]]:
    """Give this package and those it needs (the optional ones not), with their versions."""
    yield PACKAGE, _version(PACKAGE)
    try:
        needed = metadata.requires(PACKAGE) or []
    except metadata.PackageNotFoundError:
        return
    for requirement in needed:
        name = re.match(r"[\w.-]+", requirement)
        if name and "extra ==" not in requirement:
            yield name[0], _version(name[0])


def _version(package: str) -> str | None:
    try:
        return metadata.version(package)
    except metadata.PackageNotFoundError:
        return None


def _print_json(facts: Facts) -> None:
    code = exit_code(facts)
    print(json.dumps({"ok": code == OK, "exit_code": code, **asdict(facts)}, indent=2))


def _print(rows: Sequence[Finding]) -> None:
    console = terminal(stderr=False)
    marks = ASCII_MARKS if console.options.ascii_only else MARKS
    for line in lines(rows, marks):
        console.print(_text(line), soft_wrap=True)


def _text(line: Sequence[tuple[str, str]]) -> Any:
    from rich.text import Text  # noqa: PLC0415  # only to print with

    return Text.assemble(*line)


def lines(rows: Sequence[Finding], marks: Mapping[State, str] = MARKS) -> Iterator[list[tuple[str, str]]]:
    """Lay the findings out: a heading a topic, aligned rows, and below each missing thing its repair."""
    for topic, found in groupby(rows, key=lambda row: row.topic):
        group = list(found)
        width = max(len(row.what) for row in group)
        yield [(topic, "bold")]
        for row in group:
            style = STYLES[row.state]
            yield [
                (f"  {marks[row.state]} ", style),
                (f"{row.what:<{width}}  ", ""),
                (row.detail, "" if row.state == "good" else style),
            ]
            if row.repair:
                yield [(f"      to mend: {row.repair}", "dim")]
