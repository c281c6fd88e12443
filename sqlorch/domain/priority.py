"""Which of the ready nodes goes first."""

from __future__ import annotations

from collections.abc import Iterable, Mapping


def remaining_path(
    after: Mapping[str, Iterable[str]], seconds: Mapping[str, float], *, default: float
) -> dict[str, float]:
    """Length of the longest path from each node to the end of the run, itself included: its priority.

    Starting the node with the longest remaining path first is the classic list-scheduling rule (Hu 1961,
    Graham 1969); with it the critical path is never left waiting behind short work.

    Args:
        after: for each node the nodes it waits for.
        seconds: expected duration by node.
        default: expected duration where nothing is known.
    """
    children: dict[str, list[str]] = {uid: [] for uid in after}
    open_children = dict.fromkeys(after, 0)
    for uid, parents in after.items():
        for parent in parents:
            if parent in children:
                children[parent].append(uid)
                open_children[parent] += 1
    length: dict[str, float] = {}
    stack = [uid for uid, count in open_children.items() if count == 0]
    while stack:
        uid = stack.pop()
        length[uid] = seconds.get(uid, default) + max((length[c] for c in children[uid]), default=0.0)
        for parent in after[uid]:
            if parent in open_children:
                open_children[parent] -= 1
                if open_children[parent] == 0:
                    stack.append(parent)
    return length
