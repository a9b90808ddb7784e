"""Damage to a file: bytes that a disk or an editor harms, and values that no program of ours would write."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any

HOSTILE: tuple[Any, ...] = (
    None,
    True,
    0,
    -1,
    1,
    2**63,
    -(2**70),
    1e308,
    -0.0,
    1e-320,
    "",
    " ",
    "../../outside",
    "/etc/passwd",
    "C:\\outside",
    "a/../../b",
    ".",
    "\x00",
    "\x1b[31mred\x1b[0m",
    "=cmd|' /C calc'!A0",
    "<script>alert(1)</script>",
    "\ud800",
    "🙂" * 300,
    "x" * 100_000,
    "nan",
    "1e999",
    "{name}",
    "%s%n",
    [],
    {},
    [[]],
    [None],
    {"": None},
    {"name": "ntp"},
    [1, "2", None],
)
DEEP = "[" * 500 + "]" * 500


def damage(path: Path, generator: random.Random) -> str:
    """Changes the file in one way, and says which."""
    ways: list[Callable[[Path, random.Random], None]] = [harm_bytes, cut, repeat, insert, empty, byte_order_mark]
    if path.suffix in {".json", ".jsonl"}:
        ways += 8 * [harm_value]
    elif path.suffix == ".toml":
        ways += 4 * [harm_line]
    way = generator.choice(ways)
    way(path, generator)
    return way.__name__


def harm_bytes(path: Path, generator: random.Random) -> None:
    content = bytearray(path.read_bytes())
    for _ in range(generator.choice((1, 3, 20))):
        if content:
            content[generator.randrange(len(content))] = generator.randrange(256)
    path.write_bytes(bytes(content))


def cut(path: Path, generator: random.Random) -> None:
    content = path.read_bytes()
    start, end = sorted(generator.randrange(len(content) + 1) for _ in range(2))
    path.write_bytes(content[:start] if generator.random() < 0.5 else content[:start] + content[end:])


def repeat(path: Path, generator: random.Random) -> None:
    lines = path.read_bytes().splitlines(keepends=True)
    if lines:
        index = generator.randrange(len(lines))
        lines[index:index] = [lines[index]] * generator.choice((1, 2, 50))
    path.write_bytes(b"".join(lines))


def insert(path: Path, generator: random.Random) -> None:
    content = path.read_bytes()
    where = generator.randrange(len(content) + 1)
    piece = generator.choice(
        (b"\x00", b"\xff\xfe", b"\r\n", b'"', b"{", b"}", b"[", b",", b"\xe2\x80\xa8", DEEP.encode())
    )
    path.write_bytes(content[:where] + piece + content[where:])


def empty(path: Path, generator: random.Random) -> None:
    path.write_bytes(generator.choice((b"", b"\n", b"{}", b"[]", b"null", b"1" * 5000)))


def byte_order_mark(path: Path, generator: random.Random) -> None:
    text = path.read_bytes()
    path.write_bytes(b"\xef\xbb\xbf" + (text if generator.random() < 0.5 else text.replace(b"\n", b"\r\n")))


def harm_value(path: Path, generator: random.Random) -> None:
    """One value of a JSON text, or of one line of a JSONL file."""
    text = path.read_text(encoding="utf-8")
    if path.suffix == ".json":
        path.write_text(dumped(harmed(json.loads(text), generator)), encoding="utf-8")
        return
    lines = text.splitlines()
    if lines:
        index = generator.randrange(len(lines))
        lines[index] = dumped(harmed(json.loads(lines[index]), generator))
    path.write_text("\n".join(lines) + "\n", encoding="utf-8")


def dumped(value: Any) -> str:
    return json.dumps(value)


def harmed(value: Any, generator: random.Random) -> Any:
    """A copy in which one value, at any depth, is replaced, gone, or has company."""
    places = list(_places(value))
    if not places:
        return generator.choice(HOSTILE)
    container, key = generator.choice(places)
    choice = generator.random()
    if choice < 0.15:
        del container[key]
    elif choice < 0.25 and isinstance(container, dict):
        container[generator.choice(("", "x", "../x", "__class__", "name"))] = generator.choice(HOSTILE)
    elif choice < 0.35 and isinstance(container, dict):
        container[str(key) + generator.choice((" ", "\x00", "s"))] = container.pop(key)
    else:
        container[key] = generator.choice(HOSTILE)
    return value


def _places(value: Any) -> Any:
    if isinstance(value, dict):
        for key in list(value):
            yield value, key
            yield from _places(value[key])
    elif isinstance(value, list):
        for index, item in enumerate(value):
            yield value, index
            yield from _places(item)


def harm_line(path: Path, generator: random.Random) -> None:
    """One value of a TOML line, or a line of its own."""
    lines = path.read_text(encoding="utf-8").splitlines()
    settings = [index for index, line in enumerate(lines) if "=" in line]
    value = generator.choice(HOSTILE)
    written = json.dumps(value) if value is not None else "nan"
    if not settings or generator.random() < 0.2:
        section = generator.choice(
            ("training", "grid", "runs", "dataset", "evaluation", "objective", "model", "transform")
        )
        key = generator.choice(("name", "epochs", "seed", "path", "unit", "x", "batch_size", "device", "retention"))
        lines.append(
            generator.choice(
                (f"[{section}]\n{key} = {written}", f"[[{section}]]\n{key} = {written}", f"{key} = {written}")
            )
        )
    else:
        index = generator.choice(settings)
        key = lines[index].split("=")[0]
        lines[index] = generator.choice(
            (f"{key}= {written}", f"{key}.x = {written}", lines[index] * 2, key, f"{key}= [{written}]")
        )
    path.write_text("\n".join(lines) + "\n", encoding="utf-8", errors="surrogatepass")
