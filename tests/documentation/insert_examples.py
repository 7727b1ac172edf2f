"""Puts the examples of the documentation into a file that is compiled.

    insert_examples.py ROOT TEMPLATE OUTPUT

An example is an indented block in the comment that opens a header, or in one of ///, or a ```cpp
block of the book or the README. In TEMPLATE a line `@PATH:N@` stands for the Nth example of that
file. It is an error if an example is not used, or a header of the library opens without a paragraph
and an example.
"""

import pathlib
import re
import sys


def opening_examples(text):
    """The opening comment's indented blocks, and whether there is prose before them."""
    lines = []
    for line in text.splitlines():
        if not line.startswith("//"):
            break
        lines.append(line[2:])
    has_prose = bool(lines) and lines[0].strip() != "" and not lines[0].startswith("     ")
    blocks, block = [], []
    for line in lines + [" end"]:
        if line.startswith("     "):
            block.append(line[5:])
        elif line.strip() == "":
            if block:
                block.append("")
        elif block:
            blocks.append("\n".join(block).rstrip())
            block = []
    return has_prose, blocks


def inner_examples(text):
    """The indented blocks in comments of ///."""
    return [re.sub(r"^ *///     ", "", block, flags=re.MULTILINE).rstrip()
            for block in re.findall(r"(?:^ *///     .*\n)+", text, re.MULTILINE)]


def book_examples(text):
    return re.findall(r"^```cpp\n(.*?)^```", text, re.MULTILINE | re.DOTALL)


def main(root, template, output):
    root = pathlib.Path(root)
    errors, examples = [], {}
    for path in sorted((root / "calloop").rglob("*.hpp")):
        relative = path.relative_to(root).as_posix()
        if "/examples/" in relative:
            continue
        text = path.read_text()
        has_prose, blocks = opening_examples(text)
        if not has_prose:
            errors.append(f"{relative} does not open with a paragraph")
        if not blocks:
            errors.append(f"{relative} opens without an example")
        for number, block in enumerate(blocks + inner_examples(text), 1):
            examples[f"{relative}:{number}"] = block
    for path in [root / "README.md", *sorted((root / "calloop/docs").glob("*.md"))]:
        relative = path.relative_to(root).as_posix()
        for number, block in enumerate(book_examples(path.read_text()), 1):
            examples[f"{relative}:{number}"] = block

    unused = set(examples)
    result = []
    for line in pathlib.Path(template).read_text().splitlines():
        marker = re.fullmatch(r"\s*@(\S+)@", line)
        if not marker:
            result.append(line)
            continue
        name = marker[1]
        if name not in examples:
            errors.append(f"there is no example {name}")
            continue
        unused.discard(name)
        result.append(f'#line 1 "{name}"')
        result.append(examples[name])
    errors += [f"{name} is compiled by nobody: it belongs into {template}" for name in sorted(unused)]
    for error in errors:
        print(error, file=sys.stderr)
    if errors:
        return 1
    pathlib.Path(output).write_text("\n".join(result) + "\n")
    return 0


if __name__ == "__main__":
    sys.exit(main(*sys.argv[1:]))
