//! `logs`: what the containers of an app say.

use std::collections::HashSet;
use std::time::Duration;

use clap::Args;
use clap::builder::styling::AnsiColor;
use futures::io::{AsyncBufReadExt as _, AsyncReadExt as _};
use futures::{AsyncBufRead, StreamExt as _};
use gimlet_agent::protocol::AppState;
use k8s_openapi::api::core::v1::Pod;
use kube::api::{Api, ApiResource, DynamicObject, LogParams};
use kube::runtime::watcher::{self, Config};
use kube::runtime::{WatchStreamExt as _, watcher as watch};
use tokio::sync::mpsc;

use crate::args::{Global, Place};
use crate::cluster::Cluster;
use crate::error::{CommandError, Finish, Kind};
use crate::follow::parse_duration;
use crate::live::{Agent, Applied, Said, Selected, Started, refused, started};
use crate::output::{self, Cell};

/// Longest line that is kept whole, in bytes; a longer one is broken.
const MAX_LINE: u64 = 64 * 1024;
/// Longest line of an agent's answer, in bytes: it cuts texts to 16 KiB, and characters may be escaped.
const MAX_ANSWER: u64 = 256 * 1024;
/// Lines that wait to be written.
const WAITING_LINES: usize = 256;
/// Colours by which pods are told apart.
const COLORS: [AnsiColor; 6] = [
    AnsiColor::Cyan,
    AnsiColor::Green,
    AnsiColor::Magenta,
    AnsiColor::Yellow,
    AnsiColor::Blue,
    AnsiColor::BrightCyan,
];

/// Show what the containers of an app say
///
/// The pods are those of the workloads that Flux keeps for the app, read with your rights from the
/// cluster of the context; where that is not the one that Flux applies the app to, name it with
/// --context. With a server they are asked for from the agent of that cluster, which reads them with
/// your rights there. Where there is more than one container, each line begins with its pod and its name.
/// With --follow pods that come later are followed too.
#[derive(Debug, Args)]
#[command(after_help = "Examples:
  gimlet logs shop -e production
  gimlet logs shop -e production --follow --since 10m
  # what a container said before it crashed
  gimlet logs shop -e production --previous
  gimlet logs shop -e production -c app --tail -1 --context eu-1")]
#[expect(clippy::struct_excessive_bools, reason = "each is a flag")]
pub(crate) struct LogsArgs {
    #[command(flatten)]
    place: Place,
    /// Go on, and tell each new line
    #[arg(short, long, conflicts_with = "previous")]
    follow: bool,
    /// What was said before the last restart
    #[arg(short, long)]
    previous: bool,
    /// Only what is not older, such as 90s, 10m or 2h
    #[arg(long, value_name = "DURATION", value_parser = parse_duration)]
    since: Option<Duration>,
    /// How many of the last lines of each container; -1 for all
    #[arg(long, value_name = "LINES", default_value = "100", allow_negative_numbers = true)]
    tail: i64,
    /// Only containers of this name
    #[arg(short, long, value_name = "NAME")]
    container: Option<String>,
    /// Only this pod
    #[arg(long, value_name = "NAME")]
    pod: Option<String>,
    /// Begin each line with its time
    #[arg(long)]
    timestamps: bool,
    /// Never begin lines with pod and container
    #[arg(long)]
    no_prefix: bool,
    /// Namespace of Flux' objects; the Environment says it where this cluster has it
    #[arg(long, value_name = "NAME")]
    flux_namespace: Option<String>,
}

pub(super) async fn run(args: &LogsArgs, global: &Global) -> Result<Finish, CommandError> {
    let cluster = Cluster::connect(global).await?;
    if let Some((agent, running)) = Agent::find(&cluster, &args.place).await? {
        return args.ask(&agent, &running.state).await;
    }
    let applied = Applied::find(&cluster, &args.place, args.flux_namespace.as_deref()).await?;
    let workloads = workloads(&cluster, &applied).await?;
    let Place { app, environment } = &args.place;
    if workloads.is_empty() {
        return Err(CommandError::new(
            Kind::NotFound,
            format!("{app} has no workloads in {environment}, so nothing says anything"),
        )
        .hint(format!("gimlet tree {app} -e {environment}")));
    }
    let mut pods = Vec::new();
    for workload in &workloads {
        pods.extend(workload.pods(&cluster).await?);
    }
    let chosen: Vec<Started> = pods.iter().flat_map(|pod| args.choose(pod)).collect();
    if args.follow {
        return follow(args, &cluster, &workloads, chosen.len() > 1).await;
    }
    if chosen.is_empty() {
        return Err(args.nothing(&pods));
    }
    let prefixed = chosen.len() > 1 && !args.no_prefix;
    for container in &chosen {
        let mut lines = Lines::open(args, &cluster, container).await?;
        let prefix =
            if prefixed { prefix(&container.pod, &container.container) } else { String::new() };
        while let Some(line) = lines.next().await? {
            output::print(&format!("{prefix}{line}\n"))?;
        }
    }
    Ok(Finish::Done)
}

