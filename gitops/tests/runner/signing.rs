//! Signed commits, as git and the programs of both formats see them.

use std::path::Path;
use std::process::Command;
use std::sync::Arc;

use gimlet_gitops::{
    CommitId, GitErrorKind, HistoryFilter, Options, Outcome, Secret, Signature, SignatureError,
    SignatureFormat, Signer, SigningError, TrustedKeys, Writer, verify,
};

use crate::fixture::{Repo, change, commit_of, folder, git_in};

/// A key that only this test knows.
fn ssh_key(dir: &Path, kind: &[&str], passphrase: &str) -> String {
    let file = dir.join("key");
    let _ = std::fs::remove_file(&file);
    let made = Command::new("ssh-keygen")
        .args(["-q", "-C", "comment", "-N", passphrase, "-f"])
        .arg(&file)
        .arg("-t")
        .args(kind)
        .status()
        .unwrap();
    assert!(made.success());
    std::fs::read_to_string(file).unwrap()
}

fn openpgp_key(name: &str) -> String {
    let dir = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/keys");
    std::fs::read_to_string(dir.join(name)).unwrap()
}

fn signer(key: &str, passphrase: Option<&str>) -> Result<Arc<Signer>, SigningError> {
    let passphrase = passphrase.map(Secret::new);
    Signer::parse(&Secret::new(key), passphrase.as_ref()).map(Arc::new)
}

fn writer(repo: &Repo, signer: Option<Arc<Signer>>) -> Writer {
    let options = Options { signer, ..repo.options() };
    Writer::open(repo.remote(&repo.url()), options)
}

/// The commit as git stores it.
fn raw(repo: &Repo, id: &str) -> Vec<u8> {
    let mut text = repo.git(&["cat-file", "commit", id]).into_bytes();
    text.push(b'\n');
    text
}

#[tokio::test]
async fn git_accepts_what_was_signed_with_a_key_of_openssh() {
    let repo = Repo::seeded();
    let kinds: [(&[&str], &str); 5] = [
        (&["ed25519"], ""),
        (&["ed25519"], "correct horse"),
        (&["ecdsa", "-b", "256"], ""),
        (&["ecdsa", "-b", "384"], ""),
        (&["rsa", "-b", "2048"], ""),
    ];
    for (n, (kind, passphrase)) in kinds.into_iter().enumerate() {
        let key = ssh_key(repo.dir.path(), kind, passphrase);
        let signer = signer(&key, Some(passphrase)).unwrap();
        let line = format!("gimlet@example.com {}\n", signer.public_key());
        let allowed = repo.dir.path().join("allowed");
        std::fs::write(&allowed, &line).unwrap();
        let edit = folder("staging/web", &[("n", &n.to_string())]);
        let outcome =
            writer(&repo, Some(signer)).commit(change(&format!("r{n}"), vec![edit])).await;
        let id = commit_of(&outcome).to_string();
        let setting = format!("gpg.ssh.allowedSignersFile={}", allowed.display());
        repo.git(&["-c", &setting, "verify-commit", &id]);
        let mut keys = TrustedKeys::default();
        keys.add_allowed_signers(&line).unwrap();
        let by = verify(&raw(&repo, &id), &keys).unwrap();
        assert_eq!((by.name.as_str(), by.format), ("gimlet@example.com", SignatureFormat::Ssh));
    }
    repo.fsck();
}

