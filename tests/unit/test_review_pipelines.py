"""The pipelines: they parse, have the keys that we mean, and no text of a proposal becomes a command."""

from __future__ import annotations

import re
import shutil
import subprocess
from pathlib import Path
from typing import Any

import jsonschema
import pytest
import yaml

from drillbook.review.comment import MARK
from drillbook.tasks.all import ns

ROOT = Path(__file__).parents[2]
GITHUB, GITLAB = ROOT / ".github/workflows/review.yml", ROOT / ".gitlab-ci.yml"
TEXT = {"type": "string", "minLength": 1}
STEP = {
    "type": "object", "required": ["run"], "additionalProperties": False,  # "uses" would be code of others
    "properties": {"name": TEXT, "id": TEXT, "run": TEXT, "env": {"type": "object", "additionalProperties": TEXT}},
}  # fmt: skip
WORKFLOW = {
    "type": "object", "required": ["name", "on", "permissions", "jobs"], "additionalProperties": False,
    "properties": {
        "name": TEXT,
        "on": {
            "type": "object", "additionalProperties": False,
            "properties": {
                "pull_request_target": {
                    "type": "object", "additionalProperties": False,
                    "properties": {"types": {"type": "array", "items": TEXT}},
                },
                "push": {
                    "type": "object", "additionalProperties": False,
                    "properties": {"branches": {"type": "array", "items": TEXT}},
                },
            },
        },
        "permissions": {"type": "object", "maxProperties": 0},
        "concurrency": {
            "type": "object", "required": ["group"], "additionalProperties": False,
            "properties": {"group": TEXT, "cancel-in-progress": {"type": "boolean"}},
        },
        "jobs": {
            "type": "object",
            "additionalProperties": {
                "type": "object", "required": ["if", "runs-on", "permissions", "timeout-minutes", "steps"],
                "additionalProperties": False,
                "properties": {
                    "if": TEXT, "runs-on": TEXT, "timeout-minutes": {"type": "integer"},
                    "permissions": {
                        "type": "object", "additionalProperties": False,
                        "properties": {"contents": {"const": "read"}, "pull-requests": {"const": "write"}},
                    },
                    "env": {"type": "object", "additionalProperties": TEXT},
                    "steps": {"type": "array", "minItems": 1, "items": STEP},
                },
            },
        },
    },
}  # fmt: skip
JOB = {
    "type": "object", "required": ["stage", "rules", "script", "timeout"], "additionalProperties": False,
    "properties": {
        "stage": TEXT, "timeout": TEXT, "script": {"type": "array", "items": TEXT},
        "rules": {"type": "array", "items": {"type": "object", "required": ["if"], "properties": {"if": TEXT}}},
        "variables": {"type": "object", "additionalProperties": TEXT},
        "artifacts": {
            "type": "object", "additionalProperties": False,
            "properties": {"when": TEXT, "expose_as": TEXT, "paths": {"type": "array", "items": TEXT}},
        },
    },
}  # fmt: skip
PIPELINE = {
    "type": "object", "required": ["stages", "default", "review", "test"], "additionalProperties": False,
    "properties": {
        "stages": {"type": "array", "items": TEXT},
        "default": {
            "type": "object", "additionalProperties": False,
            "properties": {"image": TEXT, "before_script": {"type": "array", "items": TEXT}},
        },
        "review": JOB, "test": JOB,
    },
}  # fmt: skip

# Whoever makes a pull request chooses these: in a step they would be commands.
CHOSEN = re.compile(
    r"pull_request\.(head|title|body|user)|head_ref|HEAD_REF|_TITLE|_DESCRIPTION|SOURCE_BRANCH|COMMIT_(MESSAGE|REF)"
)


def github() -> dict[str, Any]:
    workflow = yaml.safe_load(GITHUB.read_text())
    # YAML 1.1 reads the key "on" as true, and so does PyYAML; the forge does not.
    return {"on" if key is True else key: value for key, value in workflow.items()}


def gitlab() -> dict[str, Any]:
    pipeline = yaml.safe_load(GITLAB.read_text())
    assert isinstance(pipeline, dict)
    return pipeline


def steps() -> list[tuple[str, dict[str, Any]]]:
    return [(job, step) for job, value in github()["jobs"].items() for step in value["steps"]]


def scripts() -> list[str]:
    before = gitlab()["default"]["before_script"]
    return [step["run"] for _, step in steps()] + before + [
        line for job in ("review", "test") for line in gitlab()[job]["script"]
    ]  # fmt: skip


def test_the_workflow_has_the_keys_that_we_mean() -> None:
    jsonschema.validate(github(), WORKFLOW)


def test_the_pipeline_has_the_keys_that_we_mean() -> None:
    jsonschema.validate(gitlab(), PIPELINE)
    assert {gitlab()[job]["stage"] for job in ("review", "test")} == set(gitlab()["stages"])


@pytest.mark.parametrize("script", scripts())
def test_scripts_are_shell_and_hold_no_expression(script: str) -> None:
    assert "${{" not in script  # what an expression gives would be read as shell
    assert not CHOSEN.search(script)
    shell = shutil.which("sh")
    assert shell is not None
    done = subprocess.run([shell, "-n"], input=script, text=True, capture_output=True, check=False)
    assert done.returncode == 0, done.stderr


def test_values_of_the_proposal_reach_steps_as_numbers_and_ids_alone() -> None:
    expressions = re.findall(r"\$\{\{\s*(.*?)\s*\}\}", GITHUB.read_text())
    assert set(expressions) <= {
        "github.event.pull_request.base.sha", "github.event.pull_request.number", "github.token",
        "github.event.pull_request.number || github.sha", "steps.review.outputs.code",
    }  # fmt: skip


def test_the_review_has_no_token_while_it_runs_and_checks_out_the_base_alone() -> None:
    review = [step for job, step in steps() if job == "review"]
    running = next(step for step in review if "changes.review" in step["run"])
    assert "env" not in running
    for step in review:
        for line in step["run"].splitlines():
            assert "checkout" not in line or line.strip().endswith("checkout -q --detach refs/drillbook/base")
    script = "\n".join(gitlab()["review"]["script"])
    assert re.findall(r"checkout .*", script) == ["checkout -q --detach refs/drillbook/base"]
    assert "env -u CI_JOB_TOKEN -u REVIEW_TOKEN \\\n  ./inv changes.review" in script


def test_jobs_run_for_the_event_that_they_are_for() -> None:
    jobs = github()["jobs"]
    assert jobs["review"]["if"] == "github.event_name == 'pull_request_target'"
    assert jobs["test"]["if"] == "github.event_name == 'push'"
    assert "pull-requests" not in jobs["test"]["permissions"]
    assert gitlab()["test"]["script"] == [".ci/run"]
    assert ".ci/run" in jobs["test"]["steps"][-1]["run"]
    assert (ROOT / ".ci/run").is_file()


def test_the_comment_is_found_again_by_its_mark() -> None:
    assert GITHUB.read_text().count(MARK) == 2
    assert GITLAB.read_text().count(MARK) == 2


def test_the_options_that_are_used_exist() -> None:
    task = ns.collections["changes"].tasks["review"]
    known = {argument.names[0] for argument in task.get_arguments()}
    reviewing = [script for script in scripts() if "changes.review" in script]
    used = {name for script in reviewing for name in re.findall(r" --(base|head|out)", script)}
    assert used == {"base", "head", "out"}
    assert used <= known
