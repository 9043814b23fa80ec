"""Clusters without Ray: their actors are tasks or processes, which are started again when they die, as Ray does."""

import asyncio
import contextvars
import json
import os
import sys
from contextlib import asynccontextmanager

from llm_composition_patterns.batch.remote import work

CPUS = 2


class TaskCluster:
    """Actors that are tasks, in a context that knows nothing of the dispatcher's."""

    def __init__(self, address):
        self.address = address
        self.host = "127.0.0.1"
        self.cpus = CPUS

    async def __aenter__(self):
        return self

    async def __aexit__(self, *_):
        pass

    @asynccontextmanager
    async def actor(self):
        yield self

    async def work(self, url, token, name):
        working = asyncio.create_task(work(url, token, name), context=contextvars.Context())
        try:
            await asyncio.shield(working)
        except (OSError, RuntimeError) as error:
            return str(error)
        finally:
            working.cancel()
            await asyncio.wait([working])
        return None


class ProcessCluster(TaskCluster):
    """Actors that are processes."""

    async def work(self, url, token, name):
        program = (
            "import asyncio, json, sys\n"
            "path, *arguments = json.loads(sys.argv[1])\n"
            "sys.path[:] = path\n"
            "from llm_composition_patterns.batch.remote import work\n"
            "asyncio.run(work(*arguments))\n"
        )
        given = json.dumps([sys.path, url, token, name])
        process = await asyncio.create_subprocess_exec(sys.executable, "-c", program, given, env=os.environ)
        try:
            code = await process.wait()
        except BaseException:
            process.kill()
            await process.wait()
            raise
        return None if code == 0 else f"it ended with {code}"
