"""The options of a command that stand for fields of settings."""

from __future__ import annotations

import functools
import inspect
from collections.abc import Callable, Collection, Iterator
from typing import Annotated, Any, get_origin

import typer

from evonas.cli import completion
from evonas.core.fields import Field, marked, options_of

Values = dict[str, Any]


class Fields:
    """Annotates a parameter of a command that takes a dict: the values of fields of ``settings`` by name.

    They are those of ``only`` or with ``mark``, by default all, except ``without``; ``defaults`` replace None.
    """

    def __init__(
        self, settings: type, *only: str, mark: str = "", without: Collection[str] = (), **defaults: object
    ) -> None:
        options = options_of(settings)
        kept = only or (marked(settings, mark) if mark else options)
        self.fields = {name: options[name] for name in options if name in kept and name not in without}
        self.defaults = defaults

    def parameters(self) -> Iterator[inspect.Parameter]:
        """The parameters of typer."""
        for name, field in self.fields.items():
            kind, default = inspect.Parameter.KEYWORD_ONLY, self.defaults.get(name)
            help = field.help if default is None else field.about.help  # typer shows the default of a command
            yield inspect.Parameter(name, kind, default=default, annotation=_annotation(field, help))

    def take(self, arguments: Values) -> Values:
        """Moves the values of the fields out of the ``arguments`` of a command."""
        values = {name: arguments.pop(name) for name in self.fields}
        for name, field in self.fields.items():
            if values[name] and field.spelling.startswith("--no-"):
                values[name] = False
        return values


def _annotation(field: Field, help: str) -> Any:
    about = field.about
    typed = about.typed or (field.kind if field.kind in (int, float, bool) else str)
    complete = getattr(completion, about.completion) if about.completion else None
    spelling = field.spelling
    if field.optional and typed is bool:  # neither yes nor no is decided later
        spelling += f"/--no-{spelling.removeprefix('--')}"
    option = typer.Option(spelling, help=help, metavar=about.metavar, autocompletion=complete)
    return Annotated[typed | None, option]


def with_fields(command: Callable[..., None]) -> Callable[..., None]:
    """A command with the options of `Fields` in place of the parameters that they annotate."""
    parameters, groups = [], {}
    for parameter in inspect.signature(command, eval_str=True).parameters.values():
        group = _group(parameter.annotation)
        if group is None:
            parameters.append(parameter.replace(kind=inspect.Parameter.KEYWORD_ONLY))
        else:
            groups[parameter.name] = group
            parameters += group.parameters()

    @functools.wraps(command)
    def taking(**arguments: Any) -> None:
        settings = {name: group.take(arguments) for name, group in groups.items()}
        command(**arguments, **settings)

    taking.__signature__ = inspect.Signature(parameters)  # type: ignore[attr-defined]
    taking.__annotations__ = {parameter.name: parameter.annotation for parameter in parameters}
    return taking


def _group(annotation: Any) -> Fields | None:
    found = annotation.__metadata__ if get_origin(annotation) is Annotated else ()
    return next((one for one in found if isinstance(one, Fields)), None)
