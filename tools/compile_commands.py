# SPDX-License-Identifier: MIT
"""Writes compile_commands.json, from which editors and clangd know how each file is compiled."""

import argparse
import json
import shlex


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--directory", required=True)
    parser.add_argument("--command", required=True, help="the compiler and its flags")
    parser.add_argument("--output", required=True)
    parser.add_argument("files", nargs="*")
    options = parser.parse_args()
    words = shlex.split(options.command)
    entries = [{"directory": options.directory, "file": path,
                "arguments": words + ["-c", path]} for path in options.files]
    with open(options.output, "w", encoding="utf-8") as output:
        json.dump(entries, output, indent=1)
        output.write("\n")


if __name__ == "__main__":
    main()
