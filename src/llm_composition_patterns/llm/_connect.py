"""`connect`: from a name and settings to a model."""

from __future__ import annotations

import asyncio
import os
from collections.abc import Hashable
from contextlib import AsyncExitStack
from dataclasses import replace
from typing import Any, Literal

from ..errors import ConfigurationError
from ..limits import Limiter, brief, check_limit, is_finite
from ..simulation import Price, Scenario
from ..tracing import know_key
from ._addresses import NO_KEY, Address, resolve
from ._endpoint import Endpoint
from ._model import ConnectedModel, Opener, Options
from ._start import start_of


def connect(
    name: str,
    *,
    base_url: str | None = None,
    api_key: str | None = None,
    concurrency: Literal["auto"] | int | Limiter = "auto",
    timeout: float = 60.0,
    attempts: int = 4,
    max_rate_limit_wait: float = 120.0,
    outage_timeout: float = 600.0,
    hedge: bool = False,
    remember: bool = True,
    price: Price | None = None,
    scenario: Scenario | None = None,
) -> ConnectedModel:
    """Name a model; `async with` opens it, and gives it to be called.

    One HTTP client is opened with it and closed with it. Models of the same address, name and key share one limiter
    in the process, whichever provider they were named by.

    Args:
        name: `provider:model`, split at the first colon. Without a model, the provider's default one.
        base_url: Another server: `openai:NAME` with it reaches any OpenAI-compatible one.
        api_key: The key, instead of the provider's environment variable. `OPENAI_API_KEY` is never sent to a
            `base_url` that is not OpenAI's.
        concurrency: How many calls may be in flight at the model. `"auto"` finds that out, and the provider's rate
            limits with it; a number is a cap, below which it is still found out; or a `Limiter` of your own. Of
            several numbers given for one model the smallest open one holds.
        timeout: Seconds that one attempt may take, counted from its permit.
        attempts: How often a call is tried. Not counted are its first refusal by a rate limit, refusals while the
            provider goes on to take other calls, and what fails in an outage; the latter two not with
            `Limiter(fixed=...)`.
        max_rate_limit_wait: Seconds that a call may be held up by rate limits while nobody's call is accepted. Where
            it is known that the wait is longer than this, as by Retry-After or a limit on requests, the call fails at
            once, whether it was refused itself or waits behind others. A limit on tokens says so of the next call
            only: those behind it may count less.
        outage_timeout: Seconds that a call waits in an outage: the provider has answered calls before, then three or
            more fail and none is answered. Single ones find out whether it is back, at most two a second in all.
            Where only one or two calls fail it may be for what is in them, so each is tried `attempts` times and
            no more; after the third failure what is left of that is spread over 30 s from the first one, or over
            `outage_timeout` where that is less.
        hedge: Whether a call that takes much longer than most gets a second attempt beside the first; the first
            answer wins, and the other attempt is cancelled. 5 % of the calls at most, none with `on_text`. Both are
            paid for: never use it for calls with side effects.
        remember: Whether what the automatic limiter has found out is kept in the user's cache directory, so that the
            next run begins there: numbers under a hash of endpoint, model and key. Never for simulated models.
        price: What the model costs, where neither the provider nor the price list says so, or says it wrongly. Inside
            a `Budget` in US dollars some price must be known.
        scenario: How the simulated provider behaves; for `simulated:` models only.

    Raises:
        ConfigurationError: The name or the address cannot work, or a real provider is given a scenario.
        AuthenticationFailed: The provider needs a key and there is none.
        TypeError: A setting is of another type.
        ValueError: A setting is out of range.

    Opening a local server's model without a name asks the server for one, which may raise `ModelUnavailable` (it does
    not answer), `UnknownModel` (it has none) or another `ModelError`.
    """
    waits = {"timeout": timeout, "max_rate_limit_wait": max_rate_limit_wait, "outage_timeout": outage_timeout}
    for setting, value in waits.items():
        _check_seconds(value, setting)
    if isinstance(attempts, bool) or not isinstance(attempts, int):
        raise TypeError(f"connect(attempts={attempts!r}): give a number of attempts")
    if attempts < 1:
        raise ValueError(f"connect(attempts={brief(attempts)}): a call needs at least 1 attempt")
    _check_kind(base_url, "base_url", str, "'http://localhost:8000/v1'")
    if api_key is not None and not isinstance(api_key, str):
        raise TypeError("connect(api_key=...): give the key as text")
    _check_kind(hedge, "hedge", bool, "True")
    _check_kind(remember, "remember", bool, "False")
    _check_kind(price, "price", Price, "Price(input=0.1, output=0.5)")
    _check_kind(scenario, "scenario", Scenario, "Scenario(seed=1)")
    address = resolve(name, base_url=base_url, api_key=api_key, environ=os.environ)
    if address.api_key not in (None, NO_KEY):
        know_key(address.api_key)
    if scenario is not None and address.provider.sdk != "simulated":
        raise ConfigurationError(f"a scenario is for simulated: models; {address.name} is a real one")
    options = Options(
        concurrency=_concurrency(concurrency),
        timeout=float(timeout),
        attempts=attempts,
        max_rate_limit_wait=float(max_rate_limit_wait),
        outage_timeout=float(outage_timeout),
        hedge=hedge,
        remember=remember and address.provider.sdk != "simulated",
        price=price,
        endpoint=_endpoint(address, scenario),
        start=start_of(address, scenario),
        charged=None if scenario is None else scenario.price,
    )
    return ConnectedModel(address, _opener(options, scenario), options)


