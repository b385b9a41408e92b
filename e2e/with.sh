#!/usr/bin/env bash
# Runs a command with a cluster and a Gitea: with.sh COMMAND...
# Both are started unless they run, and stopped afterwards if they were started here.
# The command sees E2E_KUBECONFIG, E2E_GITEA (the folder of its env file) GIMLET_HELM, GIMLET_KUBECTL and GIMLET_UNSOPS.
set -euo pipefail
# shellcheck source=e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
[ $# -gt 0 ] || usage

build
started=()
# shellcheck disable=SC2329 # called by the trap
finish() {
	local s
	for s in "${started[@]}"; do
		case $s in
		cluster) "$e2e/cluster.sh" down >/dev/null ;;
		gitea) "$e2e/gitea.sh" down >/dev/null ;;
		esac
	done
}
trap finish EXIT
trap 'exit 130' INT
trap 'exit 143' TERM
for s in cluster gitea; do
	"$e2e/$s.sh" status >/dev/null 2>&1 || started+=("$s")
	"$e2e/$s.sh" up
done
# Deletions that were under way when a cluster was stopped; nobody else uses one that was just started.
if [[ " ${started[*]} " == *" cluster "* ]]; then
	"$bin/kubectl" --kubeconfig "$root/main/admin.kubeconfig" delete namespace --selector gimlet.io/e2e --wait=false >/dev/null 2>&1 || true
fi
export E2E_KUBECONFIG=$root/main/admin.kubeconfig E2E_GITEA=$root/gitea GIMLET_HELM=$bin/helm GIMLET_KUBECTL=$bin/kubectl GIMLET_UNSOPS=$bin/unsops
# In the background and in a process group of its own, so that a signal ends all of it, and
# before the cluster is stopped.
set -m
"$@" &
command=$!
set +m
trap 'kill -TERM -- -$command 2>/dev/null; wait $command; exit 130' INT
trap 'kill -TERM -- -$command 2>/dev/null; wait $command; exit 143' TERM
wait "$command"
