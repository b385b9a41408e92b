//! The workers: as many as may render at once, started when needed, replaced after trouble.

use std::path::PathBuf;
use std::sync::{Mutex, PoisonError};

use gimlet_crds::DeployManifest;
use gimlet_manifest::Vars;
use tokio::sync::Semaphore;

use super::budget::Budget;
use super::fault::RenderFault;
use super::process::{LoadChart, Process, Trouble};
use super::protocol::{Answer, Job, Rendering, Request};

/// Answers after which a worker is replaced, so that nothing can pile up in it.
const ANSWERS: u32 = 5_000;

/// The workers of an operator.
pub struct Renderers {
    program: PathBuf,
    budget: Budget,
    slots: Semaphore,
    idle: Mutex<Vec<Process>>,
}

impl Renderers {
    /// Makes an empty pool of workers that are this very program.
    pub fn new(count: usize, budget: Budget) -> std::io::Result<Self> {
        // The link stays right when the file is replaced while the program runs.
        let link = PathBuf::from("/proc/self/exe");
        let program = if link.exists() { link } else { std::env::current_exe()? };
        Ok(Self::of(program, count, budget))
    }

    /// Makes an empty pool of workers that are some program.
    pub fn of(program: PathBuf, count: usize, budget: Budget) -> Self {
        Self { program, budget, slots: Semaphore::new(count.max(1)), idle: Mutex::default() }
    }

    /// Puts the variables into a manifest.
    pub async fn resolve(
        &self,
        manifest: &DeployManifest,
        variables: Vars,
    ) -> Result<DeployManifest, RenderFault> {
        let request = Request::Resolve { manifest: Box::new(manifest.clone()), variables };
        match self.ask(&request, None).await? {
            Answer::Resolved(manifest) => Ok(*manifest),
            other => Err(unexpected(other)),
        }
    }

    /// Makes the files of an app.
    pub async fn render(
        &self,
        job: Job,
        chart: Option<&LoadChart>,
    ) -> Result<Rendering, RenderFault> {
        match self.ask(&Request::Render(Box::new(job)), chart).await? {
            Answer::Rendered(rendering) => Ok(rendering),
            other => Err(unexpected(other)),
        }
    }

    async fn ask(
        &self,
        request: &Request,
        chart: Option<&LoadChart>,
    ) -> Result<Answer, RenderFault> {
        let closed = |_| std::io::Error::other("the operator ends");
        let _slot = self.slots.acquire().await.map_err(closed)?;
        let idle = self.idle.lock().unwrap_or_else(PoisonError::into_inner).pop();
        if let Some(process) = idle {
            match self.try_in(process, request, chart).await {
                // It may have been ended while it was idle, or by what it did before.
                Err(Trouble::Died(fault)) => tracing::warn!(%fault, "a process that renders died"),
                Err(Trouble::Fault(fault)) => return Err(fault),
                Ok(answer) => return Ok(answer),
            }
        }
        let fresh = Process::start(&self.program, self.budget)?;
        match self.try_in(fresh, request, chart).await {
            Err(Trouble::Died(fault) | Trouble::Fault(fault)) => Err(fault),
            Ok(answer) => Ok(answer),
        }
    }

    async fn try_in(
        &self,
        mut process: Process,
        request: &Request,
        chart: Option<&LoadChart>,
    ) -> Result<Answer, Trouble> {
        let answer = process.ask(request, chart).await?;
        self.give_back(process);
        Ok(answer)
    }

    fn give_back(&self, process: Process) {
        if process.answered < ANSWERS {
            self.idle.lock().unwrap_or_else(PoisonError::into_inner).push(process);
        }
    }
}

fn unexpected(answer: Answer) -> RenderFault {
    match answer {
        Answer::Refused { reason, message } => RenderFault::Refused { reason, message },
        _ => RenderFault::Worker(std::io::Error::other("a worker answered another question")),
    }
}
