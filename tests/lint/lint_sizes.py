"""A function fits a screen, a file is one concept: sizes without exceptions."""

import ast
import re

import rules

FUNCTION_LINES_MAX = 70
FILE_LINES_MAX = 800

SOURCES = (".c", ".h", ".py", ".sh", ".am", ".m4")
SHELL_FUNCTION = re.compile(r"^(\w+)\s*\(\)\s*\{?\s*$")


def c_functions(text):
    """(name, first line, last line). In the tree's format only the body of a function opens with a
    brace alone in the first column, and its heading follows an empty line or the end of something.
    """
    lines = rules.strip_comments(text).split("\n")
    start = 0  # index of the heading's first line
    for index, line in enumerate(lines):
        if line == "{":
            end = next((i for i in range(index, len(lines)) if lines[i].startswith("}")), index)
            heading = " ".join(lines[start:index])
            name = re.search(r"(\w+)\s*\(", heading)
            yield (name.group(1) if name else "?", start + 1, end + 1)
        if not line.strip() or line.startswith(("}", "#")) or line.endswith((";", "\\")):
            start = index + 1


def shell_functions(text):
    lines = text.split("\n")
    for index, line in enumerate(lines):
        match = SHELL_FUNCTION.match(line)
        if match:
            end = next((i for i in range(index, len(lines)) if lines[i].startswith("}")), index)
            yield (match.group(1), index + 1, end + 1)


def python_functions(text):
    for node in ast.walk(ast.parse(text)):
        if isinstance(node, (ast.FunctionDef, ast.AsyncFunctionDef)):
            yield (node.name, node.lineno, node.end_lineno)


def functions_of(path, text):
    if path.endswith((".c", ".h")):
        return c_functions(text)
    if path.endswith(".py"):
        return python_functions(text)
    if path.endswith(".sh") or re.match(r"#!.*\bsh\b", text):
        return shell_functions(text)
    return ()


def is_source(tree, path):
    if path.endswith(SOURCES) or path == "configure.ac":
        return True
    return "." not in path.rpartition("/")[2] and tree.read_bytes(path).startswith(b"#!")


def check(tree):
    for path in tree.paths():
        if not is_source(tree, path):
            continue
        text = tree.read(path)
        count = text.count("\n")
        if count > FILE_LINES_MAX:
            yield f"{path}:1: {count} lines, more than {FILE_LINES_MAX}: cut it by concept"
        for name, first, last in functions_of(path, text):
            if last - first + 1 > FUNCTION_LINES_MAX:
                yield (f"{path}:{first}: {name} has {last - first + 1} lines, "
                       f"more than {FUNCTION_LINES_MAX}")


def c_function(heading, lines):
    return f"{heading}\n{{\n" + "    x();\n" * (lines - 2 - heading.count("\n") - 1) + "}\n"


FIRES = [
    ("a long function", {"a.c": "int y;\n\n" + c_function("int f(void)", 71)},
     "a.c:3: f has 71 lines"),
    ("a long function with a long heading",
     {"a.c": "struct s {\n};\n" + c_function("static int\nf(int a,\n  int b)", 71)},
     "a.c:3: f has 71 lines"),
    ("a long function in Python",
     {"tests/a.py": "def f():\n" + "    x()\n" * 70}, "tests/a.py:1: f has 71 lines"),
    ("a long function in shell",
     {"run": "#!/bin/sh\nf()\n{\n" + "    x\n" * 68 + "}\n"}, "run:2: f has 71 lines"),
    ("a long file", {"common/a.h": "\n" * 801}, "common/a.h:1: 801 lines"),
]
PASSES = [
    ("a function of the greatest size", {"a.c": c_function("int f(void)", 70)}),
    ("a comment before a function",
     {"a.c": "/*\n" + " * x\n" * 60 + " */\n" + c_function("int f(void)", 70)}),
    ("a long table", {"a.c": "int t[] = {\n" + "    1,\n" * 100 + "};\n"}),
    ("a file of the greatest size", {"a.h": "\n" * 800}),
    ("data", {"tests/unit/vectors.txt": "\n" * 2000}),
]

if __name__ == "__main__":
    rules.main(check, FIRES, PASSES)
