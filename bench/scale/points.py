# SPDX-License-Identifier: Apache-2.0
"""The cost of the n-th backup of a volume, and of reading points, as their number grows.

One small volume, a few blocks changed before each backup, all in one repository. The page cache is
warm throughout: what is asked is whether something grows with the number of points, and emptying
the cache a thousand times would drown it. At some numbers of points they are listed, the latest one
is verified and restored, and all are scrubbed.
"""
import os
import random
from typing import List

from common import scattered
from scale.session import Session, tell

PART = "points"
BACKUP, LIST, VERIFY, RESTORE, SCRUB = "backup", "points", "verify", "restore", "scrub"
LOCK_ROUND = 100  # Backups; then others may have the machine.
LEAST, MOST = 10, 20  # Blocks changed before each backup.


def measure(session: Session, size: int, count: int, stops: List[int]) -> None:
    image = os.path.join(session.work, "volume.img")
    target = os.path.join(session.work, "restored.img")
    chance = random.Random(1)
    try:
        scattered.make_full(image, size, seed=1)
        with session.store() as store:
            fields = {"size": size, "version": store.version()}
            for begin in range(1, count + 1, LOCK_ROUND):
                with session.turn() as quiet:
                    for number in range(begin, min(begin + LOCK_ROUND, count + 1)):
                        if number > 1:
                            scattered.change(image, chance.randint(LEAST, MOST), seed=number)
                        record = store.backup(image)
                        session.keep(PART, BACKUP, record, quiet, fields, points=number)
                        if number in stops or number == count:
                            tell(record, f"points, backup {number}")
                            _stop(session, store, target, {**quiet, **fields, "points": number})
                session.save()
    finally:
        os.unlink(image)


def _stop(session: Session, store, target: str, fields: dict) -> None:
    for step, measured in ((LIST, store.points), (VERIFY, store.verify),
                           (RESTORE, lambda: store.restore(target)), (SCRUB, store.scrub)):
        record = measured()
        session.keep(PART, step, record, fields)
        tell(record, f"points, {step} at {fields['points']}")
    os.unlink(target)
