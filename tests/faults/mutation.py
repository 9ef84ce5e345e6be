"""Makes a broken input of a good one: seeded, so that every input can be made again by its number."""

from __future__ import annotations

import json
import math
import random
import re
from typing import Any

import yaml

# What breaks programs: borders of integer types, offsets beyond the file, numbers that are none.
_INTEGERS = (0, 1, 0x7F, 0x80, 0xFF, 0x7FFF, 0x8000, 0xFFFF, 0x7FFFFFFF, 0x80000000, 0xFFFFFFFF, 2**63 - 1, 2**64 - 1)
_WORDS = (b"../../../../etc/passwd", b"/etc/passwd", b"\x00", b"\n", b"%s%n", b"A" * 5000, b"\xff\xfe", b"<!DOCTYPE a>")
_VALUES: tuple[Any, ...] = (
    None, True, False, 0, -1, 1, 2**31, 2**63, -(2**63), 10**30, 0.0, -0.0, 1e308, 5e-324, -1e308, math.inf, math.nan,
    "", " ", "a", "nan", "1e999", "\x00", "line\nbreak", "../../../../etc/passwd", "/etc/passwd", "~", "é" * 40,
    "/vsicurl/http://localhost:9/a.tif", "http://localhost:9/a", "2020-02-31", "A" * 5000, [], {}, [[]], [{}],
    [None] * 50, [0.5], ["red"], {"a": {"b": {"c": {}}}}, [1, "a", None], 0.5, 1.0000001, 255, 256, 65536,
)  # fmt: skip


def mutate_bytes(content: bytes, rng: random.Random) -> bytes:
    """One to four harms: flipped bits, borders of integers, hostile words, pieces cut out, doubled or moved."""
    data = bytearray(content)
    for _ in range(rng.choice((1, 1, 1, 2, 4))):
        if not data:
            break
        # Headers decide what a reader does, so half of the harm is done there.
        place = rng.randrange(min(len(data), 600)) if rng.random() < 0.5 else rng.randrange(len(data))
        match rng.randrange(8):
            case 0:
                data[place] ^= 1 << rng.randrange(8)
            case 1:
                data[place] = rng.randrange(256)
            case 2 | 3:
                width, order = rng.choice((1, 2, 4, 8)), rng.choice(("little", "big"))
                number = rng.choice(_INTEGERS) % 256**width
                data[place : place + width] = number.to_bytes(width, order)
            case 4:
                data = data[:place]
            case 5:
                length = rng.choice((1, 4, 32, 500))
                del data[place : place + length]
            case 6:
                source = rng.randrange(len(data))
                data[place:place] = data[source : source + rng.choice((1, 4, 32, 500))]
            case 7:
                word = rng.choice(_WORDS)
                data[place : place + rng.choice((0, len(word)))] = word
    return bytes(data)


