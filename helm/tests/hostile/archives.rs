//! Chart archives and directories that are traps.

use std::io::Write as _;
use std::path::Path;

use flate2::Compression;
use flate2::write::GzEncoder;
use gimlet_helm::{Chart, ChartError};

const CHART_YAML: &[u8] = b"name: demo\nversion: 0.1.0\n";

fn gzip(data: &[u8]) -> Vec<u8> {
    let mut encoder = GzEncoder::new(Vec::new(), Compression::fast());
    encoder.write_all(data).unwrap();
    encoder.finish().unwrap()
}

/// An entry with a header made by hand, for what a decent writer refuses to write.
fn entry(kind: u8, path: &[u8], declared: u64, data: &[u8]) -> Vec<u8> {
    let mut header = [0; 512];
    let length = path.len().min(100);
    header[..length].copy_from_slice(&path[..length]);
    header[100..108].copy_from_slice(b"0000644\0");
    header[124..136].copy_from_slice(format!("{declared:011o}\0").as_bytes());
    header[136..148].copy_from_slice(b"00000000000\0");
    header[148..156].copy_from_slice(b"        ");
    header[156] = kind;
    header[257..265].copy_from_slice(b"ustar\x0000");
    let sum: u32 = header.iter().map(|byte| u32::from(*byte)).sum();
    header[148..156].copy_from_slice(format!("{sum:06o}\0 ").as_bytes());
    let mut entry = header.to_vec();
    entry.extend_from_slice(data);
    entry.resize(entry.len().next_multiple_of(512), 0);
    entry
}

fn plain(path: &str, data: &[u8]) -> Vec<u8> {
    entry(b'0', path.as_bytes(), data.len() as u64, data)
}

fn load(entries: &[Vec<u8>]) -> Result<Chart, ChartError> {
    Chart::from_archive(&gzip(&entries.concat()))
}

fn chart_yaml() -> Vec<u8> {
    plain("demo/Chart.yaml", CHART_YAML)
}

#[test]
fn an_archive_by_hand_is_loaded() {
    assert_eq!(load(&[chart_yaml()]).unwrap().name(), "demo");
}

#[test]
fn an_archive_in_several_gzip_members_is_read_to_its_end() {
    let values = plain("demo/values.yaml", b"a: 1\n");
    let packed = [gzip(&chart_yaml()), gzip(&values)].concat();
    let chart = Chart::from_archive(&packed).unwrap();
    assert_eq!(chart.default_values(), serde_json::json!({"a": 1}));
}

#[test]
fn links_are_refused() {
    for kind in [b'1', b'2'] {
        let error = load(&[chart_yaml(), entry(kind, b"demo/values.yaml", 0, b"")]).unwrap_err();
        assert!(error.to_string().contains("is a link"), "{error}");
    }
}

#[test]
fn paths_that_leave_the_archive_are_refused() {
    for path in ["demo/../../x", "demo/a/../../x", "demo//etc/passwd", "demo\\..\\..\\x"] {
        let error = load(&[chart_yaml(), plain(path, b"x")]).unwrap_err();
        assert!(matches!(error, ChartError::Path(_)), "{path}: {error}");
    }
}

#[test]
fn sizes_that_lie_are_found_out() {
    for declared in [9 << 20, 6 << 30] {
        let lie = entry(b'0', b"demo/values.yaml", declared, b"a: 1\n");
        let error = load(&[chart_yaml(), lie]).unwrap_err();
        assert!(matches!(error, ChartError::TooLarge { .. }), "{declared}: {error}");
    }
    // The end of the archive comes before the end of the file.
    let short = entry(b'0', b"demo/values.yaml", 4000, b"a: 1\n");
    assert!(matches!(load(&[chart_yaml(), short]).unwrap_err(), ChartError::Archive(_)));
    let sparse = entry(b'S', b"demo/values.yaml", 6 << 30, b"");
    assert!(load(&[chart_yaml(), sparse]).is_err());
}

#[test]
fn a_bomb_is_refused_before_it_is_unpacked() {
    let block = vec![0; 4 << 20];
    let bomb: Vec<_> = (0..30).map(|index| plain(&format!("demo/files/{index}"), &block)).collect();
    let error = load(&[vec![chart_yaml()], bomb].concat()).unwrap_err();
    assert!(error.to_string().contains("decompressed chart is larger than"), "{error}");
    // What is skipped is unpacked as well.
    let skipped = entry(b'g', b"pax", 200 << 20, &vec![0; 200 << 20]);
    let error = load(&[chart_yaml(), skipped]).unwrap_err();
    assert!(matches!(error, ChartError::TooLarge { .. }), "{error}");
}

#[test]
fn bombs_inside_bombs_share_one_limit() {
    let inner = gzip(
        &[plain("x/Chart.yaml", CHART_YAML), entry(b'g', b"pax", 60 << 20, &vec![0; 60 << 20])]
            .concat(),
    );
    let packed: Vec<_> =
        (0..3).map(|index| plain(&format!("demo/charts/{index}.tgz"), &inner)).collect();
    let error = load(&[vec![chart_yaml()], packed].concat()).unwrap_err();
    assert!(error.to_string().contains("unpacked chart is larger than"), "{error}");
}

