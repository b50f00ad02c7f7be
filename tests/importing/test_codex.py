"""Codex rollouts, new and old."""

from typing import Any

from .conftest import ImportContent, as_lines

META = {
    "timestamp": "2025-09-01T10:00:00Z",
    "type": "session_meta",
    "payload": {"id": "r1", "cwd": "/w"},
}


def item(second: int, **payload: Any) -> dict[str, Any]:
    return {
        "timestamp": f"2025-09-01T10:00:{second:02}Z",
        "type": "response_item",
        "payload": payload,
    }


def said(second: int, role: str, *texts: str) -> dict[str, Any]:
    return item(
        second,
        type="message",
        role=role,
        content=[{"type": "input_text", "text": text} for text in texts],
    )


def test_a_rollout_is_one_conversation_without_the_events_that_repeat_it(
    import_content: ImportContent,
) -> None:
    imported = import_content(
        as_lines(
            META,
            {"timestamp": "2025-09-01T10:00:01Z", "type": "turn_context", "payload": {"cwd": "/w"}},
            {"type": "event_msg", "payload": {"type": "user_message", "message": "List files."}},
            said(2, "user", "List files."),
            item(
                3,
                type="reasoning",
                summary=[{"type": "summary_text", "text": "Use ls."}],
                encrypted_content="x",
            ),
            item(4, type="reasoning", summary=[], encrypted_content="x"),
            item(5, type="function_call", name="shell", arguments='{"cmd":"ls"}', call_id="k1"),
            item(6, type="function_call_output", call_id="k1", output="a.txt"),
            item(7, type="custom_tool_call", name="apply_patch", input="*** Begin", call_id="k2"),
            item(
                8,
                type="custom_tool_call_output",
                call_id="k2",
                output={"content": "Done", "success": True},
            ),
            item(
                9,
                type="message",
                id="m9",
                role="assistant",
                content=[{"type": "output_text", "text": "One file."}],
            ),
        ),
        "rollout.jsonl",
    )
    assert imported.conversation.id == "codex:r1"
    assert imported.said == [
        ("user", "text", "List files."),
        ("assistant", "thinking", "Use ls."),
        ("assistant", "tool_call", '{"cmd":"ls"}'),
        ("tool", "tool_result", "a.txt"),
        ("assistant", "tool_call", "*** Begin"),
        ("tool", "tool_result", "Done"),
        ("assistant", "text", "One file."),
    ]
    assert [m.name for m in imported.conversation.messages[2:6]] == [
        "shell",
        "shell",
        "apply_patch",
        "apply_patch",
    ]
    assert imported.ids[-1] == "m9"
    assert imported.skipped == {"session_event": 2, "encrypted_thinking": 1}


def test_what_codex_says_in_the_users_name_is_hidden(import_content: ImportContent) -> None:
    imported = import_content(
        as_lines(
            META,
            said(1, "developer", "Be brief."),
            said(2, "user", "<user_instructions>\nNo tabs.\n</user_instructions>"),
            said(
                3, "user", "<environment_context>\n<cwd>/w</cwd>\n</environment_context>", "Hello."
            ),
            said(4, "ghost", "Boo."),
            item(5, type="hologram"),
        )
    )
    assert imported.said == [("user", "text", "Hello.")]
    assert imported.skipped == {
        "system_prompt": 1,
        "hidden": 2,
        "unknown_role": 1,
        "unknown_content": 1,
    }


def test_the_oldest_files_have_bare_items(import_content: ImportContent) -> None:
    imported = import_content(
        as_lines(
            {"id": "r0", "timestamp": "2025-05-01T10:00:00Z", "instructions": None},
            {"record_type": "state"},
            {"type": "message", "role": "user", "content": [{"type": "input_text", "text": "Hi."}]},
            {
                "type": "message",
                "role": "assistant",
                "content": [{"type": "output_text", "text": "Hello."}],
            },
        )
    )
    assert imported.conversation.id == "codex:r0"
    assert imported.said == [("user", "text", "Hi."), ("assistant", "text", "Hello.")]


def test_items_whose_type_is_missing_are_messages_if_they_have_a_role(
    import_content: ImportContent,
) -> None:
    imported = import_content(
        as_lines(META, item(1, role="user", content=[{"type": "input_text", "text": "Hi."}]))
    )
    assert imported.said == [("user", "text", "Hi.")]
