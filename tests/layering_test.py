#!/usr/bin/python3
# SPDX-License-Identifier: Apache-2.0
"""layering_test.py - holds the source tree to its own rules.

Includes point one way (devmap <- engine <- wire <- tools), exceptions and Cap'n Proto live in
wire/ only, every source file begins with the SPDX line, and git holds nothing that is generated,
binary, or true on one machine only. Each rule is a function from a file to complaints, so that the
second half can show that each rule finds what it is for.
"""
import os
import re
import subprocess
import unittest

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
LAYERS = {"devmap": 0, "engine": 1, "wire": 2, "tools": 3}
FOLDERS = set(LAYERS) | {"tests", "bench"}
SPDX = "SPDX-License-Identifier: Apache-2.0"
CPP = (".h", ".cc")
SCRIPTS = (".py", ".sh", ".capnp")
MAX_FILE_BYTES = 512 * 1024

# Seeds and golden data are inputs that people chose; they may be binary, and stay small.
BINARY_FOLDERS = ("tests/fuzz/corpus/", "tests/golden/")
MAX_BINARY_BYTES = 64 * 1024
GENERATED = re.compile(r"(\.(o|a|so|pyc|gcda|gcno|img|zip|gz|xz|zst|deb|log)|~|/compile_commands\.json"
                       r"|/CMakeCache\.txt)$|(^|/)(build[^/]*|__pycache__)/")

# Files that turn the exceptions of a library which knows no other way into values. One for each
# such library, with the reason.
# Where exceptions of a library end, and why that library.
EXCEPTION_BRIDGES = {
    "tools/common/program.cc": "CLI11 reports wrong usage by exceptions",
}

# Written in pieces, so that this file does not hold what it looks for.
HOSTS = [".".join(parts) for parts in (
    ("deb", "debian", "org"), ("security", "debian", "org"), ("snapshot", "debian", "org"),
    ("pypi", "org"), ("pythonhosted", "org"), ("crates", "io"), ("npmjs", "org"),
    ("golang", "org"), ("docker", "io"), ("ghcr", "io"), ("quay", "io"))]
HOST = re.compile("|".join(map(re.escape, HOSTS)), re.I)
# A package source or a proxy by any name.
SOURCE_SETTING = re.compile(r"\b(index[-_]url|https?_proxy|GOPROXY|sources\.list)\b", re.I)
MACHINE_PATH = re.compile(r"(?<![\w./}$-])/(" + "|".join(("work", "tmp/" + "wt")) +
                          r")/[\w.]")
URL = re.compile(r"https?://")


def tracked_files():
    listed = subprocess.run(
        ["git", "-c", "safe.directory=*", "-C", ROOT, "ls-files", "-z", "--cached", "--others",
         "--exclude-standard"], capture_output=True, text=True)
    if listed.returncode != 0:
        return None
    return sorted(p for p in set(listed.stdout.split("\0"))
                  if p and os.path.isfile(os.path.join(ROOT, p)))


def read(path):
    with open(os.path.join(ROOT, path), "rb") as file:
        return file.read()


def is_text(data):
    if b"\0" in data:
        return False
    try:
        data.decode("utf-8")
    except UnicodeDecodeError:
        return False
    return True


def code_of(text):
    """C++ without comments and without the insides of literals; lines keep their numbers."""
    pattern = re.compile(
        r'//[^\n]*|/\*.*?\*/|R"(?P<d>[^(\s]*)\(.*?\)(?P=d)"|"(?:\\.|[^"\\\n])*"'
        r"|(?<![0-9a-fA-F])'(?:\\.|[^'\\\n])*'", re.S)
    return pattern.sub(lambda m: '""' + "\n" * m.group(0).count("\n"), text)


def top(path):
    return path.split("/", 1)[0]


def includes_of(text):
    return re.findall(r'^[ \t]*#[ \t]*include[ \t]*([<"])([^>"]+)[>"]', text, re.M)


# ---- the rules: (path, text) -> complaints -------------------------------------------------------

def includes_point_one_way(path, text):
    here = top(path)
    for kind, name in includes_of(text):
        there = top(name)
        if kind == '"':
            if there not in FOLDERS:
                yield f'includes "{name}", which is not a path from the root'
            elif here in LAYERS and there not in LAYERS:
                yield f'includes "{name}": the product does not know its {there}'
            elif here in LAYERS and LAYERS[there] > LAYERS[here]:
                yield f'includes "{name}": {here} does not know {there}'
            elif path.startswith(("wire/control/", "tools/manager/")) and there == "engine":
                yield f'includes "{name}": what only controls never touches content'


