"""A pull request that wants to say something through the review: values never become syntax."""

from __future__ import annotations

import html
import re
from html.parser import HTMLParser
from typing import TYPE_CHECKING

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from drillbook.errors import ExitCode
from drillbook.review.comment import MARK, comment
from drillbook.review.markup import LINE_LIMIT, VALUE_LIMIT, Md, code, fence, fill
from drillbook.review.to_json import to_json
from tests.review_ground import Ground, estate, make

if TYPE_CHECKING:
    from pathlib import Path

HOSTILE = [
    "</code></summary></details><h1>Approved by everyone</h1>",
    "<script>alert(1)</script>",
    "![x](https://evil.example/x.png)",
    "[click](javascript:alert(1))",
    "https://evil.example/ www.evil.example evil@example.org",
    "@everyone @org/admins #1 org/repo#1 GH-1 !1 ~bug %v1 $1 &1",
    "a | b | c\\",
    "`` ` ``` ~~~",
    "<!-- drillbook review -->",
    "--> <b>x</b>",
    "*bold* _it_ ~~s~~ $$x$$ :+1: [^1] [ ]",
    "> [!NOTE] all is well",
    "&lt;b&gt; &#64;me &amp;",
    "&copy &#x202e;",
    "{0} {path} {__class__} %s ${{ github.token }}",
    "/approve",
    "\\<b>\\",
]
# What no text of ours holds outside of code: everything that GitHub or GitLab would act upon.
ACTIVE = re.compile(r"https?:|www\.|[@#!~$&%]\w|\]\(|</?(?!code|details|summary|br)[a-z]|javascript:", re.IGNORECASE)


def outside_code(text: str) -> str:
    """Take away comments' code: spans, fences and character references."""
    text = re.sub(r"(?ms)^(`{3,})[a-z]*\n.*?^\1$", "", text)
    return re.sub(r"<code>([^<]|<span>&#64;</span>)*</code>", "", text)


class Tags(HTMLParser):
    """Collects the tags that a browser would see, and the text of code."""

    def __init__(self) -> None:
        super().__init__()
        self.tags: list[str] = []
        self.open: list[str] = []
        self.text: list[str] = []

    def handle_starttag(self, tag: str, attrs: object) -> None:
        assert not attrs
        self.tags.append(tag)
        self.open.append(tag)

    def handle_endtag(self, tag: str) -> None:
        assert self.open.pop() == tag

    def handle_data(self, data: str) -> None:
        self.text.append(data)


def shown_by(markdown: str) -> str:
    reader = Tags()
    reader.feed(markdown)
    reader.close()
    assert reader.tags[0] == "code"
    assert set(reader.tags[1:]) <= {"span"}
    assert not reader.open
    return "".join(reader.text)


@pytest.mark.parametrize("value", HOSTILE)
def test_a_value_is_shown_as_it_is_and_is_no_syntax(value: str) -> None:
    markdown = code(value)
    assert shown_by(markdown) == value
    assert not re.search(r"[\\`*_\[\]()#!|~<>@&$:{}]", re.sub(r"</?code>|</?span>|&#\d+;", "", markdown))
    assert "www." not in markdown.lower()
    assert not re.search(r"[^>]&#64;|&#64;[^<]", markdown)  # a mail address is found in what references gave, too


@settings(max_examples=300)
@given(st.text(max_size=400))
def test_any_text_is_one_line_of_code(value: str) -> None:
    markdown = code(value)
    assert "\n" not in markdown
    assert "\r" not in markdown
    shown = shown_by(markdown)
    assert len(value) <= VALUE_LIMIT or f"({len(value):,} characters)" in shown
    assert not re.search("[\u202a-\u202e\u2066-\u2069\u200b-\u200f\x00-\x1f\x7f]", html.unescape(markdown))


@settings(max_examples=300)
@given(st.lists(st.text(alphabet=st.sampled_from("`~<>/ab \u202e\r\x1b"), max_size=30), max_size=8))
def test_nothing_ends_a_fence_before_its_end(lines: list[str]) -> None:
    block = fence(lines, "diff", most=100, left_out="{}")
    first, *body, last = block.split("\n")
    marks = first.removesuffix("diff")
    assert last == marks
    assert not any(re.fullmatch(rf" {{0,3}}`{{{len(marks)},}}\s*", line) for line in body)
    assert "\u202e" not in block


def test_long_lines_are_cut_with_their_length() -> None:
    block = fence(["x" * 5000], "diff", most=9, left_out="{}")
    assert "(5,000 characters)" in block
    assert len(block) < LINE_LIMIT + 100


def test_only_what_is_marked_as_ours_is_taken_as_it_is() -> None:
    assert fill("{a} {b} {c}", a="*x*", b=Md("*y*"), c=3) == "<code>&#42;x&#42;</code> *y* 3"
    assert fill("{a}", a="{b}") == "<code>&#123;b&#125;</code>"


