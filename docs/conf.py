"""How Sphinx builds these pages; ``make docs`` runs it with warnings as errors."""

import sys
from pathlib import Path

from jupyter_vnc import __version__

sys.path.insert(0, str(Path(__file__).parent / "_extensions"))

project = "jupyter-vnc"
author = "The jupyter-vnc developers"
copyright = "2026, the jupyter-vnc developers"
release = version = __version__

extensions = ["myst_parser", "sphinx.ext.autodoc", "sphinx.ext.napoleon", "sphinx_copybutton", "from_code"]
exclude_patterns = ["_build", "_extensions"]
nitpicky = True
# Other projects' classes, and those of ours that are internal: links to them would need the network, or lead nowhere.
nitpick_ignore_regex = [("py:.*", r"(?!jupyter_vnc\.(desktop|tokens)\b).*"), ("py:class", r".*\.Frame")]

autodoc_member_order = "bysource"
python_use_unqualified_type_names = True

myst_enable_extensions = ["deflist"]
myst_heading_anchors = 3
copybutton_exclude = ".linenos, .gp, .go"

html_theme = "pydata_sphinx_theme"
html_title = project
html_static_path = ["_static"]
html_css_files = ["drawings.css"]
html_theme_options = {
    "show_toc_level": 2,
    "navigation_with_keys": False,
    "secondary_sidebar_items": {"index": [], "**": ["page-toc"]},
}
html_sidebars = {"index": []}
html_copy_source = False
html_show_sourcelink = False
