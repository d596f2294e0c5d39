"""The read-your-writes table, which all processes of a server share."""

import subprocess
import sys
from pathlib import Path

import pytest

from larder.http.read_your_writes import SLOTS, WriteTimes

CALLER = SLOTS + 7
OTHER_PROCESS = """
import sys
from pathlib import Path
from larder.http.read_your_writes import WriteTimes
writes = WriteTimes(Path(sys.argv[1]))
for line in sys.stdin:
    writes.note(int(line))
    print(writes.last(int(line)), flush=True)
"""


@pytest.mark.system
def test_all_processes_see_the_time_of_a_write(tmp_path: Path) -> None:
    file = tmp_path / "writes"
    writes = WriteTimes(file)
    command = [sys.executable, "-c", OTHER_PROCESS, str(file)]
    with subprocess.Popen(command, stdin=-1, stdout=-1, text=True) as other:
        assert other.stdin
        assert other.stdout
        other.stdin.write(f"{CALLER}\n")
        other.stdin.flush()
        assert int(other.stdout.readline()) == writes.last(CALLER) > 0
        other.stdin.close()
