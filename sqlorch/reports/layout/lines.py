"""Lines: rows of neighbouring layers that nearly stand at one height are put there, where there is room."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass

GRAIN = 100  # steps a row; heights are whole numbers of them, so that equal means equal
NEARLY = 45  # steps: so near to one line counts as meant to be


@dataclass(frozen=True, slots=True)
class Bounds:
    """What a row must keep away from: the rows above and below it in its layer (-1: none)."""

    half: list[float]
    above: list[int]
    below: list[int]

    def allows(self, steps: Sequence[int], row: int, step: int) -> bool:
        """Whether a row may be at a height while its neighbours stay."""
        up, down = self.above[row], self.below[row]
        if up >= 0 and step - steps[up] < round((self.half[up] + self.half[row]) * GRAIN):
            return False
        return down < 0 or steps[down] - step >= round((self.half[down] + self.half[row]) * GRAIN)


class Lines:
    """Rows of neighbouring layers at one height: each has at most one partner on either side."""

    def __init__(
        self,
        steps: list[int],
        bounds: Bounds,
        members: Sequence[list[int]],
        links: Sequence[tuple[int, int]],
    ) -> None:
        self._steps = steps
        self._bounds = bounds
        self._line: list[list[int]] = [[]] * len(steps)
        for rows in members:
            for row in rows:
                self._line[row] = rows
        self._right_taken = {row for row, _ in links}
        self._left_taken = {other for _, other in links}

    def join(self, row: int, other: int) -> None:
        """Put two rows on one line if both are free there, they are near, and room allows it."""
        if row in self._right_taken or other in self._left_taken:
            return
        first, second = self._line[row], self._line[other]
        here, there = self._steps[row], self._steps[other]
        if abs(here - there) > NEARLY:
            return
        middle = (here * len(first) + there * len(second)) // (len(first) + len(second))
        longer, shorter = (here, there) if len(first) >= len(second) else (there, here)
        for height in dict.fromkeys((longer, shorter, middle)):
            if self._move(first + second, height):
                self._right_taken.add(row)
                self._left_taken.add(other)
                joined = first + second
                for member in joined:
                    self._line[member] = joined
                return

    def _move(self, rows: Sequence[int], height: int) -> bool:
        if not all(self._bounds.allows(self._steps, row, height) for row in rows):
            return False
        for row in rows:
            self._steps[row] = height
        return True