/// Finds the pods' selectors of what Flux applied.
async fn workloads(cluster: &Cluster, applied: &Applied) -> Result<Vec<Selected>, CommandError> {
    let mut found = Vec::new();
    for object in &applied.objects {
        let plural = match (object.group.as_str(), object.kind.as_str()) {
            ("apps", "Deployment") => "deployments",
            ("apps", "StatefulSet") => "statefulsets",
            ("apps", "DaemonSet") => "daemonsets",
            ("batch", "Job") => "jobs",
            _ => continue,
        };
        let resource = ApiResource::from_gvk_with_plural(&object.gvk(), plural);
        let api: Api<DynamicObject> =
            Api::namespaced_with(cluster.client.clone(), &object.namespace, &resource);
        let workload = api
            .get_opt(&object.name)
            .await
            .map_err(|error| refused(cluster, "get", plural, &object.namespace, &error))?;
        let value = workload.and_then(|workload| serde_json::to_value(workload).ok());
        found.extend(value.and_then(|value| Selected::of(&object.kind, &value)));
    }
    Ok(found)
}

impl LogsArgs {
    /// Asks the agent of the app's cluster.
    async fn ask(&self, agent: &Agent<'_>, app: &AppState) -> Result<Finish, CommandError> {
        let chosen = app
            .pods
            .iter()
            .filter(|pod| self.pod.as_ref().is_none_or(|name| *name == pod.name))
            .flat_map(|pod| &pod.containers)
            .filter(|found| self.container.as_ref().is_none_or(|name| *name == found.name));
        let prefixed = !self.no_prefix && (self.follow || chosen.count() > 1);
        let mut lines =
            Lines { reader: Box::new(agent.logs(&self.asks()).await?), most: MAX_ANSWER };
        while let Some(line) = lines.next_raw().await? {
            if line.is_empty() {
                continue;
            }
            let said = serde_json::from_str(&line).map_err(|error| {
                CommandError::general(format!("a line of the answer cannot be read: {error}"))
            })?;
            match said {
                Said::Line(line) => {
                    let prefix =
                        if prefixed { prefix(&line.pod, &line.container) } else { String::new() };
                    let time = line.time.filter(|_| self.timestamps);
                    let time = time.map(|time| format!("{time} ")).unwrap_or_default();
                    output::print(&format!("{prefix}{time}{}\n", plain(&line.text)))?;
                }
                Said::Dropped { dropped } => {
                    output::note(&format!("{dropped} lines are left out: there were too many"));
                }
                Said::Failed { error } => return Err(error.into()),
            }
        }
        Ok(Finish::Done)
    }

    /// Puts what was asked for into words of the dashboard.
    fn asks(&self) -> Vec<(&'static str, String)> {
        let mut asks = Vec::new();
        for (name, wanted) in [("follow", self.follow), ("previous", self.previous)] {
            if wanted {
                asks.push((name, "true".to_owned()));
            }
        }
        if let Some(since) = self.since {
            asks.push(("sinceSeconds", since.as_secs().max(1).to_string()));
        }
        if self.tail >= 0 {
            asks.push(("tail", self.tail.to_string()));
        }
        asks.extend(self.pod.iter().map(|name| ("pods", name.clone())));
        asks.extend(self.container.iter().map(|name| ("containers", name.clone())));
        asks
    }

    /// Picks the containers of a pod that were asked for and have something to say.
    fn choose(&self, pod: &Pod) -> Vec<Started> {
        let mut chosen = started(pod, self.previous);
        chosen.retain(|found| {
            self.container.as_ref().is_none_or(|name| *name == found.container)
                && self.pod.as_ref().is_none_or(|name| *name == found.pod)
        });
        chosen
    }

    fn params(&self, container: &Started) -> LogParams {
        LogParams {
            container: Some(container.container.clone()),
            follow: self.follow,
            previous: self.previous,
            since_seconds: self
                .since
                .map(|since| i64::try_from(since.as_secs()).unwrap_or(i64::MAX).max(1)),
            tail_lines: (self.tail >= 0).then_some(self.tail),
            timestamps: self.timestamps,
            ..LogParams::default()
        }
    }