def mutate_tree(tree: Any, rng: random.Random) -> Any:
    """One to three values, keys or elements of nested dictionaries and lists changed to something else."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        tree = _changed(tree, rng)
    return tree


def mutate_text(content: bytes, form: str, rng: random.Random) -> bytes:
    """Harms YAML, JSON or XML: its values most of the time, nesting and references sometimes, else its bytes."""
    kind = rng.random()
    if kind < 0.25:
        return mutate_bytes(content, rng)
    if form == "xml":
        return _xml_monster(content, rng) if kind < 0.4 else _harmed_xml(content, rng)
    if kind < 0.29:
        return _monster(content, form, rng)
    tree = mutate_tree(yaml.safe_load(content) if form == "yaml" else json.loads(content), rng)
    text = yaml.safe_dump(tree, sort_keys=False) if form == "yaml" else json.dumps(tree)
    return text.encode("utf-8", errors="surrogatepass")


def _changed(tree: Any, rng: random.Random) -> Any:
    if not isinstance(tree, dict | list) or not tree or rng.random() < 0.1:
        return rng.choice(_VALUES)
    key = rng.choice(list(tree)) if isinstance(tree, dict) else rng.randrange(len(tree))
    copy: Any = dict(tree) if isinstance(tree, dict) else list(tree)
    match rng.randrange(8):
        case 0:
            del copy[key]
        case 1 if isinstance(copy, dict):
            copy[rng.choice(("unknown", "", 7, "line\nbreak", "size", True))] = copy.pop(key)
        case 2 if isinstance(copy, list):
            copy += copy
        case _:
            copy[key] = _changed(copy[key], rng)
    return copy


def _monster(content: bytes, form: str, rng: random.Random) -> bytes:
    """Deep nesting, numbers of thousands of digits, and references that would unfold to more than all memory."""
    key = rng.choice([line.split(b":")[0].strip(b'" ') for line in content.splitlines() if b":" in line] or [b"seed"])
    deep = rng.choice((100, 3000, 100_000))
    values = [b"[" * deep + b"]" * deep, b"9" * 5000, b"-" + b"9" * 400, b"1e" + b"9" * 30]
    if form == "json":
        return rng.choice((b'{"%s": %s}' % (key, rng.choice(values)), b"[" * deep, b'{"a":' * deep))
    laughs = [b"a0: &a0 [lol, lol]"] + [
        b"a%d: &a%d [%s]" % (n, n, b", ".join([b"*a%d" % (n - 1)] * 9)) for n in range(1, 40)
    ]
    bomb = b"\n".join([*laughs, b"%s: *a39" % key, b""])
    itself = b"%s: &itself {a: *itself}\n" % key
    tagged = b"%s: !!python/object/apply:os.system ['touch escaped']\n" % key
    dated = b"%s: 2020-13-45\n" % key
    return rng.choice((*(b"%s: %s\n" % (key, value) for value in values), bomb, itself, tagged, dated, content + bomb))


def _harmed_xml(content: bytes, rng: random.Random) -> bytes:
    """One to three texts, attributes or whole lines of an XML file changed, doubled or left out."""
    for _ in range(rng.choice((1, 1, 2, 3))):
        places = list(re.finditer(rb'>([^<>]+)<|="([^"]*)"', content))
        lines = content.splitlines(keepends=True)
        if places and rng.random() < 0.8:
            place = rng.choice(places)
            group = 1 if place[1] is not None else 2
            value = str(rng.choice(_VALUES)).encode("utf-8", errors="replace")
            if rng.random() < 0.7:
                value = value.replace(b"<", b"&lt;").replace(b"&", b"&amp;")
            content = content[: place.start(group)] + value + content[place.end(group) :]
        elif lines:
            number = rng.randrange(len(lines))
            lines[number : number + 1] = rng.choice(([], [lines[number]] * 2))
            content = b"".join(lines)
    return content


def _xml_monster(content: bytes, rng: random.Random) -> bytes:
    """Entities that unfold to more than all memory or read files and addresses, deep nesting, other encodings."""
    laughs = b"".join(b'<!ENTITY a%d "%s">' % (n, b"&a%d;" % (n - 1) * 10) for n in range(1, 12))
    declared = rng.choice(
        (
            b'<!DOCTYPE a [<!ENTITY a0 "lol">' + laughs + b"]>",
            b'<!DOCTYPE a [<!ENTITY a11 SYSTEM "file:///etc/passwd">]>',
            b'<!DOCTYPE a [<!ENTITY a11 SYSTEM "http://localhost:9/a">]>',
            b'<!DOCTYPE a SYSTEM "http://localhost:9/a.dtd" [<!ENTITY % b SYSTEM "file:///etc/passwd"> %b;]>',
            b'<!DOCTYPE a [<!ENTITY a11 "' + b"a" * 100_000 + b'">]>',
        )
    )
    body = content.partition(b"?>")[2] if content.startswith(b"<?xml") else content
    referring = re.sub(rb">([^<>]+)<", b">" + b"&a11;" * rng.choice((1, 1000)) + b"<", body, count=rng.choice((1, 3)))
    deep = rng.choice((100, 3000, 100_000))
    return rng.choice(
        (
            b'<?xml version="1.0"?>' + declared + referring,
            b"<a>" * deep + body + b"</a>" * deep,
            b"<a>" * deep,
            body.replace(b">", b"><![CDATA[" + b"]" * 500 + b"]]>", 1),
            body.decode("utf-8", "replace").encode("utf-16"),
            b'<?xml version="1.0" encoding="' + rng.choice((b"utf-7", b"ebcdic-cp-us", b"nothing")) + b'"?>' + body,
        )
    )
