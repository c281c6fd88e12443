"""What the daemon and its worker say to each other: one JSON object a line, versioned and bounded.

The worker is a child of the daemon and of the same installation, so the version only guards against a package
that was upgraded under a running daemon: the worker then says hello with a number the daemon does not know
and is told apart from one that talks nonsense.
"""

from __future__ import annotations

import json
from dataclasses import asdict, dataclass, fields
from typing import Any, ClassVar, get_args

from sqlorch.domain.errors import ExecutionError

VERSION = 1
LONGEST = 64 * 1024  # bytes of a line, its end included
_LONGEST_TEXT = 4_000  # characters of one field; an error message may be longer than anybody reads


@dataclass(frozen=True, slots=True, kw_only=True)
class Drive:
    """To the worker: claim this run and drive it to its end; a rescued one is taken up where it stands."""

    WORD: ClassVar[str] = "drive"
    run_id: str
    max_active: int | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class Suspend:
    """To the worker: start no more nodes, give running ones ``grace`` seconds, then cut them and leave."""

    WORD: ClassVar[str] = "suspend"
    grace: float = 0.0


@dataclass(frozen=True, slots=True, kw_only=True)
class Hello:
    """From the worker, at once: which process it is (the fields of an owner) and what it speaks."""

    WORD: ClassVar[str] = "hello"
    host: str
    boot_id: str
    pid: int
    started: int
    version: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Ready:
    """From the worker: the project is open, after so many seconds; it holds neither warehouse nor lock."""

    WORD: ClassVar[str] = "ready"
    seconds: float
    nodes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Broken:
    """From the worker: the project could not be opened, and it leaves."""

    WORD: ClassVar[str] = "broken"
    error: str


@dataclass(frozen=True, slots=True, kw_only=True)
class Beat:
    """From the worker, every few seconds: it is alive.

    Attributes:
        resident: bytes of memory in use.
        nodes: executed since it was started.
    """

    WORD: ClassVar[str] = "beat"
    resident: int
    nodes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class Declined:
    """From the worker: the run was not begun and stays queued, for this reason.

    ``for_all``: any other run would meet the same, because the warehouse cannot be used.
    """

    WORD: ClassVar[str] = "declined"
    run_id: str
    reason: str
    for_all: bool = False


@dataclass(frozen=True, slots=True, kw_only=True)
class RunBegan:
    """From the worker: it drives the run now."""

    WORD: ClassVar[str] = "run_began"
    run_id: str
    group: str
    interval: str
    nodes: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeBegan:
    """From the worker: an attempt at a node begins."""

    WORD: ClassVar[str] = "node_began"
    run_id: str
    node: str
    attempt: int


@dataclass(frozen=True, slots=True, kw_only=True)
class NodeEnded:
    """From the worker: an attempt ended; ``retry_in`` seconds until the next."""

    WORD: ClassVar[str] = "node_ended"
    run_id: str
    node: str
    attempt: int
    outcome: str
    seconds: float
    message: str
    retry_in: float | None = None


@dataclass(frozen=True, slots=True, kw_only=True)
class RunEnded:
    """From the worker: the run reached this state, or ``running`` when it was suspended."""

    WORD: ClassVar[str] = "run_ended"
    run_id: str
    group: str
    state: str
    reason: str
    seconds: float


@dataclass(frozen=True, slots=True, kw_only=True)
class Rested:
    """From the worker: it has let go of the warehouse until the next run.

    ``trouble``: why the metrics could not be published before, ``""`` when they were or need not be.
    """

    WORD: ClassVar[str] = "rested"
    published: int = 0
    trouble: str = ""


ToWorker = Drive | Suspend
FromWorker = Hello | Ready | Broken | Beat | Declined | RunBegan | NodeBegan | NodeEnded | RunEnded | Rested
Message = ToWorker | FromWorker
_KINDS: dict[str, type[Message]] = {kind.WORD: kind for kind in (*get_args(ToWorker), *get_args(FromWorker))}


def encode(message: Message) -> bytes:
    """One line, with its end."""
    body = {name: _bounded(value) for name, value in asdict(message).items()}
    text = json.dumps({"v": VERSION, "type": message.WORD, **body}, ensure_ascii=False)
    return text.encode("utf-8", "replace") + b"\n"


def decode(line: bytes) -> Message:
    """The message of a line.

    Raises:
        ExecutionError: it is none of this version.
    """
    try:
        body: Any = json.loads(line)
        version, word = body.pop("v"), body.pop("type")
        if version != VERSION:
            raise ExecutionError(f"the worker speaks version {version!r} of the protocol, not {VERSION}")
        kind = _KINDS[word]
        known = {field.name for field in fields(kind)}
        return kind(**{name: value for name, value in body.items() if name in known})
    except (ValueError, TypeError, KeyError, AttributeError, RecursionError) as error:
        raise ExecutionError(f"not a message of the worker protocol: {line[:200]!r}") from error


def _bounded(value: Any) -> Any:
    if isinstance(value, str) and len(value) > _LONGEST_TEXT:
        return value[: _LONGEST_TEXT - 2] + " …"
    return value
