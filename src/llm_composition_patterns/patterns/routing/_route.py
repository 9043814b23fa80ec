"""`route`: a classifier decides which handler gets the input."""

from __future__ import annotations

from collections.abc import Awaitable, Callable, Hashable, Mapping
from typing import Any, TypeVar

from ...errors import NoRoute, did_you_mean
from ...steps import Step, answer_of, name_or, named, refuse_what_cannot_be_called, run_step, step_name
from ...tracing import names, span
from ._labels import Chosen, annotated_labels, check_confidence, is_confident, label_and_confidence

A = TypeVar("A")
B = TypeVar("B")
L = TypeVar("L")


def route(
    classify: Callable[[A], Awaitable[Chosen[L]] | Awaitable[L] | Chosen[L] | L],
    routes: Mapping[L, Step[A, B]],
    *,
    default: Step[A, B] | None = None,
    min_confidence: float | None = None,
    name: str | None = None,
) -> Step[A, B]:
    """Make a step that asks `classify` for a label and gives its input to the handler of that label.

    ```python
    reply = route(topic_of, {Topic.PRODUCT: about_products, Topic.COMPANY: about_us}, default=ask_back)
    ```

    Where the classifier's annotation lists its labels (an Enum, a Literal, None beside them), the routes are compared
    with them at once: a label without a handler, or a handler without a label, fails here and not in production.

    Args:
        classify: A function of the input, async or plain, that answers a label, a `Choice`, or anything else with a
            `label` and a `confidence`.
        routes: The handler of each label. A handler is an async function, and is given the original input.
        default: The handler of unknown labels, and of those the classifier is not sure enough of.
        min_confidence: From 0 to 1: less than this is not sure enough.
        name: What the route is called in traces and messages; by default `route` and the classifier's name.

    Raises:
        NoRoute: From each call: a label without a handler, or not sure enough, and no `default`.
        BaseException: From each call, what the classifier or the handler raised.
        TypeError: Something cannot be called, or is of the wrong type. From a call: `min_confidence` is given, and the
            classifier answered a bare label.
        ValueError: A label has no handler and there is no `default`, a handler has no label, or there are no routes.
    """
    _check(classify, routes, default, min_confidence)
    handlers = dict(routes)
    called = name_or(name, f"route {step_name(classify)}")

    async def run(input: A) -> B:
        with span(called, input=input) as written:
            label, confidence = label_and_confidence(await answer_of(classify, input))
            written.show(names.LABEL, label)
            written.set({names.CONFIDENCE: confidence})
            try:
                handler = _handler_of(label, confidence, handlers, min_confidence, called)
            except NoRoute:
                if default is None:
                    raise
                handler = default
            written.set({names.HANDLER: step_name(handler)})
            output = await run_step(handler, input)
            written.output(output)
            return output

    return named(called, run)


def _handler_of(
    label: Any, confidence: Any, handlers: Mapping[Any, Step[A, B]], least: float | None, name: str
) -> Step[A, B]:
    """The handler of a label; NoRoute if there is none, or the classifier is not sure enough of it."""
    if least is not None and confidence is None:
        raise TypeError(
            f"min_confidence needs a confidence: let the classifier of {name!r} answer Choice(label, confidence), not "
            f"the bare label {label!r}"
        )
    known = tuple(handlers)
    if not isinstance(label, Hashable) or label not in handlers:
        raise NoRoute(
            f"{name!r} has no route for {label!r}; it knows {_listed(known)}{did_you_mean(label, map(str, known))}. "
            "Add the route, or give a default",
            label=label,
            known=known,
        )
    if least is not None and not is_confident(confidence, least):
        raise NoRoute(
            f"{name!r} is not sure enough of {label!r} ({confidence} < {least}); it knows {_listed(known)}. Give a "
            "default, or lower min_confidence",
            label=label,
            known=known,
        )
    return handlers[label]


def _check(classify: Callable[..., Any], routes: object, default: object, min_confidence: float | None) -> None:
    refuse_what_cannot_be_called("classify", classify, "a function of the input that answers a label")
    if not isinstance(routes, Mapping):
        raise TypeError(f"routes must be a Mapping of labels to steps, not {type(routes).__name__}")
    if not routes:
        raise ValueError("routes is empty; give a step for each label")
    for label, handler in routes.items():
        refuse_what_cannot_be_called(f"the handler of {label!r}", handler, "an async function of one input")
    if default is not None:
        refuse_what_cannot_be_called("default", default, "an async function of one input")
    check_confidence(min_confidence)
    _compare(annotated_labels(classify), routes, has_default=default is not None)


def _compare(labels: tuple[Any, ...] | None, routes: Mapping[Any, object], *, has_default: bool) -> None:
    """Raise where the routes are not those of the labels that the classifier is annotated with."""
    if labels is None:
        return
    if unknown := [label for label in routes if label not in labels]:
        raise ValueError(
            f"the classifier never answers {_listed(unknown)}: its annotation lists {_listed(labels)}"
            f"{did_you_mean(unknown[0], map(str, labels))}"
        )
    if (missing := [label for label in labels if label not in routes]) and not has_default:
        raise ValueError(f"no route for {_listed(missing)}; add a step for each, or give a default")


def _listed(labels: Any) -> str:
    return ", ".join(map(repr, labels))