    /// Says why there is nothing to show.
    fn nothing(&self, pods: &[Pod]) -> CommandError {
        let Place { app, environment } = &self.place;
        let tree = format!("gimlet tree {app} -e {environment}");
        let message = if pods.is_empty() {
            format!("there are no pods of {app} in {environment}")
        } else if self.container.is_some() || self.pod.is_some() {
            let mut names: Vec<String> = pods
                .iter()
                .flat_map(|pod| started(pod, self.previous))
                .map(|found| format!("{} {}", found.pod, found.container))
                .collect();
            names.truncate(10);
            let names = if names.is_empty() { "none".to_owned() } else { names.join(", ") };
            format!("no such pod or container of {app} in {environment}; there are: {names}")
        } else if self.previous {
            format!("no container of {app} in {environment} was restarted")
        } else {
            format!("no container of {app} in {environment} has been started yet")
        };
        CommandError::new(Kind::NotFound, message).hint(tree)
    }
}

/// Follows the containers that are there and those that come, until the person has seen enough.
async fn follow(
    args: &LogsArgs,
    cluster: &Cluster,
    workloads: &[Selected],
    several: bool,
) -> Result<Finish, CommandError> {
    let (send, mut receive) = mpsc::channel::<String>(WAITING_LINES);
    let watches = workloads.iter().map(|workload| {
        let config = Config::default().labels_from(&workload.selector);
        let api: Api<Pod> = Api::namespaced(cluster.client.clone(), &workload.namespace);
        watch(api, config).default_backoff().boxed()
    });
    let mut pods = futures::stream::select_all(watches);
    let mut known: HashSet<Started> = HashSet::new();
    loop {
        let pod = tokio::select! {
            line = receive.recv() => {
                if let Some(line) = line {
                    output::print(&line)?;
                }
                continue;
            }
            event = pods.next() => match event {
                Some(Ok(watcher::Event::InitApply(pod) | watcher::Event::Apply(pod))) => pod,
                Some(Err(watcher::Error::InitialListFailed(error) | watcher::Error::WatchStartFailed(error)))
                    if is_forbidden(&error) =>
                {
                    let namespace = workloads.first().map_or("", |found| found.namespace.as_str());
                    return Err(refused(cluster, "watch", "pods", namespace, &error));
                }
                Some(_) => continue,
                None => return Ok(Finish::Done),
            },
        };
        for container in args.choose(&pod) {
            if !known.insert(container.clone()) {
                continue;
            }
            // One container may have company later, so a followed line nearly always says whose it is.
            let prefixed = !args.no_prefix && (several || known.len() > 1);
            let prefix =
                if prefixed { prefix(&container.pod, &container.container) } else { String::new() };
            let mut lines = match Lines::open(args, cluster, &container).await {
                Ok(lines) => lines,
                Err(error) if error.kind() == Kind::Forbidden => return Err(error),
                // A pod can go between being seen and being asked.
                Err(_) => continue,
            };
            let send = send.clone();
            tokio::spawn(async move {
                while let Ok(Some(line)) = lines.next().await {
                    if send.send(format!("{prefix}{line}\n")).await.is_err() {
                        return;
                    }
                }
            });
        }
    }
}

fn is_forbidden(error: &kube::Error) -> bool {
    matches!(error, kube::Error::Api(status) if matches!(status.code, 401 | 403))
}

/// Returns what a line of a container begins with.
fn prefix(pod: &str, container: &str) -> String {
    let sum: usize = pod.bytes().map(usize::from).sum();
    let color = COLORS[sum % COLORS.len()];
    let name = format!("{pod} {container}");
    format!("{} | ", Cell::colored(name, color).styled())
}

/// The lines of a container.
struct Lines {
    reader: Box<dyn AsyncBufRead + Send + Unpin>,
    /// Longest line that is kept whole, in bytes.
    most: u64,
}

impl Lines {
    async fn open(
        args: &LogsArgs,
        cluster: &Cluster,
        container: &Started,
    ) -> Result<Self, CommandError> {
        let Started { namespace, pod, .. } = container;
        let api: Api<Pod> = Api::namespaced(cluster.client.clone(), namespace);
        let reader = api
            .log_stream(pod, &args.params(container))
            .await
            .map_err(|error| refused(cluster, "get", "pods/log", namespace, &error))?;
        Ok(Self { reader: Box::new(Box::pin(reader)), most: MAX_LINE })
    }

    /// Reads the next line, without its end and without what would drive the terminal.
    async fn next(&mut self) -> Result<Option<String>, CommandError> {
        Ok(self.next_raw().await?.map(|line| plain(&line)))
    }

    /// Reads the next line as it is, without its end.
    async fn next_raw(&mut self) -> Result<Option<String>, CommandError> {
        let mut bytes = Vec::new();
        (&mut self.reader)
            .take(self.most)
            .read_until(b'\n', &mut bytes)
            .await
            .map_err(|error| CommandError::general(format!("the logs broke off: {error}")))?;
        if bytes.is_empty() {
            return Ok(None);
        }
        let line = String::from_utf8_lossy(&bytes);
        Ok(Some(line.trim_end_matches(['\n', '\r']).to_owned()))
    }
}

