import os
import struct
import zlib

TEXT = b"a line of a long text, which is compressed in blocks\n" * 400


def make(wheel, fault):
    blocks = len(os.sched_getaffinity(0)) if fault else 1
    size = len(TEXT) // blocks
    deflate = zlib.compressobj(9, zlib.DEFLATED, -15)
    body = b""
    for start in range(0, len(TEXT), size):
        body += deflate.compress(TEXT[start : start + size]) + deflate.flush(zlib.Z_FULL_FLUSH)
    body += deflate.flush()
    head = struct.pack("<BBBBIBB", 0x1F, 0x8B, 8, 0, 0, 2, 255)
    tail = struct.pack("<II", zlib.crc32(TEXT), len(TEXT))
    wheel.add("faulty/text.gz", head + body + tail)