#[tokio::test]
async fn a_writer_tells_which_commits_its_own_key_signed() {
    let repo = Repo::seeded();
    let edit = |n: &str| vec![folder("staging/web", &[("n", n)])];
    let other = signer(&ssh_key(repo.dir.path(), &["ed25519"], ""), None).unwrap();
    let own = signer(&ssh_key(repo.dir.path(), &["ed25519"], ""), None).unwrap();
    let gpg = signer(&openpgp_key("gimlet.asc"), None).unwrap();
    for (n, signer) in
        [None, Some(other), Some(gpg), Some(Arc::clone(&own))].into_iter().enumerate()
    {
        let n = n.to_string();
        commit_of(&writer(&repo, signer).commit(change(&n, edit(&n))).await);
    }
    // What was signed was another message.
    let raw = repo.git(&["cat-file", "commit", "main"]);
    let forged = repo.dir.path().join("forged");
    std::fs::write(&forged, format!("{raw}, and more\n")).unwrap();
    let id = repo.git(&["hash-object", "-t", "commit", "-w", forged.to_str().unwrap()]);
    repo.git(&["update-ref", "refs/heads/main", id.trim()]);

    let reader = writer(&repo, Some(own));
    let log = reader.history(HistoryFilter::default()).await.unwrap();
    let commits: Vec<_> = log.iter().map(|entry| entry.commit).take(4).collect();
    let found = reader.signatures(&commits).await.unwrap();
    let expected = [Signature::Invalid, Signature::Other, Signature::Other, Signature::Unsigned];
    assert_eq!(found, expected.map(Some));
    let unknown = CommitId::parse(&"1".repeat(40)).unwrap();
    assert_eq!(reader.signatures(&[unknown]).await.unwrap(), [None]);
}

#[tokio::test]
async fn a_writer_without_a_key_tells_what_is_signed_at_all() {
    let repo = Repo::seeded();
    let key = signer(&openpgp_key("gimlet.asc"), None).unwrap();
    let edit = |n: &str| vec![folder("staging/web", &[("n", n)])];
    let own = writer(&repo, Some(Arc::clone(&key)));
    let signed = commit_of(&own.commit(change("a", edit("1"))).await);
    assert_eq!(own.signatures(&[signed]).await.unwrap(), [Some(Signature::Own)]);
    drop(own);
    let bare = writer(&repo, None);
    let plain = commit_of(&bare.commit(change("b", edit("2"))).await);
    let found = bare.signatures(&[plain, signed]).await.unwrap();
    assert_eq!(found, [Some(Signature::Unsigned), Some(Signature::Other)]);
}

#[tokio::test]
async fn gpg_accepts_what_was_signed_with_a_key_of_openpgp() {
    let repo = Repo::seeded();
    for (n, (name, passphrase)) in [
        ("gimlet.asc", None),
        ("subkey.asc", Some("correct horse")),
        ("curve.asc", None),
        ("stub.asc", None),
    ]
    .into_iter()
    .enumerate()
    {
        let signer = signer(&openpgp_key(name), passphrase).unwrap();
        let edit = folder("staging/web", &[("n", &n.to_string())]);
        let writer = writer(&repo, Some(Arc::clone(&signer)));
        let id = commit_of(&writer.commit(change(&format!("r{n}"), vec![edit])).await).to_string();
        let mut keys = TrustedKeys::default();
        keys.add_openpgp(signer.public_key()).unwrap();
        let by = verify(&raw(&repo, &id), &keys).unwrap();
        assert_eq!((by.key.as_str(), by.format), (signer.fingerprint(), SignatureFormat::OpenPgp));
        if Command::new("gpg").arg("--version").output().is_ok() {
            let private = std::os::unix::fs::PermissionsExt::from_mode(0o700);
            let home = tempfile::Builder::new().permissions(private).tempdir().unwrap();
            let public = home.path().join("key.asc");
            std::fs::write(&public, signer.public_key()).unwrap();
            let imported = Command::new("gpg")
                .args(["--batch", "--quiet", "--no-autostart", "--import"])
                .arg(&public)
                .env("GNUPGHOME", home.path())
                .status()
                .unwrap();
            assert!(imported.success());
            let verified = Command::new("git")
                .args(["verify-commit", "-v", &id])
                .current_dir(repo.bare())
                .env("GNUPGHOME", home.path())
                .output()
                .unwrap();
            let said = String::from_utf8_lossy(&verified.stderr).into_owned();
            assert!(verified.status.success(), "{name}: {said}");
        }
    }
    repo.fsck();
}

#[tokio::test]
async fn a_signed_change_on_the_same_base_is_the_same_commit() {
    let dir = tempfile::tempdir().unwrap();
    let kinds: [&[&str]; 3] = [&["ed25519"], &["ecdsa", "-b", "256"], &["rsa", "-b", "2048"]];
    let mut keys: Vec<_> = kinds.iter().map(|kind| ssh_key(dir.path(), kind, "")).collect();
    keys.extend([openpgp_key("gimlet.asc"), openpgp_key("curve.asc")]);
    for key in keys {
        let mut ids = Vec::new();
        for _ in 0..2 {
            let repo = Repo::seeded();
            let writer = writer(&repo, Some(signer(&key, None).unwrap()));
            let edit = folder("staging/web", &[("a", "1")]);
            ids.push(commit_of(&writer.commit(change("r1", vec![edit])).await));
        }
        assert_eq!(ids[0], ids[1]);
    }
}

