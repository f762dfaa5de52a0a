#!/usr/bin/env bash
# Build the students' image: that of binder/, plus nbgrader and the exchange for a cluster.
#
#   deploy/jupyterhub/build.sh REGISTRY/fmlab:TAG
#
# Needs Docker and `pip install jupyter-repo2docker`. Push the result: docker push REGISTRY/fmlab:TAG
set -euo pipefail
image=${1:?which name and tag}
root=$(cd "$(dirname "${BASH_SOURCE[0]}")/../.." && pwd)

# Not in the home folder, repo2docker's default: the hub mounts the student's own home over it.
repo2docker --no-run --image-name "$image-book" --user-id 1000 --user-name jovyan \
  --target-repo-dir /srv/fmlab "$root"
docker build --tag "$image" --build-arg "BOOK=$image-book" - <<'DOCKERFILE'
ARG BOOK
FROM ${BOOK}
RUN python -m pip install --no-cache-dir nbgrader==0.9.6 ngshare_exchange
DOCKERFILE
