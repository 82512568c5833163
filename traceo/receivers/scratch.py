"""Memory of each thread for what lasts no longer than a function.

New memory has to be cleared by the kernel first, which costs more than decompressing into it.
"""

import threading

KEPT_BYTES = 4 << 20  # for more, memory is made and given back


class _Scratch(threading.local):
    def __init__(self) -> None:
        self.memory = bytearray(1 << 20)


_scratch = _Scratch()


def borrow(size: int) -> memoryview:
    """So many bytes, good until the same thread borrows again. They hold anything."""
    if size > KEPT_BYTES:
        return memoryview(bytearray(size))
    if size > len(_scratch.memory):
        _scratch.memory = bytearray(KEPT_BYTES)
    return memoryview(_scratch.memory)[:size]
