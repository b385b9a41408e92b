use super::*;

fn chart(repository: &str, name: &str, version: &str) -> ChartRef {
    let some = |text: &str| (!text.is_empty()).then(|| text.to_owned());
    ChartRef { repository: some(repository), name: name.into(), version: some(version) }
}

fn parse(repository: &str, name: &str, version: &str) -> Result<Source, SourceError> {
    Source::parse(&chart(repository, name, version), &LocalPolicy::Refuse)
}

fn git(url: &str, path: &str, reference: GitReference) -> Source {
    Source::Git { url: url.into(), path: path.into(), reference }
}

#[test]
fn the_built_in_chart_has_two_names() {
    assert_eq!(parse("", "app", "").unwrap(), Source::BuiltIn);
    assert_eq!(parse("", "gimlet/app", "").unwrap(), Source::BuiltIn);
    assert_eq!(parse("", "app", ">=0.1.0-0").unwrap(), Source::BuiltIn);
    assert!(matches!(parse("", "app", "99.x"), Err(SourceError::BuiltInVersion { .. })));
}

#[test]
fn an_http_repository_takes_a_name_and_a_range() {
    let source = parse("https://charts.example.com/", "shop", "^1.2").unwrap();
    let Source::Repository { url, name, version } = source else { panic!("{source:?}") };
    assert_eq!(url.as_str(), "https://charts.example.com/");
    assert_eq!(name, "shop");
    assert_eq!(version.unwrap().as_str(), "^1.2");
    let source = parse("https://charts.example.com/", "app", "").unwrap();
    assert!(matches!(source, Source::Repository { version: None, .. }));
}

#[test]
fn oci_addresses_stand_in_the_repository_or_in_the_name() {
    for (repository, name, version) in [
        ("oci://ghcr.io/acme/charts", "shop", "1.2.3+5"),
        ("oci://ghcr.io/acme/charts/", "shop", "1.2.3+5"),
        ("", "oci://ghcr.io/acme/charts/shop", "1.2.3+5"),
        ("", "oci://ghcr.io/acme/charts/shop:1.2.3_5", ""),
    ] {
        let wanted = Source::Oci {
            registry: "ghcr.io".into(),
            repository: "acme/charts/shop".into(),
            reference: OciReference::Tag("1.2.3_5".into()),
        };
        assert_eq!(parse(repository, name, version).unwrap(), wanted, "{repository} {name}");
    }
}

#[test]
fn an_oci_version_is_a_tag_a_range_or_a_digest() {
    let reference = |version: &str| match parse("", "oci://localhost:5000/shop", version).unwrap() {
        Source::Oci { reference, .. } => reference,
        other => panic!("{other:?}"),
    };
    assert_eq!(reference("main"), OciReference::Tag("main".into()));
    assert_eq!(reference("v1.2.3"), OciReference::Tag("v1.2.3".into()));
    assert!(matches!(reference(""), OciReference::Range(range) if range.as_str().is_empty()));
    assert!(matches!(reference("1.2"), OciReference::Range(_)));
    let digest = format!("sha256:{}", "ab".repeat(32));
    assert_eq!(reference(&digest), OciReference::Digest(digest));
}

#[test]
fn git_addresses_keep_the_old_format() {
    let sha = "0123456789abcdef0123456789abcdef01234567";
    for (name, wanted) in [
        (
            format!("https://example.com/a/b.git?path=/charts/x/&sha={sha}"),
            git("https://example.com/a/b.git", "charts/x", GitReference::Commit(sha.into())),
        ),
        (
            "https://example.com/a/b.git?path=/charts/x/&tag=v1.0".into(),
            git("https://example.com/a/b.git", "charts/x", GitReference::Tag("v1.0".into())),
        ),
        (
            "git@example.com:a/b.git?path=x&branch=feature/y".into(),
            git("git@example.com:a/b.git", "x", GitReference::Branch("feature/y".into())),
        ),
        (
            "ssh://git@example.com:2222/a/b".into(),
            git("ssh://git@example.com:2222/a/b", "", GitReference::Default),
        ),
    ] {
        assert_eq!(parse("", &name, "").unwrap(), wanted, "{name}");
    }
}

#[test]
fn an_archive_url_ends_in_tgz() {
    let source = parse("", "https://example.com/x/shop-1.0.tgz?token=abc", "").unwrap();
    assert!(matches!(source, Source::ArchiveUrl(_)));
    assert!(!source.to_string().contains("abc"));
    assert!(parse("", "https://example.com/x/shop", "").is_err());
}

#[test]
fn local_paths_need_permission() {
    let local = LocalPolicy::Allow("/base".into());
    let source = |name: &str| Source::parse(&chart("", name, ""), &local).unwrap();
    assert_eq!(source("./charts/shop"), Source::Local("/base/./charts/shop".into()));
    assert_eq!(source("shop-1.0.0.tgz"), Source::Archive("/base/shop-1.0.0.tgz".into()));
    assert!(matches!(source("file:///srv/charts.git"), Source::Git { .. }));
    for name in ["./charts/shop", "/etc", "shop.tgz", "file:///srv/charts.git"] {
        let refused = parse("", name, "");
        assert!(matches!(refused, Err(SourceError::LocalRefused { .. })), "{name}");
    }
}

#[test]
fn hostile_references_are_refused() {
    for (repository, name, version) in [
        ("", "", ""),
        ("", "--upload-pack=evil", ""),
        ("", "shop\nname: x", ""),
        ("https://example.com", "../shop", ""),
        ("https://example.com", "a/b", ""),
        ("https://example.com", "shop", "-1"),
        ("https://user:pw@example.com", "shop", ""),
        ("ftp://example.com", "shop", ""),
        ("@alias", "shop", ""),
        ("", "oci://ghcr.io/acme/../evil", ""),
        ("", "oci://ghcr.io/Acme", ""),
        ("", "oci://ghcr.io", ""),
        ("", "oci://user:pw@ghcr.io/acme", ""),
        ("", "oci://ghcr.io/acme/x", "../../blobs"),
        ("", "oci://ghcr.io/acme/x@sha256:12", ""),
        ("", "https://example.com/a.git?path=../../etc", ""),
        ("", "https://example.com/a.git?sha=HEAD", ""),
        ("", "https://example.com/a.git?branch=--evil", ""),
        ("", "https://example.com/a.git?branch=a:b", ""),
        ("", "https://example.com/a.git?tag=a&branch=b", ""),
        ("", "https://example.com/a.git?depth=1", ""),
        ("", "https://token@example.com/a.git", ""),
        ("", "git@-oProxyCommand=x:a/b.git", ""),
        ("", "ssh://-oProxyCommand=x/a.git", ""),
        ("", "ext::sh -c evil", ""),
    ] {
        assert!(parse(repository, name, version).is_err(), "{repository} {name} {version}");
    }
}

#[test]
fn a_password_in_a_url_does_not_reach_the_message() {
    let error = parse("https://bot:hunter2@example.com", "shop", "").unwrap_err();
    assert!(!error.to_string().contains("hunter2"));
}
