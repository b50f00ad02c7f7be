"""The active branch of a conversation that was edited or
regenerated: from its leaf up to the root.
"""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
# Claude.ai and LibreChat write a zero UUID as the parent of a first message.
_NO_PARENT = "00000000-0000-"


@dataclass(frozen=True, slots=True)
class Node:
    """A message in a tree, by ids."""

    id: str
    parent: str | None
    said_at: datetime | None = None


def active_branch(nodes: Iterable[Node], leaf: str | None = None) -> list[str]:
    """The ids from the root to `leaf`, or to the latest leaf where `leaf` is unknown.

    The latest leaf is the one said last; without times, the last in the source's order. Cycles end
    the walk.
    """
    by_id: dict[str, Node] = {}
    for node in nodes:
        by_id.setdefault(node.id, node)
    at = leaf if leaf in by_id else _latest_leaf(list(by_id.values()))
    branch: dict[str, None] = {}
    while at is not None and at in by_id and at not in branch:
        branch[at] = None
        at = by_id[at].parent
    return list(reversed(branch))


def link_orphans(nodes: Sequence[Node]) -> list[Node]:
    """Let a node whose parent is missing follow the node before it, unless its parent says that it
    is a first message.

    A list that names no parents at all becomes one line; a message lost to damage does not take all
    before it along.
    """
    known = {node.id for node in nodes}
    linked: list[Node] = []
    for node in nodes:
        parent = node.parent
        if parent is None or (parent not in known and not parent.startswith(_NO_PARENT)):
            node = replace(node, parent=linked[-1].id if linked else None)
        linked.append(node)
    return linked


def _latest_leaf(nodes: Sequence[Node]) -> str | None:
    if not nodes:
        return None
    parents = {node.parent for node in nodes}
    leaves = [node for node in nodes if node.id not in parents] or list(nodes)
    return max(enumerate(leaves), key=lambda leaf: (leaf[1].said_at or _LONG_AGO, leaf[0]))[1].id
