"""The page's scripts without a browser: their own tests, by Node.js."""

import re
import subprocess
from pathlib import Path

HERE = Path(__file__).parent


def test_the_scripts_pass_their_tests() -> None:
    files = sorted(str(path) for path in HERE.glob("*.test.js"))
    done = subprocess.run(
        ["node", "--test", "--test-reporter=tap", *files],
        capture_output=True,
        text=True,
        timeout=60,
        check=False,
    )
    assert done.returncode == 0, done.stdout + done.stderr
    passed = re.search(r"^# pass (\d+)$", done.stdout, re.MULTILINE)
    assert passed is not None
    assert int(passed[1]) > len(files)
