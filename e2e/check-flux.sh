#!/usr/bin/env bash
# Shows Flux syncing from Gitea: check-flux.sh [CLUSTER-DIR [GITEA-DIR]]
# HTTP with a token and SSH with known_hosts; a good commit, a failing one, recovery, pruning.
set -uo pipefail
# shellcheck source=e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
D=$(cd "${1:-$root/main}" && pwd) || exit
G=$(cd "${2:-$root/gitea}" && pwd) || exit
# shellcheck source=/dev/null
. "$G/env"
work=$(mktemp -d)
repo=fleet-$RANDOM
ns=$repo
k() { "$bin/kubectl" --kubeconfig "$D/admin.kubeconfig" "$@"; }
kn() { k -n "$ns" "$@"; }
api() { curl -fsS -H "Authorization: token $GITEA_TOKEN" -H 'Content-Type: application/json' "$@"; }
# shellcheck disable=SC2329 # called by the trap
finish() {
	# A namespace goes only after the Kustomizations in it: their finalizer needs what else is there.
	kn delete kustomizations --all --timeout=30s >/dev/null 2>&1
	k delete namespace "$ns" --ignore-not-found --wait=false >/dev/null 2>&1
	api -X DELETE "$GITEA_URL/api/v1/repos/$GITEA_USER/$repo" >/dev/null 2>&1
	[ -z "${key_id-}" ] || api -X DELETE "$GITEA_URL/api/v1/user/keys/$key_id" >/dev/null 2>&1
	rm -rf "$work"
}
trap finish EXIT

t0=$(date +%s%N)
fail=0
lap() { # exit status of the step, what
	printf '%6d ms  %s%s\n' $((($(date +%s%N) - t0) / 1000000)) "$([ "$1" = 0 ] || echo "FAIL ")" "$2"
	[ "$1" = 0 ] || fail=$((fail + 1))
	t0=$(date +%s%N)
}
put() { # path, content: one commit through the API
	local sha
	sha=$(api "$GITEA_URL/api/v1/repos/$GITEA_USER/$repo/contents/$1?ref=main" 2>/dev/null | jq -r '.sha // empty')
	api -X "$([ -n "$sha" ] && echo PUT || echo POST)" "$GITEA_URL/api/v1/repos/$GITEA_USER/$repo/contents/$1" \
		-d "{\"message\":\"set $1\",\"branch\":\"main\",\"sha\":\"$sha\",\"content\":\"$(printf '%s' "$2" | base64 -w0)\"}" | jq -r .commit.sha
}
manifest() { # tag
	cat <<YAML
apiVersion: apps/v1
kind: Deployment
metadata: {name: shop, namespace: $ns}
spec:
  replicas: 2
  progressDeadlineSeconds: 5
  selector: {matchLabels: {app: shop}}
  template:
    metadata: {labels: {app: shop}}
    spec: {containers: [{name: shop, image: "example/shop:$1"}]}
YAML
}
poke() { kn annotate gitrepository/fleet --overwrite reconcile.fluxcd.io/requestedAt="$(date +%s%N)" >/dev/null; }
status_of() { kn get kustomization apps -o jsonpath="{.status.$1}"; }
until_revision() { # field, commit
	local i
	for ((i = 0; i < 400; i++)); do
		[[ $(status_of "$1") == *"$2"* ]] && return
		sleep 0.1
	done
	return 1
}
reason() { status_of 'conditions[?(@.type=="Ready")].reason'; }

api -X POST "$GITEA_URL/api/v1/user/repos" -d "{\"name\":\"$repo\",\"private\":true,\"auto_init\":true,\"default_branch\":\"main\"}" >/dev/null
sha=$(put apps/shop.yaml "$(manifest 1.0)")
lap $? "commit ${sha:0:8}"
k create namespace "$ns" >/dev/null
kn create secret generic git --from-literal=username="$GITEA_USER" --from-literal=password="$GITEA_TOKEN" >/dev/null
kn apply --server-side -f - >/dev/null <<YAML
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: fleet}
spec: {interval: 1h, url: "$GITEA_URL/$GITEA_USER/$repo.git", ref: {branch: main}, secretRef: {name: git}}
---
apiVersion: kustomize.toolkit.fluxcd.io/v1
kind: Kustomization
metadata: {name: apps}
spec: {interval: 1h, path: ./apps, prune: true, wait: true, timeout: 20s, sourceRef: {kind: GitRepository, name: fleet}}
YAML
kn wait gitrepository/fleet --for=condition=Ready --timeout=60s >/dev/null
lap $? "GitRepository ready (HTTP, token)"
kn wait kustomization/apps --for=condition=Ready --timeout=60s >/dev/null
lap $? "Kustomization ready: $(status_of lastAppliedRevision)"
sha=$(put apps/shop.yaml "$(manifest 1.1)"); poke
until_revision lastAppliedRevision "$sha"
lap $? "new commit applied"
sha=$(put apps/shop.yaml "$(manifest broken)"); poke
until_revision lastAttemptedRevision "$sha"
lap $? "broken commit attempted"
kn wait kustomization/apps --for=condition=Ready=False --timeout=40s >/dev/null
lap $? "Ready=False: $(reason)"
sha=$(put apps/shop.yaml "$(manifest 1.2)"); poke
until_revision lastAppliedRevision "$sha" && kn wait kustomization/apps --for=condition=Ready --timeout=40s >/dev/null
lap $? "recovered"

# The same repository over SSH.
ssh-keygen -q -t ed25519 -N '' -f "$work/id"
key_id=$(api -X POST "$GITEA_URL/api/v1/user/keys" -d "{\"title\":\"$repo\",\"key\":\"$(cat "$work/id.pub")\"}" | jq -r .id)
host=${GITEA_SSH#*@}
kn create secret generic ssh --from-file=identity="$work/id" --from-literal=known_hosts="$(ssh-keyscan -p "${host#*:}" "${host%:*}" 2>/dev/null)" >/dev/null
kn apply --server-side -f - >/dev/null <<YAML
apiVersion: source.toolkit.fluxcd.io/v1
kind: GitRepository
metadata: {name: fleet-ssh}
spec: {interval: 1h, url: "$GITEA_SSH/$GITEA_USER/$repo.git", ref: {branch: main}, secretRef: {name: ssh}, ignore: "/README.md"}
YAML
kn wait gitrepository/fleet-ssh --for=condition=Ready --timeout=30s >/dev/null
lap $? "GitRepository ready (SSH)"
files=$(curl -fsS "$(kn get gitrepository fleet-ssh -o jsonpath='{.status.artifact.url}')" | tar tz)
[ "$files" = apps/shop.yaml ]
lap $? "its artifact, without what is ignored: $files"
kn delete kustomization apps --timeout=30s >/dev/null && kn wait deploy/shop --for=delete --timeout=20s >/dev/null 2>&1
[ -z "$(kn get deploy shop --ignore-not-found -o name)" ]
lap $? "Kustomization deleted and pruned"
[ $fail = 0 ] && echo "all passed"
