"""`provider:model` and the environment to an address, and the choice of a model where nobody says."""

import pytest

from llm_composition_patterns.errors import AuthenticationFailed, ConfigurationError
from llm_composition_patterns.llm import choose_model
from llm_composition_patterns.llm._addresses import NO_KEY, resolve

KEYS = {"GROQ_API_KEY": "gk", "OPENROUTER_API_KEY": "rk", "OPENAI_API_KEY": "ok"}


def address(name, *, base_url=None, api_key=None, **environ):
    return resolve(name, base_url=base_url, api_key=api_key, environ={**KEYS, **environ})


@pytest.mark.parametrize(
    ("name", "model", "url", "key"),
    [
        ("groq:", "openai/gpt-oss-20b", "https://api.groq.com", "gk"),
        ("groq:a/b", "a/b", "https://api.groq.com", "gk"),
        ("openrouter:", "openai/gpt-oss-20b", "https://openrouter.ai/api/v1", "rk"),
        ("openai:", "gpt-6-luna", "https://api.openai.com/v1", "ok"),
        ("ollama:qwen3:8b", "qwen3:8b", "http://127.0.0.1:11434/v1", NO_KEY),
        ("ollama:", "", "http://127.0.0.1:11434/v1", NO_KEY),
        ("vllm:", "", "http://127.0.0.1:8000/v1", NO_KEY),
        ("lmstudio:", "", "http://127.0.0.1:1234/v1", NO_KEY),
        ("llamacpp:", "", "http://127.0.0.1:8080/v1", NO_KEY),
        ("simulated:", "simulated/translator-small", None, None),
        ("simulated:simulated/translator-small", "simulated/translator-small", None, None),
        ("simulated:other", "simulated/other", None, None),
        (" GROQ : a/b ", "a/b", "https://api.groq.com", "gk"),
    ],
)
def test_every_row_has_its_address(name, model, url, key):
    """Where, what and with which key; split at the first colon."""
    found = address(name)
    assert (found.model, found.base_url, found.api_key) == (model, url, key)


@pytest.mark.parametrize("name", ["gpt-6", "", "nobody:x", ":x"])
def test_a_malformed_name_lists_the_providers(name):
    """One line that says how to write it."""
    with pytest.raises(ConfigurationError, match="groq, openrouter, openai, ollama, vllm") as caught:
        address(name)
    assert "\n" not in str(caught.value)


def test_a_name_is_text():
    """Anything else is a mistake in the program."""
    with pytest.raises(TypeError, match="named by a str"):
        address(5)


@pytest.mark.parametrize(
    ("name", "variable"),
    [("groq:", "GROQ_API_KEY"), ("openrouter:", "OPENROUTER_API_KEY"), ("openai:", "OPENAI_API_KEY")],
)
def test_a_missing_key_names_its_variable(name, variable):
    """Also where it is set to nothing."""
    for environ in ({}, {variable: " "}):
        with pytest.raises(AuthenticationFailed, match=f"set {variable} in the environment"):
            resolve(name, base_url=None, api_key=None, environ=environ)


@pytest.mark.parametrize("key", ["has space", "line\nbreak", "ünïcode"])
def test_a_damaged_key_is_refused_without_showing_it(key):
    """The HTTP client would show it in its own error."""
    with pytest.raises(ConfigurationError, match="characters that no key has") as caught:
        address("groq:", api_key=key)
    assert key not in str(caught.value)


def test_a_key_is_given_or_found():
    """`api_key` comes before the environment; space around it is dropped."""
    assert address("groq:", api_key=" mine\n").api_key == "mine"
    assert address("groq:", api_key=" ").api_key == "gk"


def test_the_key_is_not_shown():
    """An address can be printed."""
    assert "gk" not in repr(address("groq:a/b"))


@pytest.mark.parametrize(
    ("url", "key"),
    [
        ("https://api.openai.com/v1", "ok"),
        ("https://eu.api.openai.com/v1", "ok"),
        ("http://api.openai.com/v1", NO_KEY),
        ("https://openai.com.example.org/v1", NO_KEY),
        ("https://notopenai.com/v1", NO_KEY),
        ("http://127.0.0.1:9000/v1", NO_KEY),
    ],
)
def test_the_openai_key_goes_to_openai_only(url, key):
    """A `base_url` of somebody else gets a dummy."""
    assert address("openai:m", base_url=url).api_key == key


def test_a_key_given_for_another_server_is_used():
    """It was meant for it."""
    assert address("openai:m", base_url="http://127.0.0.1:9000/v1", api_key="theirs").api_key == "theirs"


def test_the_environment_may_move_openai():
    """OPENAI_BASE_URL is the user's own choice, and the key goes with it, as in the SDK."""
    found = address("openai:m", OPENAI_BASE_URL="http://127.0.0.1:9000/v1/")
    assert (found.base_url, found.api_key) == ("http://127.0.0.1:9000/v1", "ok")


@pytest.mark.parametrize(
    "url", ["http://h:1/openai/v1", "http://h:1/openai/v1/", "http://h:1/openai", "http://h:1/v1/", "http://h:1"]
)
def test_groqs_path_is_added_by_its_sdk(url):
    """A trailing `/openai/v1`, or half of it, is taken off, wherever it was given."""
    assert address("groq:", base_url=url).base_url == "http://h:1"
    assert address("groq:", GROQ_BASE_URL=url).base_url == "http://h:1"


