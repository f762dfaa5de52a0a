#!/usr/bin/env bash
# Gradescope runs this once, when it builds the image: as root, on Ubuntu, with the zip file in /autograder/source.
set -euo pipefail
cd "${AUTOGRADER:-/autograder}/source"

apt-get update
apt-get install -y --no-install-recommends bubblewrap python3 python3-venv
python=python3
if ! "$python" -c 'import sys; sys.exit(sys.version_info < (3, 11))'; then
  apt-get install -y --no-install-recommends python3.11 python3.11-venv
  python=python3.11
fi
"$python" -m venv .venv
torch=$(grep -x 'torch==[0-9.]*' requirements.txt)
.venv/bin/python -m pip install --no-cache-dir --no-deps --retries 1 \
  --extra-index-url https://download.pytorch.org/whl/cpu "$torch"
.venv/bin/python -m pip install --no-cache-dir -r requirements.txt -r teach.txt
.venv/bin/python -m pip install --no-cache-dir --no-deps --no-build-isolation .
