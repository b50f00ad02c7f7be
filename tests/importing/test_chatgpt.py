"""ChatGPT exports: the tree, its active branch, and the types of content."""

from typing import Any

from dreaming.importing import FORMATS

from .conftest import ImportContent


def node(
    key: str, parent: str | None, message: dict[str, Any] | None, *children: str
) -> dict[str, Any]:
    return {"id": key, "parent": parent, "children": list(children), "message": message}


def message(key: str, role: str, content: Any, **extra: Any) -> dict[str, Any]:
    content = {"content_type": "text", "parts": [content]} if isinstance(content, str) else content
    return {
        "id": key,
        "author": {"role": role, "name": None},
        "content": content,
        "recipient": "all",
    } | extra


def conversation(*messages: dict[str, Any], **extra: Any) -> dict[str, Any]:
    """A conversation in which each message answers the one before."""
    mapping = {"root": node("root", None, None)}
    parent = "root"
    for said in messages:
        mapping[said["id"]] = node(said["id"], parent, said)
        parent = said["id"]
    return {
        "id": "c1",
        "conversation_id": "c1",
        "title": "Bread",
        "current_node": parent,
        "mapping": mapping,
    } | extra


def test_a_conversation_keeps_its_ids_title_times_and_order(import_content: ImportContent) -> None:
    asked = message("m1", "user", "Why does bread rise?", create_time=1700000000.5)
    answered = message("m2", "assistant", "Yeast makes gas.", create_time=1700000001)
    imported = import_content(
        [conversation(asked, answered, create_time=1700000000, update_time=1700000002)]
    )
    found = imported.conversation
    assert imported.file.format == "chatgpt"
    assert (found.id, found.source, found.title) == ("chatgpt:c1", "chatgpt", "Bread")
    assert imported.said == [
        ("user", "text", "Why does bread rise?"),
        ("assistant", "text", "Yeast makes gas."),
    ]
    assert imported.ids == ["m1", "m2"]
    assert found.started_at is not None
    assert found.started_at.isoformat() == "2023-11-14T22:13:20+00:00"
    assert found.updated_at is not None
    assert found.updated_at.isoformat() == "2023-11-14T22:13:22+00:00"
    assert found.messages[0].timestamp is not None
    assert found.messages[0].timestamp.isoformat() == "2023-11-14T22:13:20.500000+00:00"


def test_only_the_branch_of_the_current_node_is_taken_and_the_others_are_counted(
    import_content: ImportContent,
) -> None:
    exported = conversation(
        message("m1", "user", "Name a fruit."), message("m2", "assistant", "Apple.")
    )
    exported["mapping"]["m3"] = node("m3", "m1", message("m3", "assistant", "Pear."))
    imported = import_content([exported])
    assert imported.ids == ["m1", "m2"]
    assert imported.skipped == {"inactive_branch": 1}


def test_without_a_current_node_the_leaf_said_last_is_taken(import_content: ImportContent) -> None:
    exported = conversation(
        message("m1", "user", "Name a fruit."), message("m2", "assistant", "Apple.", create_time=30)
    )
    exported["mapping"]["m3"] = node(
        "m3", "m1", message("m3", "assistant", "Pear.", create_time=20)
    )
    for current in (None, "no such node"):
        assert import_content([exported | {"current_node": current}]).ids == ["m1", "m2"]


def test_a_tree_that_is_a_circle_ends(import_content: ImportContent) -> None:
    exported = conversation(
        message("m1", "user", "Hello."), message("m2", "assistant", "Hello back.")
    )
    exported["mapping"]["m1"]["parent"] = "m2"
    assert import_content([exported]).ids == ["m1", "m2"]


def test_hidden_messages_and_system_prompts_are_counted_and_never_imported(
    import_content: ImportContent,
) -> None:
    hidden = {"metadata": {"is_visually_hidden_from_conversation": True}}
    about_user = {"content_type": "user_editable_context", "user_profile": "A baker."}
    imported = import_content(
        [
            conversation(
                message("s", "system", "", **hidden),
                message("p", "system", "You are kind."),
                message("u", "user", about_user),
                message("h", "user", "Secret nudge", **hidden),
                message(
                    "r",
                    "assistant",
                    {"content_type": "reasoning_recap", "content": "Thought for 3 seconds"},
                ),
                message("m", "user", "Hello."),
            )
        ]
    )
    assert imported.ids == ["m"]
    assert imported.skipped == {"hidden": 3, "system_prompt": 1, "session_event": 1}


