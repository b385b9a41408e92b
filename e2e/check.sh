#!/usr/bin/env bash
# Shows that the cluster in DIR behaves like one: check.sh [DIR]
# For a change of a version or of the stages: it takes half a minute, and needs jq.
set -uo pipefail
# shellcheck source=e2e/lib.sh
. "$(dirname "${BASH_SOURCE[0]}")/lib.sh"
D=$(cd "${1:-$root/main}" && pwd) || exit
work=$(mktemp -d)
ns=check-$RANDOM
group=$ns.example.com
k() { "$bin/kubectl" --kubeconfig "$D/admin.kubeconfig" "$@"; }
kn() { k -n "$ns" "$@"; }
# shellcheck disable=SC2329 # called by the trap
finish() {
	k delete namespace "$ns" --ignore-not-found --wait=false >/dev/null 2>&1
	k delete "crd/releases.$group" "validatingadmissionpolicy/$ns" "validatingadmissionpolicybinding/$ns" "clusterlogs/$ns" "clusterexec/$ns" --ignore-not-found >/dev/null 2>&1
	rm -rf "$work"
}
trap finish EXIT

pass=0 fail=0
is() { # what, expected pattern, command...
	local what=$1 want=$2 got t
	t=$(date +%s%N)
	shift 2
	got=$("$@" 2>&1)
	if [[ $got =~ $want ]]; then
		pass=$((pass + 1))
		printf 'ok   %5d ms  %s\n' $((($(date +%s%N) - t) / 1000000)) "$what"
	else
		fail=$((fail + 1))
		printf 'FAIL %s: wanted %s, got: %s\n' "$what" "$want" "${got:0:600}"
	fi
}
retry() { # pattern, command...: until its output has the pattern, 10 s at most
	local want=$1 got i
	shift
	for ((i = 0; i < 100; i++)); do
		got=$("$@" 2>&1)
		[[ $got =~ $want ]] && break
		sleep 0.1
	done
	echo "$got"
}

is "create namespace" created k create namespace "$ns"
crd() {
	k apply --server-side -f - <<YAML
apiVersion: apiextensions.k8s.io/v1
kind: CustomResourceDefinition
metadata: {name: releases.$group}
spec:
  group: $group
  names: {kind: Release, plural: releases, singular: release}
  scope: Namespaced
  versions:
  - name: v1
    served: true
    storage: true
    subresources: {status: {}}
    additionalPrinterColumns: [{name: Env, type: string, jsonPath: .spec.env}]
    schema:
      openAPIV3Schema:
        type: object
        properties:
          spec:
            type: object
            required: [env, version]
            x-kubernetes-validations:
            - {rule: "self.env == oldSelf.env", message: "env can not change"}
            properties:
              env: {type: string, x-kubernetes-validations: [{rule: "self.matches('^[a-z-]+\$')", message: "env must be lower case"}]}
              version: {type: string}
          status: {type: object, x-kubernetes-preserve-unknown-fields: true}
YAML
	k wait --for=condition=Established "crd/releases.$group" --timeout=20s
}
is "CRD established" "condition met" crd
rel() { # env, version, field manager
	printf 'apiVersion: %s/v1\nkind: Release\nmetadata: {name: r}\nspec: {env: %s, version: "%s"}\n' "$group" "$1" "$2" | kn apply --server-side --field-manager="$3" -f -
}
is "CEL rule refuses" "env must be lower case" rel Prod 1 cli
is "CR created" "serverside-applied" rel prod 1 cli
is "CEL transition rule refuses" "env can not change" rel staging 1 cli
is "status subresource" "patched" kn patch "releases.$group/r" --subresource=status --type=merge -p '{"status":{"phase":"Done"}}'
is "server-side apply conflict" "conflict with \"cli\"" rel prod 2 other
policy() {
	k apply --server-side -f - >/dev/null <<YAML
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicy
metadata: {name: $ns}
spec:
  matchConstraints: {resourceRules: [{apiGroups: [$group], apiVersions: ["*"], operations: [CREATE, UPDATE], resources: [releases]}]}
  validations: [{expression: "!(object.spec.version.contains('frozen'))", messageExpression: "'no release of ' + object.spec.version"}]
---
apiVersion: admissionregistration.k8s.io/v1
kind: ValidatingAdmissionPolicyBinding
metadata: {name: $ns}
spec: {policyName: $ns, validationActions: [Deny]}
YAML
	# A new policy takes 8 to 10 s to bite.
	retry "no release of frozen" kn patch "releases.$group/r" --type=merge -p '{"spec":{"version":"frozen"}}' --dry-run=server
}
is "ValidatingAdmissionPolicy denies" "no release of frozen" policy

