"""Gemini: Takeout's activities and the sessions of the CLI."""

from typing import Any

from .conftest import ImportContent, as_lines


def activity(
    title: str, time: str, html: str | None = None, link: str | None = None, **extra: Any
) -> dict[str, Any]:
    entry: dict[str, Any] = {
        "header": "Gemini Apps",
        "title": title,
        "time": time,
        "products": ["Gemini Apps"],
    }
    if html:
        entry["safeHtmlItem"] = [{"html": html}]
    if link:
        entry["details"] = [{"name": "Chat", "url": f"https://gemini.google.com/app/{link}"}]
    return entry | extra


def test_activities_of_one_chat_become_one_conversation_oldest_first(
    import_content: ImportContent,
) -> None:
    imported = import_content(
        [
            activity(
                "Prompted And rye?", "2025-03-01T10:05:00Z", "<p>Rye is &lt;slower&gt;.</p>", "abc1"
            ),
            activity("Prompted Other chat", "2025-03-01T10:03:00Z", "<p>Yes.</p>", "abc2"),
            activity(
                "Prompted Why does bread rise?",
                "2025-03-01T10:00:00Z",
                "<p>Yeast.</p><ul><li>Gas</li></ul>",
                "abc1",
            ),
        ],
        "MyActivity.json",
    )
    first, second = imported.conversations
    assert (first.id, second.id) == ("gemini_takeout:abc1", "gemini_takeout:abc2")
    assert [(m.role, m.content) for m in first.messages] == [
        ("user", "Why does bread rise?"),
        ("assistant", "Yeast.\n\nGas"),
        ("user", "And rye?"),
        ("assistant", "Rye is <slower>."),
    ]


def test_activities_that_are_no_prompts_are_counted(import_content: ImportContent) -> None:
    imported = import_content(
        [
            activity("Gave feedback: Good response", "2025-03-01T10:00:00Z"),
            activity("Used an Assistant feature", "2025-03-01T10:01:00Z", "<p>On.</p>"),
            activity("Searched for rye", "2025-03-01T10:02:00Z", header="Search"),
            activity("Eingegeben: Was ist Roggen?", "2025-03-01T10:03:00Z", "<p>Ein Getreide.</p>"),
        ]
    )
    assert [content for _, _, content in imported.said] == [
        "Eingegeben: Was ist Roggen?",
        "Ein Getreide.",
    ]
    assert imported.skipped == {"other_activity": 3}


def test_prompts_without_a_link_are_conversations_of_their_own_with_stable_ids(
    import_content: ImportContent,
) -> None:
    old = activity("Prompted One", "2025-03-01T10:00:00Z", "<p>1</p>")
    new = activity("Prompted Two", "2025-03-02T10:00:00Z", "<p>2</p>")
    before = import_content([old]).conversation
    after = import_content([new, old]).conversations
    assert len(after) == 2
    assert before in after


def test_a_takeout_in_html_is_refused_with_the_advice_to_ask_for_json(
    import_content: ImportContent,
) -> None:
    html = '<!doctype html><body><div class="outer-cell mdl-cell">Prompted a secret</div></body>'
    imported = import_content(html, "MyActivity.html")
    assert imported.file.format == "gemini_takeout"
    assert "format JSON" in imported.error
    assert "secret" not in imported.error


def test_a_session_of_the_cli_keeps_thoughts_calls_and_results(
    import_content: ImportContent,
) -> None:
    output = {
        "functionResponse": {"id": "k", "name": "read_file", "response": {"output": "package main"}}
    }
    imported = import_content(
        {
            "sessionId": "g1",
            "projectHash": "h",
            "startTime": "2025-03-01T10:00:00Z",
            "lastUpdated": "2025-03-01T10:09:00Z",
            "summary": "Reading",
            "messages": [
                {
                    "id": "u1",
                    "type": "user",
                    "timestamp": "2025-03-01T10:00:01Z",
                    "content": [{"text": "Read it."}],
                },
                {
                    "id": "a1",
                    "type": "gemini",
                    "timestamp": "2025-03-01T10:00:02Z",
                    "content": "Reading.",
                    "thoughts": [{"subject": "Plan", "description": "Open the file."}],
                    "toolCalls": [
                        {"name": "read_file", "args": {"path": "main.go"}, "result": [output]}
                    ],
                },
                {"id": "i1", "type": "info", "content": "Update available."},
                {"id": "z1", "type": "oracle", "content": "?"},
                7,
            ],
        }
    )
    assert (imported.conversation.id, imported.conversation.title) == ("gemini_cli:g1", "Reading")
    assert imported.said == [
        ("user", "text", "Read it."),
        ("assistant", "thinking", "Plan\n\nOpen the file."),
        ("assistant", "text", "Reading."),
        ("assistant", "tool_call", '{"path": "main.go"}'),
        ("tool", "tool_result", "package main"),
    ]
    assert imported.skipped == {"session_event": 1, "unknown_role": 1, "not_a_message": 1}


def test_a_session_of_the_cli_as_jsonl_is_replayed(import_content: ImportContent) -> None:
    imported = import_content(
        as_lines(
            {"sessionId": "g2", "projectHash": "h", "startTime": "2026-03-01T10:00:00Z"},
            {"id": "u1", "type": "user", "content": "One?"},
            {"id": "a1", "type": "gemini", "content": ""},
            {"id": "a1", "type": "gemini", "content": "One."},
            {"id": "u2", "type": "user", "content": "Wrong turn"},
            {"$rewindTo": "u2"},
            {
                "$set": {
                    "summary": "Counting",
                    "messages": [{"id": "u3", "type": "user", "content": "Two?"}],
                }
            },
            {"$rewindTo": "nowhere"},
        ),
        "session.jsonl",
    )
    assert (imported.file.format, imported.conversation.title) == ("gemini_cli", "Counting")
    assert imported.ids == ["u1", "a1", "u3"]
    assert imported.skipped == {"inactive_branch": 1, "session_event": 3}


def test_the_log_of_prompts_beside_the_sessions_holds_no_conversations(
    import_content: ImportContent,
) -> None:
    imported = import_content(
        [{"sessionId": "g1", "messageId": 0, "type": "user", "message": "Hi", "timestamp": ""}]
    )
    assert imported.report.errors == []
    assert imported.skipped == {"no_conversations": 1}


def test_an_output_that_is_no_text_is_kept_as_json(import_content: ImportContent) -> None:
    response = {"functionResponse": {"response": {"rows": [1, 2]}}}
    call = {"name": "query", "args": {}, "result": [response, "plain"]}
    imported = import_content(
        {
            "sessionId": "g",
            "messages": [{"type": "gemini", "content": {"text": "Ok."}, "toolCalls": [call]}],
        }
    )
    assert imported.said == [
        ("assistant", "text", "Ok."),
        ("assistant", "tool_call", "{}"),
        ("tool", "tool_result", '{"rows": [1, 2]}\n\nplain'),
    ]
