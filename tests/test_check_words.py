"""The check of words says where one is and what to write instead, and leaves plain English alone."""

import pytest

from scripts import check_words


@pytest.mark.parametrize(
    ("line", "word", "advice"),
    [
        ("The user sees his desktop.", "his", "they"),
        ("He may look.", "He", "they"),
        ("A guest ends it himself.", "himself", "they"),
        ("Nothing is to be set.", "is to be", "must be"),
        ("It is told to who asks.", "to who", "whoever"),
        ("TLS keeps out who listens.", "who listens", "whoever"),
        ("What asks no authorizer is open.", "What asks no", "name"),
        ("An instructor looks after them.", "looks after", "supervise"),
        ("Students see who looks on.", "looks on", "watch"),
        ("Your place in line.", "place in line", "queue"),
        ("It belongs into the file.", "belongs into", "belongs in"),
        ("This mends it.", "mends", "fix"),
        ("It shall not wait.", "shall", "must"),
        ("Press *Only look on*.", "Only look on", "View only"),
        ("Press *Connect again*.", "Connect again", "Reconnect"),
        ("<h1>The room</h1>", "The room", "Course room"),
        ("<h2>Who waits</h2>", "Who waits", "Queue"),
        ("<h2>Who is where</h2>", "Who is where", "People"),
    ],
)
def test_a_word_is_found_with_its_place_and_what_to_write(tmp_path, capsys, line, word, advice):
    page = tmp_path / "page.md"
    page.write_text(f"Fine.\n{line}\n")
    assert check_words.main([str(page)]) == 1
    said = capsys.readouterr().out
    assert f"{page}:2: “{word}”: " in said
    assert advice in said


@pytest.mark.parametrize(
    "line",
    [
        "The server checks who may view the target, and the history of this.",
        "There is nothing to configure. Users see their own desktops.",
        "In line with RFC 6143; the line is read, and the viewer may connect again.",
        "She gives the machine back; a window manager depends on it.",
        "Tell them who is in control.",
    ],
)
def test_plain_english_is_left_alone(tmp_path, capsys, line):
    (tmp_path / "page.md").write_text(line)
    assert check_words.main([str(tmp_path)]) == 0
    assert capsys.readouterr().out == "No unwanted words.\n"


def test_every_rule_has_a_word_that_breaks_it():
    """A rule that finds nothing is a mistake; the words are those of the test above."""
    (mark,) = test_a_word_is_found_with_its_place_and_what_to_write.pytestmark
    lines = [line for line, *_ in mark.args[1]]
    assert [rule.pattern for rule, _ in check_words.RULES if not any(map(rule.search, lines))] == []


def test_what_is_skipped_and_what_is_no_text_is_not_read(tmp_path):
    for name in ("node_modules/his.md", "locale/his.json", "yarn.lock"):
        path = tmp_path / name
        path.parent.mkdir(exist_ok=True)
        path.write_text("his")
    (tmp_path / "picture.bin").write_bytes(b"his \xff")
    assert check_words.main([str(tmp_path)]) == 0


def test_what_is_skipped_is_what_codespell_skips():
    skip = check_words.skipped()
    assert {"node_modules", "yarn.lock", "./jupyter_vnc/static"} <= {*skip}
    found = {path.relative_to(check_words.ROOT).as_posix() for path in check_words.files(check_words.ROOT, skip)}
    assert {"README.md", ".github/PULL_REQUEST_TEMPLATE.md", "jupyter_vnc/app.py"} <= found
    assert not any(path.startswith((".git/", ".venv/", "labextension/node_modules/")) for path in found)