def test_tool_calls_results_and_thoughts_are_kept_as_what_they_are(
    import_content: ImportContent,
) -> None:
    thoughts = {
        "content_type": "thoughts",
        "thoughts": [{"summary": "Plan", "content": "Search first."}],
    }
    imported = import_content(
        [
            conversation(
                message("t", "assistant", thoughts),
                message(
                    "c",
                    "assistant",
                    {"content_type": "code", "text": "search('rye')"},
                    recipient="browser",
                ),
                message(
                    "q",
                    "tool",
                    {
                        "content_type": "tether_quote",
                        "url": "https://example.org",
                        "text": "Rye is a grain.",
                    },
                    author={"role": "tool", "name": "browser"},
                ),
                message(
                    "d", "tool", {"content_type": "tether_browsing_display", "result": "# Results"}
                ),
                message("e", "tool", {"content_type": "execution_output", "text": "42"}),
                message("a", "assistant", {"content_type": "code", "text": "print(42)"}),
            )
        ]
    )
    assert imported.said == [
        ("assistant", "thinking", "Plan\n\nSearch first."),
        ("assistant", "tool_call", "search('rye')"),
        ("tool", "tool_result", "Rye is a grain."),
        ("tool", "tool_result", "# Results"),
        ("tool", "tool_result", "42"),
        ("assistant", "text", "print(42)"),
    ]
    assert [m.name for m in imported.conversation.messages][1:3] == ["browser", "browser"]


def test_images_are_counted_and_transcriptions_of_speech_are_text(
    import_content: ImportContent,
) -> None:
    parts = [
        {"content_type": "image_asset_pointer", "asset_pointer": "file-service://x"},
        {"content_type": "audio_transcription", "text": "What is this?"},
        "A photo.",
        17,
    ]
    imported = import_content(
        [conversation(message("m", "user", {"content_type": "multimodal_text", "parts": parts}))]
    )
    assert imported.said == [("user", "text", "What is this?\n\nA photo.")]
    assert imported.skipped == {"attachment": 1, "unknown_content": 1}


def test_citation_marks_in_a_text_stay(import_content: ImportContent) -> None:
    text = "Rye\ue200cite\ue202turn0search1\ue201 rises 【1†source】\r\nslowly."
    assert import_content([conversation(message("m", "assistant", text))]).said == [
        ("assistant", "text", text)
    ]


def test_an_unknown_type_of_content_is_text_if_it_has_parts_and_else_counted(
    import_content: ImportContent,
) -> None:
    imported = import_content(
        [
            conversation(
                message(
                    "m1",
                    "assistant",
                    {"content_type": "hologram", "parts": ["Seen from all sides."]},
                ),
                message("m2", "assistant", {"content_type": "hologram", "voxels": [1]}),
                message("m3", "oracle", "Who am I?"),
            )
        ]
    )
    assert imported.said == [("assistant", "text", "Seen from all sides.")]
    assert imported.skipped == {"unknown_content": 1, "empty_message": 1, "unknown_role": 1}


def test_an_entry_without_mapping_is_counted_and_the_others_are_imported(
    import_content: ImportContent,
) -> None:
    broken = {"id": "c0", "title": "Broken", "create_time": 1.0}
    imported = import_content(
        [broken, conversation(message("m", "user", "Hi.")), conversation(mapping=[1])]
    )
    assert imported.conversation.id == "chatgpt:c1"
    assert imported.skipped == {"not_a_conversation": 2}


def test_a_single_conversation_without_a_list_around_it_is_read(
    import_content: ImportContent,
) -> None:
    assert import_content(conversation(message("m", "user", "Hi."))).conversation.id == "chatgpt:c1"


def test_every_wrong_type_costs_at_most_its_message(import_content: ImportContent) -> None:
    exported = conversation(
        message("m", "user", "Hi."), message("n", "assistant", None), title=5, create_time="soon"
    )
    exported["mapping"] |= {"x": 3, "y": node("y", "m", 7)}  # type: ignore[arg-type]
    imported = import_content([exported])
    assert imported.ids == ["m"]
    assert imported.conversation.title is None
    assert imported.skipped == {"not_a_message": 2, "empty_message": 1, "unreadable_time": 1}


def test_the_registry_names_every_format_by_its_own_name() -> None:
    assert all(name == known.name for name, known in FORMATS.items())
