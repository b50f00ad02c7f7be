"""Claude Code sessions: links, sidechains, compaction, parallel calls."""

from typing import Any

from .conftest import ImportContent, as_lines


def line(
    kind: str, uuid: str, parent: str | None, content: Any, second: int = 0, **extra: Any
) -> dict[str, Any]:
    return {
        "type": kind,
        "uuid": uuid,
        "parentUuid": parent,
        "sessionId": "s1",
        "timestamp": f"2025-06-01T10:00:{second:02}Z",
        "message": {"role": kind, "content": content},
    } | extra


def call(identity: str, name: str = "Bash", **arguments: str) -> dict[str, Any]:
    return {"type": "tool_use", "id": identity, "name": name, "input": arguments}


def result(identity: str, content: Any) -> dict[str, Any]:
    return {"type": "tool_result", "tool_use_id": identity, "content": content}


def test_a_session_is_one_conversation_with_its_tools_and_thinking(
    import_content: ImportContent,
) -> None:
    imported = import_content(
        as_lines(
            {"type": "summary", "summary": "Fix the build", "leafUuid": "a1"},
            line("user", "u1", None, "Fix the build.", 1),
            line(
                "assistant",
                "a1",
                "u1",
                [
                    {"type": "thinking", "thinking": "Look first."},
                    {"type": "text", "text": "Looking."},
                    call("t1", cmd="make"),
                ],
                2,
            ),
            line(
                "user",
                "u2",
                "a1",
                [result("t1", [{"type": "text", "text": "ok"}, {"type": "image"}])],
                3,
            ),
        ),
        "session.jsonl",
    )
    assert imported.file.format == "claude_code"
    assert (imported.conversation.id, imported.conversation.title) == (
        "claude_code:s1",
        "Fix the build",
    )
    assert imported.said == [
        ("user", "text", "Fix the build."),
        ("assistant", "thinking", "Look first."),
        ("assistant", "text", "Looking."),
        ("assistant", "tool_call", '{"cmd": "make"}'),
        ("tool", "tool_result", "ok"),
    ]
    assert imported.ids == ["u1", "a1/thinking/1", "a1", "a1/tool_call/1", "u2/tool_result/1"]
    assert imported.conversation.messages[4].name == "Bash"
    assert imported.skipped == {"session_event": 1, "attachment": 1}


def test_the_branch_that_was_said_last_wins_over_the_order_of_lines(
    import_content: ImportContent,
) -> None:
    imported = import_content(
        as_lines(
            line("user", "u3", "a1", "Edited question", 9),
            line("assistant", "a1", "u1", "Answer.", 2),
            line("user", "u2", "a1", "Abandoned question", 3),
            line("user", "u1", None, "Question", 1),
        )
    )
    assert imported.ids == ["u1", "a1", "u3"]
    assert imported.skipped == {"inactive_branch": 1}


def test_sidechains_meta_lines_and_duplicates_are_counted(import_content: ImportContent) -> None:
    imported = import_content(
        as_lines(
            line("user", "u1", None, "Hello.", 1),
            line("user", "u2", "u1", "<caveat>", 2, isMeta=True),
            line("assistant", "x", "u2", "A sub-agent speaks.", 3, isSidechain=True),
            line("assistant", "a1", "u2", "Hello back.", 4),
            line("user", "u1", None, "Conflicting copy", 5),
            {"type": "file-history-snapshot", "messageId": "u1", "snapshot": {}},
        )
    )
    assert imported.ids == ["u1", "a1"]
    assert imported.skipped == {
        "sidechain": 1,
        "hidden": 1,
        "duplicate_message": 1,
        "session_event": 1,
    }


def test_results_of_parallel_calls_are_all_active(import_content: ImportContent) -> None:
    imported = import_content(
        as_lines(
            line("user", "u1", None, "Compare.", 1),
            line(
                "assistant",
                "a1",
                "u1",
                [call("t1")],
                2,
                message={"id": "api", "content": [call("t1")]},
            ),
            line(
                "assistant",
                "a2",
                "a1",
                [call("t2")],
                3,
                message={"id": "api", "content": [call("t2")]},
            ),
            line("user", "r1", "a1", [result("t1", "first")], 4),
            line("user", "r2", "a2", [result("t2", "second")], 5),
            line("assistant", "a3", "r2", "Same.", 6),
        )
    )
    assert imported.ids == [
        "u1",
        "a1/tool_call/1",
        "r1/tool_result/1",
        "a2/tool_call/1",
        "r2/tool_result/1",
        "a3",
    ]
    assert imported.skipped == {}


def test_what_was_said_before_a_compaction_stays(import_content: ImportContent) -> None:
    boundary = {
        "type": "system",
        "subtype": "compact_boundary",
        "uuid": "b",
        "parentUuid": None,
        "sessionId": "s1",
    }
    for link in ({"logicalParentUuid": "a1"}, {"logicalParentUuid": "gone"}, {}):
        imported = import_content(
            as_lines(
                line("user", "u1", None, "Start.", 1),
                line("assistant", "a1", "u1", "Started.", 2),
                boundary | link,
                line("user", "c", "b", "This session continues...", 3, isCompactSummary=True),
                line("user", "u2", "c", "Go on.", 4),
            )
        )
        assert imported.ids == ["u1", "a1", "u2"]


def test_a_broken_line_costs_only_itself(import_content: ImportContent) -> None:
    lines = as_lines(
        line("user", "u1", None, "One.", 1),
        line("assistant", "a1", "u1", "Two.", 2),
        line("user", "u2", "a1", "Three.", 3),
    ).splitlines(keepends=True)
    imported = import_content(lines[0] + lines[1][:40] + "\n" + lines[2])
    assert imported.ids == ["u1", "u2"]
    assert imported.skipped == {"unreadable_line": 1}
    assert [place.split(",")[0] for place in imported.file.unreadable_lines] == ["line 2"]


def test_lines_that_are_not_linked_at_all_stay_in_their_order(
    import_content: ImportContent,
) -> None:
    bare = [
        {"type": "user", "timestamp": "2025-06-01T10:00:00Z", "message": {"content": "One."}},
        {"type": "assistant", "message": {"content": [{"type": "text", "text": "Two."}]}},
    ]
    for content in (as_lines(*bare), {"loglines": [*bare, 5]}):
        imported = import_content(content)
        assert [text for _, _, text in imported.said] == ["One.", "Two."]
        assert imported.conversation.id.startswith("claude_code:")


def test_two_sessions_in_one_file_are_two_conversations(import_content: ImportContent) -> None:
    imported = import_content(
        as_lines(
            line("user", "u1", None, "Here."), line("user", "v1", None, "There.", sessionId="s2")
        )
    )
    assert [found.id for found in imported.conversations] == ["claude_code:s1", "claude_code:s2"]


def test_a_file_of_a_sub_agent_gives_no_conversation(import_content: ImportContent) -> None:
    imported = import_content(as_lines(line("user", "u1", None, "Do this.", isSidechain=True)))
    assert imported.conversations == []
    assert imported.report.errors == []
    assert imported.skipped == {"sidechain": 1}
