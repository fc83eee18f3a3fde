"""Run the sample application.

Usage:
  sample <command> [<argument>...]
  sample -h | --help

Commands:
  server    Serve HTTP.
  worker    Run the tasks that wait in the queue, then stop.
  migrate   Bring the database up to date.

Every other command goes to manage.py.
"""

import os
import sys
from pathlib import Path

from docopt import docopt


def main() -> None:
    """Replaces this process by the bash script beside this file."""
    arguments = docopt(__doc__, options_first=True)
    script = Path(__file__).with_name("sample")
    # The script calls `python`, which must be the one that runs this file.
    binaries = Path(sys.executable).parent
    os.environ["PATH"] = f"{binaries}{os.pathsep}{os.environ.get('PATH', os.defpath)}"
    os.execv(script, [str(script), arguments["<command>"], *arguments["<argument>"]])


if __name__ == "__main__":
    main()
