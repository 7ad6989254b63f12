"""What ``make recipes`` reads from the recipes for containers; running them takes a new machine."""

import pytest

from scripts import recipes
from scripts.recipes import Instruction


def test_a_dockerfiles_steps_are_run_by_its_users():
    text = "# why\nFROM one AS build\nCOPY --chown=a:b . /src\nRUN first \\\n && second\n\nFROM one\nUSER root\n"
    text += (
        "COPY --from=build /home/x /tmp/x\nCOPY binder/apt.txt /tmp/apt.txt\nRUN third\nUSER ${NB_UID}\nRUN fourth\n"
    )
    assert list(recipes.dockerfile(text)) == [
        Instruction("first   && second", "jovyan"),
        Instruction("cp -r /home/x /tmp/x && chmod -R a+rX /tmp/x", "root"),
        Instruction("cp -r /home/jovyan/jupyter-vnc/binder/apt.txt /tmp/apt.txt && chmod -R a+rX /tmp/apt.txt", "root"),
        Instruction("third", "root"),
        Instruction("fourth", "jovyan"),
    ]


def test_an_instruction_that_is_not_known_is_no_silent_success():
    with pytest.raises(ValueError, match="HEALTHCHECK"):
        list(recipes.dockerfile("FROM one\nHEALTHCHECK CMD true\n"))


@pytest.mark.parametrize(("name", "step"), [("Dockerfile", "pip wheel"), ("binder", "binder/postBuild")])
def test_our_own_recipes_can_be_run(name, step):
    made = list(recipes.instructions(name))
    assert any(step in one.script and one.user == "jovyan" for one in made)
    assert made[-1] == recipes.CHECK
