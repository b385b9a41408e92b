//! The system's Chromium, which people of the journeys drive on the dashboard's own pages.

use std::collections::HashMap;
use std::io::{BufRead as _, BufReader, Write as _};
use std::path::Path;
use std::process::{ChildStdin, ChildStdout, Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::Duration;

use anyhow::{Context as _, Result, anyhow, bail, ensure};
use serde_json::{Value, json};
use tokio::sync::oneshot;
use tokio::time::timeout;

use crate::operator::root;
use crate::toolbox::{folder_in_env, state_root};
use crate::{Dashboard, unique};

/// How long a person may be busy with one thing: longer than the script that does it waits.
const PATIENCE: Duration = Duration::from_secs(100);

/// A person in front of a page, with cookies of their own. All people share one browser.
#[derive(Debug)]
pub struct Person {
    name: String,
    address: String,
    browser: &'static Chromium,
}

/// The script that drives the browser, and who waits for what it tells. It ends with this process.
#[derive(Debug)]
struct Chromium {
    said: Mutex<ChildStdin>,
    waiting: Arc<Mutex<HashMap<u64, oneshot::Sender<Value>>>>,
    count: AtomicU64,
}

impl Person {
    /// Lets somebody sign in on a page of a dashboard, or says that there is no browser here.
    ///
    /// In CI there has to be one.
    pub async fn sign_in(
        name: &str,
        dashboard: &Dashboard,
        path: &str,
        token: &str,
    ) -> Result<Option<Self>> {
        let Some(browser) = Chromium::shared()? else { return Ok(None) };
        let person = Self { name: unique(name), address: dashboard.origin(), browser };
        person.act("sign in", json!({"path": path, "token": token})).await?;
        Ok(Some(person))
    }

    /// Does something that the script knows, and gives what was seen.
    pub async fn act(&self, what: &str, mut with: Value) -> Result<Value> {
        with["address"] = self.address.clone().into();
        let (tell, told) = oneshot::channel();
        let id = self.browser.ask(&self.name, what, &with, tell)?;
        let answer = timeout(PATIENCE, told).await;
        self.browser.forget(id);
        let answer = answer
            .map_err(|_| anyhow!("it takes more than {PATIENCE:?}"))
            .and_then(|answer| answer.context("the browser has ended"))
            .with_context(|| format!("{}: {what}", self.name))?;
        match answer["fault"].as_str() {
            None => Ok(answer["told"].clone()),
            Some(fault) => bail!("{}: {what}: {fault}", self.name),
        }
    }

    /// Goes to another page.
    pub async fn go(&self, path: &str) -> Result<()> {
        self.act("go", json!({"path": path})).await.map(drop)
    }

    /// Waits until a place of the page says something, without a reload.
    pub async fn see(&self, at: &str, says: &str) -> Result<String> {
        let told = self.act("see", json!({"at": at, "says": says})).await?;
        Ok(told["text"].as_str().unwrap_or_default().to_owned())
    }
}

impl Drop for Person {
    fn drop(&mut self) {
        let (tell, _) = oneshot::channel();
        let left = self.browser.ask(&self.name, "leave", &json!({}), tell);
        match left {
            Ok(id) => self.browser.forget(id),
            Err(error) => eprintln!("a page of {} is left over: {error:#}", self.name),
        }
    }
}

impl Chromium {
    fn shared() -> Result<Option<&'static Self>> {
        static ONE: OnceLock<Result<Chromium, String>> = OnceLock::new();
        if !is_installed() {
            let nowhere = std::env::var_os("CI").is_none_or(|value| value.is_empty());
            ensure!(nowhere, "chromium is not installed: CI needs it (apt-get install chromium)");
            eprintln!("skipped: chromium is not installed (apt-get install chromium)");
            return Ok(None);
        }
        let one = ONE.get_or_init(|| Self::start().map_err(|error| format!("{error:#}")));
        one.as_ref().map(Some).map_err(|error| anyhow!("{error}"))
    }

    fn start() -> Result<Self> {
        let web = root()?.join("dashboard/web");
        for part in ["node_modules/playwright-core", "dist/index.html"] {
            ensure!(web.join(part).exists(), "{part} is not there: `make web` makes it");
        }
        let pictures = state_root()?.join("pictures");
        // What people type, their tokens too, goes to its stdin, where nobody else sees it.
        let mut child = Command::new("node")
            .arg("tests/journeys.mjs")
            .arg(pictures)
            .current_dir(web)
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .context("node does not start: Node 20.19 or newer is needed")?;
        let said = child.stdin.take().context("the browser hears nothing")?;
        let mut answers = BufReader::new(child.stdout.take().context("the browser says nothing")?);
        let mut ready = String::new();
        answers.read_line(&mut ready)?;
        ensure!(!ready.is_empty(), "the browser does not start");
        let waiting = Arc::default();
        let waits = Arc::clone(&waiting);
        std::thread::spawn(move || listen(answers, &waits));
        Ok(Self { said: Mutex::new(said), waiting, count: AtomicU64::new(1) })
    }

    /// Asks for something; the answer is told to who waits for it.
    fn ask(
        &self,
        person: &str,
        what: &str,
        with: &Value,
        tell: oneshot::Sender<Value>,
    ) -> Result<u64> {
        let id = self.count.fetch_add(1, Ordering::Relaxed);
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).insert(id, tell);
        let line = json!({"id": id, "person": person, "do": what, "with": with});
        let mut said = self.said.lock().unwrap_or_else(PoisonError::into_inner);
        writeln!(said, "{line}").context("the browser has ended")?;
        Ok(id)
    }

    fn forget(&self, id: u64) {
        self.waiting.lock().unwrap_or_else(PoisonError::into_inner).remove(&id);
    }
}

/// Tells answers to who waits for them, until there are no more.
fn listen(answers: BufReader<ChildStdout>, waiting: &Mutex<HashMap<u64, oneshot::Sender<Value>>>) {
    for line in answers.lines().map_while(Result::ok) {
        let answer: Value = serde_json::from_str(&line).unwrap_or_default();
        let mut waiting = waiting.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(tell) = answer["id"].as_u64().and_then(|id| waiting.remove(&id)) {
            // Who does not wait any more has said so.
            drop(tell.send(answer));
        }
    }
    waiting.lock().unwrap_or_else(PoisonError::into_inner).clear();
}

/// Tells whether there is a browser where the script looks for one.
fn is_installed() -> bool {
    let named = folder_in_env("CHROMIUM").is_some_and(|path| path.exists());
    let usual =
        ["/usr/bin/chromium", "/usr/bin/chromium-browser", "/usr/bin/google-chrome"].map(Path::new);
    named || usual.iter().any(|path| path.exists())
}
