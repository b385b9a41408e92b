#!/usr/bin/env bash
# Gimlet from nothing to a rollback: demo.sh | demo.sh stop
# Brings up a cluster without containers and a Gitea, installs the operator under its own account,
# connects environments, makes releases, and ends with the dashboard. Every step prints the command
# that a person would type.
# With GIMLET_CLUSTER=current it uses your kubeconfig's cluster, and asks before it changes anything;
# there it needs GIMLET_GITOPS_URL, GIMLET_GITOPS_USER and GIMLET_GITOPS_TOKEN of an empty repository.
set -euo pipefail
export E2E_STATE=${GIMLET_DEMO_STATE:-${XDG_CACHE_HOME:-$HOME/.cache}/gimlet-demo}
# shellcheck source=e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
top=$(cd "$e2e/.." && pwd)
target=${CARGO_TARGET_DIR:-$top/target}
own=$([ "${GIMLET_CLUSTER:-}" = current ] || echo 1)
namespace=gimlet-demo

if [ -t 1 ]; then bold=$'\e[1m' dim=$'\e[2m' plain=$'\e[0m'; else bold='' dim='' plain=''; fi
step() { printf '\n%s%s%s\n' "$bold" "$1" "$plain"; }
typed() { printf '%s  $ %s%s\n' "$dim" "$1" "$plain"; }
fail() { echo "error: $1" >&2; exit 1; }
k() { "$bin/kubectl" --kubeconfig "$KUBECONFIG" "$@"; }
gimlet() { "$target/debug/gimlet" --kubeconfig "$KUBECONFIG" -n "$namespace" "$@"; }

stop_demo() {
	for name in dashboard operator; do
		if [ -d "$root/$name" ]; then
			state "$root/$name"
			stop TERM "$name"
			exec 9>&-
		fi
	done
	if [ -d "$root/main" ]; then "$e2e/cluster.sh" down; fi
	if [ -d "$root/gitea" ]; then "$e2e/gitea.sh" down; fi
	echo "stopped; the state is kept in $root, so that 'make demo' goes on from here"
}

# The cluster is somebody's: say what will happen, and ask.
ask() {
	export KUBECONFIG=${KUBECONFIG:-$HOME/.kube/config}
	for name in GIMLET_GITOPS_URL GIMLET_GITOPS_USER GIMLET_GITOPS_TOKEN; do
		[ -n "${!name:-}" ] || fail "set $name: the demo writes an environment into that repository, and Flux reads it"
	done
	cat <<TEXT
This uses the cluster of your kubeconfig:
  $(k config current-context)  ($(k config view --minify -o 'jsonpath={.clusters[0].cluster.server}'))
It applies Gimlet's kinds and roles, the namespaces gimlet-system and $namespace, a Secret with the
token in $namespace and flux-system, and Flux' objects gimlet-staging and gimlet-production; the
operator and the dashboard run on this machine. It pushes the folders staging/ and production/ to
$GIMLET_GITOPS_URL.
TEXT
	[ "${GIMLET_YES:-}" = 1 ] && return
	[ -t 0 ] || fail "nobody can be asked here: set GIMLET_YES=1 to go on"
	read -rp "Go on? [y/N] " answer
	[ "$answer" = y ] || [ "$answer" = Y ] || fail "nothing was changed"
}

control_plane() {
	step "1. A control plane: API server, controllers, simulated nodes, Flux and a git server, all on 127.0.0.1"
	"$e2e/cluster.sh" up
	"$e2e/gitea.sh" up
	export KUBECONFIG=$root/main/admin.kubeconfig
	# shellcheck source=/dev/null
	. "$root/gitea/env"
	typed "export KUBECONFIG=$KUBECONFIG"
}

binaries() {
	step "2. Gimlet's binaries"
	typed "make build"
	make --no-print-directory -C "$top" build
}

# A kubeconfig with a token of the program's own service account: never the administrator's.
kubeconfig_of() { # program, file
	local token server ca
	token=$(k create token "gimlet-$1" --namespace gimlet-system --duration 24h)
	server=$(k config view --minify --raw -o 'jsonpath={.clusters[0].cluster.server}')
	ca=$(k config view --minify --raw --flatten -o 'jsonpath={.clusters[0].cluster.certificate-authority-data}')
	(
		umask 077
		cat >"$2" <<YAML
apiVersion: v1
kind: Config
current-context: $1
clusters: [{name: cluster, cluster: {server: "$server", certificate-authority-data: "$ca"}}]
users: [{name: $1, user: {token: "$token"}}]
contexts: [{name: $1, context: {cluster: cluster, user: $1}}]
YAML
	)
}

