"""The value of a name nobody defined: it swallows whatever is done to it.

dbt renders models with an undefined that may be called and indexed. Macros of dbt itself and of the adapter
are not here to be called, so an unknown name must never stop a render.
"""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

from jinja2 import Undefined


class Lenient(Undefined):
    """An undefined that is false, empty and blank, and stays itself under calls, items and arithmetic."""

    __slots__ = ()

    # The sandbox asks these of anything it is about to call.
    unsafe_callable = False
    alters_data = False

    def __getattr__(self, name: str) -> Any:
        if name.startswith("__") and name.endswith("__"):
            raise AttributeError(name)
        return Lenient(name=name)

    def __getitem__(self, key: Any) -> Any:
        return self

    def __call__(self, *args: Any, **kwargs: Any) -> Any:
        """Return itself, whatever it is called with."""
        return self

    def _same(self, *_other: Any) -> Any:
        return self

    __add__ = __radd__ = __sub__ = __rsub__ = __mul__ = __rmul__ = _same
    __truediv__ = __rtruediv__ = __floordiv__ = __rfloordiv__ = _same
    __mod__ = __rmod__ = __pow__ = __rpow__ = __pos__ = __neg__ = _same

    def _false(self, *_other: Any) -> bool:
        return False

    __lt__ = __le__ = __gt__ = __ge__ = _false  # type: ignore[assignment] # jinja's always fail, these answer

    def __int__(self) -> int:  # type: ignore[override] # jinja's always fails
        return 0

    def __float__(self) -> float:  # type: ignore[override] # jinja's always fails
        return 0.0

    def __str__(self) -> str:
        return ""

    def __len__(self) -> int:
        return 0

    def __iter__(self) -> Iterator[Any]:
        return iter(())

    def __bool__(self) -> bool:
        return False

    def __contains__(self, _item: Any) -> bool:
        return False

    def __eq__(self, other: object) -> bool:
        return isinstance(other, Undefined)

    def __hash__(self) -> int:
        return hash(Undefined)