def only_wire_speaks(path, text):
    if top(path) not in ("devmap", "engine", "tools"):
        return
    for _, name in includes_of(text):
        if re.match(r"(capnp|kj)/", name):
            yield f"includes <{name}>: only wire/ knows Cap'n Proto and KJ"
        if top(path) in ("devmap", "engine") and re.match(r"(sys/socket\.h|netinet/|arpa/|netdb\.h)",
                                                          name):
            yield f"includes <{name}>: no network below wire/"
    for number, line in enumerate(code_of(text).split("\n"), 1):
        if re.search(r"\b(capnp|kj)::", line):
            yield f"line {number} names Cap'n Proto or KJ: only wire/ does"


def only_wire_throws(path, text):
    if top(path) not in ("devmap", "engine", "tools", "bench") or path in EXCEPTION_BRIDGES:
        return
    for number, line in enumerate(code_of(text).split("\n"), 1):
        word = re.search(r"(?<![\w:.>])(throw|try|catch)\b(?!\s*=)", line)
        if word:
            yield f"line {number} has `{word.group(1)}`: exceptions live in wire/ only"


def begins_with_licence(path, text):
    lines = text.split("\n", 2)
    if path.endswith(CPP) and lines[0] != "// " + SPDX:
        yield f"does not begin with `// {SPDX}`"
    if path.endswith(SCRIPTS) or text.startswith("#!"):
        first = lines[1] if lines[0].startswith("#!") and len(lines) > 1 else lines[0]
        if first != "# " + SPDX:
            yield f"does not begin with `# {SPDX}` (after the #! line)"


def headers_are_included_once(path, text):
    if path.endswith(".h") and not re.search(r"^#pragma once$", text, re.M):
        yield "has no `#pragma once`"


