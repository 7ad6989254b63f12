"""The token store of the hub service, as its broker makes it."""

from traitlets import Any
from traitlets.config import LoggingConfigurable

from jupyter_vnc.stores.database.tokens import DatabaseTokens


class Host(LoggingConfigurable):
    """What a broker has as its parent in the hub service."""

    database = Any()


def database_store(database, **limits):
    """A store as the broker of the hub service makes it."""
    return DatabaseTokens(parent=LoggingConfigurable(parent=Host(database=database)), **limits)
