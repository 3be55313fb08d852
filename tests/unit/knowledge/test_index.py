"""An agent's files: what may be named, what is found in them, and that a change is seen at the next question."""

import asyncio
import os
from pathlib import Path

import pytest

from harmonic_stack.config import Config
from harmonic_stack.config import Knowledge as Limits
from harmonic_stack.crew import Agent, Crew
from harmonic_stack.encoder_off_loop import OffLoop
from harmonic_stack.errors import (
    KnowledgeError,
    KnowledgeMissing,
    KnowledgeOutside,
    KnowledgeTooLarge,
    KnowledgeUnreadable,
)
from harmonic_stack.knowledge.index import Index, Knowledge
from harmonic_stack.prompts import Context
from ommatidia import Hash512

QUESTION = "Does Hotel Boreal have a garage?"


def index(folder: Path, *patterns: str, **limits: int) -> Index:
    agent = Agent("alder", 3, "x", knowledge=patterns)
    return Index(agent, folder, Hash512(), Config().knowledge.model_copy(update=limits))


@pytest.fixture
def notes(tmp_path: Path) -> Path:
    folder = tmp_path / "crew"
    (folder / "notes").mkdir(parents=True)
    (folder / "notes" / "hotels.md").write_text("Hotel Boreal has no garage.\n", "utf-8")
    (folder / "notes" / "soup.md").write_text("Leek soup wants an hour and a pinch of salt.\n", "utf-8")
    return folder


def test_what_bears_on_the_question_is_found_and_the_rest_is_not(notes: Path) -> None:
    found = index(notes, "notes/*.md").search(QUESTION)
    assert [(passage.file, passage.text) for passage in found] == [("notes/hotels.md", "Hotel Boreal has no garage.")]


def test_a_prompt_gets_no_more_than_its_tokens_and_passages(notes: Path) -> None:
    for at in range(30):
        (notes / "notes" / f"{at}.md").write_text(f"Hotel Boreal has garage number {at}.", "utf-8")
    assert len(index(notes, "notes/*.md", chunks=4).search(QUESTION)) == 4
    assert 0 < len(index(notes, "notes/*.md", tokens=40, chunks=30).search(QUESTION)) <= 3
    assert index(notes, "notes/*.md", tokens=0).search(QUESTION) == []


def test_changed_new_and_removed_files_are_seen_at_the_next_look(notes: Path) -> None:
    found = index(notes, "notes/*.md")
    (notes / "notes" / "hotels.md").write_text("Hotel Boreal has a garage now.\n", "utf-8")
    (notes / "notes" / "more.md").write_text("The garage of Hotel Boreal costs 9 euros.\n", "utf-8")
    (notes / "notes" / "soup.md").unlink()
    found.refresh()
    assert sorted(found.files) == ["notes/hotels.md", "notes/more.md"]
    assert {passage.text for passage in found.search(QUESTION)} == {
        "Hotel Boreal has a garage now.",
        "The garage of Hotel Boreal costs 9 euros.",
    }


def test_a_change_of_the_same_size_and_time_is_seen_too(notes: Path) -> None:
    file = notes / "notes" / "hotels.md"
    before, found = file.stat(), index(notes, "notes/hotels.md")
    file.write_text("Hotel Boreal has my garage.\n", "utf-8")
    os.utime(file, ns=(before.st_atime_ns, before.st_mtime_ns))
    found.refresh()
    assert found.search(QUESTION)[0].text == "Hotel Boreal has my garage."


def test_a_file_that_breaks_later_costs_itself_alone_and_is_told(notes: Path) -> None:
    found = index(notes, "notes/*.md")
    (notes / "notes" / "soup.md").write_bytes(b"\xff\xfe\x00")
    found.refresh()
    assert list(found.files) == ["notes/hotels.md"]
    assert "soup.md is not UTF-8 text" in found.trouble
    (notes / "notes" / "soup.md").write_text("Leek soup.", "utf-8")
    found.refresh()
    assert (len(found.files), found.trouble) == (2, "")


@pytest.mark.parametrize(
    ("pattern", "error"),
    [
        ("none/*.md", KnowledgeMissing),
        ("notes", KnowledgeMissing),
        ("../secret.md", KnowledgeOutside),
        ("notes/link.md", KnowledgeOutside),
        ("linked/*.md", KnowledgeOutside),
        ("raw.bin", KnowledgeUnreadable),
        ("zero.txt", KnowledgeUnreadable),
        ("pipe", KnowledgeUnreadable),
        ("large.md", KnowledgeTooLarge),
    ],
)
def test_what_cannot_be_used_stops_the_start_with_its_reason(
    notes: Path, pattern: str, error: type[KnowledgeError]
) -> None:
    outside = notes.parent
    (outside / "secret.md").write_text("A secret.", "utf-8")
    (notes / "notes" / "link.md").symlink_to(outside / "secret.md")
    (notes / "linked").symlink_to(outside)
    (notes / "raw.bin").write_bytes(b"\xff\xfe\xff")
    (notes / "zero.txt").write_bytes(b"text\0text")
    (notes / "large.md").write_text("x" * 5000, "utf-8")
    os.mkfifo(notes / "pipe")
    with pytest.raises(error) as caught:
        index(notes, pattern, file_bytes=4000)
    assert caught.value.agent == "alder"


def test_an_absolute_path_and_a_link_inside_are_the_users_own_word(notes: Path) -> None:
    (notes.parent / "own.md").write_text("Hotel Boreal has a garage.", "utf-8")
    (notes / "inside.md").symlink_to(notes / "notes" / "hotels.md")
    assert list(index(notes, str(notes.parent / "own.md")).files) == [str(notes.parent / "own.md")]
    assert list(index(notes, "inside.md").files) == ["inside.md"]


def test_all_files_together_are_bounded(notes: Path) -> None:
    with pytest.raises(KnowledgeTooLarge) as caught:
        index(notes, "notes/*.md", total_bytes=40)
    assert (caught.value.limit, caught.value.unit) == (40, "bytes")
    with pytest.raises(KnowledgeTooLarge) as caught:
        index(notes, "notes/*.md", files=1)
    assert (caught.value.size, caught.value.unit) == (2, "files")


async def test_each_agent_is_given_its_own_notes_alone(notes: Path) -> None:
    agents = (
        Agent("executive", 1, "x"),
        Agent("alder", 3, "x", knowledge=("notes/hotels.md",)),
        Agent("birch", 3, "x", knowledge=("notes/soup.md",)),
    )
    knowledge = await Knowledge.open(Crew(agents, "executive", notes), OffLoop(Hash512()), Limits())
    context = await knowledge.recall(QUESTION, Context(notes=("Common.",)))
    assert list(context.private) == ["alder"]
    assert context.told_to("executive", peer=False).notes == ("Common.",)
    assert "no garage" in context.told_to("alder", peer=False).notes[1]
    assert context.private["alder"].files == ("notes/hotels.md",)
    about = knowledge.about("birch")
    assert about is not None
    assert (about["chunks"], about["files"]) == (1, [{"file": "notes/soup.md", "chunks": 1}])
    assert knowledge.about("executive") is None


async def test_many_questions_at_once_see_whole_files(notes: Path) -> None:
    agent = Agent("alder", 3, "x", knowledge=("notes/*.md",))
    knowledge = await Knowledge.open(Crew((agent,), "alder", notes), OffLoop(Hash512()), Limits())
    found = await asyncio.gather(*(knowledge.recall(QUESTION, Context()) for _ in range(20)))
    assert {context.private["alder"].passages for context in found} == {("Hotel Boreal has no garage.",)}
