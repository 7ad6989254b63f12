"""What Alembic runs: on the connection that it is given, in the transaction of whoever opened it."""

from alembic import context

from jupyter_vnc.stores.database.tables import metadata

context.configure(connection=context.config.attributes["connection"], target_metadata=metadata)
with context.begin_transaction():
    context.run_migrations()
