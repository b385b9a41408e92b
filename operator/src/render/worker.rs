//! The worker's side: renders what it is asked to, until it is told no more.

use std::collections::HashMap;
use std::io::{self, Read, Write};
use std::process::ExitCode;
use std::sync::Arc;

use gimlet_crds::name::{AppName, EnvName};
use gimlet_helm::{Chart, on_deep_stack};
use gimlet_manifest::{RenderInput, RenderReason, render, resolve};

use super::budget::Budget;
use super::protocol::{self, Answer, Job, Rendering, Request};

/// Charts that are kept, with their parsed templates.
const KEPT_CHARTS: usize = 16;

/// Answers requests from standard input on standard output until it ends.
pub fn serve(budget: Budget) -> ExitCode {
    let ended = confine(budget).and_then(|()| {
        let session = || {
            let charts = HashMap::new();
            Worker { budget, charts, from: io::stdin().lock(), to: io::stdout().lock() }.run()
        };
        on_deep_stack(session)
            .unwrap_or_else(|| Err(io::Error::other("the thread that renders died")))
    });
    match ended {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("error: {error}");
            ExitCode::FAILURE
        }
    }
}

fn confine(budget: Budget) -> io::Result<()> {
    // Where memory runs short, a worker has to go before the operator does. Not every kernel lets
    // a process say so.
    let _ = std::fs::write("/proc/self/oom_score_adj", "1000");
    close_inherited()?;
    budget.confine()
}

/// Closes what whoever started the operator left open in it, beyond the three standard streams.
fn close_inherited() -> io::Result<()> {
    let mut open = Vec::new();
    for entry in std::fs::read_dir("/proc/self/fd")? {
        open.extend(entry?.file_name().to_str().and_then(|name| name.parse::<i32>().ok()));
    }
    for descriptor in open.into_iter().filter(|descriptor| *descriptor > 2) {
        // The one by which the folder was read is closed already.
        let _ = nix::unistd::close(descriptor);
    }
    Ok(())
}

struct Worker<R, W> {
    budget: Budget,
    charts: HashMap<String, Arc<Chart>>,
    from: R,
    to: W,
}

impl<R: Read, W: Write> Worker<R, W> {
    fn run(&mut self) -> io::Result<()> {
        while let Some(message) = protocol::read(&mut self.from)? {
            self.budget.renew()?;
            let answer = match protocol::decode(&message)? {
                Request::Resolve { manifest, variables } => match resolve(&manifest, &variables) {
                    Ok(manifest) => Answer::Resolved(Box::new(manifest)),
                    Err(error) => refused(error.reason(), &error),
                },
                Request::Render(job) => self.render(&job)?,
            };
            self.answer(&answer)?;
        }
        Ok(())
    }

    fn answer(&mut self, answer: &Answer) -> io::Result<()> {
        protocol::write(&mut self.to, &protocol::encode(answer)?)
    }

    fn render(&mut self, job: &Job) -> io::Result<Answer> {
        let chart = match &job.chart {
            None => None,
            Some(digest) => match self.chart(digest, &job.manifest)? {
                Ok(chart) => Some(chart),
                Err(answer) => return Ok(answer),
            },
        };
        Ok(rendered(job, chart.as_deref()))
    }

    /// Finds a chart, or asks for it.
    fn chart(
        &mut self,
        digest: &str,
        manifest: &gimlet_crds::DeployManifest,
    ) -> io::Result<Result<Arc<Chart>, Answer>> {
        if let Some(chart) = self.charts.get(digest) {
            return Ok(Ok(Arc::clone(chart)));
        }
        self.answer(&Answer::ChartWanted)?;
        let bytes = protocol::read(&mut self.from)?
            .ok_or_else(|| io::Error::from(io::ErrorKind::UnexpectedEof))?;
        let name = manifest.chart.as_ref().map_or("", |chart| chart.name.as_str());
        let chart = match gimlet_charts::load(name, &bytes) {
            Ok(chart) => Arc::new(chart),
            Err(error) => return Ok(Err(refused(RenderReason::ChartFailed, &error))),
        };
        if self.charts.len() >= KEPT_CHARTS {
            self.charts.clear();
        }
        self.charts.insert(digest.to_owned(), Arc::clone(&chart));
        Ok(Ok(chart))
    }
}

fn rendered(job: &Job, chart: Option<&Chart>) -> Answer {
    let names = (AppName::parse(&job.app), EnvName::parse(&job.environment));
    let (app, environment) = match names {
        (Ok(app), Ok(environment)) => (app, environment),
        (Err(error), _) | (_, Err(error)) => return refused(RenderReason::InvalidObject, &error),
    };
    let input = RenderInput {
        app: &app,
        environment: &environment,
        manifest: &job.manifest,
        chart,
        kubernetes_version: &job.kubernetes_version,
        api_versions: &job.api_versions,
        seed: job.seed,
        time: job.time,
        allow_secrets: job.allow_secrets,
    };
    let app = match render(&input) {
        Ok(app) => app,
        Err(error) => return refused(error.reason(), &error),
    };
    let mut files = std::collections::BTreeMap::new();
    for (name, bytes) in app.files {
        match String::from_utf8(bytes) {
            Ok(text) => files.insert(name, text),
            Err(error) => return refused(RenderReason::InvalidObject, &error),
        };
    }
    Answer::Rendered(Rendering { files, warnings: app.warnings })
}

fn refused(reason: RenderReason, error: &dyn std::fmt::Display) -> Answer {
    Answer::Refused { reason, message: error.to_string() }
}
