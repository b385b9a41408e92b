#!/usr/bin/env bash
# A Kubernetes cluster without containers, on loopback: etcd, kube-apiserver,
# kube-controller-manager, kube-scheduler, kwok (fake nodes and kubelet) and Flux.
#   cluster.sh build               build the tools unless they are built ($E2E_CACHE, else ~/.cache/e2e-tools)
#   cluster.sh tools               build them and print the folder of the binaries
#   cluster.sh where               print that folder, built or not
#   cluster.sh up [DIR]            start what does not run yet of the cluster whose state is in DIR
#   cluster.sh status [DIR]        say what runs; succeeds if all of it does
#   cluster.sh kill DIR NAME       kill -9 one process
#   cluster.sh restart DIR NAME    the same, and start it again
#   cluster.sh down [DIR]          stop it (the state stays; up starts it again)
#   cluster.sh destroy [DIR]       stop it at once and delete its state
# DIR is $E2E_STATE/main, else ~/.cache/gimlet-e2e/main; DIR/admin.kubeconfig is the
# way in. FLUX=0 leaves Flux out; its events go to EVENTS_ADDR (a URL), if that is set. AUTHENTICATION_CONFIG is
# a file for the API server's --authentication-config.
set -euo pipefail
# shellcheck source=e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"

kubernetes=(etcd kube-apiserver kube-controller-manager kube-scheduler kwok)
flux=(source-controller kustomize-controller)
processes=("${kubernetes[@]}")
[ "${FLUX:-1}" = 0 ] || processes+=("${flux[@]}")

# One CA signs the server and every client; keys are P-256, so this takes well under a second.
pki() {
	cd "$D/pki"
	openssl ecparam -name prime256v1 -genkey -noout -out ca.key
	openssl req -x509 -new -key ca.key -sha256 -days 3650 -subj /CN=e2e-ca -out ca.crt
	openssl ecparam -name prime256v1 -genkey -noout -out sa.key
	openssl ec -in sa.key -pubout -out sa.pub 2>/dev/null
	cert() { # name subject usage [san]
		openssl ecparam -name prime256v1 -genkey -noout -out "$1.key"
		openssl req -new -key "$1.key" -subj "$2" | openssl x509 -req -CA ca.crt -CAkey ca.key -set_serial "0x$(openssl rand -hex 8)" -days 3650 -sha256 \
			-extfile <(echo "extendedKeyUsage=$3"; [ -z "${4-}" ] || echo "subjectAltName=$4") -out "$1.crt" 2>/dev/null
	}
	cert apiserver /CN=kube-apiserver serverAuth IP:127.0.0.1,IP:10.96.0.1,DNS:localhost,DNS:kubernetes,DNS:kubernetes.default.svc
	cert kubelet-client /O=system:masters/CN=kube-apiserver-kubelet-client clientAuth
	cert admin /O=system:masters/CN=admin clientAuth
	cert kube-controller-manager /CN=system:kube-controller-manager clientAuth
	cert kube-scheduler /CN=system:kube-scheduler clientAuth
	cert kwok /O=system:masters/CN=kwok clientAuth
	cert flux /O=system:masters/CN=flux clientAuth
}

kubeconfig() { # name
	cat >"$D/$1.kubeconfig" <<YAML
apiVersion: v1
kind: Config
current-context: e2e
clusters: [{name: e2e, cluster: {server: "https://127.0.0.1:$API", certificate-authority-data: $(base64 -w0 "$D/pki/ca.crt")}}]
users: [{name: $1, user: {client-certificate-data: $(base64 -w0 "$D/pki/$1.crt"), client-key-data: $(base64 -w0 "$D/pki/$1.key")}}]
contexts: [{name: e2e, context: {cluster: e2e, user: $1}}]
YAML
}

