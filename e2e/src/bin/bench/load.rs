//! Ten thousand apps in twenty environments: what they cost at rest, at a start, and when a tenth of
//! them is released at once.

use std::io::Write;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, ensure};
use futures::{StreamExt, TryStreamExt};
use gimlet_crds::{App, Environment, Release, labels, name};
use gimlet_e2e::{ControlPlane, Namespace, Operator, Repository, git, gitea, secret, wait_until};
use kube::Client;
use kube::api::{Api, ListParams, PostParams};
use serde_json::json;

use crate::history::{self, app, data, file};
use crate::metrics::Counters;
use crate::report::{Section, Verdict, mebibytes, row, time};
use crate::site::{count, requests};
use crate::{memory, processor};

const PATIENCE: Duration = Duration::from_mins(20);
const SECRET: &str = "gitops";
/// Requests at once that make objects.
const MAKERS: usize = 16;
/// How often the operator is asked how far it is.
const LOOK: Duration = Duration::from_millis(250);
/// What people use: how often a repository is looked at without an occasion.
const REFRESH: &str = "60";

/// How much of everything there is.
#[derive(Clone, Copy, Debug)]
struct Size {
    environments: usize,
    apps: usize,
    commits: usize,
    releases: usize,
    /// How long the operator is left alone.
    rest: Duration,
}

/// Measures memory and processor time at rest, a restart, and a queue of releases.
pub async fn measure(cluster: &ControlPlane, quick: bool) -> Result<Section> {
    let size = if quick {
        Size {
            environments: 4,
            apps: 200,
            commits: 2_000,
            releases: 40,
            rest: Duration::from_secs(10),
        }
    } else {
        Size {
            environments: 20,
            apps: 10_000,
            commits: 100_000,
            releases: 1_000,
            rest: Duration::from_mins(2),
        }
    };
    let mut load = Load::open(cluster, size).await?;
    let first = load.start(size).await?;
    let rest = load.rest(size).await?;
    let again = load.start(size).await?;
    let queue = load.release(size).await?;
    Ok(section(size, first, &rest, again, &queue))
}

fn section(size: Size, first: Duration, rest: &Rest, again: Duration, queue: &Queue) -> Section {
    let (first, again) = (first.as_secs_f64(), again.as_secs_f64());
    let took = queue.took.map_or(f64::INFINITY, |took| took.as_secs_f64());
    let mib = |bytes: f64| format!("{:.0} MiB", bytes / f64::from(1 << 20));
    let memory = memory_of(rest.memory);
    Section {
        title: format!(
            "(g) {} apps in {} environments, {} commits",
            size.apps, size.environments, size.commits
        ),
        table: vec![
            row(["what", "measured"]),
            row(["from the first start until every App is judged", &time(first)]),
            row(["memory at rest, of the operator with its children", &mebibytes(rest.memory)]),
            row(["processors at rest", &format!("{:.3}", rest.processors)]),
            row(["from a restart until every App is judged", &time(again)]),
            row([
                &format!("from a start to the last push of {} releases", size.releases),
                &time(took),
            ]),
            row(["pushes", &format!("{}", queue.pushes)]),
            row(["peak memory meanwhile, with all children", &mebibytes(queue.memory)]),
        ],
        verdicts: vec![
            Verdict::at_most("memory at rest", 300.0 * f64::from(1 << 20), memory, mib),
            Verdict::at_most("processors at rest", 0.1, rest.processors, |n| format!("{n:.3}")),
            Verdict::at_most("restart", 10.0, again, time),
            Verdict::at_most("all releases", 30.0, took, time),
            Verdict::at_most("pushes", 20.0, queue.pushes, |n| format!("{n}")),
        ],
        notes: vec![
            format!("at rest for {}: {}", time(size.rest.as_secs_f64()), rest.told),
            format!("while releasing: {}", queue.told),
            format!("requests to the API server per release: {}", queue.requests),
            format!("the API server refused {} requests as too many", queue.refused),
        ],
        data: json!({
            "apps": size.apps, "environments": size.environments, "commits": size.commits,
            "first": first, "restart": again, "releases": took, "pushes": queue.pushes,
            "memory": rest.memory, "processors": rest.processors, "peak": queue.memory,
        }),
    }
}

#[expect(clippy::cast_precision_loss, reason = "no memory is that large")]
fn memory_of(bytes: u64) -> f64 {
    bytes as f64
}

