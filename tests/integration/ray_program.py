"""A batch under Ray as a program of its own, to be killed: `ray_program.py TRANSPORT STORE STEP COUNT [RESOURCE]`.

Says `joined` when its first item is done, and prints at the end what the run was like, as JSON.
"""

import asyncio
import json
import sys
from pathlib import Path

sys.path.insert(0, str(Path(__file__).parent))

import remote_steps

from llm_composition_patterns import run_batch


async def main() -> None:
    transport, store, step, count, *resource = sys.argv[1:]

    def tell(progress):
        print(f"done {progress.done}", file=sys.stderr, flush=True)

    report = await run_batch(
        getattr(remote_steps, step),
        range(int(count)),
        store=store,
        key=str,
        transport=transport,
        resource=getattr(remote_steps, resource[0]) if resource else None,
        progress=tell,
    )
    print(
        json.dumps(
            {
                "counts": dict(report.counts),
                "executed": report.executed,
                "repeated": len(report.possibly_repeated),
                "elapsed": report.elapsed,
            }
        )
    )


if __name__ == "__main__":
    asyncio.run(main())
