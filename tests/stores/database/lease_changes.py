"""A process that gives machines out and takes them back, and prints each change when it begins and when it is saved.

``python lease_changes.py <url> <changes>`` prints ``<user> ?``, and then ``<user> <machine>``, or ``<user> -`` when
it was taken back.
"""

import asyncio
import logging
import sys
from functools import partial

from jupyter_vnc.model.addresses import PoolAddress, PoolMachine, TCPAddress
from jupyter_vnc.model.targets import Target
from jupyter_vnc.pools.manager import PoolManager
from jupyter_vnc.stores.database import urls
from jupyter_vnc.stores.database.database import Database
from jupyter_vnc.stores.database.leases import DatabaseLeases
from jupyter_vnc.stores.database.old_leases import OldLeases
from jupyter_vnc.stores.database.processes import Processes

#: Users who come and go at the same time.
AT_ONCE = 4
MACHINES = 40


def say(*words):
    sys.stdout.write(" ".join(words) + "\n")
    sys.stdout.flush()


async def main(url, changes):
    log = logging.getLogger()
    database = Database(urls.parse(url), log)
    await database.open()
    manager = PoolManager()
    manager.keep_with(partial(DatabaseLeases, Processes(database, log), OldLeases(None, log), log))
    await manager.start()
    machines = tuple(PoolMachine(f"m{number}", TCPAddress("127.0.0.1", number)) for number in range(1, MACHINES + 1))
    manager.configure(Target(name="lab", address=PoolAddress(machines)))

    async def come_and_go(nth):
        for number in range(changes // AT_ONCE // 2):
            user = f"u{nth}-{number % 8}"
            say(user, "?")
            machine = await manager.lease(user, "lab")
            say(user, machine.name)
            if number % 3:
                say(user, "?")
                manager.release(user, "lab")
                await manager._keeping.keeper.save()
                say(user, "-")

    await asyncio.gather(*(come_and_go(nth) for nth in range(AT_ONCE)))
    await asyncio.sleep(60)  # to be killed


if __name__ == "__main__":
    asyncio.run(main(sys.argv[1], int(sys.argv[2])))
