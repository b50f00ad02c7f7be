"""Our own JSONL, the messages of chat APIs, and ShareGPT."""

import json

from .conftest import ImportContent, as_lines


def test_our_own_jsonl_keeps_ids_as_written_and_ignores_other_keys(
    import_content: ImportContent,
) -> None:
    imported = import_content(
        as_lines(
            {
                "conversation_id": "tea-1",
                "started_at": "2024-05-01T09:00:00+09:00",
                "updated_at": 1714525200,
                "title": "Tea",
                "local_only": True,
                "language": "en",
                "messages": [
                    {
                        "id": "a",
                        "role": "user",
                        "name": "Mia",
                        "content": "Tea?",
                        "timestamp": "2024-05-01T00:00:00",
                    },
                    {
                        "role": "assistant",
                        "content": "Search.",
                        "kind": "tool_call",
                        "name": "search",
                    },
                    {"role": "tool", "content": "Two teas.", "kind": "tool_result"},
                    {"role": "system", "content": "Kept as written."},
                ],
            }
        ),
        "chats.jsonl",
    )
    found = imported.conversation
    assert (found.id, found.source, found.title, found.local_only) == (
        "tea-1",
        "dreaming",
        "Tea",
        True,
    )
    assert found.started_at is not None
    assert found.started_at.isoformat() == "2024-05-01T00:00:00+00:00"
    assert imported.said == [
        ("user", "text", "Tea?"),
        ("assistant", "tool_call", "Search."),
        ("tool", "tool_result", "Two teas."),
        ("system", "text", "Kept as written."),
    ]
    assert imported.ids[0] == "a"
    assert all(identity.startswith("m-") for identity in imported.ids[1:])
    assert imported.skipped == {}


def test_our_own_jsonl_counts_what_does_not_fit(import_content: ImportContent) -> None:
    messages = [
        {"role": "narrator", "content": "Once"},
        {"role": "user", "content": 5},
        {"role": "user", "content": "Hm", "kind": "song"},
        {"role": "user", "content": " \n"},
        {"role": "user", "content": "Kept.", "timestamp": "NaT"},
        None,
    ]
    imported = import_content(as_lines({"conversation_id": 7, "messages": messages}))
    assert imported.conversation.id == "7"
    assert [content for _, _, content in imported.said] == ["Kept."]
    assert imported.skipped == {
        "unknown_role": 1,
        "unknown_content": 2,
        "empty_message": 1,
        "not_a_message": 1,
        "unreadable_time": 1,
    }


def test_messages_of_chat_apis_keep_parts_calls_and_results(import_content: ImportContent) -> None:
    call = {
        "id": "k1",
        "type": "function",
        "function": {"name": "search", "arguments": '{"q": "tea"}'},
    }
    imported = import_content(
        as_lines(
            {
                "messages": [
                    {"role": "developer", "content": "Be kind."},
                    {
                        "role": "user",
                        "content": [
                            {"type": "text", "text": "Tea?"},
                            {"type": "image_url", "image_url": {}},
                        ],
                    },
                    {
                        "role": "assistant",
                        "content": None,
                        "reasoning_content": "Look.",
                        "tool_calls": [call],
                    },
                    {"role": "tool", "tool_call_id": "k1", "content": "Two teas."},
                    {"role": "assistant", "content": "Two."},
                    {"role": "ghost", "content": "Boo."},
                ]
            }
        ),
        "train.jsonl",
    )
    assert imported.file.format == "openai_messages"
    assert imported.said == [
        ("system", "text", "Be kind."),
        ("user", "text", "Tea?"),
        ("assistant", "thinking", "Look."),
        ("assistant", "tool_call", '{"q": "tea"}'),
        ("tool", "tool_result", "Two teas."),
        ("assistant", "text", "Two."),
    ]
    assert [m.name for m in imported.conversation.messages[3:5]] == ["search", "search"]
    assert imported.skipped == {"attachment": 1, "unknown_role": 1}


def test_anthropics_messages_are_read_too(import_content: ImportContent) -> None:
    blocks = [
        {"type": "thinking", "thinking": "Hm."},
        {"type": "tool_use", "id": "t", "name": "f", "input": {"a": 1}},
    ]
    answer = [{"type": "tool_result", "tool_use_id": "t", "content": "1"}]
    imported = import_content(
        {
            "messages": [
                {"role": "assistant", "content": blocks},
                {"role": "user", "content": answer},
            ]
        }
    )
    assert imported.said == [
        ("assistant", "thinking", "Hm."),
        ("assistant", "tool_call", '{"a": 1}'),
        ("tool", "tool_result", "1"),
    ]


def test_sharegpt_is_read_from_lists_and_from_lines(import_content: ImportContent) -> None:
    entry = {
        "id": "s1",
        "conversations": [
            {"from": "system", "value": "Be kind."},
            {"from": "human", "value": "Tea?"},
            {"from": "gpt", "value": "Green."},
            {"from": "ghost", "value": "Boo."},
            {"from": "human", "value": None},
        ],
    }
    for content in ([entry], as_lines(entry)):
        imported = import_content(content)
        assert imported.conversation.id == "sharegpt:s1"
        assert imported.said == [
            ("system", "text", "Be kind."),
            ("user", "text", "Tea?"),
            ("assistant", "text", "Green."),
        ]
        assert imported.skipped == {"unknown_role": 1, "unknown_content": 1}


def test_older_function_calls_and_refusals_are_kept(import_content: ImportContent) -> None:
    messages = [
        {
            "role": "assistant",
            "content": None,
            "function_call": {"name": "f", "arguments": "{}"},
            "tool_calls": [{}],
        },
        {"role": "function", "name": "f", "content": "1"},
        {"role": "assistant", "content": [{"type": "refusal", "refusal": "No."}]},
        {"role": "assistant", "content": None, "refusal": "Never."},
        {"role": "user", "content": ["plain", 5]},
        {"role": "user", "content": 5},
    ]
    imported = import_content({"messages": messages})
    assert imported.said == [
        ("assistant", "tool_call", "{}"),
        ("tool", "tool_result", "1"),
        ("assistant", "text", "No."),
        ("assistant", "text", "Never."),
        ("user", "text", "plain"),
    ]
    assert imported.skipped == {"unknown_content": 2, "empty_message": 1}


def test_an_entry_nested_too_deep_to_be_written_again_is_counted(
    import_content: ImportContent,
) -> None:
    call = {"function": {"name": "f", "arguments": 0}}
    entry = json.dumps({"messages": [{"role": "assistant", "tool_calls": [call]}]})
    nested = entry.replace('"arguments": 0', '"arguments": ' + "[" * 980 + "]" * 980)
    imported = import_content(
        nested + "\n" + as_lines({"messages": [{"role": "user", "content": "Hi."}]})
    )
    assert imported.said == [("user", "text", "Hi.")]
    assert set(imported.skipped) <= {"too_deep", "unreadable_line"}
