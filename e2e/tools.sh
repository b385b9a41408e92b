# shellcheck shell=bash
# Sourced by lib.sh: where the tools are kept, and how they are built. They live
# outside the checkout, in a folder named after all that they are built from, so
# that a fresh clone finds them and a change of a pin builds new ones.
e2e=$(cd "$(dirname "${BASH_SOURCE[0]}")" && pwd)
cache=${E2E_CACHE:-${XDG_CACHE_HOME:-$HOME/.cache}/e2e-tools}
tools=$cache/$(cd "$e2e" && cat tools.sh tools/go.* tools/cmd/*/*.go tools/artifact/go.mod tools/artifact/*/*.go gitea/go.* | sha256sum | cut -c1-12)
# shellcheck disable=SC2034 # used by the scripts that source this one
bin=$tools/bin

need() { # program...: what a build or a run can't do without
	local p missing=()
	for p; do command -v "$p" >/dev/null || missing+=("$p"); done
	[ ${#missing[@]} = 0 ] || { echo "not installed: ${missing[*]}; .ci/run installs what Debian packages, Go is from https://go.dev/dl" >&2; exit 1; }
}

build() ( # makes $tools unless it is there; not to be called where `set -e` has no effect (before a && or ||)
	set -euo pipefail
	[ ! -d "$tools" ] || exit 0
	need go gcc flock
	mkdir -p "$cache"
	exec 9>"$cache/lock"
	flock --nonblock 9 || { echo "waiting for another build of the control plane's tools" >&2; flock 9; }
	[ ! -d "$tools" ] || exit 0
	echo "building the control plane's tools: about 7 minutes the first time (2 cores), into $tools" >&2
	begun=$SECONDS
	step() { printf '%5d s  %s\n' $((SECONDS - begun)) "$1" >&2; }
	dir() { go list -m -f '{{.Dir}}' "$1"; }
	version() { go list -m -f '{{.Version}}' "$1"; }
	tmp=$tools.tmp
	rm -rf "$tmp" && mkdir -p "$tmp"/{bin,crds,gitea}
	export GOFLAGS=-buildvcs=false # a stamp would make every commit link anew

	cd "$e2e/tools"
	step "1/4 downloading modules"
	go mod download 2>&1 | grep -v '^go: downloading' >&2 || true
	(cd "$e2e/gitea" && go mod download 2>&1 | grep -v '^go: downloading' >&2) || true
	# Unless told, the server calls itself v0.0.0 and helm tells charts that Kubernetes is v1.20.
	kube=$(version k8s.io/kubernetes) minor=${kube#v1.} minor=${minor%%.*}
	v=k8s.io/component-base/version h=helm.sh/helm/v3
	step "2/4 etcd and Kubernetes $kube"
	flags="-s -w -X $v.gitVersion=$kube -X $v.gitMajor=1 -X $v.gitMinor=$minor -X $v.gitTreeState=clean -X $h/internal/version.version=$(version $h)"
	for package in chartutil lint/rules; do
		flags+=" -X $h/pkg/$package.k8sVersionMajor=1 -X $h/pkg/$package.k8sVersionMinor=$minor"
	done
	go build -trimpath -o "$tmp/bin/" -ldflags "$flags" ./cmd/kubebox
	for a in etcd kube-apiserver kube-controller-manager kube-scheduler kwok kubectl; do ln -s kubebox "$tmp/bin/$a"; done
	step "3/4 Flux and Helm"
	go build -trimpath -o "$tmp/bin/" -ldflags "$flags" github.com/fluxcd/source-controller github.com/fluxcd/kustomize-controller $h/cmd/helm ./cmd/renderer ./cmd/unsops
	# What the modules bring besides code: CRDs, the fake node's stages, Gitea's templates.
	cp "$(dir github.com/fluxcd/source-controller)"/config/crd/bases/*.yaml "$(dir github.com/fluxcd/kustomize-controller)"/config/crd/bases/*.yaml \
		"$(dir sigs.k8s.io/kwok)"/kustomize/crd/bases/kwok.x-k8s.io_{logs,execs,clusterlogs,clusterexecs}.yaml "$tmp/crds/"
	cp "$(dir sigs.k8s.io/kwok)"/kustomize/stage/node/{fast/node-initialize,heartbeat-with-lease/node-heartbeat-with-lease}.yaml "$tmp/"

	cd "$e2e/gitea"
	gitea=$(version code.gitea.io/gitea)
	step "4/4 Gitea $gitea"
	go build -trimpath -tags sqlite,sqlite_unlock_notify -ldflags "-s -w -X main.Version=${gitea#v}" -o "$tmp/bin/" code.gitea.io/gitea
	cp -r "$(dir code.gitea.io/gitea)"/{templates,options,public} "$tmp/gitea/"
	chmod -R u+w "$tmp"
	mv "$tmp" "$tools"
	step "built"
)
