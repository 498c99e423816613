# SPDX-License-Identifier: Apache-2.0
"""Loop devices with direct I/O, and mounts, that go away with whoever made them.

A loop device is made by one system call that also says that it ends with its last descriptor, so
that there is no moment at which this process could end, even by SIGKILL, and leave it behind.
(losetup cannot say it: something may end between its attaching and its detaching.) Mounts should
be made in a mount namespace of one's own (unshare --mount), for the same reason.
The numbers are those of <linux/loop.h>.
"""
import contextlib
import errno
import fcntl
import os
import struct
import time
from typing import Iterator

from common.command import run

LOOP_CTL_GET_FREE, LOOP_CONFIGURE, LOOP_SET_DIRECT_IO = 0x4C82, 0x4C0A, 0x4C08
FLAG_READ_ONLY, FLAG_AUTOCLEAR = 1, 4
# struct loop_config: fd, block size, struct loop_info64 (device, inode, rdevice, offset, size
# limit, number, encryption type, its key's size, flags, file name, two unused fields and a key,
# init), reserved.
CONFIG = struct.Struct("=II QQQQQ IIII 64s 64s 32s QQ 64x")


class LoopDevice:
    """with LoopDevice(image) as device: ... device.path"""

    def __init__(self, image: str, *, offset: int = 0, size: int = 0,
                 read_only: bool = False) -> None:
        self.path = ""
        self._image = image
        self._offset = offset
        self._size = size  # 0: to the end of the image.
        self._read_only = read_only
        self._descriptor = -1

    def __enter__(self) -> "LoopDevice":
        access = (os.O_RDONLY if self._read_only else os.O_RDWR) | os.O_CLOEXEC
        backing = os.open(self._image, access)
        try:
            while self._descriptor < 0:
                self._descriptor = self._attached(backing, access)
            fcntl.ioctl(self._descriptor, LOOP_SET_DIRECT_IO, 1)
        finally:
            os.close(backing)
        return self

    def __exit__(self, *_) -> None:
        os.close(self._descriptor)
        # It lives a moment longer where somebody looks at all devices just now.
        end = time.monotonic() + 5
        attached = f"/sys/block/{os.path.basename(self.path)}/loop/backing_file"
        while os.path.exists(attached) and time.monotonic() < end:
            time.sleep(0.01)

    def settle(self) -> None:
        """Everything written to the device is on the disk below it."""
        os.fsync(self._descriptor)

    def _attached(self, backing: int, access: int) -> int:
        """The descriptor of a new loop device, or -1 if somebody else was quicker."""
        with open("/dev/loop-control", "rb") as control:
            number = fcntl.ioctl(control, LOOP_CTL_GET_FREE)
        self.path = f"/dev/loop{number}"
        device = os.open(self.path, access)
        flags = FLAG_AUTOCLEAR | (FLAG_READ_ONLY if self._read_only else 0)
        name = self._image.encode(errors="surrogateescape")[:63]
        try:
            fcntl.ioctl(device, LOOP_CONFIGURE,
                        CONFIG.pack(backing, 0, 0, 0, 0, self._offset, self._size, 0, 0, 0, flags,
                                    name, b"", b"", 0, 0))
        except OSError as failure:
            os.close(device)
            if failure.errno != errno.EBUSY:
                raise
            return -1
        return device


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
