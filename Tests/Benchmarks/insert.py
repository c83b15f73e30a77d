"""Puts a report between the markers of a page: insert.py REPORT PAGE."""

import pathlib
import sys

BEGIN, END = "<!-- figures: begin -->", "<!-- figures: end -->"

report, page = (pathlib.Path(name) for name in sys.argv[1:])
before, begin, rest = page.read_text().partition(BEGIN)
_, end, after = rest.partition(END)
if not begin or not end:
    sys.exit(f"{page.name} has no {BEGIN} … {END}")
page.write_text(f"{before}{BEGIN}\n{report.read_text().strip()}\n{END}{after}")
