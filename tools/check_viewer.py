# SPDX-License-Identifier: MIT
"""The viewer in the browser: builds the page, runs the tests of its model in node and those of the page
in Chromium."""

import os
import re

from check_report import first_line

ROOT = os.path.dirname(os.path.dirname(os.path.abspath(__file__)))
SECONDS = 900
RESULT = re.compile(r"(ok|not ok) \d+ - (.*?)( # [A-Z]+\b.*)?")


# What npm says when there is no way to its registry, or none that it trusts, rather than something
# wrong here.
NO_REGISTRY = re.compile(r"\b(ENOTFOUND|EAI_AGAIN|ECONNREFUSED|ECONNRESET|ETIMEDOUT|ENETUNREACH"
                         r"|E403|E407|E50\d|[A-Z_]+_CERT(IFICATE|_IN_CHAIN|_LOCALLY)?)\b")


def run(jobs):
    """A line for each test; `jobs` is check_jobs.Jobs. Without a network, and the libraries not there
    yet, the page cannot be made: then there is nothing to test, and a line says so."""
    if _lacks_libraries(jobs):
        jobs.report.skip("viewer", "npm cannot reach its registry, and the page's libraries are not here")
        return
    jobs.make("viewer page", "page")
    for name in ("model", "browser"):
        _run(jobs, name)


def _lacks_libraries(jobs):
    result = jobs.command(["make", "-C", ROOT, f"BUILD={jobs.build}", "page-libraries"],
                          SECONDS * jobs.slow)
    return result.returncode != 0 and NO_REGISTRY.search(result.stdout + result.stderr) is not None


def _run(jobs, name):
    path = os.path.join(ROOT, f"viewer/test/{name}.test.js")
    environment = dict(os.environ, VIEWER_OUT=os.path.join(jobs.build, "viewer"))
    result = jobs.command(["node", "--test-reporter=tap", path], SECONDS * jobs.slow, cwd=ROOT,
                          env=environment)
    log = jobs.report.log(f"viewer {name}", result.stdout + result.stderr)
    heard = results_of(result.stdout)
    for test, why, note in heard:
        if why:
            jobs.report.fail(f"viewer {test}", f"{why} (see {log})")
        else:
            jobs.report.ok(f"viewer {test}", note)
    if not heard or (result.returncode != 0 and not any(why for _, why, _ in heard)):
        jobs.report.fail(f"viewer {name}", f"it ended with {result.returncode}: "
                         + first_line(result.stderr, "no message") + f" (see {log})")


def results_of(text):
    """[[test, why it failed or None, note]] of what node's test runner says. A test that was left out
    counts as failed: there is nothing that may be missing."""
    found = []
    for line in text.splitlines():
        match = RESULT.fullmatch(line)
        error = re.match(r"\s+error: '?(.*?)'?$", line)
        if re.match(r"1\.\.\d", line):
            break
        if match:
            good = match.group(1) == "ok" and not match.group(3)
            found.append([match.group(2).replace("\\#", "#"), None if good else "it failed", ""])
        elif error and found and found[-1][1] == "it failed":
            found[-1][1] = error.group(1).lstrip("|- ") or "it failed"
        elif line.startswith("# ") and not line.startswith("# Subtest") and found:
            found[-1][2] = line[2:]
    return found
