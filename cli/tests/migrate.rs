//! `gimlet manifest migrate` on whole repositories, laid out as the original Gimlet left them.

#![expect(clippy::unwrap_used, reason = "a helper that fails must fail its test")]

use std::collections::BTreeMap;
use std::fs;
use std::path::{Path, PathBuf};
use std::process::Command;

use insta::assert_snapshot;
use tempfile::TempDir;

/// A copy of a repository, to be written to.
struct Repository(TempDir);

impl Repository {
    fn of(name: &str) -> Self {
        let from = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/repositories").join(name);
        let copy = tempfile::tempdir().unwrap();
        for path in files(&from) {
            let to = copy.path().join(&path);
            fs::create_dir_all(to.parent().unwrap()).unwrap();
            fs::copy(from.join(&path), to).unwrap();
        }
        Self(copy)
    }

    /// Runs a command in it; gives the exit code and what is said.
    fn gimlet(&self, args: &[&str]) -> (i32, String) {
        let mut command = Command::new(env!("CARGO_BIN_EXE_gimlet"));
        command.env_clear().current_dir(self.0.path()).args(args);
        let output = command.output().unwrap();
        let text = [output.stdout, output.stderr].concat();
        (output.status.code().unwrap(), String::from_utf8(text).unwrap())
    }

    fn migrate(&self) -> (i32, String) {
        self.gimlet(&["manifest", "migrate"])
    }

    /// Has it written, and gives what is different now: a sign and a path each.
    fn written(&self) -> String {
        let before = self.content();
        self.gimlet(&["manifest", "migrate", "--write"]);
        let after = self.content();
        let changed = before.iter().filter_map(|(path, old)| match after.get(path) {
            None => Some(format!("- {path}\n")),
            Some(new) if new != old => Some(format!("~ {path}\n")),
            Some(_) => None,
        });
        let changed: String = changed.collect();
        assert!(after.keys().all(|path| before.contains_key(path)), "a file is new");
        changed
    }

    fn content(&self) -> BTreeMap<String, String> {
        let read = |path: PathBuf| {
            let text = fs::read_to_string(self.0.path().join(&path)).unwrap();
            (path.to_string_lossy().into_owned(), text)
        };
        files(self.0.path()).into_iter().map(read).collect()
    }

    fn write(&self, path: &str, text: &str) {
        let path = self.0.path().join(path);
        fs::create_dir_all(path.parent().unwrap()).unwrap();
        fs::write(path, text).unwrap();
    }
}

fn files(folder: &Path) -> Vec<PathBuf> {
    let mut found = Vec::new();
    let mut left = vec![folder.to_owned()];
    while let Some(next) = left.pop() {
        for entry in fs::read_dir(next).unwrap() {
            let path = entry.unwrap().path();
            if path.is_dir() {
                left.push(path);
            } else {
                found.push(path.strip_prefix(folder).unwrap().to_owned());
            }
        }
    }
    found.sort();
    found
}

