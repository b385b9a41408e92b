//! What a release costs the processor, against git's own push of the same commit.
//!
//! Processor time and not the clock: what else the machine does changes it little. It is a program of
//! its own, so that no other test runs beside it. What another thread does while the server works, which
//! is to keep objects on disk, is not counted.

#[cfg(test)]
#[path = "../wire/apps.rs"]
mod apps;
#[cfg(test)]
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "../runner/fixture.rs"]
mod fixture;
#[cfg(test)]
#[expect(dead_code, reason = "other tests need more of it")]
#[path = "../runner/http.rs"]
mod http;

/// How the writers of these tests work with their repositories.
const ENGINE: gimlet_gitops::EngineChoice = gimlet_gitops::EngineChoice::Wire;

#[cfg(test)]
mod tests {
    use std::process::Command;
    use std::time::Duration;

    use gimlet_gitops::Outcome;
    use nix::time::{ClockId, clock_gettime};

    use crate::apps::{release, with_apps};
    use crate::fixture::git_in;

    const ROUNDS: usize = 9;

    /// Medians of the processor time of one release.
    #[derive(Debug)]
    struct Cost {
        ours: Duration,
        push: Duration,
    }

    /// Goals 1 and 2: the client's part grows at most fourfold from 10 apps to 10,000, and is at most
    /// nine tenths of what `git push` of the same commit takes. The milliseconds of goal 1 are those of
    /// the benchmark.
    #[test]
    fn a_release_costs_less_than_gits_own_push_whatever_the_size() {
        let costs = [10, 10_000].map(measure);
        for cost in &costs {
            assert!(cost.ours.as_secs_f64() <= 0.9 * cost.push.as_secs_f64(), "{costs:?}");
        }
        let [small, large] = &costs;
        assert!(large.ours.as_secs_f64() <= 4.0 * small.ours.as_secs_f64(), "{costs:?}");
    }

    fn measure(apps: usize) -> Cost {
        let repo = with_apps(apps);
        // The server has threads of its own; all that the writer does is done by this one.
        let url = repo.url();
        let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build().unwrap();
        let writer = {
            let _entered = runtime.enter();
            repo.writer()
        };
        let land = |version| {
            let outcome = runtime.block_on(writer.commit(release(0, version)));
            assert!(matches!(outcome, Ok(Outcome::Committed { .. })), "{outcome:?}");
        };
        land(1);
        let (bare, warm) = (repo.bare().display().to_string(), repo.dir.path().join("warm"));
        let warm_path = warm.display().to_string();
        repo.git(&["clone", "--quiet", "--bare", "--local", &bare, &warm_path]);
        let (mut ours, mut push) = (Vec::new(), Vec::new());
        for version in 2..2 + ROUNDS {
            let before = own_time();
            land(version);
            ours.push(own_time().saturating_sub(before));
            git_in(&warm, &["fetch", "--quiet", &bare, "+main:main"], "");
            repo.git(&["update-ref", "refs/heads/main", "main^"]);
            push.push(time_of_push(&warm_path, &url));
        }
        Cost { ours: median(ours), push: median(push) }
    }

    fn own_time() -> Duration {
        clock_gettime(ClockId::CLOCK_THREAD_CPUTIME_ID).unwrap().into()
    }

    /// Lets git push, and gives the processor time of it and its helpers.
    fn time_of_push(dir: &str, url: &str) -> Duration {
        let script = "git push --quiet \"$1\" main:main && times";
        let output = Command::new("bash")
            .args(["-c", script, "push", url])
            .current_dir(dir)
            .env("LC_ALL", "C")
            .env("GIT_CONFIG_GLOBAL", "/dev/null")
            .output()
            .unwrap();
        let said = String::from_utf8_lossy(&output.stderr);
        assert!(output.status.success(), "{said}");
        let text = String::from_utf8(output.stdout).unwrap();
        text.lines().nth(1).unwrap().split(' ').map(duration).sum()
    }

    /// Reads `0m0.012s`.
    fn duration(text: &str) -> Duration {
        let (minutes, seconds) = text.trim_end_matches('s').split_once('m').unwrap();
        let minutes: u64 = minutes.parse().unwrap();
        Duration::from_secs(minutes * 60) + Duration::from_secs_f64(seconds.parse().unwrap())
    }

    fn median(mut times: Vec<Duration>) -> Duration {
        times.sort_unstable();
        times[times.len() / 2]
    }
}