/// Leaves colours and tabs in a line, and takes out what moves the cursor or does worse.
fn plain(line: &str) -> String {
    let mut text = String::with_capacity(line.len());
    let mut rest = line;
    while let Some(at) = rest.find(|c: char| c.is_control() && c != '\t') {
        text.push_str(&rest[..at]);
        rest = &rest[at..];
        if let Some(color) = color(rest) {
            text.push_str(color);
            rest = &rest[color.len()..];
        } else {
            rest = rest.char_indices().nth(1).map_or("", |(next, _)| &rest[next..]);
        }
    }
    text.push_str(rest);
    text
}

/// Returns the escape sequence for a colour at the beginning of a text.
fn color(text: &str) -> Option<&str> {
    let inner = text.strip_prefix("\u{1b}[")?;
    let end = inner.find(|c: char| !(c.is_ascii_digit() || c == ';'))?;
    inner[end..].starts_with('m').then(|| &text[..=2 + end])
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_json::{Value, json};

    fn args(container: Option<&str>, previous: bool) -> LogsArgs {
        LogsArgs {
            place: Place { app: "shop".into(), environment: "staging".into() },
            follow: false,
            previous,
            since: Some(Duration::from_millis(100)),
            tail: -1,
            container: container.map(Into::into),
            pod: None,
            timestamps: false,
            no_prefix: false,
            flux_namespace: None,
        }
    }

    fn pod(state: &Value) -> Pod {
        serde_json::from_value(json!({
            "metadata": {"name": "shop-1", "namespace": "shop", "uid": "u"},
            "status": {"containerStatuses": [{"name": "app", "image": "i", "imageID": "", "ready": true,
                "restartCount": 0, "state": state}]},
        }))
        .unwrap()
    }

    #[test]
    fn nothing_to_show_says_why() {
        let running = [pod(&json!({"running": {}}))];
        let waiting = [pod(&json!({"waiting": {"reason": "ImagePullBackOff"}}))];
        let said = |args: &LogsArgs, pods: &[Pod]| args.nothing(pods).message().to_owned();
        assert_eq!(said(&args(None, false), &[]), "there are no pods of shop in staging");
        assert!(said(&args(None, false), &waiting).contains("has been started yet"));
        assert!(said(&args(None, true), &running).contains("was restarted"));
        assert!(said(&args(Some("x"), false), &running).ends_with("there are: shop-1 app"));
    }

    #[test]
    fn containers_are_chosen_by_name() {
        let pod = pod(&json!({"running": {}}));
        assert_eq!(args(None, false).choose(&pod).len(), 1);
        assert_eq!(args(Some("app"), false).choose(&pod).len(), 1);
        assert!(args(Some("sidecar"), false).choose(&pod).is_empty());
        assert!(args(None, true).choose(&pod).is_empty());
    }

    #[test]
    fn a_part_of_a_second_is_a_second_and_minus_one_is_every_line() {
        let container = args(None, false).choose(&pod(&json!({"running": {}}))).remove(0);
        let params = args(None, false).params(&container);
        assert_eq!((params.since_seconds, params.tail_lines), (Some(1), None));
    }

    #[test]
    fn an_agent_is_asked_for_the_same() {
        let asks =
            LogsArgs { follow: true, tail: 7, pod: Some("p".into()), ..args(Some("app"), false) };
        let expected = [
            ("follow", "true"),
            ("sinceSeconds", "1"),
            ("tail", "7"),
            ("pods", "p"),
            ("containers", "app"),
        ];
        assert_eq!(asks.asks(), expected.map(|(name, value)| (name, value.to_owned())));
        assert_eq!(args(None, true).asks()[0], ("previous", "true".to_owned()));
    }

    #[test]
    fn a_log_may_have_colours_but_not_drive_the_terminal() {
        assert_eq!(plain("\u{1b}[31mred\u{1b}[0m\ttab"), "\u{1b}[31mred\u{1b}[0m\ttab");
        assert_eq!(plain("a\u{1b}[2Jb\u{7}c"), "a[2Jbc");
        assert_eq!(plain("\u{1b}"), "");
    }

    #[tokio::test]
    async fn a_line_without_an_end_is_broken_and_the_last_one_is_told() {
        let text = format!("one\r\n{}\ntwo", "x".repeat(70_000));
        let reader = futures::io::Cursor::new(text.into_bytes());
        let mut lines = Lines { reader: Box::new(reader), most: MAX_LINE };
        let mut lengths = Vec::new();
        while let Some(line) = lines.next().await.unwrap() {
            lengths.push(line.len());
        }
        assert_eq!(lengths, [3, 65_536, 70_000 - 65_536, 3]);
    }
}
