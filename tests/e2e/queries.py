"""The statements of sql/queries as the database gets them."""
import glob
import os
import re
import subprocess

SQL = os.path.join(os.path.dirname(os.path.abspath(__file__)), "../../sql")


def statements():
    """Text by name, without comments."""
    shared = f"{SQL}/queries/fragments.sql"
    files = sorted(set(glob.glob(f"{SQL}/queries/*.sql")) - {shared})
    text = subprocess.run(
        ["awk", "-v", "out=sql", "-f", f"{SQL}/gen-queries.awk", shared]
        + files, check=True, capture_output=True, encoding="utf-8").stdout
    return dict(re.findall(r"(?ms)^-- name: (\w+)\n(.*?);$", text))