#[tokio::test]
async fn a_change_is_found_again_whatever_it_was_signed_with() {
    let repo = Repo::seeded();
    let edit = folder("staging/web", &[("a", "1")]);
    let first = writer(&repo, None);
    let id = commit_of(&first.commit(change("r1", vec![edit.clone()])).await);
    drop(first);
    let signed = writer(&repo, Some(signer(&openpgp_key("gimlet.asc"), None).unwrap()));
    let again = signed.commit(change("r1", vec![edit])).await;
    assert!(matches!(again, Ok(Outcome::Adopted { commit, .. }) if commit == id), "{again:?}");
    // Another key counts from the next push on, and so does none.
    let edit = folder("staging/web", &[("a", "2")]);
    let id = commit_of(&signed.commit(change("r2", vec![edit])).await).to_string();
    assert!(repo.git(&["cat-file", "commit", &id]).contains("\ngpgsig "));
    signed.set_signer(None);
    let edit = folder("staging/web", &[("a", "3")]);
    let id = commit_of(&signed.commit(change("r3", vec![edit])).await).to_string();
    assert!(!repo.git(&["cat-file", "commit", &id]).contains("\ngpgsig "));
}

#[tokio::test]
async fn what_cannot_be_signed_is_not_committed() {
    let repo = Repo::seeded();
    let before = repo.head();
    let writer = writer(&repo, Some(signer(&openpgp_key("expired.asc"), None).unwrap()));
    let error = writer.commit(change("r1", vec![folder("a", &[("b", "c")])])).await.unwrap_err();
    assert_eq!(error.kind(), GitErrorKind::Signing);
    assert!(error.is_terminal() && error.to_string().contains("expired"), "{error}");
    assert_eq!(repo.head(), before);
}

#[test]
fn a_key_that_cannot_be_used_says_why() {
    let dir = tempfile::tempdir().unwrap();
    let locked = ssh_key(dir.path(), &["ed25519"], "secret words");
    let unsupported = ssh_key(dir.path(), &["ecdsa", "-b", "521"], "");
    let pem = ssh_key(dir.path(), &["rsa", "-b", "2048", "-m", "PEM"], "");
    let subkey = openpgp_key("subkey.asc");
    let error = |key: &str, passphrase| signer(key, passphrase).unwrap_err();
    assert_eq!(error(&locked, None), SigningError::Encrypted);
    assert_eq!(error(&locked, Some("wrong")), SigningError::Passphrase);
    assert_eq!(error(&subkey, None), SigningError::Encrypted);
    assert_eq!(error(&subkey, Some("wrong")), SigningError::Passphrase);
    assert!(matches!(error(&unsupported, None), SigningError::Unsupported(_)));
    assert!(matches!(error(&openpgp_key("dsa.asc"), None), SigningError::Unsupported(_)));
    assert!(error(&pem, None).to_string().contains("ssh-keygen -p"));
    let public = error(&openpgp_key("revoked.pub.asc"), None);
    assert!(matches!(public, SigningError::Unreadable(_)), "{public}");
    for text in ["", "hello", "-----BEGIN OPENSSH PRIVATE KEY-----\nAAAA\n"] {
        assert!(matches!(error(text, None), SigningError::Unreadable(_)), "{text}");
    }
    // Neither the key nor the passphrase is shown by anything.
    let signer = signer(&locked, Some("secret words")).unwrap();
    assert_eq!(format!("{signer:?}"), format!("Signer({})", signer.fingerprint()));
    assert!(!signer.public_key().contains("comment"));
}

