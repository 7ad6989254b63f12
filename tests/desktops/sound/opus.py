"""Opus packets as samples, by the system's libopus, so that a test hears what a browser would."""

import ctypes

RATE, CHANNELS, LONGEST = 48000, 2, 5760


def decode(packets):
    """Return all packets as interleaved samples of 16 bits, little end first."""
    library = ctypes.CDLL("libopus.so.0")
    library.opus_decoder_create.restype = ctypes.c_void_p
    error = ctypes.c_int()
    decoder = ctypes.c_void_p(library.opus_decoder_create(RATE, CHANNELS, ctypes.byref(error)))
    assert error.value == 0
    samples = (ctypes.c_int16 * (LONGEST * CHANNELS))()
    heard = b""
    try:
        for packet in packets:
            count = library.opus_decode(decoder, packet, len(packet), samples, LONGEST, 0)
            assert count > 0, f"no Opus: {packet[:8].hex()}"
            heard += bytes(samples)[: count * CHANNELS * 2]
    finally:
        library.opus_decoder_destroy(decoder)
    return heard
