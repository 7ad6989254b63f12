"""JupyterLab in tests: nothing comes by itself that covers what they click on, and a failure says what did."""

from typing import Final

SPLASH: Final = "@jupyterlab/apputils-extension:splash"

#: Configuration of a server whose Lab starts no node and draws no splash screen. Node is started to look for servers
#: that understand code, and whenever somebody opens Lab to see whether it has to be built: nobody here edits code or
#: builds Lab. The splash screen asks after 12 seconds, which a busy machine takes, whether to keep waiting, and its
#: dialog covers Lab until somebody answers.
CALM: Final = f"""c.LanguageServerManager.autodetect = False
c.LabApp.news_url = None
c.LabApp.check_for_updates_class = "jupyterlab.NeverCheckForUpdate"
c.ServerApp.tornado_settings = {{
    "page_config_data": {{"buildAvailable": False, "buildCheck": False}},
    "page_config_hook": lambda handler, page: page
    | {{"disabledExtensions": [*page["disabledExtensions"], {SPLASH!r}]}},
}}
"""

#: What may lie over a page: dialogs and notices, Lab's and ours.
_OVER: Final = """() => ({ texts: [...document.querySelectorAll(
    '.jp-Dialog, .Toastify__toast, .jp-VNC-overlay, [role=dialog], dialog[open]')]
  .filter(node => node.checkVisibility() && !node.parentElement.closest('.jp-Dialog'))
  .map(node => node.innerText.trim().replace(/\\s+/g, ' ')) })"""
#: So long a page may take to say so (milliseconds): one that hangs says nothing.
_LIMIT: Final = 3000


def over(page):
    """What to call for the texts that lie over a page; for pages of playwright's asynchronous API, to await."""
    return page.wait_for_function(_OVER, timeout=_LIMIT)


def told(page, texts):
    """A line about a page for the report of a failure."""
    return f"{page.url}: over it lie {texts}" if texts else f"{page.url}: nothing lies over it"
