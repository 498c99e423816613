# SPDX-License-Identifier: Apache-2.0
"""Loop devices with direct I/O, and mounts, that go away with whoever made them.

A loop device is detached at once and only held by a descriptor of this process: the kernel carries
the detaching out when the last descriptor is closed, even if that is because of SIGKILL. Mounts
should be made in a mount namespace of one's own (unshare --mount), for the same reason.
"""
import contextlib
import os
import time
from typing import Iterator, Optional

from common.command import run


class LoopDevice:
    """with LoopDevice(image) as device: ... device.path"""

    def __init__(self, image: str, *, offset: int = 0, size: Optional[int] = None,
                 read_only: bool = False) -> None:
        self.image = image
        self.path = ""
        self._options = ["--offset", str(offset)] if offset else []
        self._options += ["--sizelimit", str(size)] if size is not None else []
        self._options += ["--read-only"] if read_only else []
        self._flags = os.O_RDONLY if read_only else os.O_RDWR
        self._descriptor = -1

    def __enter__(self) -> "LoopDevice":
        self.path = run("losetup", "--find", "--show", "--direct-io=on", *self._options,
                        self.image).strip()
        try:
            self._descriptor = os.open(self.path, self._flags | os.O_CLOEXEC)
        finally:
            run("losetup", "--detach", self.path)
        return self

    def __exit__(self, *_) -> None:
        os.close(self._descriptor)
        backing = f"/sys/block/{os.path.basename(self.path)}/loop/backing_file"
        end = time.monotonic() + 5
        while os.path.exists(backing) and time.monotonic() < end:
            time.sleep(0.01)

    def settle(self) -> None:
        """Everything written to the device is on the disk below it."""
        os.fsync(self._descriptor)


@contextlib.contextmanager
def empty_device(image: str, size: int) -> Iterator[LoopDevice]:
    """A device that nobody has written to, over a new file that is removed at the end."""
    with contextlib.ExitStack() as stack:
        with open(image, "xb") as file:
            stack.callback(os.unlink, image)
            file.truncate(size)
        yield stack.enter_context(LoopDevice(image))


@contextlib.contextmanager
def mounted(device: str, folder: str, *options: str) -> Iterator[str]:
    os.makedirs(folder, exist_ok=True)
    run("mount", *options, device, folder)
    try:
        yield folder
    finally:
        run("umount", folder)