def poisoned(ground: Ground, texts: list[str]) -> None:
    """Put texts wherever a pull request can put one."""
    data = estate()
    for number, text in enumerate(texts):
        line = text[:200]
        data["organisation"] = line
        data["config_items"]["db-1"] |= {"title": {"en": line, "zh": line}, "model": line}
        data["config_items"][f"new-{number}"] = {**data["config_items"]["web-1"], "rack": line}
        data["services"]["web"]["hours"] = line
        data["protections"]["core-pair"]["settings"][f"note_{number}"] = line
        data["people"]["dan"]["name"] = {"en": line, "zh": line}
        ground.write(f"playbooks/x{number}.yml", f"# {text}\n" * 3 + "```\n</details>\n")
        name = "n" + re.sub(r"[/\\]", "-", line)[:60]  # other names keep a tree from being exported at all
        ground.write(f"docs/{name}.md", text)
        ground.write(f"{name}/a.md", text)
        ground.write(f"runbooks/RB-{number}.yaml", f"runbook: {line!r}\n")
        ground.write(f"changes/CHG-2026-{number:04}/request.json", text)
        ground.write(f"changes/{name}/request.json", text)
    ground.estate(data)
    ground.commit("poison")


def test_a_whole_review_of_a_poisoned_pull_request(tmp_path: Path) -> None:
    ground = make(tmp_path)
    poisoned(ground, HOSTILE)
    review = ground.review()
    assert review.exit_code in (ExitCode.INVALID, ExitCode.REFUSED)
    for language in ("en", "zh"):
        text = comment(review, language, limit=10_000_000)
        assert text.startswith(MARK)
        said = html.unescape(text)
        assert all(each[:30] in said for each in HOSTILE)
        rest = outside_code(text).removeprefix(MARK)
        rest = re.sub(r"^> \[!(CAUTION|WARNING|NOTE)\]$", "", rest, flags=re.MULTILINE)
        assert not ACTIVE.search(rest), ACTIVE.search(rest)
        assert MARK not in rest
        assert rest.count("<details>") == rest.count("</details>") == rest.count("<summary>") > 0
    to_json(review)


BIDI = "\u202e\u2066 } begin admins only \u2069"


def test_hidden_characters_are_named_with_file_and_line(tmp_path: Path) -> None:
    ground = make(tmp_path)
    ground.write("tools/x.py", f"a = 1\n# {BIDI}\nb = '\u3164'\n")
    ground.write("docs/n\u200bame.md", "x")
    ground.write("docs/fine.md", "窗口 – naïve … 🙂\r\n\ttab\n")
    ground.write("docs/image.png", b"\x89PNG\r\n\x1a\n\0\0\0\x1b")
    ground.write("docs/escape.txt", "a\x1b[2Jb\n")
    ground.commit()
    review = ground.review()
    assert {(each.rule, each.path, each.line, each.what) for each in review.forbidden} >= {
        ("hidden", "tools/x.py", 2, "U+202E"),
        ("hidden", "tools/x.py", 3, "U+3164"),
        ("hidden", "docs/escape.txt", 1, "U+001B"),
        ("name", "docs/n\u200bame.md", 0, "U+200B"),
    }
    assert not {each.path for each in review.forbidden} & {"docs/fine.md", "docs/image.png"}
    text = comment(review)
    assert "\u202e" not in text
    assert "\u200b" not in text
    assert "\x1b" not in text
    assert review.exit_code is ExitCode.REFUSED


@pytest.mark.parametrize("target", ["/etc/passwd", "../../etc/passwd", "x/../../../etc", "../.git/config"])
def test_links_that_lead_outside(tmp_path: Path, target: str) -> None:
    ground = make(tmp_path)
    (ground.root / "playbooks/link.yml").symlink_to(target)
    ground.commit()
    review = ground.review()
    assert ("link", "playbooks/link.yml", target) in {(each.rule, each.path, each.what) for each in review.forbidden}
    assert review.exit_code is ExitCode.REFUSED
    assert "playbooks/link.yml" in comment(review)


def test_a_cmdb_that_is_a_link_to_a_secret(tmp_path: Path) -> None:
    ground = make(tmp_path)
    secret = tmp_path / "secret"
    secret.write_text("password: hunter2\n")
    (ground.root / "cmdb.d/rest.yaml").unlink()
    (ground.root / "cmdb.d/rest.yaml").symlink_to(secret)
    ground.commit()
    review = ground.review()
    assert review.exit_code is ExitCode.REFUSED
    assert "hunter2" not in comment(review)


def test_a_submodule(tmp_path: Path) -> None:
    ground = make(tmp_path)
    ground.git("update-index", "--add", "--cacheinfo", f"160000,{ground.git('rev-parse', 'HEAD').strip()},vendor/x")
    ground.git("commit", "-q", "-m", "submodule")
    review = ground.review()
    assert ("submodule", "vendor/x") in {(each.rule, each.path) for each in review.forbidden}
    assert review.exit_code is ExitCode.REFUSED
    comment(review)


def test_a_key_that_is_no_key_and_a_role_of_another_kind(tmp_path: Path) -> None:
    ground = make(tmp_path)
    data = estate()
    data["people"]["dan"] |= {"signing_keys": ["<b>no key</b>"], "roles": ["@root"]}
    ground.estate(data)
    ground.commit()
    review = ground.review()
    assert review.exit_code is ExitCode.INVALID
    assert "<b>" not in comment(review)
