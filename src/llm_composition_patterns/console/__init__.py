"""What the commands of this project share: flags, `.env`, the choice of a model, printing, and good endings.

```python
def main(argv: Sequence[str] | None = None) -> int:
    parser = command_parser("Translate products.", examples="{prog} --product 5 --languages spanish french")
    add_common_flags(parser)
    arguments = parser.parse_args(argv)
    return ending_well(lambda: run(arguments))


def run(arguments: Namespace) -> int:
    load_env_file()
    model = chosen_model(arguments)
    return run_command(lambda: translate(model, arguments), tracing=setup_tracing(to=arguments.trace))


if __name__ == "__main__":
    leave(main())
```
"""

from ..files import check_apart, check_writable, write_atomically, writing_atomically
from ..printable import printable
from ..timeline import Bar, bars, duration
from ._codes import BROKEN_PIPE, FAILED, HUNG_UP, INTERRUPTED, OK, SOME_FAILED, TERMINATED, USAGE
from ._drawn import drawn_into
from ._env_file import load_env_file
from ._example import Example, run_example
from ._flags import (
    add_common_flags,
    budget,
    command_parser,
    count,
    directory,
    model_name,
    port,
    port_or_any,
    seconds,
    seed,
)
from ._limit_line import limit_line
from ._live import live_progress
from ._local_servers import LocalServer, Reply, find_local_servers, probe_address, shown_url
from ._model import SIMULATED, chosen_model, is_simulated
from ._print_timeline import print_timeline
from ._prose import prose, table
from ._providers import default_model, full_name, key_variables, on_command_line, why_not
from ._run import ending_well, leave, run_command
from ._signals import handling
from ._terminal import print_json, print_json_line, say, say_in_place, terminal
from ._timeline import text_of, timeline
from ._usage import counted, kinds_line, usage_line, usage_record

__all__ = [
    "BROKEN_PIPE",
    "FAILED",
    "HUNG_UP",
    "INTERRUPTED",
    "OK",
    "SIMULATED",
    "SOME_FAILED",
    "TERMINATED",
    "USAGE",
    "Bar",
    "Example",
    "LocalServer",
    "Reply",
    "add_common_flags",
    "bars",
    "budget",
    "check_apart",
    "check_writable",
    "chosen_model",
    "command_parser",
    "count",
    "counted",
    "default_model",
    "directory",
    "drawn_into",
    "duration",
    "ending_well",
    "find_local_servers",
    "full_name",
    "handling",
    "is_simulated",
    "key_variables",
    "kinds_line",
    "leave",
    "limit_line",
    "live_progress",
    "load_env_file",
    "model_name",
    "on_command_line",
    "port",
    "port_or_any",
    "print_json",
    "print_json_line",
    "print_timeline",
    "printable",
    "probe_address",
    "prose",
    "run_command",
    "run_example",
    "say",
    "say_in_place",
    "seconds",
    "seed",
    "shown_url",
    "table",
    "terminal",
    "text_of",
    "timeline",
    "usage_line",
    "usage_record",
    "why_not",
    "write_atomically",
    "writing_atomically",
]
