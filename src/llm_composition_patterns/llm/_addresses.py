"""From `provider:model` and the environment to an address: what to call, where, and with which key."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from typing import Final
from urllib.parse import urlsplit

from ..errors import AuthenticationFailed, ConfigurationError
from ..simulation import SIMULATED_PREFIX
from ._providers import PROVIDERS, Provider

NO_KEY: Final = "not-needed"
_OPENAI_HOST: Final = "openai.com"
_OLLAMA_PORT: Final = 11434
_GROQ_PATH: Final = "/openai/v1"
_NO_PART: Final = frozenset("@?#")  # of an address alone: they begin or end what may be secret


@dataclass(frozen=True, slots=True, kw_only=True)
class Address:
    """One model at one endpoint.

    Attributes:
        provider: The row of the provider.
        model: The model's name there; empty for the first that the server lists.
        base_url: Where it is; None where it runs in this process.
        api_key: The key to send; None where there is nothing to send it to.
        key_name: How to speak of the key in a message, such as `GROQ_API_KEY`.
        own_endpoint: It is the provider's own endpoint or one that the environment names for it, not some other
            server given by `base_url`.
    """

    provider: Provider
    model: str
    base_url: str | None
    api_key: str | None = field(repr=False)
    key_name: str
    own_endpoint: bool = True

    @property
    def name(self) -> str:
        """As `provider:model`."""
        return f"{self.provider.name}:{self.model}"

    @property
    def endpoint(self) -> str:
        """What is called, the same text however its address was written."""
        parts = urlsplit(self.base_url or "")
        port = parts.port or (443 if parts.scheme == "https" else 80)
        path = parts.path + (_GROQ_PATH if self.provider.sdk == "groq" else "")
        return f"{parts.scheme}://{parts.hostname}:{port}{path}"


def resolve(name: str, *, base_url: str | None, api_key: str | None, environ: Mapping[str, str]) -> Address:
    """Find out what `provider:model` means here.

    Raises:
        ConfigurationError: The name is malformed, the provider is unknown, or the address is not one.
        AuthenticationFailed: The provider needs a key and there is none.
    """
    provider, model = _split(name)
    if provider.sdk == "simulated":
        return _simulated(provider, model, base_url)
    url = _base_url(provider, base_url, environ)
    own = base_url is None or _is_own(provider, url)
    key, key_name = _key(provider, api_key, environ if own else {}, needed=own)
    return Address(
        provider=provider,
        model=model,
        base_url=url,
        api_key=key,
        key_name=key_name,
        own_endpoint=own,
    )


def _split(name: str) -> tuple[Provider, str]:
    known = ", ".join(PROVIDERS)
    if not isinstance(name, str):
        raise TypeError(f"a model is named by a str such as 'groq:openai/gpt-oss-20b', not by {type(name).__name__}")
    provider, colon, model = name.strip().partition(":")
    if not colon:
        raise ConfigurationError(
            f"{name!r} does not name a model: write provider:model, with one of the providers {known}"
        )
    row = PROVIDERS.get(provider.strip().lower())
    if row is None:
        raise ConfigurationError(f"unknown provider {provider!r} in {name!r}: the providers are {known}")
    return row, model.strip() or row.default_model


def _simulated(provider: Provider, model: str, base_url: str | None) -> Address:
    if base_url is not None:
        raise ConfigurationError(
            "the simulated provider runs in this process and has no base_url; "
            "for a simulated server write openai:NAME with its base_url"
        )
    full = model if model.startswith(SIMULATED_PREFIX) else SIMULATED_PREFIX + model
    return Address(provider=provider, model=full, base_url=None, api_key=None, key_name="")


def _is_own(provider: Provider, base_url: str) -> bool:
    """Whether the provider's key may go to `base_url`: to OpenAI's own hosts only, where the provider is OpenAI."""
    if provider.name != "openai":
        return True
    url = urlsplit(base_url)
    host = (url.hostname or "").lower()
    return url.scheme == "https" and (host == _OPENAI_HOST or host.endswith("." + _OPENAI_HOST))


def _key(provider: Provider, api_key: str | None, environ: Mapping[str, str], *, needed: bool) -> tuple[str, str]:
    if api_key and api_key.strip():
        return _checked(api_key.strip(), "api_key"), "api_key"
    variable = provider.key_variable
    if variable is None or not needed:
        return NO_KEY, "api_key"
    key = environ.get(variable, "").strip()
    if not key:
        raise AuthenticationFailed(
            f"no key for {provider.name}: set {variable} in the environment or in .env, or pass api_key"
        )
    return _checked(key, variable), variable


def _checked(key: str, source: str) -> str:
    """Refuse what cannot travel in a header: the HTTP client's own error would show the key."""
    if not (key.isascii() and key.isprintable()) or " " in key:
        raise ConfigurationError(f"{source} holds characters that no key has: copy the key again")
    return key


def _base_url(provider: Provider, base_url: str | None, environ: Mapping[str, str]) -> str:
    variable = provider.base_url_variable
    given, source = base_url, "base_url"
    if given is None and variable is not None:
        given, source = environ.get(variable, "").strip() or None, variable
    if given is None:
        return provider.base_url
    return _tidied(provider, given, source)


def _tidied(provider: Provider, given: str, source: str) -> str:
    """The address that was given, as its SDK takes it. It is never quoted: a key or a password may be in it."""
    url = given.strip().rstrip("/")
    if not _NO_PART.isdisjoint(url):
        raise ConfigurationError(
            f"{source} holds more than an address: leave out user, password and query; a key is passed as api_key"
        )
    if provider.name == "ollama":
        url = _ollama_url(url)
    if not _is_whole(url):
        raise ConfigurationError(
            f"{source} is no address of a server: write it whole, such as http://127.0.0.1:8000/v1"
        )
    if provider.sdk == "groq":
        return _without_path(url)
    if provider.local and not urlsplit(url).path:
        return url + "/v1"
    return url


def _without_path(url: str) -> str:
    """The address without the path of the API, or a part of it, that other clients want: Groq's SDK appends its own."""
    for path in (_GROQ_PATH, "/v1", "/openai"):
        if url.endswith(path):
            return url.removesuffix(path).rstrip("/")
    return url


def _is_whole(url: str) -> bool:
    try:
        parts = urlsplit(url)
        host = parts.hostname or ""
        return parts.scheme in ("http", "https") and bool(host) and len(host.split()) == 1 and parts.port != 0
    except ValueError:  # half an IPv6 address, or a port that is no number
        return False


def _ollama_url(host: str) -> str:
    """OLLAMA_HOST as Ollama reads it: scheme and port may be missing, and it may be an address to listen on."""
    url = host if "://" in host else f"http://{host}"
    try:
        parts = urlsplit(url)
        port = parts.port
    except ValueError:
        return ""  # refused like everything else that is no address
    name = {"0.0.0.0": "127.0.0.1", "::": "::1", "": "127.0.0.1"}.get(parts.hostname or "", parts.hostname)  # noqa: S104 - what is listened on, mended
    shown = f"[{name}]" if name and ":" in name else name
    if port is None and "://" not in host:
        port = _OLLAMA_PORT
    return f"{parts.scheme}://{shown}" + (f":{port}" if port else "") + parts.path
