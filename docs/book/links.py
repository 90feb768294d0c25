"""Tries every link of a built book: that its file is there, and its anchor. The argument is the book's folder."""

import sys
from html.parser import HTMLParser
from pathlib import Path
from urllib.parse import unquote, urlsplit


class Page(HTMLParser):
    def __init__(self, file):
        super().__init__()
        self.links, self.anchors = [], set()
        self.feed(file.read_text())

    def handle_starttag(self, tag, attributes):
        for name, value in attributes:
            if name in ("href", "src") and value:
                self.links.append(value)
            elif name in ("id", "name") and value:
                self.anchors.add(value)


def main():
    folder = Path(sys.argv[1]).resolve()
    pages = {file: Page(file) for file in folder.rglob("*.html")}
    broken, tried = set(), 0
    # The page of error 404 is served at any address, and the one for printing joins all others.
    for file, page in pages.items():
        if file.name in ("404.html", "print.html"):
            continue
        for link in page.links:
            parts = urlsplit(link)
            if parts.scheme or parts.netloc:
                continue
            tried += 1
            target = (file.parent / unquote(parts.path)).resolve() if parts.path else file
            anchor = unquote(parts.fragment)
            if not target.is_file():
                broken.add(f"{file.relative_to(folder)}: {link}: no such file")
            elif anchor and target in pages and anchor not in pages[target].anchors:
                broken.add(f"{file.relative_to(folder)}: {link}: no such heading")
    print(*sorted(broken), sep="\n", end="")
    if broken or not tried:
        sys.exit(f"{len(broken)} of {tried} links are broken")
    print(f"{len(pages)} pages, {tried} links, none broken")


main()
