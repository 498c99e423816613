#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""reader_test.py EBB - what the program EBB wrote, the second reader gives back, byte for byte.

Makes repositories of small images with the real ebb, restores every point with ebb_reader.py and
compares; damages them and sees what the reader says. So the documents in docs/format/ and the
program agree, or this fails. Prints its seed and takes it back from EBB_TEST_SEED.
"""
import dataclasses
import json
import os
import random
import shutil
import subprocess
import sys
import tempfile
import unittest
from typing import List

READER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "ebb_reader.py")
SEED = int(os.environ.get("EBB_TEST_SEED", random.SystemRandom().randrange(1 << 32)))
EBB = ""
KIB, MIB = 1 << 10, 1 << 20


def run(*command: str) -> subprocess.CompletedProcess:
    return subprocess.run(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE, text=True,
                          stdin=subprocess.DEVNULL, check=False)


def read(path: str) -> bytes:
    with open(path, "rb") as file:
        return file.read()


def write(path: str, data: bytes) -> None:
    with open(path, "wb") as file:
        file.write(data)


def content(chance: random.Random, size: int) -> bytearray:
    """Zeroes, noise and text in turns, of lengths that fit no block."""
    image = bytearray()
    while len(image) < size:
        length = chance.choice([700, 4 * KIB, 20 * KIB, 64 * KIB, 300 * KIB + 1])
        image += chance.choice([bytes(length), chance.randbytes(length),
                                b"The same again and again. " * (length // 26)])
    return image[:size]


def change(chance: random.Random, image: bytearray, block: int, times: int) -> None:
    """Single blocks here and there: to noise, to zeroes, to another block's content."""
    for _ in range(times):
        at = chance.randrange(len(image) // block + 1) * block
        end = min(at + block, len(image))
        other = chance.randrange(len(image) // block + 1) * block
        image[at:end] = chance.choice([chance.randbytes(end - at), bytes(end - at),
                                       (image[other:other + block] + bytes(block))[:end - at]])


@dataclasses.dataclass
class State:
    """An image as it was at one backup."""
    point: str
    image: bytes


class Repository:
    """A repository in a folder of its own, and what was backed up into it."""

    def __init__(self, folder: str) -> None:
        self.folder = folder
        self.path = os.path.join(folder, "repo")
        self.passphrase = os.path.join(folder, "passphrase")
        self.key = os.path.join(folder, "source.key")
        self.states: List[State] = []
        write(self.passphrase, "correct horse bättery\n".encode())
        made = self.ebb("init", self.path, "--passphrase-file", self.passphrase)
        words = [word for word in made.replace('"', " ").split() if word.count("-") == 10]
        self.paper_key = os.path.join(folder, "paper")
        write(self.paper_key, words[0].encode() + b"\n")

    def ebb(self, *arguments: str) -> str:
        done = run(EBB, *arguments, "--source-key", self.key)
        if done.returncode != 0:
            raise AssertionError(f"ebb {arguments}: {done.stderr}")
        return done.stdout

    def back_up(self, volume: str, image: bytes, *options: str) -> State:
        device = os.path.join(self.folder, volume + ".img")
        write(device, image)
        told = self.ebb("backup", device, "--repo", self.path, "--volume", volume, "--json",
                        *options)
        self.states.append(State(json.loads(told)["point"], bytes(image)))
        return self.states[-1]

    def read(self, command: str, *arguments: str, secret: str = "") -> subprocess.CompletedProcess:
        key = [] if command == "check" else ["--passphrase-file", secret or self.passphrase]
        return run(sys.executable, READER, command, *arguments, *key)

    def packs(self) -> List[str]:
        folder = os.path.join(self.path, "packs")
        return sorted(os.path.join(folder, name) for name in os.listdir(folder))


class ReaderTest(unittest.TestCase):
    def setUp(self) -> None:
        folder = tempfile.TemporaryDirectory(prefix="ebb-reader-")
        self.addCleanup(folder.cleanup)
        self.folder = folder.name
        self.chance = random.Random(SEED)
        self.repository = Repository(self.folder)
        self.out = os.path.join(self.folder, "out")

    def restore(self, point: str, secret: str = "") -> subprocess.CompletedProcess:
        if os.path.exists(self.out):
            os.remove(self.out)
        return self.repository.read("restore", self.repository.path, point, self.out, secret=secret)

    def assert_restores(self, state: State, point: str = "", secret: str = "") -> None:
        done = self.restore(point or state.point, secret)
        self.assertEqual((done.returncode, done.stderr), (0, ""))
        self.assertTrue(read(self.out) == state.image, "the restored image differs")

    def test_gives_back_every_point_of_every_block_size_and_codec(self) -> None:
        for block, codec, size in [(4 * KIB, "zstd", 3 * MIB + 1), (64 * KIB, "lz4", 4 * MIB + 512),
                                   (MIB, "none", 2 * MIB + 4095), (8 * KIB, "lz4", 1234)]:
            image = content(self.chance, size)
            before = bytes(image)
            volume = f"{codec} {block} ä"
            options = ("--block-size", str(block), "--compress", codec)
            for times in (0, 3, 90):
                change(self.chance, image, block, times)
                self.repository.back_up(volume, image, *options)
            # Back to the beginning: overrides go, leaves show again.
            self.repository.back_up(volume, before, *options)
        for state in self.repository.states:
            self.assert_restores(state)
        self.assert_restores(self.repository.states[-1], volume + "@latest")
        self.assertEqual(self.repository.read("check", self.repository.path).stdout, "sound\n")

    def test_walks_maps_of_several_levels(self) -> None:
        for segments in (2, 65):  # Of 4096 blocks of 4 KiB each; all but a few are zeroes.
            path = os.path.join(self.folder, "sparse.img")
            size = (segments - 1) * 16 * MIB + 5001
            with open(path, "wb") as file:
                file.truncate(size)
                for at in (0, size // 2, size - 1):
                    file.seek(at)
                    file.write(b"x")
            self.repository.ebb("backup", path, "--repo", self.repository.path, "--volume",
                                "sparse", "--block-size", "4096")
            self.assertEqual(self.restore("sparse@latest").returncode, 0)
            self.assertEqual(run("cmp", path, self.out).stdout, "")

    def test_opens_with_the_paper_key_and_not_with_another_passphrase(self) -> None:
        state = self.repository.back_up("v", content(self.chance, MIB))
        self.assert_restores(state, secret=self.repository.paper_key)
        wrong = os.path.join(self.folder, "wrong")
        write(wrong, b"correct horse\n")
        done = self.restore(state.point, wrong)
        self.assertEqual(done.returncode, 1)
        self.assertIn("no slot opens", done.stderr)

    def test_check_notices_every_flipped_byte(self) -> None:
        self.repository.back_up("v", content(self.chance, 300 * KIB))
        files = [os.path.join(folder, name) for folder, _, names in os.walk(self.repository.path)
                 for name in names if "index" not in folder and not name.endswith(".lock")]
        for path in files + 3 * self.repository.packs():
            sound = read(path)
            damaged = bytearray(sound)
            at = self.chance.randrange(len(sound))
            damaged[at] ^= 1 << self.chance.randrange(8)
            write(path, damaged)
            done = self.repository.read("check", self.repository.path)
            # Without the configuration there is nothing to compare with.
            self.assertNotEqual(done.returncode, 0, f"byte {at} of {path}")
            write(path, sound)
        self.assertEqual(self.repository.read("check", self.repository.path).returncode, 0)

    def test_mends_a_hole_of_a_mebibyte_from_the_parity(self) -> None:
        state = self.repository.back_up("v", self.chance.randbytes(3 * MIB + 17))
        for path in self.repository.packs():
            sound = read(path)
            # Data and first tail lie before the parity, which is 65 chunks in each row.
            at = self.chance.randrange(len(sound) - 66 * 16 * KIB - MIB)
            write(path, sound[:at] + bytes(MIB) + sound[at + MIB:])
        self.assertEqual(self.repository.read("check", self.repository.path).returncode, 5)
        self.assert_restores(state)

    def test_finds_the_first_tail_when_the_end_is_damaged(self) -> None:
        state = self.repository.back_up("v", content(self.chance, MIB))
        for path in self.repository.packs():
            write(path, read(path)[:-4096] + bytes(4096))
        self.assert_restores(state)

    def test_refuses_what_parity_cannot_mend(self) -> None:
        state = self.repository.back_up("v", self.chance.randbytes(2 * MIB))
        for path in self.repository.packs():
            sound = read(path)
            write(path, sound[:128] + bytes(len(sound) - 128 - 4096) + sound[-4096:])
        self.assertEqual(self.restore(state.point).returncode, 1)

    def test_leaves_out_a_point_whose_signature_is_wrong(self) -> None:
        state = self.repository.back_up("v", content(self.chance, MIB))
        [path] = [os.path.join(folder, name) for folder, _, names in os.walk(self.repository.path)
                  for name in names if state.point in name]
        forged = os.path.join(os.path.dirname(path), "0" * 15 + "2" + os.path.basename(path)[16:])
        shutil.copy(path, forged)
        done = self.repository.read("points", self.repository.path)
        self.assertEqual(done.stdout, f"v 1 {state.point}\n")
        self.assertIn("a point's sequence is not that of its name", done.stderr)

    def test_applies_a_difference_file(self) -> None:
        image = content(self.chance, 3 * MIB + 1)
        first = bytes(image)
        states = []
        for times in (0, 5, 5):
            change(self.chance, image, 4 * KIB, times)
            states.append(self.repository.back_up("v", image, "--block-size", "4K"))
        states.append(self.repository.back_up("v", first))
        file, base = os.path.join(self.folder, "diff"), os.path.join(self.folder, "base")
        for a, b in ((0, 1), (1, 2), (0, 2), (2, 3)):
            self.repository.ebb("diff", "export", states[a].point, states[b].point, "--repo",
                                self.repository.path, "-o", file)
            write(base, states[a].image)
            done = self.repository.read("diff", file, base, self.out)
            self.assertEqual((done.returncode, done.stderr), (0, ""))
            self.assertTrue(read(self.out) == states[b].image, "the image differs")
            os.remove(self.out)
            write(base, states[b].image[:-1] + b"?")  # Neither A nor B.
            done = self.repository.read("diff", file, base, self.out)
            self.assertEqual((done.returncode, os.path.exists(self.out)), (1, False))
            os.remove(file)


if __name__ == "__main__":
    EBB = os.path.abspath(sys.argv.pop(1))
    print(f"EBB_TEST_SEED={SEED}", file=sys.stderr)
    unittest.main()
