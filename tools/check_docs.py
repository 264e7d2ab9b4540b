#!/usr/bin/env python3
"""Check that the documentation shows code that compiles and output that was printed.

    check_docs.py                       code blocks equal their snippets; links lead somewhere
    check_docs.py --run NAME PROGRAM    PROGRAM, built of docs/snippets/NAME.cpp, prints what the docs show
    ... --update                        write into the docs what would be right

In README.md and docs/**/*.md a fenced block is checked when a comment stands right above it:

    <!-- snippet: quantize.cpp -->         the file, or its lines between `// [begin]` and `// [end]`
    <!-- snippet: quantize.cpp layers -->  its lines between `// [begin layers]` and `// [end layers]`
    <!-- output: quantize -->              all that the program prints on standard output
    <!-- output: quantize, part -->        some lines of it, in one piece
"""
import argparse
import pathlib
import re
import subprocess
import sys
import tempfile
import textwrap

ROOT = pathlib.Path(__file__).resolve().parent.parent
SNIPPETS = ROOT / "docs/snippets"
BLOCK = re.compile(
    r"^<!-- (?P<kind>snippet|output): (?P<name>[\w.]+?)(?P<part>,? \w+)? -->\n```\w*\n(?P<text>.*?)^```$", re.MULTILINE | re.DOTALL
)
MARK = re.compile(r"^<!-- (?:snippet|output):", re.MULTILINE)
LINK = re.compile(r"\]\(([^)\s]+)\)")
HEADING = re.compile(r"^#+ (.+)$", re.MULTILINE)


def pages():
    return [ROOT / "README.md", *sorted((ROOT / "docs").rglob("*.md"))]


def code_of(name, part):
    lines = (SNIPPETS / name).read_text().splitlines(keepends=True)
    begin, end = (f"// [{word}{' ' + part if part else ''}]" for word in ("begin", "end"))
    marks = [line.strip() for line in lines]
    if begin in marks:
        lines = lines[marks.index(begin) + 1 : marks.index(end)]
    elif part:
        raise ValueError(f"{name} has no {begin}")
    return textwrap.dedent("".join(lines))


def anchors(text):
    text = re.sub(r"^```.*?^```$", "", text, flags=re.MULTILINE | re.DOTALL)
    return {re.sub(r"[^\w\- ]", "", heading.lower()).replace(" ", "-") for heading in HEADING.findall(text)}


def dead_links(page):
    text = page.read_text()
    for link in LINK.findall(re.sub(r"^```.*?^```$|`[^`\n]*`", "", text, flags=re.MULTILINE | re.DOTALL)):
        if re.match(r"\w+:", link):
            continue
        path, _, anchor = link.partition("#")
        target = (page.parent / path).resolve() if path else page
        if not target.exists():
            yield f"{page.relative_to(ROOT)}: there is no {link}"
        elif anchor and target.suffix == ".md" and anchor not in anchors(target.read_text()):
            yield f"{page.relative_to(ROOT)}: {target.name} has no heading for #{anchor}"


def check_block(page, block, right, edits):
    """The complaint about one block; or, where edits are made, the edit."""
    if block["text"] == right:
        return []
    if edits is not None:
        edits.setdefault(page, []).append((*block.span("text"), right))
        return []
    return [f"{page.relative_to(ROOT)}: not what {block['name']} {'prints' if block['kind'] == 'output' else 'holds'}:\n{right}"]


def apply(edits):
    for page, changes in edits.items():
        text = page.read_text()
        for begin, end, right in sorted(changes, reverse=True):
            text = text[:begin] + right + text[end:]
        page.write_text(text)


def check_text(edits):
    complaints, shown = [], set()
    for page in pages():
        text = page.read_text()
        blocks = list(BLOCK.finditer(text))
        if len(blocks) != len(MARK.findall(text)):
            complaints.append(f"{page.relative_to(ROOT)}: a mark without a fenced block right under it")
        for block in blocks:
            shown.add(block["name"].removesuffix(".cpp"))
            if block["kind"] == "snippet":
                complaints += check_block(page, block, code_of(block["name"], (block["part"] or "").strip(", ")), edits)
        complaints += dead_links(page)
    for source in sorted(SNIPPETS.glob("*.cpp")):
        if source.stem not in shown:
            complaints.append(f"no page shows {source.relative_to(ROOT)}")
    return complaints


def output_of(program):
    """Run it where the data is found and what it writes is thrown away."""
    with tempfile.TemporaryDirectory() as folder:
        (pathlib.Path(folder) / "examples").symlink_to(ROOT / "examples")
        ran = subprocess.run([pathlib.Path(program).resolve()], cwd=folder, capture_output=True, text=True, check=False)
    if ran.returncode != 0:
        sys.exit(f"{program} ended with {ran.returncode}\n{ran.stdout}{ran.stderr}")
    return ran.stdout


def check_output(name, program, edits):
    printed, complaints, shown = output_of(program), [], False
    for page in pages():
        for block in BLOCK.finditer(page.read_text()):
            if (block["kind"], block["name"]) != ("output", name):
                continue
            shown = True
            if not block["part"]:
                complaints += check_block(page, block, printed, edits)
            elif "\n" + block["text"] not in "\n" + printed or not block["text"]:
                complaints.append(f"{page.relative_to(ROOT)}: {name} does not print\n{block['text']}\nbut\n{printed}")
    return complaints if shown else [f"no page shows what {name} prints:\n{printed}"]


def main():
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--run", nargs=2, metavar=("NAME", "PROGRAM"))
    parser.add_argument("--update", action="store_true")
    options = parser.parse_args()
    edits = {} if options.update else None
    complaints = check_output(*options.run, edits) if options.run else check_text(edits)
    apply(edits or {})
    sys.exit("\n".join(complaints) or 0)


if __name__ == "__main__":
    main()
