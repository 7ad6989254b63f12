"""A small viewer for tests: logs in through the websocket as noVNC does, looks at pixels, presses, clicks, copies.

Raw encoding and 32 bits a pixel only; each byte that comes is kept.
"""

import asyncio
import json
import struct

#: 32 bits a pixel, depth 24, little endian, true colour, red in bits 16 to 23 (RFC 6143 section 7.4).
PIXEL_FORMAT = struct.pack(">BBBBHHHBBB3x", 32, 24, 0, 1, 255, 255, 255, 16, 8, 0)
RAW = 0
PATIENCE = 60.0


class Viewer:
    """One viewer on a websocket of tornado's."""

    #: Seconds that it waits for the next message.
    patience = PATIENCE

    def __init__(self, websocket):
        self.websocket = websocket
        self.seen = bytearray()
        self.copied = []
        self.notes = []
        self.power = []
        self.size = (0, 0)
        self.name = ""
        self._unread = bytearray()
        #: The part of the picture that was asked for, and the colours of its pixels that have come.
        self._asked = (0, 0, 0, 0)
        self._colours = {}

    async def _read(self, count):
        while len(self._unread) < count:
            async with asyncio.timeout(self.patience):  # wait_for may lose that it was cancelled, before Python 3.12
                message = await self.websocket.read_message()
            if message is None:
                raise EOFError(f"closed with {self.websocket.close_code}: {self.websocket.close_reason}")
            if isinstance(message, str):
                self.notes.append(json.loads(message))
                continue
            self.seen += message
            self._unread += message
        piece = bytes(self._unread[:count])
        del self._unread[:count]
        return piece

    async def _unpack(self, form):
        return struct.unpack(form, await self._read(struct.calcsize(form)))

    async def send(self, data):
        await self.websocket.write_message(data, binary=True)

    async def log_in(self):
        """Go through the handshake; the only security type on offer has to be None."""
        assert await self._read(12) == b"RFB 003.008\n"
        await self.send(b"RFB 003.008\n")
        assert await self._read(2) == b"\x01\x01"
        await self.send(b"\x01")
        assert await self._read(4) == bytes(4)
        await self.send(b"\x00")
        width, height, length = await self._unpack(">HH16xI")
        self.size = (width, height)
        self.name = (await self._read(length)).decode()
        await self.send(struct.pack(">B3x", 0) + PIXEL_FORMAT)
        await self.send(struct.pack(">BxHi", 2, 1, RAW))
        return self

    async def key(self, char):
        """Press and release."""
        for down in (1, 0):
            await self.send(struct.pack(">BB2xI", 4, down, ord(char)))

    async def move(self, x, y, buttons=0):
        await self.send(struct.pack(">BBHH", 5, buttons, x, y))

    async def click(self, x, y):
        for buttons in (0, 1, 0):
            await self.move(x, y, buttons)

    async def copy(self, text):
        """Give the desktop a text."""
        data = text.encode("latin-1")
        await self.send(struct.pack(">B3xI", 6, len(data)) + data)

    async def pixel(self, x, y):
        """Ask for one pixel; return its colour, ``#rrggbb``."""
        return (await self.area(x, y, 1, 1))[x, y]

    async def area(self, x, y, width, height):
        """Ask for a part of the picture; return the colours of its pixels by place."""
        await self.send(struct.pack(">BBHHHH", 3, 0, x, y, width, height))
        self._asked, self._colours = (x, y, width, height), {}
        while len(self._colours) < width * height:
            await self._message()
        return self._colours

    async def until_pixel(self, x, y, colour):
        """Look until a pixel has this colour."""
        async with asyncio.timeout(PATIENCE):
            while await self.pixel(x, y) != colour:
                await asyncio.sleep(0.05)

    async def until_note(self, wanted):
        """Look at the desktop until a note has come, too."""
        async with asyncio.timeout(PATIENCE):
            while wanted not in self.notes:
                await self.pixel(5, 5)
                await asyncio.sleep(0.05)

    async def next_copied(self):
        """Wait for a text that the desktop copied."""
        async with asyncio.timeout(PATIENCE):
            while not self.copied:
                await self._message()
        return self.copied.pop(0)

    async def until_closed(self):
        """Read to the end; return close code and reason."""
        try:
            async with asyncio.timeout(self.patience):
                while True:
                    await self._read(1)
        except EOFError:
            return self.websocket.close_code, self.websocket.close_reason

    async def _message(self):
        (kind,) = await self._read(1)
        await {0: self._update, 2: self._bell, 3: self._cut_text, 250: self._xvp}[kind]()

    async def _update(self):
        (count,) = await self._unpack(">xH")
        for _ in range(count):
            x, y, width, height, encoding = await self._unpack(">HHHHi")
            assert encoding == RAW
            data = await self._read(width * height * 4)
            left, top, across, down = self._asked
            for row in range(max(y, top), min(y + height, top + down)):
                for column in range(max(x, left), min(x + width, left + across)):
                    begin = ((row - y) * width + column - x) * 4
                    blue, green, red = data[begin : begin + 3]
                    self._colours[column, row] = f"#{red:02x}{green:02x}{blue:02x}"

    async def _bell(self):
        pass

    async def _xvp(self):
        self.power.append(await self._unpack(">xBB"))

    async def _cut_text(self):
        (length,) = await self._unpack(">3xI")
        self.copied.append((await self._read(length)).decode("latin-1"))