operator() {
	step "3. The operator, with the rights of its own ClusterRole and no others"
	typed "kubectl apply -k config/crd; kubectl apply -f config/operator/namespace.yaml; kubectl apply -k config/rbac; kubectl apply -k config/admission"
	k apply --server-side --force-conflicts -k "$top/config/crd" >/dev/null
	k apply --server-side --force-conflicts -f "$top/config/operator/namespace.yaml" >/dev/null
	k apply --server-side --force-conflicts -k "$top/config/rbac" >/dev/null
	k apply --server-side --force-conflicts -k "$top/config/admission" >/dev/null
	k get crd -o name | grep "\.gimlet\.io$" | xargs "$bin/kubectl" --kubeconfig "$KUBECONFIG" wait --for=condition=Established >/dev/null
	state "$root/operator"
	local listen
	[ -f "$D/ports" ] || free_ports 2 >"$D/ports"
	read -r listen views <"$D/ports"
	if ! alive operator || ! cmp -s "$target/debug/gimlet-operator" "$D/gimlet-operator"; then
		stop TERM operator
		cp "$target/debug/gimlet-operator" "$D/gimlet-operator"
		kubeconfig_of operator "$D/kubeconfig"
		spawn operator env KUBECONFIG="$D/kubeconfig" "$D/gimlet-operator" --log-format text --allow-loopback \
			--listen "127.0.0.1:$listen" --views "127.0.0.1:$views" --cache "$D/cache" --namespace "$namespace"
	fi
	until_ok "the operator is ready" operator curl -fsS "http://127.0.0.1:$listen/readyz"
	exec 9>&-
	typed "curl http://127.0.0.1:$listen/metrics"
}

repository() {
	step "4. A gitops repository, and two environments in it; in production somebody has to approve"
	url=${GIMLET_GITOPS_URL:-} user=${GIMLET_GITOPS_USER:-} token=${GIMLET_GITOPS_TOKEN:-}
	if [ -n "$own" ]; then
		url=$GITEA_URL/$GITEA_USER/gitops.git user=$GITEA_USER token=$GITEA_TOKEN
		# 409: it is there from an earlier demo.
		curl -sS -o /dev/null -H @<(echo "Authorization: token $GITEA_TOKEN") -H 'Content-Type: application/json' \
			-d '{"name": "gitops", "default_branch": "main"}' "$GITEA_URL/api/v1/user/repos"
	fi
	for ns in "$namespace" flux-system hello-staging hello-production mailer; do
		k create namespace "$ns" --dry-run=client -o yaml | k apply --server-side --force-conflicts -f - >/dev/null
	done
	for ns in "$namespace" flux-system; do
		k create secret generic gitops --namespace "$ns" --from-literal "username=$user" \
			--from-file "password=/dev/fd/3" --dry-run=client -o yaml 3< <(printf %s "$token") |
			k apply --server-side --force-conflicts -f - >/dev/null
	done
	typed "kubectl apply -n $namespace -f $root/environments.yaml"
	local common="flux: {interval: 30s, timeout: 2m, secretRef: {name: gitops}}"
	cat >"$root/environments.yaml" <<YAML
apiVersion: gimlet.io/v1alpha1
kind: Environment
metadata: {name: staging}
spec:
  gitops: {url: "$url", path: staging, secretRef: {name: gitops}}
  $common
---
apiVersion: gimlet.io/v1alpha1
kind: Environment
metadata: {name: production}
spec:
  gitops: {url: "$url", path: production, secretRef: {name: gitops}}
  $common
  approval: {count: 1}
YAML
	sed 's/^/    /' "$root/environments.yaml"
	k apply --server-side --force-conflicts -n "$namespace" -f "$root/environments.yaml" >/dev/null
	k wait -n "$namespace" --for=condition=Ready environment/staging environment/production --timeout=1m >/dev/null ||
		fail "an environment is not ready: kubectl describe -n $namespace environments"
	clone=$root/gitops
	rm -rf "$clone"
	git -c credential.helper= -c "credential.helper=!f() { echo username=$user; echo password=\"\$GIMLET_TOKEN\"; }; f" \
		clone --quiet "$url" "$clone"
	for env in staging production; do
		typed "kubectl apply -f $env/flux/gitrepository.yaml -f $env/flux/root.yaml   # once: Flux follows the environment"
		k apply --server-side --force-conflicts -f "$clone/$env/flux/gitrepository.yaml" -f "$clone/$env/flux/root.yaml" >/dev/null
	done
}

release() { # version title
	step "$2"
	typed "gimlet release hello -e staging -f e2e/demo/hello.yaml --var VERSION=$1 --version v$1 --wait"
	gimlet release hello -e staging -f "$e2e/demo/hello.yaml" --var "VERSION=$1" --version "v$1" --reason "the demo" --wait --timeout 3m
}

