//! Rendering in worker processes of the real binary.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::path::PathBuf;
use std::sync::Arc;

use gimlet_charts::{Access, ChartRef, Fetched, Fetcher, LocalPolicy, Options, Source};
use gimlet_crds::DeployManifest;
use gimlet_crds::name::{AppName, EnvName};
use gimlet_manifest::{RenderInput, RenderReason, Vars};
use gimlet_operator::render::{Budget, Job, LoadChart, RenderFault, Renderers};
use serde_json::json;

const BUDGET: Budget = Budget { render_seconds: 20, render_memory: 512 };

fn renderers(budget: Budget) -> Renderers {
    Renderers::of(PathBuf::from(env!("CARGO_BIN_EXE_gimlet-operator")), 1, budget)
}

fn manifest(value: serde_json::Value) -> DeployManifest {
    serde_json::from_value(value).unwrap()
}

fn job(manifest: DeployManifest, chart: Option<&Fetched>) -> Job {
    Job {
        app: "web".to_owned(),
        environment: "staging".to_owned(),
        manifest,
        chart: chart.map(|chart| chart.digest.clone()),
        kubernetes_version: "1.36.0".to_owned(),
        api_versions: Vec::new(),
        seed: [7; 32],
        time: jiff::Timestamp::UNIX_EPOCH,
        allow_secrets: false,
    }
}

fn plain() -> Job {
    let text = "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {a: b}\n";
    job(manifest(json!({"namespace": "n", "manifests": text})), None)
}

/// A chart with one template, where fetched charts are kept, and a way to its bytes.
struct Shelf {
    dir: tempfile::TempDir,
    chart: Fetched,
    fetcher: Arc<Fetcher>,
}

impl Shelf {
    fn with(template: &str) -> Self {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("chart");
        std::fs::create_dir_all(folder.join("templates")).unwrap();
        std::fs::write(folder.join("Chart.yaml"), "name: odd\nversion: 0.1.0\n").unwrap();
        std::fs::write(folder.join("templates/a.yaml"), template).unwrap();
        let fetcher = Fetcher::new(Options {
            cache_dir: Some(dir.path().join("cache")),
            allow_local: true,
            ..Options::default()
        });
        let chart = ChartRef { name: folder.display().to_string(), ..ChartRef::default() };
        let policy = LocalPolicy::Allow(dir.path().to_owned());
        let source = Source::parse(&chart, &policy).unwrap();
        let chart = fetcher.fetch(&source, &Access::default()).unwrap();
        Self { dir, chart, fetcher: Arc::new(fetcher) }
    }

    fn job(&self) -> Job {
        let manifest = manifest(json!({"namespace": "n", "chart": {"name": "odd"}}));
        job(manifest, Some(&self.chart))
    }

    fn load(&self) -> LoadChart {
        let (fetcher, key) = (Arc::clone(&self.fetcher), self.chart.key.clone());
        Arc::new(move || fetcher.bytes(&key))
    }
}

const CONFIG_MAP: &str =
    "apiVersion: v1\nkind: ConfigMap\nmetadata: {name: c}\ndata: {random: {{ randAlpha 9 }}}\n";

#[tokio::test]
async fn a_worker_renders_the_same_bytes_as_the_library() {
    let shelf = Shelf::with(CONFIG_MAP);
    let pool = renderers(BUDGET);
    let found = pool.render(shelf.job(), Some(&shelf.load())).await.unwrap();
    let job = shelf.job();
    let here = gimlet_manifest::render(&RenderInput {
        app: &AppName::parse("web").unwrap(),
        environment: &EnvName::parse("staging").unwrap(),
        manifest: &job.manifest,
        chart: Some(&shelf.chart.chart),
        kubernetes_version: &job.kubernetes_version,
        api_versions: &[],
        seed: job.seed,
        time: job.time,
        allow_secrets: false,
    })
    .unwrap();
    let files: Vec<_> = found.files.iter().map(|(name, text)| (name, text.as_bytes())).collect();
    let here: Vec<_> = here.files.iter().map(|(name, bytes)| (name, bytes.as_slice())).collect();
    assert_eq!(files, here);
}

#[tokio::test]
async fn a_worker_asks_for_a_chart_only_once() {
    let shelf = Shelf::with(CONFIG_MAP);
    let pool = renderers(BUDGET);
    pool.render(shelf.job(), Some(&shelf.load())).await.unwrap();
    let none: LoadChart = Arc::new(|| None);
    pool.render(shelf.job(), Some(&none)).await.unwrap();
    let fresh = renderers(BUDGET).render(shelf.job(), Some(&none)).await.unwrap_err();
    assert!(matches!(fresh, RenderFault::ChartGone), "{fresh}");
}

