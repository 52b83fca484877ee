# SPDX-License-Identifier: MIT
"""make check: builds everything, runs all tests, prints one line for each and the sum.

    tools/check.py [--build DIR] [--long] [--jobs N] [--only WORD]... [--list]

The last line is `N passed, N failed`; the status is non-zero if a test failed. Details of each
failure are in DIR/check/*.log. --only runs the jobs whose name contains a WORD, and the builds.
"""

import argparse
import os
import queue
import shutil
import signal
import sys
import threading
import time
import traceback

import check_jobs
import check_report


def run_jobs(jobs, workers, report, slowest):
    """Runs the jobs, `workers` at a time, in their order; a job's own failure is a test's."""
    waiting = queue.Queue()
    for job in jobs:
        waiting.put(job)

    def work():
        while True:
            try:
                name, function = waiting.get_nowait()
            except queue.Empty:
                return
            start = time.monotonic()
            try:
                function()
            except Exception as error:  # the check itself is broken: that is a failure too
                path = report.log(name, traceback.format_exc())
                report.fail(name, f"{type(error).__name__}: {error} (see {path})")
            slowest.append((time.monotonic() - start, name))

    threads = [threading.Thread(target=work, daemon=True) for _ in range(workers)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()


def wanted(jobs, words):
    return [job for job in jobs if not words or any(word in job[0] for word in words)]


def main():
    parser = argparse.ArgumentParser(description=__doc__,
                                     formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--build", default=os.path.join(check_jobs.ROOT, "build"))
    parser.add_argument("--long", action="store_true", help="more and longer random sequences")
    parser.add_argument("--jobs", type=int, default=os.cpu_count() or 1, metavar="N")
    parser.add_argument("--only", action="append", default=[], metavar="WORD")
    parser.add_argument("--list", action="store_true", help="list the jobs")
    parser.add_argument("--times", action="store_true", help="show the slowest jobs at the end")
    options = parser.parse_args()

    # A shell that starts this in the background has these ignored, and so would every test.
    signal.signal(signal.SIGINT, signal.default_int_handler)
    signal.signal(signal.SIGQUIT, signal.SIG_DFL)
    build = os.path.abspath(options.build)
    logs = os.path.join(build, "check")
    shutil.rmtree(logs, ignore_errors=True)
    report = check_report.Report(logs)
    jobs = check_jobs.Jobs(build, report, options.long, max(1, options.jobs))
    slowest = []
    if options.list:
        for name, _ in jobs.builds() + jobs.tests():
            print(name)
        return 0
    try:
        run_jobs(jobs.builds(), 1, report, slowest)
        # One more than there are processors: many wait, for a timer or a machine that starts.
        run_jobs(wanted(jobs.tests(), options.only), jobs.workers + 1, report, slowest)
    except KeyboardInterrupt:
        jobs.stop()
        print("interrupted", file=sys.stderr)
        return 130
    if options.times:
        for seconds, name in sorted(slowest, reverse=True)[:15]:
            print(f"{seconds:6.1f} s  {name}")
    return report.finish()


if __name__ == "__main__":
    sys.exit(main())
