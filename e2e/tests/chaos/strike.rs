//! How each trouble comes and goes.

use std::path::{Path, PathBuf};
use std::process::Command;
use std::sync::Arc;
use std::time::Duration;

use anyhow::{Result, ensure};
use gimlet_e2e::{Proxy, Trap};
use k8s_openapi::api::coordination::v1::Lease;
use kube::api::{Api, DeleteParams, Patch, PatchParams};
use serde_json::json;
use tokio::task::spawn_blocking;
use tokio::time::{Instant, sleep, sleep_until};

use super::host::Host;
use super::scene::Scene;
use super::script::{Blow, Trouble};
use super::site::Site;

/// How long a request is on its way through a slow network.
const SLOW: Duration = Duration::from_millis(700);
/// How long a network is cut so that every connection notices.
const MOMENT: Duration = Duration::from_millis(50);
/// The name of the Lease.
const LEASE: &str = "gimlet-operator";
/// How often somebody else pushes.
const OTHERS: Duration = Duration::from_millis(100);

/// Lets something go wrong for a while, and be right again.
pub async fn strike(scene: &Scene, blow: &Blow) -> Result<()> {
    let until = Instant::now() + blow.lasts;
    match blow.trouble {
        Trouble::KillOperator(number) => kill(scene, number, until).await,
        Trouble::KillLeader => kill(scene, scene.leader().await, until).await,
        Trouble::PauseLeader => pause(scene, until).await,
        Trouble::StealLease => {
            // Whoever holds it has it for as long as a leader may be silent.
            let nobody = json!({"spec": {"holderIdentity": "nobody", "renewTime": now()}});
            let _ =
                leases(scene).patch(LEASE, &PatchParams::default(), &Patch::Merge(nobody)).await;
            Ok(())
        }
        Trouble::DeleteLease => {
            // It may not be there, nor an API server.
            let _ = leases(scene).delete(LEASE, &DeleteParams::default()).await;
            Ok(())
        }
        Trouble::KillApi => restart(scene, "kube-apiserver", until).await,
        Trouble::KillEtcd => restart(scene, "etcd", until).await,
        Trouble::KillGit => kill_git(scene, until).await,
        Trouble::CutGit => network(&scene.git, Proxy::cut, until).await,
        Trouble::HoldGit => network(&scene.git, Proxy::pause, until).await,
        Trouble::SlowGit => slow(&scene.git, until).await,
        Trouble::CutApi(number) => network(&scene.apis[number], Proxy::cut, until).await,
        Trouble::HoldApi(number) => network(&scene.apis[number], Proxy::pause, until).await,
        Trouble::SlowApi(number) => slow(&scene.apis[number], until).await,
        Trouble::DropAnswer => trap(&scene.git, Trap::DropAnswer, until).await,
        Trouble::FailAnswer => trap(&scene.git, Trap::FailAnswer, until).await,
        Trouble::HoldAnswer => trap(&scene.git, Trap::HoldAnswer, until).await,
        Trouble::HoldPush => trap(&scene.git, Trap::HoldRequest, until).await,
        Trouble::FillDisk(number) => {
            let disk = FullDisk::over(&cache(scene, number).await)?;
            sleep_until(until).await;
            drop(disk);
            Ok(())
        }
        Trouble::DamageCache(number) => damage(&cache(scene, number).await, &mut 0),
        Trouble::DeleteCache(number) => {
            // The operator may be writing into it at the same time.
            let _ = std::fs::remove_dir_all(cache(scene, number).await);
            Ok(())
        }
        Trouble::Refuse(repository) => {
            scene.hosts[repository].refuse(true)?;
            sleep_until(until).await;
            scene.hosts[repository].refuse(false)
        }
        Trouble::Rewind(repository) => {
            let count = 1 + usize::try_from(blow.lasts.as_millis() % 3)?;
            scene.hosts[repository].rewind(count)
        }
        Trouble::DeleteBranch(repository) => {
            let Some(commit) = scene.hosts[repository].delete_branch()? else { return Ok(()) };
            sleep_until(until).await;
            scene.hosts[repository].restore_branch(&commit)
        }
        Trouble::Outsider(repository) => {
            while Instant::now() < until {
                scene.hosts[repository].push()?;
                sleep(OTHERS).await;
            }
            Ok(())
        }
    }
}

/// Makes right what may still be wrong, as whoever runs all of this does after an outage.
pub async fn repair(scene: &Scene) -> Result<()> {
    for proxy in scene.apis.iter().chain([&scene.git]) {
        proxy.disarm();
        proxy.slow_down(Duration::ZERO);
        proxy.resume();
    }
    scene.site.api_is_back().await?;
    blocking(scene, |site| site.gitea.up()).await?;
    scene.hosts.iter().try_for_each(Host::unlock)
}

async fn blocking(
    scene: &Scene,
    run: impl FnOnce(&Site) -> Result<()> + Send + 'static,
) -> Result<()> {
    let site = Arc::clone(&scene.site);
    spawn_blocking(move || run(&site)).await?
}

