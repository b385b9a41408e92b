//! What a person does next, by the words of whoever refused.

/// Pairs of words that are looked for and what helps; the first that is found counts.
type Advice = &'static [(&'static [&'static str], &'static str)];

const IMAGE: Advice = &[
    (
        &["not found", "manifest unknown", "notfound", "does not exist"],
        "check that the tag was pushed to the registry, and release one that is there",
    ),
    (
        &["toomanyrequests", "rate limit", "429"],
        "the registry limits pulls: pull with an account, or from a mirror",
    ),
    (
        &["unauthorized", "denied", "forbidden", "authentication", "credentials", "401", "403"],
        "give the pods a pull secret that may read this image (imagePullSecrets)",
    ),
    (
        &["x509", "certificate"],
        "the nodes do not trust the registry's certificate: give them its authority",
    ),
    (
        &["no such host", "i/o timeout", "connection refused", "deadline exceeded", "unreachable"],
        "check that the nodes reach the registry",
    ),
    (
        &["no match for platform", "exec format"],
        "build the image for the architecture of the nodes",
    ),
];

const SCHEDULING: Advice = &[
    (
        &["persistentvolumeclaim", "volume"],
        "check the volume claim: its storage class, its zone, and whether it is bound",
    ),
    (&["insufficient", "too many pods"], "ask for less in the container's requests, or add nodes"),
    (
        &["affinity", "selector"],
        "compare the node selector and affinity with the labels of the nodes",
    ),
    (&["taint"], "add a toleration, or nodes without that taint"),
    (&["host ports", "free ports"], "another pod uses the host port: use a Service instead"),
    (&["preempt"], "raise the priority of the pods, or add nodes"),
];

const CREATION: Advice = &[
    (
        &["exceeded quota", "must specify"],
        "raise the namespace's ResourceQuota, or ask for less (requests, limits, replicas)",
    ),
    (&["podsecurity"], "meet the pod security level of the namespace in the pod's securityContext"),
    (
        &["serviceaccount", "service account"],
        "create the ServiceAccount that the pods name, or name one that is there",
    ),
    (&["limitrange", "maximum", "minimum"], "keep to the limits of the namespace's LimitRange"),
    (&["priorityclass"], "create the PriorityClass that the pods name, or name one that is there"),
    (&["webhook"], "an admission webhook refuses the pods: its words say what it wants"),
];

pub(super) fn image(words: &str) -> &'static str {
    find(IMAGE, words, "check the name of the image, and that the nodes may pull it")
}

pub(super) fn scheduling(words: &str) -> &'static str {
    find(SCHEDULING, words, "compare what the pods ask for with what the nodes have")
}

pub(super) fn creation(words: &str) -> &'static str {
    find(CREATION, words, "change what the message names, in the manifest or in the namespace")
}

/// Tells what to do about a container that ended.
pub(super) fn exit(code: i32) -> &'static str {
    match code {
        0 => "the program ends by itself: let it run on, or make it a Job",
        126 | 127 => "the command is not in the image or cannot be run: check command and args",
        128 => "the container's command could not be started: check command and args",
        132 | 139 => "the program crashed by itself: read the last lines of its log",
        137 => "it was killed: look for a failing liveness probe or too little memory on the node",
        143 => "it was asked to end: look for a failing liveness probe in its events",
        _ => "read the last lines of its log (those of the previous container)",
    }
}

fn find(advice: Advice, words: &str, otherwise: &'static str) -> &'static str {
    let words = words.to_ascii_lowercase();
    advice
        .iter()
        .find(|(signs, _)| signs.iter().any(|sign| words.contains(sign)))
        .map_or(otherwise, |(_, step)| step)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_registrys_words_decide_what_to_do() {
        let gone =
            "failed to resolve reference \"docker.io/acme/web:9\": docker.io/acme/web:9: not found";
        assert!(image(gone).starts_with("check that the tag"));
        assert!(image("pull access denied, repository does not exist").starts_with("check that"));
        assert!(image("401 Unauthorized").contains("pull secret"));
        assert!(image("toomanyrequests: You have reached your pull rate limit").contains("mirror"));
        assert!(image("dial tcp: lookup reg.example: no such host").contains("reach"));
        assert!(image("something else").contains("name of the image"));
    }

    #[test]
    fn the_schedulers_words_decide_what_to_do() {
        let cpu = "0/3 nodes are available: 3 Insufficient cpu.";
        assert!(scheduling(cpu).starts_with("ask for less"));
        let claim = "0/3 nodes are available: pod has unbound immediate PersistentVolumeClaims.";
        assert!(scheduling(claim).starts_with("check the volume claim"));
        let taint = "0/1 nodes are available: 1 node(s) had untolerated taint {gpu: true}.";
        assert!(scheduling(taint).contains("toleration"));
    }
}
