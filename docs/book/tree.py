"""A preprocessor of mdbook: brings the files of the tree that the pages link to into the book.

A document becomes a chapter, and so does any other text file, as a block of code; a link to a folder leads to its README.md. What they
link to comes along in turn if it is a document. Any other link that leaves the book loses its target and keeps its text, so no
link of the book is broken; where the tree itself is read, every link leads to the file.
"""

import json
import os
import re
import sys
from pathlib import Path

DOCS = Path(__file__).resolve().parent.parent
ROOT = DOCS.parent
LINK = re.compile(r"\[((?:[^\[\]]|\[[^\]]*\])*)\]\(([^)\s]+)\)")
LANGUAGES = {".rs": "rust", ".py": "python", ".toml": "toml", ".sh": "sh", ".yaml": "yaml", ".json": "json"}


class Tree:
    """The chapters that are added, by their paths from the root."""

    def __init__(self, pages):
        self.pages = pages
        self.added = {}
        self.waiting = []

    def place(self, file, deep):
        """Where a file is in the book, if it is: `deep` says that only documents may still come in."""
        if file.is_dir():
            file = file / "README.md"
        if file.is_relative_to(DOCS):
            inside = file.relative_to(DOCS)
            return inside if str(inside) in self.pages or file.suffix in (".svg", ".json") else None
        if not file.is_file() or not file.is_relative_to(ROOT):
            return None
        name = str(file.relative_to(ROOT))
        if name not in self.added:
            if deep and file.suffix != ".md":
                return None
            self.added[name] = chapter(name)
            self.waiting.append((name, file))
        return Path(self.added[name]["Chapter"]["path"])

    def mend(self, text, folder, place, deep):
        """The text with its links as they are within the book; it was written in `folder` and stands at `place`."""

        def mended(link):
            target, _, anchor = link[2].partition("#")
            if not target or "://" in target or target.startswith("mailto:"):
                return link[0]
            found = self.place((folder / target).resolve(), deep)
            if found is None:
                return link[1]
            # mdbook makes a page of every chapter; `Path.relative_to` knows no way up.
            way = os.path.relpath(found, place.parent)
            return f"[{link[1]}]({way}{'#' + anchor if anchor else ''})"

        parts = re.split(r"(^ *```.*?^ *```)", text, flags=re.MULTILINE | re.DOTALL)
        return "".join(part if part.lstrip().startswith("```") else LINK.sub(mended, part) for part in parts)

    def fill(self):
        """Reads what came in, and what that brings along."""
        while self.waiting:
            name, file = self.waiting.pop()
            inner = self.added[name]["Chapter"]
            text = file.read_text()
            if file.suffix == ".md":
                inner["content"] = self.mend(text, file.parent, Path(inner["path"]), True)
            else:
                language = LANGUAGES.get(file.suffix, "text")
                inner["content"] = f"# {name}\n\n````{language}\n{text}\n````\n"


def chapter(name):
    # A chapter called README would become the index of its folder.
    path = "tree/" + name.removesuffix(".md").replace("README", "readme") + ".md"
    kept = {"name": name, "content": "", "number": None, "sub_items": [], "parent_names": ["Files of the tree"]}
    return {"Chapter": kept | {"path": path, "source_path": None}}


def chapters(items):
    for item in items:
        if isinstance(item, dict) and "Chapter" in item:
            yield item["Chapter"]
            yield from chapters(item["Chapter"]["sub_items"])


def main():
    if sys.argv[1:2] == ["supports"]:
        sys.exit(0 if sys.argv[2] == "html" else 1)
    _context, book = json.load(sys.stdin)
    items = book.get("items") or book["sections"]
    pages = list(chapters(items))
    tree = Tree({page["path"] for page in pages})
    for page in pages:
        page["content"] = tree.mend(page["content"], DOCS, Path(page["path"]), False)
    tree.fill()
    files = chapter("Files of the tree")
    files["Chapter"] |= {"path": "tree/files.md", "parent_names": []}
    files["Chapter"]["sub_items"] = [tree.added[name] for name in sorted(tree.added)]
    # The table of contents goes by the numbers; the book shows none.
    last = max(page["number"][0] for page in pages if page["number"]) + 1
    files["Chapter"]["number"] = [last]
    for index, inner in enumerate(files["Chapter"]["sub_items"]):
        inner["Chapter"]["number"] = [last, index + 1]
    lines = [f"- [{name}]({inner['Chapter']['path'].removeprefix('tree/')})" for name, inner in sorted(tree.added.items())]
    files["Chapter"]["content"] = "# Files of the tree\n\nWhat the pages link to.\n\n" + "\n".join(lines) + "\n"
    items.append(files)
    json.dump(book, sys.stdout)


main()
