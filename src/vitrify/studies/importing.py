"""Files of the user into a store: what the verb `import` does, and options as they are typed."""

from __future__ import annotations

import json
from collections.abc import Mapping, Sequence
from pathlib import Path
from typing import TYPE_CHECKING, Any

from vitrify.errors import ParameterError
from vitrify.parallel import lock_folder
from vitrify.progress import Progress
from vitrify.provenance import to_plain

if TYPE_CHECKING:
    from vitrify.particles.trajectory import Trajectory
    from vitrify.readers.source import Source


def typed_value(text: str) -> Any:
    """Return what a value on the command line means: a number, true or false, a list with commas, or the word itself.

    Examples
    --------
    >>> typed_value("0.2"), typed_value("1,2.5"), typed_value("true"), typed_value("position")
    (0.2, (1, 2.5), True, 'position')
    """
    if "," in text:
        return tuple(typed_value(part) for part in text.split(","))
    try:
        value = json.loads(text)
    except ValueError:
        return text
    return value if isinstance(value, bool | int | float) else text


def typed_pairs(text: str | None, option: str) -> dict[str, str]:
    """Return ``1=A,2=B`` as a dict.

    Raises
    ------
    ParameterError
        If a part is not NAME=VALUE, or a name stands there twice.

    Examples
    --------
    >>> typed_pairs("1=A,2=B", "--species")
    {'1': 'A', '2': 'B'}
    """
    found: dict[str, str] = {}
    for part in (text or "").split(",") if text else []:
        name, sign, value = (piece.strip() for piece in part.partition("="))
        if not (name and sign and value) or name in found:
            raise ParameterError(
                f"`{option}` is a list such as 1=A,2=B, each name once; '{part.strip()}' in '{text}' is not part of one."
            )
        found[name] = value
    return found


def typed_model(text: str | None) -> dict[str, Any] | None:
    """Return the plain form of a model given as ``kob_andersen`` or ``kob_andersen,smoothing=shift``.

    Raises
    ------
    UnknownNameError
        If there is no such model.
    ParameterError
        If it has no such parameter, or refuses the value.
    """
    from dataclasses import fields

    from vitrify.models import MODELS

    if text is None:
        return None
    name, _, rest = text.partition(",")
    kind = MODELS.load(name)
    given = {k: typed_value(v) for k, v in typed_pairs(rest, "--model").items()}
    known = [f.name for f in fields(kind)]
    for key in given:
        if key not in known:
            raise ParameterError(f"The model '{name}' has no parameter '{key}'. It has: {', '.join(known)}.")
    plain: dict[str, Any] = to_plain(kind(**given))
    return plain


def model_as_typed(model: Any) -> str:
    """Return what `--model` takes for a model: its name, and the parameters that are not the default ones.

    Examples
    --------
    >>> from vitrify.models.kob_andersen import KobAndersen
    >>> model_as_typed(KobAndersen(smoothing="shift"))
    'kob_andersen,smoothing=shift'
    """
    from dataclasses import fields

    other = [
        f"{f.name}={getattr(model, f.name)}"
        for f in fields(model)
        if f.init and getattr(model, f.name) != f.default and not isinstance(getattr(model, f.name), tuple)
    ]
    return ",".join([model.name, *other])


def reader_options(typed: Sequence[str], **named: Any) -> dict[str, Any]:
    """Return the options of a reader: those of the command line's own names that were given, and NAME=VALUE pairs."""
    options = {k: v for k, v in named.items() if v is not None}
    for pair in typed:
        name, sign, value = pair.partition("=")
        if not (name and sign):
            raise ParameterError(
                f"`--reader-option` is NAME=VALUE, such as lengths=10,10,10; it is '{pair}'."
            )
        options[name.replace("-", "_")] = typed_value(value)
    return options


def open_source(files: Sequence[Path], options: dict[str, Any]) -> Source:
    """Return the source that the options of the command line describe."""
    from vitrify.readers.source import read

    return read(
        *files,
        format=options["format"],
        species=typed_pairs(options["species"], "--species"),
        species_by=options["species_by"],
        species_edges=_numbers(options["species_edges"], "--species-edges"),
        start=options["start"],
        stop=options["stop"],
        every=options["every"],
        absent=options["absent"] or None,
        time_step=options["time_step"],
        **options["reader"],
    )


def _numbers(text: str | None, option: str) -> tuple[float, ...]:
    try:
        return tuple(float(part) for part in text.split(",")) if text else ()
    except ValueError as error:
        raise ParameterError(f"`{option}` is a list of numbers such as 0.45,0.6; it is '{text}'.") from error


def import_store(
    files: Sequence[Path], store: Path, options: dict[str, Any], progress: Progress, workers: int | None
) -> Trajectory:
    """Read files into a store and say what was taken from them.

    Raises
    ------
    ParameterError
        If the model does not know a species, besides what readers and stores refuse.
    """
    from vitrify.readers.importing import Import

    source = open_source(files, options)
    work = Import(
        options["positions"],
        options["units"],
        typed_model(options["model"]),
        options["temperature"],
        options["frames_per_unit"],
    )
    for note in source.reader.notes():
        progress.note(f"Note: {note}")
    contents = source.contents
    if work.model is not None:
        _require_known_species(work.model, contents.species_names)
    with lock_folder(store.parent), progress.step("Importing", source.n_frames) as update:
        trajectory = work.run(source, store, workers=workers, done=update)
    shown = ", ".join(
        f"{(contents.species == k).sum()} {name}" for k, name in enumerate(contents.species_names)
    )
    progress.note(f"{store}: {trajectory.n_frames} frames of {trajectory.n_particles} particles ({shown})")
    if not contents.complete:
        progress.note("Particles come and go; where one is absent its position is NaN.")
    if source.is_followed:
        progress.note("Positions were wrapped and without images: they were followed from frame to frame.")
    return trajectory


def _require_known_species(model: Mapping[str, Any], names: tuple[str, ...]) -> None:
    from vitrify.models import MODELS

    known = MODELS.load(model["name"]).from_dict(model).species_names
    unknown = [n for n in names if n not in known]
    if unknown:
        raise ParameterError(
            f"The model '{model['name']}' has the species {', '.join(known)}; the files have {', '.join(unknown)} besides. "
            f"Rename them with `--species`, as in {unknown[0]}={known[0]}."
        )