/// What an operator takes that has nothing to do.
struct Rest {
    memory: u64,
    processors: f64,
    told: String,
}

/// What became of releases that were made at once.
struct Queue {
    took: Option<Duration>,
    pushes: f64,
    memory: u64,
    told: String,
    requests: String,
    refused: f64,
}

/// The objects, and what works on them. The fields are in the order in which they go.
struct Load {
    operator: Operator,
    client: Client,
    namespace: Namespace,
    repository: Repository,
}

fn environment(number: usize) -> String {
    format!("env-{number:02}")
}

/// Gives the environment of an app.
fn place(app: usize, size: Size) -> String {
    environment(app % size.environments)
}

impl Load {
    async fn open(cluster: &ControlPlane, size: Size) -> Result<Self> {
        let gitea = gitea()?;
        let repository = gitea.empty_repository("bench-g")?;
        let dir = tempfile::tempdir()?;
        let path = dir.path().join("seed.git");
        history::generate_by(&path, |stream| import(stream, size))?;
        git(&path, ["push", "--quiet", &repository.url_with_token(), "main"])?;
        drop(dir);
        let namespace = cluster.namespace("bench-g").await?;
        cluster.apply(&secret(&namespace, SECRET, &gitea.user, &gitea.token))?;
        let mut operator =
            Operator::start_with(cluster, &namespace, &["--refresh-seconds", REFRESH]).await?;
        operator.stop().await?;
        let client = cluster.client().await?;
        let load = Self { operator, client, namespace, repository };
        load.make(size).await?;
        Ok(load)
    }

    /// Makes the Environments and the Apps.
    async fn make(&self, size: Size) -> Result<()> {
        let environments: Api<Environment> = self.api();
        for number in 0..size.environments {
            let name = environment(number);
            let object = json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Environment", "metadata": {"name": name},
                "spec": {
                    "gitops": {
                        "url": self.repository.http_url, "path": name,
                        "secretRef": {"name": SECRET},
                    },
                    "deletionGuard": "Off",
                },
            });
            environments.create(&PostParams::default(), &serde_json::from_value(object)?).await?;
        }
        let apps = (0..size.apps).map(|number| {
            let (app, environment) = (app(number), place(number, size));
            serde_json::from_value::<App>(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "App",
                "metadata": {
                    "name": name::app_object(&app, &environment),
                    "finalizers": [labels::UNINSTALL_FINALIZER],
                },
                "spec": {"app": app, "environment": environment},
            }))
        });
        let (apps, api) = (apps.collect::<Result<Vec<_>, _>>()?, self.api());
        let params = PostParams::default();
        all(apps.iter().map(|app| api.create(&params, app))).await
    }

    fn api<K>(&self) -> Api<K>
    where
        K: kube::Resource<DynamicType = (), Scope = kube::core::NamespaceResourceScope>,
    {
        Api::namespaced(self.client.clone(), &self.namespace)
    }

    fn counters(&self) -> Result<Counters> {
        Ok(Counters::parse(&self.operator.metrics()?))
    }

    /// Starts the operator anew, and waits until it has judged everything.
    async fn start(&mut self, size: Size) -> Result<Duration> {
        if self.operator.is_running()? {
            self.operator.stop().await?;
        }
        let began = Instant::now();
        self.operator.restart().await?;
        let judged = |counters: &Counters, kind: &str| {
            let kind = format!("kind=\"{kind}\"");
            counters.sum("gimlet_reconciles_total", &[&kind, "result=\"ok\""])
        };
        while began.elapsed() < PATIENCE {
            let counters = self.counters()?;
            let (apps, environments) = (judged(&counters, "App"), judged(&counters, "Environment"));
            if apps >= count(size.apps) && environments >= count(size.environments) {
                return Ok(began.elapsed());
            }
            tokio::time::sleep(LOOK).await;
        }
        anyhow::bail!("the operator has not judged everything after {PATIENCE:?}")
    }

    /// Leaves the operator alone once every App tells its release.
    async fn rest(&self, size: Size) -> Result<Rest> {
        let apps: Api<App> = self.api();
        wait_until("the release of every App", PATIENCE, async || {
            let found = apps.list(&ListParams::default()).await?;
            let tells =
                |app: &&App| app.status.as_ref().is_some_and(|status| status.current.is_some());
            let done = found.iter().filter(tells).count();
            ensure!(done == size.apps, "{done} of {}", size.apps);
            Ok(())
        })
        .await?;
        let operator = memory::operator().context("no operator process was seen")?;
        let (taken, before) = (processor::of(operator)?, processor::Taken::now()?);
        tokio::time::sleep(size.rest).await;
        let taken = processor::of(operator)?.saturating_sub(taken);
        Ok(Rest {
            memory: memory::together(),
            processors: taken.as_secs_f64() / size.rest.as_secs_f64(),
            told: processor::Taken::now()?.since(&before),
        })
    }

    /// Makes releases while no operator runs, and starts it.
    async fn release(&mut self, size: Size) -> Result<Queue> {
        self.operator.stop().await?;
        let releases = (0..size.releases).map(|number| {
            // Every environment has some of them.
            let (app, environment) = (app(number), place(number, size));
            serde_json::from_value::<Release>(json!({
                "apiVersion": "gimlet.io/v1alpha1", "kind": "Release",
                "metadata": {"name": format!("{}-load", name::app_object(&app, &environment))},
                "spec": {"environment": environment, "app": app, "manifest": {
                    "namespace": &*self.namespace,
                    "chart": {"name": "app"},
                    "values": {"image": {"repository": "example/web", "tag": "v1"}, "port": 8080},
                }},
            }))
        });
        let (releases, api) = (releases.collect::<Result<Vec<_>, _>>()?, self.api());
        let params = PostParams::default();
        all(releases.iter().map(|release| api.create(&params, release))).await?;
        let (before, asked) = (processor::Taken::now()?, self.requests().await?);
        let memory = memory::Sampler::start();
        let began = Instant::now();
        self.operator.restart().await?;
        let mut took = None;
        while took.is_none() && began.elapsed() < PATIENCE {
            let pushed = self.counters()?.sum("gimlet_git_pushed_commits_total", &[]);
            took = (pushed >= count(size.releases)).then(|| began.elapsed());
            tokio::time::sleep(LOOK).await;
        }
        let (counters, answered) = (self.counters()?, self.requests().await?);
        let refused = |of: &Counters| of.sum("apiserver_request_total", &["code=\"429\""]);
        Ok(Queue {
            took,
            pushes: counters.sum("gimlet_git_operations_total", &["op=\"push\""]),
            memory: memory.finish()?.together,
            told: processor::Taken::now()?.since(&before),
            requests: requests(&asked, &answered, size.releases),
            refused: refused(&answered) - refused(&asked),
        })
    }

    /// Reads how many requests the API server has answered, of every kind.
    async fn requests(&self) -> Result<Counters> {
        let request = http::Request::get("/metrics").body(Vec::new())?;
        Ok(Counters::parse(&self.client.request_text(request).await?))
    }
}

