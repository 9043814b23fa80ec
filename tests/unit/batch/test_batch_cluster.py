"""Joining a Ray cluster, with something in place of Ray that knows who called it."""

import asyncio
import logging
import os
import sys
import threading
import types

import pytest

from llm_composition_patterns import ConfigurationError
from llm_composition_patterns.batch._cluster import Cluster


class Refused(Exception):
    pass


class Handle:
    def __init__(self, fails):
        self.work = self
        self.fails = fails

    async def remote(self, *given):
        if self.fails is not None:
            raise self.fails
        self.given = given


class FakeRay(types.ModuleType):
    def __init__(self, *, joined=False, error=None, fails=None):
        super().__init__("ray")
        self.calls = []
        self.joined, self.error = joined, error
        self.exceptions = types.SimpleNamespace(RayError=Refused)
        self.util = types.SimpleNamespace(get_node_ip_address=lambda: "10.0.0.7")
        self.handle = Handle(fails)
        self._private = types.SimpleNamespace(worker=types.SimpleNamespace(print_to_stdstream=print))

    def is_initialized(self):
        return self.joined

    def init(self, **given):
        self.statistics = os.environ.get("RAY_USAGE_STATS_ENABLED")
        self.calls.append(("init", given))
        if self.error is not None:
            raise self.error
        self.joined = True

    def shutdown(self):
        self.calls.append(("shutdown", {}))
        self.joined = False

    def cluster_resources(self):
        return {"CPU": 6.0}

    def remote(self, **options):
        self.calls.append(("actor", options))
        return lambda _: types.SimpleNamespace(remote=lambda: self.handle)

    def kill(self, handle):
        assert handle is self.handle
        self.calls.append(("kill", {}))


@pytest.fixture
def ray(monkeypatch):
    """Puts something in place of Ray."""

    def put(**given):
        fake = FakeRay(**given)
        monkeypatch.setitem(sys.modules, "ray", fake)
        return fake

    return put


async def test_without_an_address_a_cluster_of_its_own_is_started(ray):
    """Never one that happens to run; without a dashboard and without usage statistics, and it is ended."""
    fake, level = ray(), logging.getLogger("ray").level
    async with Cluster(None) as cluster:
        assert (cluster.host, cluster.cpus) == ("127.0.0.1", 6)
    quiet = {"log_to_driver": False, "configure_logging": False, "include_dashboard": False}
    assert fake.calls == [("init", {"address": "local", **quiet}), ("shutdown", {})]
    assert fake.statistics == "0"
    assert "RAY_USAGE_STATS_ENABLED" not in os.environ
    assert logging.getLogger("ray").level == level


async def test_another_cluster_is_joined_and_left(ray):
    """Its nodes reach this process by the address that the cluster knows it by."""
    fake = ray()
    async with Cluster("10.0.0.1:6379") as cluster:
        assert cluster.host == "10.0.0.7"
    assert fake.calls == [
        ("init", {"address": "10.0.0.1:6379", "log_to_driver": False, "configure_logging": False}),
        ("shutdown", {}),
    ]


async def test_a_cluster_that_is_joined_when_nobody_wants_it_any_more_is_left(ray, monkeypatch):
    """Ray is not interrupted while it joins one: that is waited for, and then it is left."""
    fake, joining, go_on = ray(), threading.Event(), threading.Event()
    init = fake.init

    def slowly(**given):
        joining.set()
        assert go_on.wait(10)
        init(**given)

    monkeypatch.setattr(fake, "init", slowly)
    entering = asyncio.ensure_future(Cluster(None).__aenter__())
    await asyncio.to_thread(joining.wait, 10)
    entering.cancel()
    await asyncio.sleep(0)
    go_on.set()
    await asyncio.wait([entering])
    assert entering.cancelled()
    assert [name for name, _ in fake.calls] == ["init", "shutdown"]


async def test_a_cluster_that_does_not_tell_what_it_has_is_left(ray, monkeypatch):
    """It was joined all the same."""
    fake = ray()
    monkeypatch.setattr(fake, "cluster_resources", lambda: 1 / 0)
    with pytest.raises(ZeroDivisionError):
        async with Cluster(None):
            pass
    assert [name for name, _ in fake.calls] == ["init", "shutdown"]


async def test_what_the_program_has_joined_stays_joined(ray):
    """It is used as it is."""
    fake = ray(joined=True)
    async with Cluster(None) as cluster:
        assert cluster.host == "10.0.0.7"
    assert fake.calls == []


async def test_a_cluster_that_cannot_be_joined_is_told_with_the_repair(ray):
    """What Ray said, and what may be missing."""
    ray(error=ConnectionError("no answer"))
    with pytest.raises(ConfigurationError, match=r"10\.0\.0\.1:6379 cannot be joined: no answer.*RAY_AUTH_TOKEN"):
        async with Cluster("10.0.0.1:6379"):
            pass
    with pytest.raises(ConfigurationError, match="could not be started on this machine: no answer"):
        async with Cluster(None):
            pass


def test_clients_are_refused():
    """Actors could not connect back through one."""
    with pytest.raises(ConfigurationError, match="Run the program on a node of the cluster"):
        Cluster("ray://head:10001")


async def test_missing_ray_is_told_with_the_repair(monkeypatch):
    """It is an extra."""
    monkeypatch.setitem(sys.modules, "ray", None)
    with pytest.raises(ConfigurationError, match=r"pip install 'llm-composition-patterns\[ray\]'"):
        async with Cluster(None):
            pass


async def test_actors_are_restarted_and_their_calls_are_not(ray):
    """Ray starts an actor again for ever, and repeats nothing: what is repeated is recorded."""
    fake = ray()
    async with Cluster(None) as cluster, cluster.actor() as actor:
        assert await actor.work("url", "token", "name") is None
    options = {"num_cpus": 1, "max_restarts": -1, "max_task_retries": 0, "scheduling_strategy": "SPREAD"}
    assert fake.calls[1:] == [("actor", options), ("kill", {}), ("shutdown", {})]
    assert fake.handle.given == ("url", "token", "name")


async def test_an_actor_that_is_lost_says_how(ray):
    """Whatever Ray raises of it is told, not raised."""
    ray(fails=Refused("the node has died"))
    async with Cluster(None) as cluster, cluster.actor() as actor:
        assert await actor.work("url", "token", "name") == "the node has died"


async def test_what_ray_prints_of_its_nodes_is_logged(ray, capsys, caplog):
    """Standard output is for the program's data."""
    fake = ray()
    with caplog.at_level(logging.INFO, logger="llm_composition_patterns"):
        async with Cluster(None):
            fake._private.worker.print_to_stdstream(
                {"lines": ["a raylet has died"], "is_err": False}, ignore_prefix=False
            )
    assert capsys.readouterr().out == ""
    assert caplog.messages == ["Ray: a raylet has died"]
    assert fake._private.worker.print_to_stdstream is print


async def test_a_ray_that_prints_in_another_way_is_left_alone(ray):
    """What is private to it may be gone."""
    fake = ray()
    del fake._private
    async with Cluster(None) as cluster:
        assert cluster.cpus == 6