@pytest.mark.parametrize(
    ("host", "url"),
    [
        ("192.168.1.5", "http://192.168.1.5:11434/v1"),
        ("0.0.0.0:9999", "http://127.0.0.1:9999/v1"),
        ("[::]:9999", "http://[::1]:9999/v1"),
        (":9999", "http://127.0.0.1:9999/v1"),
        ("https://ollama.example", "https://ollama.example/v1"),
        ("http://h:5/", "http://h:5/v1"),
        ("http://h:5/v1", "http://h:5/v1"),
    ],
)
def test_ollama_host_is_read_as_ollama_does(host, url):
    """Scheme and port may be missing; an address to listen on is mended."""
    assert address("ollama:m", OLLAMA_HOST=host).base_url == url


@pytest.mark.parametrize(
    ("name", "environ"),
    [
        ("ollama:m", {"OLLAMA_HOST": "h:many"}),
        ("groq:m", {"GROQ_BASE_URL": "not an address"}),
        ("openai:m", {"OPENAI_BASE_URL": "ftp://h"}),
        ("openai:m", {"OPENAI_BASE_URL": "http://h:many"}),
        ("groq:m", {"GROQ_BASE_URL": "http://[::1"}),
        ("ollama:m", {"OLLAMA_HOST": "[::1"}),
        ("openai:m", {"OPENAI_BASE_URL": "http://h:99999/v1"}),
        ("openai:m", {"OPENAI_BASE_URL": "http://a b/v1"}),
    ],
)
def test_what_is_no_address_is_refused(name, environ):
    """The message says where it came from."""
    with pytest.raises(ConfigurationError, match=next(iter(environ))):
        address(name, **environ)


@pytest.mark.parametrize(
    "url",
    [
        "http://user:planted@h:1/v1",
        "https://planted@h/v1",
        "ftp://user:planted@h",
        "user:planted@h:1",
        "http://user:pl/anted@h",
        "http://h/v1?key=planted",
        "http://h/v1#planted",
        "gsk-planted",
    ],
)
@pytest.mark.parametrize("provider", ["groq", "openrouter", "openai", "ollama", "vllm"])
def test_an_address_that_holds_a_secret_is_refused_and_never_quoted(provider, url):
    """Wherever it was given: everything that speaks of an endpoint would show it."""
    variable = {"groq": "GROQ_BASE_URL", "openai": "OPENAI_BASE_URL", "ollama": "OLLAMA_HOST"}.get(provider, "")
    for given in ({"base_url": url}, {variable: url}) if variable else ({"base_url": url},):
        if provider == "ollama" and url == "gsk-planted":
            continue  # a name of a host
        with pytest.raises(ConfigurationError, match=f"^{next(iter(given))} ") as caught:
            address(f"{provider}:m", **given)
        assert "planted" not in str(caught.value)
        assert "anted" not in str(caught.value)


@pytest.mark.parametrize(
    ("name", "url"),
    [
        ("vllm:m", "HTTP://LocalHost:8000/v1/"),
        ("openai:m", "http://localhost:8000/v1"),
        ("ollama:m", "localhost:8000/v1"),
    ],
)
def test_one_endpoint_is_the_same_however_it_is_written(name, url):
    """Whoever calls it shares its limits."""
    assert address(name, base_url=url).endpoint == "http://localhost:8000/v1"


def test_an_endpoint_is_known_behind_its_sdk():
    """Groq's SDK adds a path of its own; the port may be left out."""
    groq = address("groq:m").endpoint
    assert groq == address("openai:m", base_url="https://api.groq.com/openai/v1").endpoint
    assert groq == "https://api.groq.com:443/openai/v1"
    assert address("openai:m").endpoint == address("openai:m", base_url="https://api.openai.com:443/v1").endpoint


def test_the_simulated_provider_has_no_address():
    """It runs in this process; a server is reached as one."""
    with pytest.raises(ConfigurationError, match="openai:NAME"):
        address("simulated:", base_url="http://h")


@pytest.mark.parametrize(
    ("environ", "name", "reason"),
    [
        ({"LLM_MODEL": "ollama:x", **KEYS}, "ollama:x", "LLM_MODEL says so"),
        (KEYS, "groq:openai/gpt-oss-20b", "GROQ_API_KEY is set"),
        (
            {"OPENROUTER_API_KEY": "k", "OPENAI_API_KEY": "k"},
            "openrouter:openai/gpt-oss-20b",
            "OPENROUTER_API_KEY is set",
        ),
        ({"OPENAI_API_KEY": "k", "GROQ_API_KEY": ""}, "openai:gpt-6-luna", "OPENAI_API_KEY is set"),
        (
            {},
            "simulated:simulated/translator-small",
            "neither LLM_MODEL nor a key (GROQ_API_KEY, OPENROUTER_API_KEY, OPENAI_API_KEY) is set",
        ),
    ],
)
def test_a_model_is_chosen_by_what_is_set(environ, name, reason):
    """LLM_MODEL, then a key, else the simulated one; and it says why."""
    choice = choose_model(environ)
    assert (choice.name, choice.reason) == (name, reason)
