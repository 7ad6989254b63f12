"""A desktop in a cell: a frame, or the reason why there is none."""

from jupyter_vnc.notebook.frame import Frame
from jupyter_vnc.notebook.server import NotebookError


class Server:
    """Gives a page to a frame, or an error."""

    def __init__(self, answer):
        self._answer = answer

    def frame(self, name):
        if isinstance(self._answer, Exception):
            raise self._answer
        return f"{self._answer}/{name}"


def test_what_a_cell_shows_can_break_out_of_nothing():
    shown = Frame(Server("/vnc/view?a&b"), '"lab"', 'My "desktop" <1>', '100%"', 600)._repr_html_()
    assert shown == (
        '<iframe src="/vnc/view?a&amp;b/&quot;lab&quot;" title="My &quot;desktop&quot; &lt;1&gt;" '
        'style="border: 0; width: 100%&quot;; height: 600px" allow="clipboard-read; clipboard-write; fullscreen">'
        "</iframe>"
    )


def test_an_error_is_a_sentence_in_the_cell():
    assert Frame(Server(NotebookError("No <server>.")), "lab", "Lab", "1px", 1)._repr_html_() == (
        "<p>No &lt;server&gt;.</p>"
    )