releases() {
	release 1.0.0 "5. A first release: rendered from the built-in chart, committed, applied by Flux, running"
	release 1.1.0 "6. A second version"
	step "7. The old one back, in one commit"
	typed "gimlet rollback hello -e staging --reason 'the demo goes back' --wait"
	gimlet rollback hello -e staging --reason "the demo goes back" --wait --timeout 3m
	git -C "$clone" -c credential.helper= -c "credential.helper=!f() { echo username=$user; echo password=\"\$GIMLET_TOKEN\"; }; f" pull --quiet
}

others() {
	step "8. What a day brings: a release that waits for approval, an app that fails, a version that CI has shipped"
	typed "gimlet release hello -e production -f e2e/demo/hello.yaml --var VERSION=1.0.0 --version v1.0.0"
	gimlet release hello -e production -f "$e2e/demo/hello.yaml" --var VERSION=1.0.0 --version v1.0.0 --reason "the demo goes on"
	typed "gimlet release mailer -e staging -f e2e/demo/mailer.yaml"
	gimlet release mailer -e staging -f "$e2e/demo/mailer.yaml" --reason "the demo breaks something"
	typed "kubectl create -n $namespace -f e2e/demo/artifact.yaml"
	k get artifact -n "$namespace" hello-2.0.0 >/dev/null 2>&1 || k create -n "$namespace" -f "$e2e/demo/artifact.yaml" >/dev/null
}

dashboard() {
	step "9. The dashboard, which can do what the person can who is signed in"
	typed "kubectl apply -f config/dashboard/rbac.yaml"
	k apply --server-side --force-conflicts -f "$top/config/dashboard/rbac.yaml" >/dev/null
	state "$root/dashboard"
	local listen probes
	[ -f "$D/ports" ] || free_ports 2 >"$D/ports"
	read -r listen probes <"$D/ports"
	if ! alive dashboard || ! cmp -s "$target/debug/gimlet-dashboard" "$D/gimlet-dashboard"; then
		stop TERM dashboard
		cp "$target/debug/gimlet-dashboard" "$D/gimlet-dashboard"
		kubeconfig_of dashboard "$D/kubeconfig"
		spawn dashboard env KUBECONFIG="$D/kubeconfig" "$D/gimlet-dashboard" --log-format text --cluster demo \
			--listen "127.0.0.1:$listen" --probes "127.0.0.1:$probes" --operator-url "http://127.0.0.1:$views"
	fi
	until_ok "the dashboard is ready" dashboard curl -fsS "http://127.0.0.1:$probes/readyz"
	exec 9>&-
	page=http://127.0.0.1:$listen
	local person
	for person in ada bob; do
		k create serviceaccount "$person" -n "$namespace" --dry-run=client -o yaml | k apply --server-side -f - >/dev/null
	done
	binding ada gimlet-releaser gimlet-approver
	binding bob gimlet-viewer
}

binding() { # person, roles...: in the namespace of the environments
	local person=$1 role
	shift
	for role in "$@"; do
		k create rolebinding "$person-$role" -n "$namespace" --clusterrole "$role" --serviceaccount "$namespace:$person" \
			--dry-run=client -o yaml | k apply --server-side -f - >/dev/null
	done
}

look_around() {
	step "What git has"
	typed "git -C $clone log --format='%h %s' -- staging/hello"
	git -C "$clone" log --format='    %h %s' -5 -- staging/hello
	step "What runs"
	typed "kubectl get apps,releases -n $namespace"
	k get apps,releases -n "$namespace" | sed 's/^/    /'
	step "Look around"
	cat <<TEXT
    export KUBECONFIG=$KUBECONFIG PATH=$target/debug:$bin:\$PATH
    gimlet -n $namespace status
    gimlet -n $namespace history hello -e staging
    kubectl get pods -n hello-staging
    kubectl describe release -n $namespace
    git -C $clone log
    less $root/operator/log/operator.log

    $page   the dashboard: sign in with a token
    kubectl create token ada -n $namespace    of somebody who may release and approve
    kubectl create token bob -n $namespace    of somebody who may look

    make demo          runs it again, quickly
    make demo-stop     stops everything that it started
TEXT
}

case ${1:-} in
stop) stop_demo ;;
"")
	build
	if [ -n "$own" ]; then control_plane; else ask; fi
	binaries
	operator
	# Git asks for it through a helper, so that the token is in no argument and no file.
	GIMLET_TOKEN=${GIMLET_GITOPS_TOKEN:-${GITEA_TOKEN:-}}
	export GIMLET_TOKEN
	repository
	releases
	others
	dashboard
	look_around
	;;
*) sed -n '2,7p' "$0"; exit 2 ;;
esac
