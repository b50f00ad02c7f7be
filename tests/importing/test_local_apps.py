"""Open WebUI and LibreChat: trees of messages."""

from typing import Any

from .conftest import ImportContent

FIRST = "00000000-0000-0000-0000-000000000000"


def chat(current: str | None = "m2", **extra: Any) -> dict[str, Any]:
    messages = {
        "m1": {
            "id": "m1",
            "parentId": None,
            "role": "user",
            "content": "Tea?",
            "timestamp": 1744577557,
        },
        "m2": {
            "id": "m2",
            "parentId": "m1",
            "role": "assistant",
            "content": "Green.",
            "timestamp": 1744577558,
        },
        "m3": {
            "id": "m3",
            "parentId": "m1",
            "role": "assistant",
            "content": "Black.",
            "timestamp": 1744577559,
        },
    }
    return {"title": "Tea", "history": {"currentId": current, "messages": messages}} | extra


def test_open_webui_takes_the_branch_of_the_current_message(import_content: ImportContent) -> None:
    imported = import_content(
        [{"id": "w1", "title": "Tea", "chat": chat(), "updated_at": 1744577600}]
    )
    assert imported.conversation.id == "open_webui:w1"
    assert imported.ids == ["m1", "m2"]
    assert imported.skipped == {"inactive_branch": 1}
    assert imported.conversation.updated_at is not None
    assert imported.conversation.updated_at.isoformat() == "2025-04-13T20:53:20+00:00"


def test_open_webui_chats_without_an_envelope_and_with_milliseconds_are_read(
    import_content: ImportContent,
) -> None:
    imported = import_content(chat(None, id="", timestamp=1744577557127))
    assert imported.ids == ["m1", "m3"]
    assert imported.conversation.id.startswith("open_webui:")
    assert imported.conversation.started_at is not None
    assert imported.conversation.started_at.isoformat() == "2025-04-13T20:52:37.127000+00:00"


def test_open_webui_messages_of_wrong_types_are_counted(import_content: ImportContent) -> None:
    wrong = chat("m5")
    wrong["history"]["messages"] |= {
        "m4": {"id": "m4", "parentId": "m1", "role": "ghost", "content": "Boo."},
        "m5": {"id": "m5", "parentId": "m4", "role": "assistant", "content": None, "files": [{}]},
    }
    imported = import_content(wrong)
    assert imported.ids == ["m1"]
    assert imported.skipped == {
        "inactive_branch": 2,
        "unknown_role": 1,
        "attachment": 1,
        "empty_message": 1,
    }


def said(key: str, parent: str | None, text: str, by_user: bool, **extra: Any) -> dict[str, Any]:
    return {
        "messageId": key,
        "parentMessageId": parent,
        "text": text,
        "isCreatedByUser": by_user,
    } | extra


def conversation(*messages: Any, **extra: Any) -> dict[str, Any]:
    return {"conversationId": "l1", "title": "Tea", "messages": list(messages)} | extra


def test_librechat_takes_the_latest_leaf_of_a_list_with_branches(
    import_content: ImportContent,
) -> None:
    imported = import_content(
        conversation(
            said("m1", FIRST, "Tea?", True, createdAt="2024-05-28T18:00:00Z"),
            said("m2", "m1", "Green.", False, createdAt="2024-05-28T18:05:00Z"),
            said("m3", "m1", "Black.", False, createdAt="2024-05-28T18:01:00Z"),
            options={"promptPrefix": "You are a cup."},
        )
    )
    assert imported.conversation.id == "librechat:l1"
    assert imported.said == [("user", "text", "Tea?"), ("assistant", "text", "Green.")]
    assert imported.skipped == {"inactive_branch": 1}


def test_librechat_reads_a_linear_list_without_parents_in_order(
    import_content: ImportContent,
) -> None:
    imported = import_content(
        conversation(said("m1", None, "Tea?", True), said("m2", None, "Green.", False))
    )
    assert imported.ids == ["m1", "m2"]


def test_librechat_reads_recursive_children_and_the_messages_tree(
    import_content: ImportContent,
) -> None:
    answers = [
        said("m2", "m1", "Green.", False, children=[]),
        said("m3", "m1", "Black.", False, children=[]),
    ]
    tree = said("m1", FIRST, "Tea?", True, children=answers)
    for exported in (conversation(tree), {"conversationId": "l1", "messagesTree": [tree]}):
        imported = import_content(exported)
        assert imported.ids == ["m1", "m3"]
        assert imported.skipped == {"inactive_branch": 1}


def test_librechat_content_parts_keep_thinking_and_tools(import_content: ImportContent) -> None:
    parts = [
        {"type": "think", "think": "Which tea?"},
        {"type": "text", "text": {"value": "Looking."}},
        {
            "type": "tool_call",
            "tool_call": {"name": "search", "args": '{"q":"tea"}', "output": "Two teas."},
        },
        {"type": "image_url", "image_url": {"url": "https://example.org/x.png"}},
    ]
    imported = import_content(conversation(said("m1", FIRST, "", False, content=parts)))
    assert imported.said == [
        ("assistant", "thinking", "Which tea?"),
        ("assistant", "text", "Looking."),
        ("assistant", "tool_call", '{"q":"tea"}'),
        ("tool", "tool_result", "Two teas."),
    ]
    assert imported.skipped == {"attachment": 1}


def test_librechat_trees_deeper_than_pythons_stack_are_walked(
    import_content: ImportContent,
) -> None:
    """LibreChat nests each answer in its question; 300 messages are 600 levels of JSON."""
    tree: dict[str, Any] = said("m299", "m298", "m299", True)
    for number in range(298, -1, -1):
        tree = said(f"m{number}", None, f"m{number}", number % 2 == 0, children=[tree])
    assert len(import_content(conversation(tree)).ids) == 300