async fn kill(scene: &Scene, number: usize, until: Instant) -> Result<()> {
    scene.crew.lock().await[number].kill()?;
    sleep_until(until).await;
    scene.crew.lock().await[number].release();
    Ok(())
}

async fn pause(scene: &Scene, until: Instant) -> Result<()> {
    let number = scene.leader().await;
    // It may have ended, or end meanwhile: then there is nothing to be stopped or woken.
    let _ = scene.crew.lock().await[number].operator.pause();
    sleep_until(until).await;
    let _ = scene.crew.lock().await[number].operator.wake();
    Ok(())
}

async fn restart(scene: &Scene, process: &'static str, until: Instant) -> Result<()> {
    blocking(scene, move |site| site.cluster.kill(process)).await?;
    sleep_until(until).await;
    blocking(scene, move |site| site.cluster.restart(process)).await
}

async fn kill_git(scene: &Scene, until: Instant) -> Result<()> {
    blocking(scene, |site| site.gitea.kill()).await?;
    sleep_until(until).await;
    scene.hosts.iter().try_for_each(Host::unlock)?;
    blocking(scene, |site| site.gitea.up()).await
}

async fn network(proxy: &Proxy, breaks: impl Fn(&Proxy), until: Instant) -> Result<()> {
    breaks(proxy);
    sleep_until(until).await;
    proxy.resume();
    Ok(())
}

async fn slow(proxy: &Proxy, until: Instant) -> Result<()> {
    proxy.slow_down(SLOW);
    sleep_until(until).await;
    proxy.slow_down(Duration::ZERO);
    Ok(())
}

async fn trap(proxy: &Proxy, trap: Trap, until: Instant) -> Result<()> {
    proxy.trap_next_push(trap);
    sleep_until(until).await;
    proxy.disarm();
    if trap == Trap::HoldAnswer {
        // Otherwise the operator waits for it until its own limit, which is longer than a round.
        proxy.cut();
        sleep(MOMENT).await;
    }
    proxy.resume();
    Ok(())
}

fn leases(scene: &Scene) -> Api<Lease> {
    Api::namespaced(scene.client.clone(), &scene.namespace)
}

fn now() -> String {
    jiff::Timestamp::now().strftime("%Y-%m-%dT%H:%M:%S.%6fZ").to_string()
}

async fn cache(scene: &Scene, number: usize) -> PathBuf {
    scene.crew.lock().await[number].operator.cache()
}

/// Writes nonsense into every other file, and cuts the others off in the middle.
fn damage(folder: &Path, count: &mut u64) -> Result<()> {
    // What vanishes meanwhile needs no damage.
    let Ok(entries) = std::fs::read_dir(folder) else { return Ok(()) };
    for entry in entries.flatten() {
        let path = entry.path();
        if path.is_dir() {
            damage(&path, count)?;
            continue;
        }
        *count += 1;
        let Ok(mut bytes) = std::fs::read(&path) else { continue };
        let middle = bytes.len() / 2;
        if count.is_multiple_of(2) {
            bytes.truncate(middle);
        } else {
            bytes[middle..].iter_mut().take(64).for_each(|byte| *byte ^= 0x55);
        }
        let _ = std::fs::write(&path, bytes);
    }
    Ok(())
}

/// A folder in which nothing can be written, until it is dropped.
enum FullDisk {
    /// A small file system lies over it, and is full.
    Mounted(PathBuf),
    /// A file is in its place.
    Replaced(PathBuf),
}

impl FullDisk {
    fn over(folder: &Path) -> Result<Self> {
        std::fs::create_dir_all(folder)?;
        let mount = Command::new("mount")
            .args(["-t", "tmpfs", "-o", "size=16k", "chaos"])
            .arg(folder)
            .output();
        if mount.is_ok_and(|output| output.status.success()) {
            let disk = Self::Mounted(folder.to_owned());
            let filled = std::fs::write(folder.join("full"), vec![0; 32 * 1024]);
            ensure!(filled.is_err(), "a disk of 16 KiB is not full");
            return Ok(disk);
        }
        // Only root may mount.
        std::fs::rename(folder, beside(folder))?;
        std::fs::write(folder, "")?;
        Ok(Self::Replaced(folder.to_owned()))
    }
}

impl Drop for FullDisk {
    fn drop(&mut self) {
        let undone = match self {
            Self::Mounted(folder) => {
                Command::new("umount").arg("--lazy").arg(&*folder).status().map(drop)
            }
            Self::Replaced(folder) => std::fs::remove_file(&*folder)
                .and_then(|()| std::fs::rename(beside(folder), &*folder)),
        };
        if let Err(error) = undone {
            eprintln!("a full disk is left over: {error}");
        }
    }
}

fn beside(folder: &Path) -> PathBuf {
    folder.with_extension("away")
}
