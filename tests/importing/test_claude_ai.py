"""Claude.ai exports: blocks, attachments and branches."""

from typing import Any

from .conftest import ImportContent


def said(uuid: str, sender: str, *blocks: Any, **extra: Any) -> dict[str, Any]:
    content = [
        {"type": "text", "text": block} if isinstance(block, str) else block for block in blocks
    ]
    return {
        "uuid": uuid,
        "sender": sender,
        "text": "",
        "content": content,
        "attachments": [],
        "files": [],
    } | extra


def conversation(*messages: Any, **extra: Any) -> dict[str, Any]:
    return {
        "uuid": "c1",
        "name": "Tea",
        "created_at": "2025-01-01T00:00:00Z",
        "chat_messages": list(messages),
    } | extra


def test_text_thinking_and_tools_of_one_message_become_messages_of_their_own(
    import_content: ImportContent,
) -> None:
    imported = import_content(
        [
            conversation(
                said("m1", "human", "Compare", "teas."),
                said(
                    "m2",
                    "assistant",
                    {"type": "thinking", "thinking": "Green or black?"},
                    "Let me look.",
                    {"type": "tool_use", "name": "search", "id": "t1", "input": {"query": "茶"}},
                    {
                        "type": "tool_result",
                        "tool_use_id": "t1",
                        "content": [{"type": "text", "text": "Two teas."}],
                    },
                    "There are two.",
                ),
            )
        ]
    )
    assert imported.said == [
        ("user", "text", "Compare\n\nteas."),
        ("assistant", "thinking", "Green or black?"),
        ("assistant", "text", "Let me look."),
        ("assistant", "tool_call", '{"query": "茶"}'),
        ("tool", "tool_result", "Two teas."),
        ("assistant", "text", "There are two."),
    ]
    assert imported.ids == [
        "m1",
        "m2/thinking/1",
        "m2",
        "m2/tool_call/1",
        "m2/tool_result/1",
        "m2/text/2",
    ]
    assert [m.name for m in imported.conversation.messages] == [
        None,
        None,
        None,
        "search",
        "search",
        None,
    ]


def test_the_flat_text_is_taken_only_where_the_content_gives_nothing(
    import_content: ImportContent,
) -> None:
    imported = import_content(
        conversation(
            said("m1", "human", "From content", text="From text"),
            said("m2", "assistant", text="Only text"),
            said("m3", "human", text="Content is null", content=None),
            said("m4", "assistant", {"type": "text", "text": 5}, text="Content is a number"),
        )
    )
    assert [content for _, _, content in imported.said] == [
        "From content",
        "Only text",
        "Content is null",
        "Content is a number",
    ]
    assert imported.skipped == {"unknown_content": 1}


def test_the_text_of_an_attached_file_is_kept_and_files_without_text_are_counted(
    import_content: ImportContent,
) -> None:
    attached = [
        {"file_name": "notes.txt", "extracted_content": "Steep 3 minutes."},
        {"file_name": "a.bin"},
        4,
    ]
    imported = import_content(
        conversation(
            said(
                "m1", "human", "Read this.", attachments=attached, files=[{"file_name": "cup.png"}]
            )
        )
    )
    assert imported.said == [
        ("user", "text", "Read this."),
        ("tool", "tool_result", "Steep 3 minutes."),
    ]
    assert imported.conversation.messages[1].name == "notes.txt"
    assert imported.ids == ["m1", "m1/tool_result/1"]
    assert imported.skipped == {"attachment": 3}


def test_where_parents_are_given_only_the_active_branch_is_taken(
    import_content: ImportContent,
) -> None:
    first = "00000000-0000-4000-8000-000000000000"
    messages = [
        said(
            "m1",
            "human",
            "Hot or cold?",
            parent_message_uuid=first,
            created_at="2025-01-01T00:00:01Z",
        ),
        said(
            "m2", "assistant", "Hot.", parent_message_uuid="m1", created_at="2025-01-01T00:00:02Z"
        ),
        said(
            "m3", "assistant", "Cold.", parent_message_uuid="m1", created_at="2025-01-01T00:00:03Z"
        ),
    ]
    latest = import_content(conversation(*messages))
    assert latest.ids == ["m1", "m3"]
    assert latest.skipped == {"inactive_branch": 1}
    assert import_content(conversation(*messages, current_leaf_message_uuid="m2")).ids == [
        "m1",
        "m2",
    ]


def test_a_message_whose_parent_is_lost_follows_the_one_before(
    import_content: ImportContent,
) -> None:
    imported = import_content(
        conversation(
            said("m1", "human", "One."),
            said("m2", "assistant", "Two.", parent_message_uuid="m1"),
            said("m4", "assistant", "Four.", parent_message_uuid="m3"),
        )
    )
    assert imported.ids == ["m1", "m2", "m4"]


def test_a_sender_that_is_not_known_is_counted_and_an_empty_conversation_too(
    import_content: ImportContent,
) -> None:
    imported = import_content(
        [conversation(said("m1", "ghost", "Boo."), 9), conversation(chat_messages=7)]
    )
    assert imported.conversations == []
    assert imported.skipped == {
        "unknown_role": 1,
        "not_a_message": 1,
        "empty_conversation": 1,
        "not_a_conversation": 1,
    }


def test_unfinished_thinking_that_only_carries_a_signature_is_counted(
    import_content: ImportContent,
) -> None:
    imported = import_content(
        conversation(said("m1", "assistant", {"type": "thinking", "signature": "x"}, "Hi."))
    )
    assert imported.said == [("assistant", "text", "Hi.")]
    assert imported.skipped == {"encrypted_thinking": 1}