/// Waits for requests, some at a time.
async fn all<T>(
    requests: impl IntoIterator<Item = impl Future<Output = kube::Result<T>>>,
) -> Result<()> {
    let answers = futures::stream::iter(requests).buffer_unordered(MAKERS);
    answers.try_for_each(|_| futures::future::ready(Ok(()))).await?;
    Ok(())
}

/// Writes the history: all apps at once, then a release of one app per commit, with its record.
fn import(stream: &mut dyn Write, size: Size) -> Result<()> {
    writeln!(stream, "feature done")?;
    for number in 0..size.commits {
        // A prime stride: every app gets its turn, and neighbours are not released together.
        let of = number * 7919 % size.apps;
        let (app, environment) = (app(of), place(of, size));
        let message = match number {
            0 => "import all apps\n".to_owned(),
            _ => format!(
                "{environment}/{app}: release r{number}\n\nGimlet-Action: release\n\
                 Gimlet-Release: seed-{number}\nGimlet-Name: {app}.{environment}-{number}\n\
                 Gimlet-App: {app}\nGimlet-Env: {environment}\nGimlet-Version: r{number}\n"
            ),
        };
        writeln!(stream, "commit refs/heads/main")?;
        let second = 1_700_000_000 + number * 60;
        writeln!(stream, "committer Bench <bench@example.com> {second} +0000")?;
        data(stream, &message)?;
        let all = if number == 0 { 0..size.apps } else { of..of + 1 };
        for of in all {
            let (name, text) = file(of, 0, &format!("r{number}"));
            writeln!(stream, "M 100644 inline {}/{}/{name}", place(of, size), history::app(of))?;
            data(stream, &text)?;
        }
    }
    writeln!(stream, "done")?;
    stream.flush()?;
    Ok(())
}