/// A record of an extended header, which begins with its own length.
fn record(key: &str, value: &str) -> Vec<u8> {
    let rest = format!(" {key}={value}\n");
    let digits = (1..20).find(|digits| (rest.len() + digits).to_string().len() == *digits);
    format!("{}{rest}", rest.len() + digits.unwrap()).into_bytes()
}

#[test]
fn long_names_are_refused() {
    let name = "a".repeat(1 << 20);
    for (kind, data) in [(b'L', name.clone().into_bytes()), (b'x', record("path", &name))] {
        let long = entry(kind, b"././@LongLink", data.len() as u64, &data);
        let error = load(&[chart_yaml(), long, plain("demo/x", b"x")]).unwrap_err();
        assert!(error.to_string().len() < 300, "{}", error.to_string().len());
        assert!(matches!(error, ChartError::LongPath(_)), "{error}");
    }
}

#[test]
fn a_size_in_an_extended_header_is_not_trusted() {
    for size in ["18446744073709551615", "9999999999", "-1", "x"] {
        let data = record("size", size);
        let header = entry(b'x', b"pax", data.len() as u64, &data);
        let loaded = load(&[chart_yaml(), header, plain("demo/values.yaml", b"a: 1\n")]);
        assert!(loaded.is_err() || loaded.unwrap().name() == "demo", "{size}");
    }
}

#[test]
fn files_and_subcharts_are_counted() {
    let mut files = vec![chart_yaml()];
    files.extend((0..20_001).map(|index| plain(&format!("demo/f/{index}"), b"")));
    let error = load(&files).unwrap_err();
    assert!(error.to_string().contains("limit of 20000 files"), "{error}");
    let mut charts = vec![chart_yaml()];
    charts.extend((0..1001).map(|n| plain(&format!("demo/charts/c{n}/Chart.yaml"), CHART_YAML)));
    let mut error = &load(&charts).unwrap_err();
    while let ChartError::Subchart { source, .. } = error {
        error = source;
    }
    assert!(error.to_string().contains("limit of 1000 subcharts"), "{error}");
}

#[test]
fn subcharts_in_subcharts_end() {
    let mut path = String::from("demo");
    let mut entries = vec![chart_yaml()];
    for _ in 0..40 {
        path.push_str("/charts/x");
        let line = record("path", &format!("{path}/Chart.yaml"));
        entries.push(entry(b'x', b"pax", line.len() as u64, &line));
        entries.push(plain("short", CHART_YAML));
    }
    let error = format!("{:?}", load(&entries).unwrap_err());
    assert!(error.contains("TooDeep"), "{error}");
}

fn directory() -> tempfile::TempDir {
    let dir = tempfile::tempdir().unwrap();
    std::fs::write(dir.path().join("Chart.yaml"), CHART_YAML).unwrap();
    dir
}

fn link(target: impl AsRef<Path>, dir: &Path, name: &str) {
    std::os::unix::fs::symlink(target, dir.join(name)).unwrap();
}

#[test]
fn a_link_that_leaves_the_directory_is_refused() {
    for name in ["stolen", ".helmignore", "values.yaml"] {
        let dir = directory();
        link("/etc/hostname", dir.path(), name);
        assert!(matches!(Chart::from_dir(dir.path()), Err(ChartError::Path(_))), "{name}");
    }
}

#[test]
fn loops_of_links_end() {
    let dir = directory();
    link(dir.path(), dir.path(), "again");
    assert!(matches!(Chart::from_dir(dir.path()), Err(ChartError::Directory(_))));
    // Two of them double at every level.
    link(dir.path(), dir.path(), "again2");
    assert!(Chart::from_dir(dir.path()).is_err());
    let dir = directory();
    link("loop", dir.path(), "loop");
    assert!(matches!(Chart::from_dir(dir.path()), Err(ChartError::Directory(_))));
}

#[test]
fn a_pipe_is_not_waited_for() {
    for name in ["pipe", ".helmignore"] {
        let dir = directory();
        let made = std::process::Command::new("mkfifo").arg(dir.path().join(name)).status();
        assert!(made.unwrap().success());
        let error = Chart::from_dir(dir.path()).unwrap_err();
        assert!(error.to_string().contains("irregular file"), "{error}");
    }
}

#[test]
fn large_files_of_a_directory_are_refused() {
    let dir = directory();
    let file = std::fs::File::create(dir.path().join("big")).unwrap();
    file.set_len(6 << 20).unwrap();
    assert!(matches!(Chart::from_dir(dir.path()), Err(ChartError::TooLarge { .. })));
    let dir = directory();
    std::fs::write(dir.path().join(".helmignore"), "a\n".repeat(100_000)).unwrap();
    assert!(matches!(Chart::from_dir(dir.path()), Err(ChartError::TooLarge { .. })));
}