/// Signs the head of a repository with git itself.
fn signed_by_git(repo: &Repo, key: &Path) -> Vec<u8> {
    let work = repo.dir.path().join("work");
    if !work.exists() {
        let (from, to) = (repo.bare().display().to_string(), work.display().to_string());
        git_in(repo.dir.path(), &["clone", "--quiet", &from, &to], "");
    }
    let mut args = vec!["-c".to_owned(), "gpg.format=ssh".to_owned()];
    args.extend(["-c".to_owned(), format!("user.signingKey={}", key.display())]);
    let commit =
        ["commit", "--quiet", "--allow-empty", "-S", "-m", "by git\n\ngpgsig not a header"];
    args.extend(commit.map(str::to_owned));
    git_in(&work, &args.iter().map(String::as_str).collect::<Vec<_>>(), "");
    let mut text = git_in(&work, &["cat-file", "commit", "HEAD"], "").into_bytes();
    text.push(b'\n');
    text
}

#[test]
fn what_git_signed_is_verified_and_what_was_changed_since_is_not() {
    let repo = Repo::seeded();
    let key = repo.dir.path().join("key");
    ssh_key(repo.dir.path(), &["ed25519"], "");
    let commit = signed_by_git(&repo, &key);
    let public = std::fs::read_to_string(key.with_extension("pub")).unwrap();
    let trusted = |line: &str| {
        let mut keys = TrustedKeys::default();
        keys.add_allowed_signers(line).map(|()| keys)
    };
    let keys = trusted(&format!("# people\n\njane@example.com {public}")).unwrap();
    assert_eq!(verify(&commit, &keys).unwrap().name, "jane@example.com");
    let changed = String::from_utf8(commit.clone()).unwrap().replace("by git", "by Git");
    assert!(matches!(verify(changed.as_bytes(), &keys), Err(SignatureError::Invalid { .. })));
    let stripped = raw(&repo, "main");
    assert_eq!(verify(&stripped, &keys), Err(SignatureError::Unsigned));
    let none = TrustedKeys::default();
    assert!(none.is_empty());
    assert!(matches!(verify(&commit, &none), Err(SignatureError::Untrusted { .. })));
    // What an allowed signers file says about a key is kept.
    let options =
        |options: &str| verify(&commit, &trusted(&format!("j {options} {public}")).unwrap());
    assert!(options("namespaces=\"git,file\"").is_ok());
    assert!(matches!(options("namespaces=\"file\""), Err(SignatureError::Untrusted { .. })));
    assert!(options("valid-after=\"20200101\",valid-before=\"22000101Z\"").is_ok());
    let early = options("valid-before=20200101000000Z");
    assert!(matches!(early, Err(SignatureError::Unusable { .. })), "{early:?}");
    let unknown = trusted(&format!("j cert-authority {public}")).unwrap_err();
    assert!(unknown.to_string().starts_with("allowed signers, line 1: certificate authorities"));
    for line in ["j", "j ssh-ed25519", "j ssh-ed25519 AAAA", "j odd=1 ssh-ed25519 AAAA"] {
        assert!(trusted(line).is_err(), "{line}");
    }
}

#[tokio::test]
async fn a_signature_of_openpgp_counts_only_for_its_commit_and_a_good_key() {
    let repo = Repo::seeded();
    let signer = signer(&openpgp_key("gimlet.asc"), None).unwrap();
    let public = signer.public_key().to_owned();
    let writer = writer(&repo, Some(signer));
    let edit = folder("staging/web", &[("a", "1")]);
    let id = commit_of(&writer.commit(change("r1", vec![edit])).await).to_string();
    let commit = raw(&repo, &id);
    let mut keys = TrustedKeys::default();
    keys.add_openpgp(&public).unwrap();
    // The key is younger than the change: the signature bears the key's date.
    assert!(verify(&commit, &keys).is_ok());
    let changed = String::from_utf8(commit.clone()).unwrap().replace("the body", "The body");
    assert!(matches!(verify(changed.as_bytes(), &keys), Err(SignatureError::Invalid { .. })));
    let mut others = TrustedKeys::default();
    others
        .add_openpgp(self::signer(&openpgp_key("curve.asc"), None).unwrap().public_key())
        .unwrap();
    assert!(matches!(verify(&commit, &others), Err(SignatureError::Untrusted { .. })));
    let revoked = TrustedKeys::default().add_openpgp(&openpgp_key("revoked.pub.asc")).unwrap_err();
    assert!(revoked.to_string().contains("revoked"), "{revoked}");
    assert!(TrustedKeys::default().add_openpgp("hello").is_err());
}
