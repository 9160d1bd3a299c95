#!/usr/bin/env bash
# Whether OpenVINO's compile_model succeeds is no proof that the network can infer, in a process that may get no executable memory.
#
# Versions: openvino 2026.4.1 with numpy 2.4.6, on Linux 6.3 or newer (prctl PR_SET_MDWE; what systemd's
# MemoryDenyWriteExecute=yes does to a service).
# Behaviour: machine code is generated per layer and shape of input, and kept for the process, not for the network.
# - In a fresh process compile_model raises RuntimeError: "can't protect".
# - If the process has inferred before the lock, compile_model raises nothing. The new network, and the old one, infer for the
#   shapes that the process has seen, and raise the same error at the first other one: a wider batch, a larger page.
# What follows: a start-up probe with one fixed picture passes and the service fails pages later. Ask the kernel for such memory,
# or be ready to change the runtime at any inference.
#
# Ends with 0 while this is so, with 1 as soon as it is not, with 77 where the kernel has no such lock.
set -euo pipefail

folder=$(mktemp -d)
trap 'rm -rf "$folder"' EXIT
python3 -m venv "$folder/venv"
"$folder/venv/bin/pip" install --quiet --disable-pip-version-check openvino==2026.4.1 numpy==2.4.6

cat >"$folder/try.py" <<'PY'
import ctypes
import sys

sys.modules["openvino_telemetry"] = None  # nothing is reported
import numpy as np
import openvino
from openvino import opset13 as op

PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN = 65, 1


def compiled():
    """One convolution over pictures of any size."""
    pixels = op.parameter([-1, 3, -1, -1], np.float32)
    weights = op.constant(np.ones((4, 3, 3, 3), np.float32))
    layer = op.convolution(pixels, weights, [1, 1], [0, 0], [0, 0], [1, 1])
    return openvino.Core().compile_model(openvino.Model([layer], [pixels], "one_layer"), "CPU")


def outcome(action):
    try:
        return f"works {action()}"
    except RuntimeError as error:
        return f"RuntimeError: …{str(error).strip()[-13:]}"


def inferred(network, height, width):
    return network([np.ones((1, 3, height, width), np.float32)])[0].shape


def lock():
    if ctypes.CDLL(None).prctl(PR_SET_MDWE, PR_MDWE_REFUSE_EXEC_GAIN, 0, 0, 0) != 0:
        print("This kernel has no PR_SET_MDWE (Linux 6.3).")
        sys.exit(77)


rows = {}
if sys.argv[1] == "fresh":
    lock()
    rows["compile_model"] = outcome(lambda: compiled() and "")
    expected = [False]
else:
    early = compiled()
    inferred(early, 8, 8)
    lock()
    rows["compile_model"] = outcome(lambda: compiled() and "")
    late = compiled()
    rows["new network, shape seen before"] = outcome(lambda: inferred(late, 8, 8))
    rows["new network, other shape"] = outcome(lambda: inferred(late, 16, 40))
    rows["old network, shape seen before"] = outcome(lambda: inferred(early, 8, 8))
    rows["old network, other shape"] = outcome(lambda: inferred(early, 24, 56))
    expected = [True, True, False, True, False]
for name, found in rows.items():
    print(f"  {name}: {found}")
sys.exit([found.startswith("works") for found in rows.values()] != expected)
PY
"$folder/venv/bin/python" -c 'import sys; sys.modules["openvino_telemetry"] = None; import openvino; print("openvino", openvino.__version__)'
for process in fresh used; do
    echo "locked, the process being $process:"
    "$folder/venv/bin/python" "$folder/try.py" "$process"
done
