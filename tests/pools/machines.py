"""What the tests of pools share: machines, their addresses, and a clock that is set by hand."""

from jupyter_vnc.model.addresses import PoolAddress, PoolMachine, TCPAddress


class Clock:
    def __init__(self):
        self.now = 1_000_000.0

    def __call__(self):
        return self.now


def machines(count):
    return tuple(PoolMachine(f"m{number}", TCPAddress("127.0.0.1", number)) for number in range(1, count + 1))


def address(count, **times):
    return PoolAddress(machines(count), **times)