def _concurrency(wanted: object) -> int | Limiter | None:
    if wanted == "auto":
        return None
    if isinstance(wanted, Limiter):
        return wanted
    if not isinstance(wanted, int):
        raise TypeError(f"connect(concurrency={wanted!r}): give 'auto', a number of calls, or a Limiter")
    check_limit(wanted, f"connect(concurrency={brief(wanted)})")
    return wanted


def _check_seconds(value: object, setting: str) -> None:
    if isinstance(value, bool) or not isinstance(value, int | float):
        raise TypeError(f"connect({setting}={value!r}): give a number of seconds")
    if not value > 0:
        raise ValueError(f"connect({setting}={brief(value)}): give more than 0 seconds")
    if isinstance(value, int) and not is_finite(value):
        raise ValueError(f"connect({setting}={brief(value)}): give float('inf') to wait as long as it takes")


def _check_kind(value: object, setting: str, kind: type, example: str) -> None:
    if value is not None and not isinstance(value, kind):
        raise TypeError(f"connect({setting}={value!r}): give a {kind.__name__}, such as {example}")


def _endpoint(address: Address, scenario: Scenario | None) -> Hashable:
    return ("simulated", scenario) if address.provider.sdk == "simulated" else address.endpoint


def _opener(options: Options, scenario: Scenario | None) -> Opener:
    async def open_endpoint(address: Address, resources: AsyncExitStack) -> tuple[Address, Endpoint]:
        if address.provider.sdk == "simulated":
            from ._simulated import SimulatedEndpoint  # noqa: PLC0415 - only when used

            return address, SimulatedEndpoint(scenario)
        return await open_sdk(address, options, resources)

    return open_endpoint


async def open_sdk(address: Address, options: Options, resources: AsyncExitStack) -> tuple[Address, Any]:
    """The endpoint of an address through its SDK, with its client, which is closed with the resources."""
    endpoint = await asyncio.to_thread(_build, address, options)  # imports the SDK and reads certificates
    resources.push_async_callback(endpoint.client.close)
    if not address.model:
        address = replace(address, model=await endpoint.first_model(address))
    return address, endpoint


def _build(address: Address, options: Options) -> Any:
    """The client of an SDK; all of them read the environment's proxies when they are made."""
    try:
        return _client(address, options)
    except Exception as error:
        # By its name, because each SDK may have a generation of httpx of its own.
        about_proxies = type(error).__name__ == "InvalidURL" or "proxy" in str(error)
        if not about_proxies or not (variables := _proxy_variables()):
            raise
        # Never quote it: the address of a proxy may hold a password.
        raise ConfigurationError(
            f"{' or '.join(variables)} is set to what is no proxy: write a proxy as http://127.0.0.1:3128 and the "
            "hosts of NO_PROXY as localhost,10.0.0.1, or unset the variable"
        ) from None


def _proxy_variables() -> list[str]:
    """The variables about proxies that are set, as they are written here."""
    known = {"HTTP_PROXY", "HTTPS_PROXY", "ALL_PROXY", "NO_PROXY"}
    return sorted(name for name, value in os.environ.items() if name.upper() in known and value)


def _client(address: Address, options: Options) -> Any:
    if address.provider.sdk == "groq":
        from ._groq import GroqEndpoint  # noqa: PLC0415

        return GroqEndpoint(address, timeout=options.timeout)
    from ._openai import OpenAIEndpoint  # noqa: PLC0415

    return OpenAIEndpoint(address, timeout=options.timeout)