#[tokio::test]
async fn a_chart_that_left_the_cache_is_fetched_again() {
    let shelf = Shelf::with(CONFIG_MAP);
    let cache = shelf.dir.path().join("cache");
    std::fs::remove_dir_all(&cache).unwrap();
    let pool = renderers(BUDGET);
    let gone = pool.render(shelf.job(), Some(&shelf.load())).await.unwrap_err();
    assert_eq!(gone.reason(), "Interrupted");
    let chart = shelf.dir.path().join("chart").display().to_string();
    let chart = ChartRef { name: chart, ..ChartRef::default() };
    let policy = LocalPolicy::Allow(shelf.dir.path().to_owned());
    shelf.fetcher.fetch(&Source::parse(&chart, &policy).unwrap(), &Access::default()).unwrap();
    pool.render(shelf.job(), Some(&shelf.load())).await.unwrap();
}

#[tokio::test]
async fn variables_are_put_in_and_a_missing_one_is_named() {
    let pool = renderers(BUDGET);
    let given = manifest(json!({"namespace": "{{ .NS }}", "values": {"a": 0.1}}));
    let vars = Vars::from([("NS".to_owned(), "shop".to_owned())]);
    let found = pool.resolve(&given, vars).await.unwrap();
    assert_eq!(found.namespace, "shop");
    assert_eq!(found.values, given.values);
    let fault = pool.resolve(&given, Vars::new()).await.unwrap_err();
    assert!(matches!(&fault, RenderFault::Refused { reason: RenderReason::MissingVariable, .. }));
    assert_eq!(fault.reason(), "MissingVariable");
    assert!(fault.to_string().contains("the variable NS"), "{fault}");
}

#[tokio::test]
async fn a_chart_that_takes_its_time_fails_alone_and_names_the_budget() {
    // Each is a hash that is slow on purpose: all of them take seconds, and too few steps to be stopped.
    let slow = "{{ range 200 }}{{ $x := htpasswd \"me\" \"word\" }}{{ end }}";
    let shelf = Shelf::with(slow);
    let pool = renderers(Budget { render_seconds: 1, ..BUDGET });
    let fault = pool.render(shelf.job(), Some(&shelf.load())).await.unwrap_err();
    assert_eq!(fault.reason(), "RenderBudgetExceeded", "{fault}");
    assert!(fault.to_string().contains("1 s of processor time"), "{fault}");
    assert!(fault.to_string().contains("--render-seconds"), "{fault}");
    pool.render(plain(), None).await.unwrap();
}

#[tokio::test]
async fn a_chart_that_takes_memory_fails_alone_and_names_the_budget() {
    let greedy =
        "{{ $l := list }}{{ range 600 }}{{ $l = append $l (repeat 1000000 \"x\") }}{{ end }}";
    let shelf = Shelf::with(greedy);
    let pool = renderers(Budget { render_memory: 64, ..BUDGET });
    let fault = pool.render(shelf.job(), Some(&shelf.load())).await.unwrap_err();
    assert_eq!(fault.reason(), "RenderBudgetExceeded");
    assert!(fault.to_string().contains("64 MiB of memory"), "{fault}");
    pool.render(plain(), None).await.unwrap();
}

/// The worker processes of this test's pool, which nobody else starts on this thread's runtime.
fn workers() -> Vec<i32> {
    let own = format!("{}", std::process::id());
    let mut found = Vec::new();
    for entry in std::fs::read_dir("/proc").unwrap().flatten() {
        let Ok(pid) = entry.file_name().to_string_lossy().parse::<i32>() else { continue };
        let stat = std::fs::read_to_string(entry.path().join("stat")).unwrap_or_default();
        let parent = stat.rsplit(") ").next().and_then(|rest| rest.split(' ').nth(1));
        let command = std::fs::read_to_string(entry.path().join("cmdline")).unwrap_or_default();
        if parent == Some(own.as_str()) && command.contains("--render-memory=77") {
            found.push(pid);
        }
    }
    found
}

#[tokio::test]
async fn a_worker_has_nothing_of_the_operator_and_is_replaced_when_it_dies() {
    let pool = renderers(Budget { render_memory: 77, ..BUDGET });
    pool.render(plain(), None).await.unwrap();
    let [worker] = workers()[..] else { panic!("one worker was started") };
    let proc = PathBuf::from(format!("/proc/{worker}"));
    let environment = std::fs::read_to_string(proc.join("environ")).unwrap();
    assert_eq!(environment, "MIMALLOC_ARENA_RESERVE=32768\0", "what its allocator needs to know");
    let open = std::fs::read_dir(proc.join("fd")).unwrap().count();
    assert_eq!(open, 3, "standard input, output and error only");

    let pid = nix::unistd::Pid::from_raw(worker);
    nix::sys::signal::kill(pid, nix::sys::signal::Signal::SIGKILL).unwrap();
    pool.render(plain(), None).await.unwrap();
    assert!(!workers().contains(&worker));
}
