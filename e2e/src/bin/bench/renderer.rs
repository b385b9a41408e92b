//! A process that keeps charts loaded and renders them when asked: ours, or one with helm's library.
//!
//! Requests and answers are lines of JSON. The time is taken inside, so no pipe is measured.

use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::ffi::OsStr;
use std::io::{BufRead, BufReader, Write};
use std::path::Path;
use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};
use gimlet_helm::{Chart, RenderOptions, render};
use serde_json::{Value, json};

use crate::memory;
use crate::watch::{Cost, own_processor_time};

/// What is rendered.
#[derive(Clone, Debug)]
pub struct Work {
    /// The chart: a folder or an archive.
    pub chart: String,
    /// The values.
    pub values: Value,
    /// The namespace.
    pub namespace: String,
    /// The version of Kubernetes that the chart is told.
    pub kube_version: String,
}

/// A resident renderer; it ends with this value.
#[derive(Debug)]
pub struct Renderer {
    name: String,
    child: Child,
    requests: ChildStdin,
    answers: BufReader<ChildStdout>,
}

impl Renderer {
    /// Starts ours: this program in another role.
    pub fn ours() -> Result<Self> {
        Self::start(std::env::current_exe()?.as_os_str(), &["renderer"])
    }

    /// Starts another that speaks the same.
    pub fn other(program: &Path) -> Result<Self> {
        Self::start(program.as_os_str(), &[])
    }

    fn start(program: &OsStr, args: &[&str]) -> Result<Self> {
        let mut command = Command::new(program);
        command.args(args).stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::null());
        let mut child =
            command.spawn().with_context(|| format!("failed to start {}", program.display()))?;
        let requests = child.stdin.take().context("no pipe to the renderer")?;
        let answers = BufReader::new(child.stdout.take().context("no pipe from the renderer")?);
        Ok(Self { name: program.display().to_string(), child, requests, answers })
    }

    /// Renders; the chart is loaded already, except for the first time, which is not timed.
    pub fn render(&mut self, work: &Work) -> Result<Cost> {
        Cost::parse(&self.ask(work, false, false)?)
    }

    /// Loads and renders.
    pub fn render_cold(&mut self, work: &Work) -> Result<Cost> {
        Cost::parse(&self.ask(work, true, false)?)
    }

    /// Renders, and gives what was rendered.
    pub fn output(&mut self, work: &Work) -> Result<String> {
        let answer = self.ask(work, false, true)?;
        Ok(answer["output"].as_str().context("the renderer gave no output")?.to_owned())
    }

    fn ask(&mut self, work: &Work, cold: bool, output: bool) -> Result<Value> {
        let Work { chart, values, namespace, kube_version } = work;
        let request = json!({
            "chart": chart, "values": values, "namespace": namespace, "kubeVersion": kube_version,
            "cold": cold, "output": output,
        });
        writeln!(self.requests, "{request}")?;
        let mut line = String::new();
        self.answers.read_line(&mut line)?;
        let answer: Value = serde_json::from_str(&line)
            .with_context(|| format!("{} gave no answer to {chart}", self.name))?;
        match answer["error"].as_str() {
            Some(error) => bail!("{}: {chart}: {error}", self.name),
            None => Ok(answer),
        }
    }
}

impl Drop for Renderer {
    fn drop(&mut self) {
        // It may be gone already.
        let _ = self.child.kill();
        let _ = self.child.wait();
    }
}

/// Is our renderer: answers until there are no more requests, on one stack as a worker does.
pub fn serve() -> Result<()> {
    gimlet_helm::on_deep_stack(answer_all).context("no thread for the renderer")?
}

fn answer_all() -> Result<()> {
    let mut charts = HashMap::new();
    for line in std::io::stdin().lines() {
        let request: Value = serde_json::from_str(&line?)?;
        let answer =
            answer(&mut charts, &request).unwrap_or_else(|e| json!({"error": format!("{e:#}")}));
        println!("{answer}");
    }
    Ok(())
}

fn answer(charts: &mut HashMap<String, Chart>, request: &Value) -> Result<Value> {
    let text = |name: &str| request[name].as_str().with_context(|| format!("no {name}"));
    let path = text("chart")?;
    let options = RenderOptions {
        namespace: text("namespace")?.to_owned(),
        kube_version: text("kubeVersion")?.to_owned(),
        ..RenderOptions::default()
    };
    let run = |chart: &Chart| Ok(render(chart, &request["values"], &options)?.to_template_output());
    let (wall, cpu, output) = if request["cold"] == true {
        timed(|| run(&load(path)?))?
    } else {
        let chart = match charts.entry(path.to_owned()) {
            Entry::Occupied(entry) => &*entry.into_mut(),
            Entry::Vacant(entry) => entry.insert(load(path)?),
        };
        timed(|| run(chart))?
    };
    let mut answer = Cost { wall, cpu, peak: memory::own_peak()? }.to_json();
    answer["length"] = output.len().into();
    if request["output"] == true {
        answer["output"] = output.into();
    }
    Ok(answer)
}

fn timed<T>(work: impl FnOnce() -> Result<T>) -> Result<(Duration, Duration, T)> {
    let (used, begun) = (own_processor_time()?, Instant::now());
    let done = work()?;
    Ok((begun.elapsed(), own_processor_time()?.saturating_sub(used), done))
}

fn load(path: &str) -> Result<Chart> {
    let path = Path::new(path);
    Ok(if path.is_dir() {
        Chart::from_dir(path)?
    } else {
        Chart::from_archive(&std::fs::read(path)?)?
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_chart_is_rendered_from_what_is_kept_and_anew() {
        let folder = tempfile::tempdir().unwrap();
        std::fs::write(
            folder.path().join("Chart.yaml"),
            "apiVersion: v2\nname: a\nversion: 1.0.0\n",
        )
        .unwrap();
        let templates = folder.path().join("templates");
        std::fs::create_dir(&templates).unwrap();
        let write = |kind: &str| std::fs::write(templates.join("a.yaml"), format!("kind: {kind}"));
        let mut charts = HashMap::new();
        let mut ask = |cold: bool| {
            let request = json!({
                "chart": folder.path(), "namespace": "n", "kubeVersion": "1.36.0", "values": {},
                "cold": cold, "output": true,
            });
            answer(&mut charts, &request).unwrap()["output"].as_str().unwrap().to_owned()
        };
        write("Old").unwrap();
        assert!(ask(false).contains("kind: Old"));
        write("New").unwrap();
        assert!(ask(false).contains("kind: Old"));
        assert!(ask(true).contains("kind: New"));
    }
}