def names_no_registry(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        for found in (HOST.search(line), SOURCE_SETTING.search(line)):
            if found and path != "tests/layering_test.py":
                yield f"line {number} names a package source: {found.group(0)}"
        # Documents may cite, and a plot names its format; what runs has nothing to fetch.
        if URL.search(line) and not path.endswith((".md", ".1", ".svg")) and path != "LICENSE" \
                and path != "tests/layering_test.py" and not re.match(r"\s*(//|#)", line):
            yield f"line {number} holds a URL outside of a comment"


def names_no_machine(path, text):
    for number, line in enumerate(text.split("\n"), 1):
        found = MACHINE_PATH.search(line)
        if found and path != "tests/layering_test.py":
            yield f"line {number} names a path of one machine: {line.strip()}"


CPP_RULES = (includes_point_one_way, only_wire_speaks, only_wire_throws, headers_are_included_once)
TEXT_RULES = (begins_with_licence, names_no_registry, names_no_machine)


def is_source_not_product(path, data):
    if GENERATED.search(path):
        yield "is generated or an archive; git holds sources only"
    if path.startswith(BINARY_FOLDERS):
        if len(data) > MAX_BINARY_BYTES:
            yield f"is larger than {MAX_BINARY_BYTES} bytes"
    elif not is_text(data):
        yield "is not text"
    elif len(data) > MAX_FILE_BYTES:
        yield f"is larger than {MAX_FILE_BYTES} bytes"


class TheTree(unittest.TestCase):
    @classmethod
    def setUpClass(cls):
        cls.files = tracked_files()

    def setUp(self):
        if self.files is None:
            self.skipTest("not a git work tree")

    def check(self, rule, choose, convert):
        complaints = []
        for path in filter(choose, self.files):
            for complaint in rule(path, convert(read(path))):
                complaints.append(f"{path}: {complaint}")
        self.assertEqual([], complaints, "\n" + "\n".join(complaints))

    def test_cpp_files_keep_the_rules(self):
        for rule in CPP_RULES:
            with self.subTest(rule.__name__):
                self.check(rule, lambda p: p.endswith(CPP), lambda d: d.decode())

    def test_text_files_keep_the_rules(self):
        for rule in TEXT_RULES:
            with self.subTest(rule.__name__):
                self.check(rule, lambda p: not p.startswith(BINARY_FOLDERS) and is_text(read(p)),
                           lambda d: d.decode())

    def test_git_holds_sources_only(self):
        self.check(is_source_not_product, lambda p: True, lambda d: d)

    def test_every_folder_of_the_top_says_what_it_is_for(self):
        for folder in sorted(FOLDERS | {"docs"}):
            text = read(folder + "/README.md").decode()
            self.assertLessEqual(text.count("\n"), 30, folder)

    def test_every_include_from_the_root_is_there(self):
        for path in (p for p in self.files if p.endswith(CPP)):
            for kind, name in includes_of(read(path).decode()):
                if kind == '"' and not name.endswith(".capnp.h"):
                    self.assertTrue(os.path.isfile(os.path.join(ROOT, name)), f"{path}: {name}")


class TheRules(unittest.TestCase):
    """Each rule finds what it is for, and lets pass what looks like it."""

    def finds(self, rule, path, text):
        self.assertTrue(list(rule(path, text)), f"{rule.__name__} lets pass: {text!r}")

    def passes(self, rule, path, text):
        self.assertEqual([], list(rule(path, text)), rule.__name__)

    def test_an_include_upwards_is_found(self):
        self.finds(includes_point_one_way, "devmap/a.h", '#include "engine/b.h"\n')
        self.finds(includes_point_one_way, "engine/a.h", '# include "tools/b.h"\n')
        self.finds(includes_point_one_way, "engine/a.h", '#include "tests/b.h"\n')
        self.finds(includes_point_one_way, "engine/a.h", '#include "b.h"\n')
        self.finds(includes_point_one_way, "wire/control/a.h", '#include "engine/b.h"\n')
        self.passes(includes_point_one_way, "tools/a.h", '#include "engine/b.h"\n')
        self.passes(includes_point_one_way, "tests/a.h", '#include "tools/b.h"\n')

    def test_exceptions_are_found_but_not_in_words(self):
        self.finds(only_wire_throws, "engine/a.cc", "void f() {\n  throw 1;\n}\n")
        self.finds(only_wire_throws, "tools/a.cc", "try { f(); } catch (...) {}\n")
        self.passes(only_wire_throws, "wire/a.cc", "throw 1;\n")
        self.passes(only_wire_throws, "engine/a.cc",
                    "// try again\nTRY(f());\nauto s = \"throw\"; int try_count = 1'000; /* catch\n*/")

    def test_cap_n_proto_outside_of_wire_is_found(self):
        self.finds(only_wire_speaks, "engine/a.cc", "#include <capnp/rpc.h>\n")
        self.finds(only_wire_speaks, "tools/a.cc", "kj::Promise<void> p;\n")
        self.finds(only_wire_speaks, "devmap/a.cc", "#include <sys/socket.h>\n")
        self.passes(only_wire_speaks, "wire/a.cc", "#include <kj/async.h>\n")

    def test_a_missing_licence_line_is_found(self):
        self.finds(begins_with_licence, "engine/a.h", "#pragma once\n")
        self.finds(begins_with_licence, "tools/a.sh", "#!/bin/bash\nset -e\n")
        self.finds(begins_with_licence, ".ci/run", "#!/bin/bash\nset -e\n")
        self.passes(begins_with_licence, "tools/a.sh", f"#!/bin/bash\n# {SPDX}\n")

    def test_hosts_and_machine_paths_are_found(self):
        self.finds(names_no_registry, "tools/a.sh", "curl " + HOSTS[0])
        self.finds(names_no_registry, "tools/a.sh", "wget http" + "://a.example/x")
        self.passes(names_no_registry, "docs/a.md", "see https" + "://www.rfc-editor.org/rfc/rfc9180")
        self.passes(names_no_registry, "docs/a.svg", '<svg xmlns="http' + '://www.w3.org/2000/svg">')
        self.finds(names_no_machine, "docs/a.md", "see /" + "work/x")
        self.passes(names_no_machine, "docs/a.md", "framework/x and $work/x and /var/tmp/x")

    def test_binary_files_are_found(self):
        self.finds(is_source_not_product, "docs/a", b"\x7fELF\0")
        self.finds(is_source_not_product, "build/x.txt", b"text")
        self.finds(is_source_not_product, "tests/golden/a", b"\0" * (MAX_BINARY_BYTES + 1))
        self.passes(is_source_not_product, "tests/fuzz/corpus/gpt/a", b"\0")


if __name__ == "__main__":
    unittest.main()