deployment() { kn create deployment web --image=example/web:1.0 --replicas=3 >/dev/null; kn rollout status deployment/web --timeout=30s; }
is "Deployment rolls out on kwok" "successfully rolled out" deployment
endpoints() { kn expose deployment web --port=80 >/dev/null; retry "10\.244\." kn get endpointslices -o yaml; }
is "endpoints follow" "10\.244\." endpoints
image() { kn set image deployment/web "web=example/web:$1" >/dev/null; }
broken() { image broken; retry "ImagePullBackOff" kn get pods; }
is "broken image stays back" "ImagePullBackOff" broken
crash() { image crash; retry "CrashLoopBackOff" kn get pods; }
is "crashing image" "CrashLoopBackOff" crash
good() { image 1.1; kn rollout status deployment/web --timeout=30s; }
is "next good image rolls out" "successfully rolled out" good
job() { kn create job once --image=example/job:1 >/dev/null; kn wait --for=condition=complete job/once --timeout=30s; }
is "Job completes" "condition met" job
is "events" "Scheduled" kn get events
statefulset() {
	printf 'apiVersion: apps/v1\nkind: StatefulSet\nmetadata: {name: db}\nspec: {serviceName: db, replicas: 2, selector: {matchLabels: {a: db}}, template: {metadata: {labels: {a: db}}, spec: {containers: [{name: c, image: "x/y:1"}]}}}\n' | kn apply -f - >/dev/null
	kn rollout status sts/db --timeout=30s
}
is "StatefulSet" "roll ?out complete|rolling update complete" statefulset

rbac() { kn create serviceaccount bot; kn create role reader --verb=get,list --resource=pods; kn create rolebinding bot --role=reader --serviceaccount="$ns:bot"; }
is "RBAC objects" "bot created" rbac
token=$(kn create token bot --duration=10m)
api=$(k config view -o jsonpath='{.clusters[0].cluster.server}')
bot() { "$bin/kubectl" --kubeconfig /dev/null --server "$api" --certificate-authority "$D/pki/ca.crt" --token "$token" -n "$ns" "$@"; }
is "token: allowed" "web-" bot get pods
is "token: refused" "[Ff]orbidden" bot get secrets
is "can-i" "^yes" kn auth can-i list pods --as "system:serviceaccount:$ns:bot"
review() { printf '{"apiVersion":"authentication.k8s.io/v1","kind":"TokenReview","spec":{"token":"%s"}}' "$token" | k create -f - -o jsonpath='{.status.user.username}'; }
is "TokenReview" "system:serviceaccount:$ns:bot" review
access() { printf '{"apiVersion":"authorization.k8s.io/v1","kind":"SubjectAccessReview","spec":{"user":"system:serviceaccount:%s:bot","resourceAttributes":{"namespace":"%s","verb":"delete","resource":"pods"}}}' "$ns" "$ns" | k create -f - -o jsonpath='{.status.allowed}'; }
is "SubjectAccessReview says no" "false" access

pod=$(kn get pods -l app=web -o json | jq -r '[.items[] | select(.status.phase == "Running" and .metadata.deletionTimestamp == null)][0].metadata.name')
printf '%s\n' '2026-01-01T00:00:00.000000000Z stdout F hello from the log' '2026-01-01T00:00:01.000000000Z stderr F second line' >"$work/web.log"
logs() {
	k apply --server-side -f - >/dev/null <<YAML
apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterLogs
metadata: {name: $ns}
spec: {selector: {matchNamespaces: [$ns]}, logs: [{logsFile: $work/web.log, follow: true}]}
---
apiVersion: kwok.x-k8s.io/v1alpha1
kind: ClusterExec
metadata: {name: $ns}
spec: {selector: {matchNamespaces: [$ns]}, execs: [{local: {workDir: $work}}]}
YAML
	retry "hello from the log" kn logs "$pod"
}
is "kubectl logs" "hello from the log" logs
is "kubectl logs --tail" "^second line$" kn logs "$pod" --tail=1
follow() {
	(sleep 1; echo '2026-01-01T00:00:02.000000000Z stdout F third line' >>"$work/web.log") &
	timeout 3 "$bin/kubectl" --kubeconfig "$D/admin.kubeconfig" logs -f -n "$ns" "$pod"
}
is "kubectl logs -f" "third line" follow
is "kubectl exec" "exec works" kn exec "$pod" -- echo exec works
kustomize() {
	printf 'resources: [a.yaml]\npatches: [{patch: "- {op: replace, path: /data/a, value: patched}", target: {kind: ConfigMap}}]\n' >"$work/kustomization.yaml"
	printf 'apiVersion: v1\nkind: ConfigMap\nmetadata: {name: a}\ndata: {a: plain}\n' >"$work/a.yaml"
	k kustomize "$work"
}
is "kubectl kustomize" "a: patched" kustomize
helm_version() {
	mkdir -p "$work/chart/templates"
	printf 'apiVersion: v2\nname: c\nversion: 1.0.0\n' >"$work/chart/Chart.yaml"
	echo 'version: {{ .Capabilities.KubeVersion }}' >"$work/chart/templates/v.yaml"
	"$bin/helm" template c "$work/chart"
}
is "helm knows Kubernetes' version" "v1\.36\." helm_version
is "namespace deletion" "deleted" k delete namespace "$ns" --timeout=60s
echo "$pass passed, $fail failed"
[ $fail = 0 ]