command_of() { # the argv of one process, one word a line
	local p=$D/pki
	case $1 in
	etcd) printf '%s\n' "$bin/etcd" --name=e2e --data-dir="$D/etcd" --unsafe-no-fsync --log-level=warn \
		--listen-client-urls="http://127.0.0.1:$ETCD" --advertise-client-urls="http://127.0.0.1:$ETCD" \
		--listen-peer-urls="http://127.0.0.1:$PEER" --initial-advertise-peer-urls="http://127.0.0.1:$PEER" --initial-cluster="e2e=http://127.0.0.1:$PEER" ;;
	# A loopback address is not a valid endpoint, so nobody reconciles the Service "kubernetes".
	kube-apiserver) printf '%s\n' "$bin/kube-apiserver" --etcd-servers="http://127.0.0.1:$ETCD" --bind-address=127.0.0.1 --secure-port="$API" \
		--advertise-address=127.0.0.1 --endpoint-reconciler-type=none --service-cluster-ip-range=10.96.0.0/16 \
		--tls-cert-file="$p/apiserver.crt" --tls-private-key-file="$p/apiserver.key" --client-ca-file="$p/ca.crt" --cert-dir="$p" \
		--service-account-issuer=https://kubernetes.default.svc --service-account-key-file="$p/sa.pub" --service-account-signing-key-file="$p/sa.key" \
		--authorization-mode=Node,RBAC --allow-privileged=true --kubelet-preferred-address-types=InternalIP \
		--kubelet-client-certificate="$p/kubelet-client.crt" --kubelet-client-key="$p/kubelet-client.key" --profiling=false \
		${AUTHENTICATION_CONFIG:+"--authentication-config=$AUTHENTICATION_CONFIG"} ;;
	# At the default rate the first service account takes three seconds longer.
	kube-controller-manager) printf '%s\n' "$bin/kube-controller-manager" --kubeconfig="$D/kube-controller-manager.kubeconfig" --leader-elect=false --secure-port=0 \
		--use-service-account-credentials=true --service-account-private-key-file="$p/sa.key" --root-ca-file="$p/ca.crt" --kube-api-qps=300 --kube-api-burst=600 \
		--authentication-kubeconfig= --authorization-kubeconfig= --profiling=false ;;
	kube-scheduler) printf '%s\n' "$bin/kube-scheduler" --kubeconfig="$D/kube-scheduler.kubeconfig" --leader-elect=false --secure-port=0 --kube-api-qps=300 --kube-api-burst=600 --profiling=false ;;
	kwok) printf '%s\n' "$bin/kwok" --kubeconfig="$D/kwok.kubeconfig" --manage-all-nodes=true --config="$tools/node-initialize.yaml" --config="$tools/node-heartbeat-with-lease.yaml" --config="$e2e/stages.yaml" \
		--cidr=10.244.0.0/16 --node-ip=127.0.0.1 --node-port="$KWOK" --server-address="127.0.0.1:$KWOK" --node-lease-duration-seconds=40 \
		--enable-crds=Logs,ClusterLogs,Exec,ClusterExec ;;
	# Without a 0 both controllers listen on :8080 and :9440 of all interfaces.
	source-controller) printf '%s\n' env KUBECONFIG="$D/flux.kubeconfig" RUNTIME_NAMESPACE=flux-system "$bin/source-controller" --metrics-addr=0 --health-addr=0 \
		--storage-path="$D/artifacts" --storage-addr="127.0.0.1:$ART" --storage-adv-addr="127.0.0.1:$ART" --events-addr="${EVENTS_ADDR-}" --log-level=info ;;
	kustomize-controller) printf '%s\n' env KUBECONFIG="$D/flux.kubeconfig" RUNTIME_NAMESPACE=flux-system "$bin/kustomize-controller" --metrics-addr=0 --health-addr=0 \
		--requeue-dependency=2s --feature-gates=CancelHealthCheckOnNewRevision=true --events-addr="${EVENTS_ADDR-}" --log-level=info ;;
	*) echo "there is no process \"$1\": ${kubernetes[*]} ${flux[*]}" >&2; return 1 ;;
	esac
}

