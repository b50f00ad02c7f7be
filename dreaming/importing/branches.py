"""The active branch of a conversation that was edited or regenerated: from its leaf to the root."""

from collections.abc import Iterable, Sequence
from dataclasses import dataclass, replace
from datetime import UTC, datetime

_LONG_AGO = datetime.min.replace(tzinfo=UTC)
# Claude.ai and LibreChat write a zero UUID as the parent of a first message.
_NO_PARENT = "00000000-0000-"


@dataclass(frozen=True, slots=True)
class Node:
    """A message in a tree: its id, and the id of its parent."""

    id: str
    parent: str | None
    sent_at: datetime | None = None


def active_branch(nodes: Iterable[Node], leaf: str | None = None) -> list[str]:
    """The ids from the root to `leaf`, or to the latest leaf where `leaf` is unknown.

    The latest leaf has the latest time; without times, it is the last in the source's order.
    """
    by_id: dict[str, Node] = {}
    for node in nodes:
        # Of two nodes with the same id, the first counts.
        by_id.setdefault(node.id, node)
    node_id = leaf if leaf in by_id else _latest_leaf(list(by_id.values()))
    # A dict as an ordered set: an id that was passed before is a cycle of a damaged file.
    branch: dict[str, None] = {}
    while node_id is not None and node_id in by_id and node_id not in branch:
        branch[node_id] = None
        node_id = by_id[node_id].parent
    return list(reversed(branch))


def link_orphans(nodes: Sequence[Node]) -> list[Node]:
    """Link each node whose parent is missing to the node before it.

    A list without parents becomes one branch, and a lost message does not take all messages before
    it out of the branch. The parent that marks a first message is kept.
    """
    node_ids = {node.id for node in nodes}
    linked: list[Node] = []
    for node in nodes:
        parent = node.parent
        is_orphan = parent is None or (parent not in node_ids and not parent.startswith(_NO_PARENT))
        if is_orphan:
            new_parent = linked[-1].id if linked else None
            linked.append(replace(node, parent=new_parent))
        else:
            linked.append(node)
    return linked


def _latest_leaf(nodes: Sequence[Node]) -> str | None:
    if not nodes:
        return None
    parents = {node.parent for node in nodes}
    # Where every node is in a cycle, there is no leaf.
    leaves = [node for node in nodes if node.id not in parents] or list(nodes)
    # `max` takes the first of equal times, so the last comes first.
    latest = max(reversed(leaves), key=lambda leaf: leaf.sent_at or _LONG_AGO)
    return latest.id
