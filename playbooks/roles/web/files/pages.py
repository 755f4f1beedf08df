"""Writes about a hundred small pages, always the same: pages.py ORGANISATION FOLDER."""

import html
import sys
from pathlib import Path

DEPARTMENTS = (
    "Administration", "Compliance", "Customer service", "Finance", "Fund operations", "Human resources",
    "Information technology", "Internal audit", "Investment research", "Marketing", "Risk control", "Trading",
)  # fmt: skip
SUBJECTS = (
    "Opening hours of the service hall", "Maintenance of the lines at the weekend", "New forms for subscriptions",
    "Fire drill in the main building", "Distribution of dividends", "Holiday of the exchange", "Change of an address",
    "Annual report is ready", "Training on the new dealing rules", "Parking during the conference",
)  # fmt: skip
SENTENCES = (
    "This notice replaces the one of the month before.",
    "Please tell the colleagues of your department, and those who are on leave.",
    "Questions are answered by the desk on the ground floor, or by telephone, on working days from 9:00 to 17:00.",
    "The rules apply from the date of this notice until further notice.",
    "Orders that were placed before the cut-off time are handled as usual.",
    "Whoever needs access outside of these hours asks the duty officer beforehand.",
    "Figures are those of the close of business and may be corrected on the next day.",
)
STYLE = "body{font:16px/1.5 sans-serif;max-width:46em;margin:2em auto}td,th{padding:.2em .8em;text-align:right}\n"


def page(organisation: str, title: str, body: str) -> str:
    """Give a page's text; ``body`` is HTML."""
    name, title = html.escape(organisation), html.escape(title)
    return (
        f'<!DOCTYPE html>\n<html lang="en">\n<head><meta charset="utf-8"><title>{title} - {name}</title>'
        f'<link rel="stylesheet" href="/style.css"></head>\n<body>\n<p><a href="/index.html">{name}</a></p>\n'
        f"<h1>{title}</h1>\n{body}\n<hr><p>{name}, for internal use.</p>\n</body>\n</html>\n"
    )


def notice(number: int) -> tuple[str, str]:
    """Give the title and the body of a notice."""
    subject = SUBJECTS[number % len(SUBJECTS)]
    department = DEPARTMENTS[number * 5 % len(DEPARTMENTS)]
    lines = "\n".join(f"<p>{SENTENCES[(number * 3 + at * 2) % len(SENTENCES)]}</p>" for at in range(4))
    return f"Notice {number:03d}: {subject}", f"<p>From: {department}</p>\n{lines}"


def values(number: int) -> tuple[str, str]:
    """Give the title and the body of a day's net values of funds."""
    rows = "\n".join(
        f"<tr><td>{1000 + fund:06d}</td><td>{1 + (fund * 37 + number * 11) % 900 / 1000:.4f}</td>"
        f"<td>{((fund * 13 + number * 7) % 300 - 150) / 100:+.2f}%</td></tr>"
        for fund in range(1, 41)
    )
    head = "<tr><th>Fund</th><th>Net value</th><th>Change</th></tr>"
    return f"Net values, trading day {number:03d}", f"<table>\n{head}\n{rows}\n</table>"


def main(organisation: str, folder: Path) -> None:
    """Write everything below a folder."""
    pages = {f"notices/{number:03d}.html": notice(number) for number in range(1, 51)}
    pages |= {f"values/{number:03d}.html": values(number) for number in range(1, 37)}
    for at, department in enumerate(DEPARTMENTS):
        desk = f"<p>Telephone 8{at:02d}0, room {2 + at // 4}{at % 4 + 1:02d}.</p>"
        pages[f"departments/{department.lower().replace(' ', '-')}.html"] = (department, desk)
    links = "\n".join(f'<li><a href="/{path}">{html.escape(title)}</a></li>' for path, (title, _) in pages.items())
    pages["index.html"] = ("Notices, net values, departments", f"<ul>\n{links}\n</ul>")
    for path, (title, body) in pages.items():
        (folder / path).parent.mkdir(exist_ok=True)
        (folder / path).write_text(page(organisation, title, body), encoding="utf-8")
    (folder / "style.css").write_text(STYLE, encoding="utf-8")


main(sys.argv[1], Path(sys.argv[2]))
