"""What a gateway's client wants: a raw block or a CAR, by the query or by the `Accept` header.

The query wins over the header (IPIP-523). A client that names no verifiable form gets a refusal that says which there
are: answering a browser's `*/*` with a file would make it trust us.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Final

from registry.content.errors import ContentError

if TYPE_CHECKING:
    from collections.abc import Mapping

RAW: Final = "raw"
CAR: Final = "car"
RAW_TYPE: Final = "application/vnd.ipld.raw"
#: Depth first, each block once: the only way in which we write a CAR.
CAR_TYPE: Final = "application/vnd.ipld.car; version=1; order=dfs; dups=n"

_FORMS: Final = {RAW_TYPE: RAW, "application/vnd.ipld.car": CAR}
_ALLOWED: Final = {"version": ("1",), "order": ("dfs", "unk"), "dups": ("n",)}


class NotAcceptableError(ContentError):
    """A client asks for a form in which we do not answer."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Wanted:
    """What to answer with.

    Attributes:
        form: `RAW` or `CAR`.
        whole: in a CAR, everything below the root, not the root alone.
    """

    form: str
    whole: bool


def wanted(query: Mapping[str, str], headers: Mapping[str, str]) -> Wanted:
    """Read a request.

    Args:
        query: parameters of the URL.
        headers: by lower-case name.

    Raises:
        NotAcceptableError: no form that we have, or a part or an order of it that we do not give.
    """
    if "format" in query:
        form, parameters = query["format"], dict[str, str]()
        if form not in {RAW, CAR}:
            raise NotAcceptableError(f"format={form!r} is not given here: ask for format=raw or format=car")
    else:
        form, parameters = _accepted(headers.get("accept", ""))
    parameters |= {name: query[f"car-{name}"] for name in _ALLOWED if f"car-{name}" in query}
    scope = query.get("dag-scope", "all")
    if form == CAR:
        _check(parameters)
        if "entity-bytes" in query or scope not in {"all", "block"}:
            raise NotAcceptableError(f"dag-scope={scope!r} or entity-bytes is not given here: ask for all or block")
    return Wanted(form=form, whole=scope == "all")


def _accepted(header: str) -> tuple[str, dict[str, str]]:
    """The form with the highest quality among those that we have; the first of equals."""
    offers: list[tuple[float, str, dict[str, str]]] = []
    for part in header.split(","):
        media, *pairs = (piece.strip().lower() for piece in part.split(";"))
        parameters = dict(pair.split("=", 1) for pair in pairs if "=" in pair)
        try:
            quality = float(parameters.pop("q", "1"))
        except ValueError:
            quality = 0.0
        if media in _FORMS and 0 < quality <= 1:
            offers.append((quality, _FORMS[media], parameters))
    for _, form, parameters in sorted(offers, key=lambda offer: -offer[0]):
        return form, parameters
    raise NotAcceptableError(
        f"only verifiable forms are given here: ask with ?format=raw or ?format=car, or accept {' or '.join(_FORMS)}"
    )


def _check(parameters: Mapping[str, str]) -> None:
    for name, allowed in _ALLOWED.items():
        value = parameters.get(name, allowed[0]).strip('"')
        if value not in allowed:
            raise NotAcceptableError(f"a CAR with {name}={value!r} is not given here: ask for {CAR_TYPE}")
