"""The statements of sql/queries as the database gets them."""
import glob
import os
import re
import subprocess

SQL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../sql")


def read():
    shared = f"{SQL}/queries/fragments.sql"
    files = sorted(set(glob.glob(f"{SQL}/queries/*.sql")) - {shared})
    text = subprocess.run(
        ["awk", "-v", "out=sql", "-f", f"{SQL}/gen-queries.awk", shared]
        + files, check=True, capture_output=True, encoding="utf-8").stdout
    return re.findall(r"(?ms)^-- name: (\w+)\n--([\w ]*)\n(.*?);$", text)


def statements():
    """Text by name, without comments."""
    return {name: text for name, _, text in read()}


def prepared(name, **values):
    """Two commands: one prepares the statement, one executes it with literals
    by the names of its parameters."""
    names, text = next((p.split(), t) for n, p, t in read() if n == name)
    assert set(names) == set(values)
    literals = ", ".join(values[n] for n in names)
    return (f"prepare {name} as {text}",
            f"execute {name}" + (f"({literals})" if literals else ""))