/// What Gimlet writes of a release.
fn record(app: &str, environment: &str) -> String {
    format!(r#"{{"app": "{app}", "environment": "{environment}", "release": "r", "uid": "u"}}"#)
}

#[test]
fn an_application_with_several_charts_templates_and_raw_objects() {
    let shop = Repository::of("shop");
    let (code, said) = shop.migrate();
    assert_eq!(code, 1, "there is something to do: {said}");
    assert_snapshot!("application", said);
    assert_eq!(shop.written(), "~ .gimlet/preview-shop.yml\n~ .gimlet/production-shop.yaml\n");
    let text = &shop.content()[".gimlet/production-shop.yaml"];
    assert_snapshot!("application_written", text);
    assert_eq!(shop.written(), "", "and then it is done");

    // What people are told to do, and then everything is understood here.
    shop.write(
        ".gimlet/production-shop.yaml",
        &text.replace("event: push", "event: tag").replace("    strategy: dockerfile\n", ""),
    );
    let staging = &shop.content()[".gimlet/staging-shop.yaml"];
    let staging = staging.replace(r#"{{ env "HOME" }}"#, "/home").replace(".GITHUB_RUN_ID", ".JOB");
    shop.write(".gimlet/staging-shop.yaml", &staging);
    let bucket = shop.content()[".gimlet/bucket.yaml"].clone();
    shop.write(".gimlet/bucket.yaml", bucket.split("dependencies:").next().unwrap());
    for path in [".gimlet/vars", ".gimlet/regions.cue"] {
        fs::remove_file(shop.0.path().join(path)).unwrap();
    }
    let (code, said) = shop.migrate();
    assert_eq!(code, 0, "{said}");
    let lint = ["manifest", "lint", ".gimlet", "--offline", "--var", "DOMAIN=example.com", "--var"];
    let more = ["LOG_LEVEL=info", "--var", "JOB=https://ci.example.com/1"];
    let (code, said) = shop.gimlet(&[&lint[..], &more].concat());
    assert_eq!(code, 0, "{said}");
    let render =
        ["manifest", "render", "-f", ".gimlet/preview-shop.yml", "--var", "BRANCH=Fix/cart"];
    let (code, said) = shop.gimlet(&[&render[..], &["--var", "SHA=ea9ab7c"]].concat());
    assert!(code == 0 && said.contains("ghcr.io/acme/shop:ea9ab7c"), "{said}");
}

#[test]
fn a_repository_of_several_environments_is_brought_over_in_steps() {
    let gitops = Repository::of("gitops-apps");
    let (code, said) = gitops.migrate();
    assert_eq!(code, 1);
    assert_snapshot!("shared", said);
    assert_snapshot!("shared_lets_go", gitops.written());
    let (_, said) = gitops.migrate();
    assert!(said.contains("gimlet env create and gimlet env connect"), "{said}");

    // One environment is connected and released, the other one is not.
    gitops.write("production/flux/root.yaml", "kind: Kustomization\n");
    gitops.write("production/shop/release.json", &record("shop", "production"));
    gitops.write("staging/flux/root.yaml", "kind: Kustomization\n");
    gitops.write("staging/shop/release.json", &record("shop", "staging"));
    let (code, said) = gitops.migrate();
    assert_eq!(code, 1, "{said}");
    assert!(
        said.contains("staging: release each app once; 1 are as the original left them"),
        "{said}"
    );
    assert_snapshot!("shared_first_gone", gitops.written());
    gitops.write("staging/worker/release.json", &record("worker", "staging"));
    let theirs =
        "staging/flux/mine.yaml: it reads the GitRepository acme-gitops-apps-staging, which goes";
    assert!(gitops.migrate().1.contains(theirs), "what people added would stand still");
    assert_snapshot!("shared_second_gone", gitops.written());
    let left: Vec<String> = gitops.content().into_keys().collect();
    assert_snapshot!("shared_left", left.join("\n"));
    let (code, said) = gitops.migrate();
    assert_eq!(code, 6, "nothing is left of the original: {said}");
}

#[test]
fn a_repository_of_one_environment_has_its_variables_taken_along() {
    let gitops = Repository::of("gitops-production-apps");
    assert_snapshot!("own", gitops.migrate().1);
    let flux = "~ flux/gitops-repo-acme-gitops-production-apps.yaml\n";
    assert_eq!(gitops.written(), flux);
    gitops.write("flux/root.yaml", "kind: Kustomization\n");
    for app in ["shop", "blog"] {
        gitops.write(&format!("{app}/release.json"), &record(app, "production"));
    }
    // The key of the original is what Flux reads by still.
    let name = "deploy-key-acme-gitops-production-apps";
    gitops.write("flux/gitrepository.yaml", &format!("spec: {{secretRef: {{name: {name}}}}}\n"));
    let (_, said) = gitops.migrate();
    assert!(said.contains("kustomization/acme-gitops-production-apps"), "{said}");
    assert!(
        said.contains(" secret/gimlet-production") && !said.contains(&format!("secret/{name}")),
        "{said}"
    );
    assert_snapshot!("own_gone", gitops.written());
}

#[test]
fn the_components_of_a_cluster_go_on_without_gimlet() {
    let infra = Repository::of("gitops-production-infra");
    let (code, said) = infra.migrate();
    assert_eq!(code, 1);
    assert_snapshot!("infrastructure", said);
    assert_eq!(infra.written(), "", "they are left alone");
}