start() {
	local words argv
	words=$(command_of "$1")
	mapfile -t argv <<<"$words"
	spawn "$1" "${argv[@]}"
}

k() { "$bin/kubectl" --kubeconfig "$D/admin.kubeconfig" "$@"; }
# kubectl takes 0.1 s to start; this takes 0.02 s, which is what `up` on a running cluster costs.
ready() { curl -fsS --max-time 5 --cacert "$D/pki/ca.crt" "https://127.0.0.1:$API/readyz"; }
inputs() { echo "$tools"; sha256sum <"$e2e/stages.yaml"; }

up() {
	need openssl python3 curl flock setsid
	mkdir -p "$D"/{pki,artifacts}
	# shellcheck source=/dev/null
	[ ! -f "$D/ports" ] || . "$D/ports"
	# The stamp is written last: it means that CRDs, node and namespaces of these very tools are in place.
	if [ -f "$D/stamp" ] && [ "$(cat "$D/stamp")" = "$(inputs)" ]; then
		if status "${processes[@]}" >/dev/null && ready >/dev/null 2>&1; then say "the cluster in $D is up"; return; fi
	else
		down # what runs was started from other tools
		rm -f "$D/stamp"
	fi
	if [ ! -f "$D/ports" ]; then
		read -r a b c d e < <(free_ports 5)
		printf 'ETCD=%s\nPEER=%s\nAPI=%s\nKWOK=%s\nART=%s\n' "$a" "$b" "$c" "$d" "$e" >"$D/ports"
		# shellcheck source=/dev/null
		. "$D/ports"
	fi
	if [ ! -f "$D/pki/done" ]; then
		(pki)
		touch "$D/pki/done"
	fi
	for u in admin kube-controller-manager kube-scheduler kwok flux; do kubeconfig "$u"; done
	say "certificates"
	start etcd
	start kube-apiserver
	until_ok "kube-apiserver ready" kube-apiserver ready
	start kube-controller-manager
	start kube-scheduler
	if [ ! -f "$D/stamp" ]; then
		k apply --server-side --force-conflicts -f "$tools/crds" >/dev/null
		k wait --for=condition=Established crd --all --timeout=2m >/dev/null
		say "CRDs established"
		k apply --server-side -f - >/dev/null <<'YAML'
apiVersion: v1
kind: Node
metadata: {name: node-0, annotations: {kwok.x-k8s.io/node: fake}, labels: {type: kwok, kubernetes.io/hostname: node-0, kubernetes.io/os: linux}}
---
apiVersion: v1
kind: Namespace
metadata: {name: flux-system}
YAML
	fi
	for p in "${processes[@]}"; do start "$p"; done
	until_ok "default service account" kube-controller-manager k get serviceaccount -n default default
	k wait --for=condition=Ready node --all --timeout=2m >/dev/null
	inputs >"$D/stamp"
	say "node ready"
	status "${processes[@]}" >"$D/status" || { cat "$D/status" >&2; echo "a process ended right after its start: see $D/log" >&2; exit 1; }
}

down() {
	stop TERM kustomize-controller source-controller kwok kube-scheduler kube-controller-manager
	stop TERM kube-apiserver
	stop TERM etcd
}

destroy() {
	stop KILL "${flux[@]}" "${kubernetes[@]}"
	rm -rf "$D"
}

dir=${2:-$root/main}
case ${1-} in
build) build ;;
tools) build; echo "$bin" ;;
where) echo "$bin" ;;
up) build; state "$dir"; up ;;
down) state "$dir"; down ;;
destroy) [ -d "$dir" ] || exit 0; known "$dir"; state "$dir"; destroy ;;
status) [ -d "$dir/pid" ] || { echo "no cluster in $dir"; exit 1; }; D=$dir; status "${processes[@]}" ;;
kill | restart)
	state "$dir"
	# shellcheck source=/dev/null
	. "$D/ports"
	command_of "${3-}" >/dev/null
	stop KILL "$3"
	[ "$1" = kill ] || start "$3"
	;;
*) usage ;;
esac
