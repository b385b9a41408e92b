//! The steps of a render, each by itself: `cargo bench -p gimlet-helm`.
//!
//! On one of our own fixture charts, so that a change of the engine is seen in seconds. Against
//! helm and on public charts it is `make bench BENCH="--only d"`.

use std::fmt::Write as _;
use std::hint::black_box;
use std::path::Path;
use std::time::Duration;

use criterion::{Criterion, criterion_group, criterion_main};
use gimlet_helm::{Chart, RenderOptions, render, yaml};
use serde_json::json;

fn loading(criterion: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("tests/charts/umbrella");
    let options = RenderOptions::default();
    criterion.bench_function("load a chart", |bencher| {
        bencher.iter(|| Chart::from_dir(&folder).expect("the chart is valid"));
    });
    criterion.bench_function("load, parse and render a chart", |bencher| {
        bencher.iter(|| {
            let chart = Chart::from_dir(&folder).expect("the chart is valid");
            render(&chart, &json!({}), &options).expect("the chart renders")
        });
    });
    let chart = Chart::from_dir(&folder).expect("the chart is valid");
    criterion.bench_function("render a chart again", |bencher| {
        bencher.iter(|| render(&chart, &json!({}), &options).expect("the chart renders"));
    });
}

fn built_in(criterion: &mut Criterion) {
    let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../charts/app");
    let chart = Chart::from_dir(&folder).expect("the chart is valid");
    let values = std::fs::read_to_string(folder.join("ci/everything-values.yaml"))
        .expect("the chart has values of all kinds");
    let values = yaml::from_str(&values).expect("the values are valid");
    let options = RenderOptions::default();
    criterion.bench_function("render the built-in chart with everything turned on", |bencher| {
        bencher.iter(|| render(&chart, &values, &options).expect("the chart renders"));
    });
}

fn yaml_text(criterion: &mut Criterion) {
    let text = (0..50).fold(String::new(), |mut text, index| {
        let _ = write!(
            text,
            "service{index}:\n  image: {{repository: example/web, tag: v{index}}}\n  ports:\n  - \
             name: http\n    port: {index}\n  text: |\n    one\n    two\n  enabled: true\n"
        );
        text
    });
    let values = yaml::from_str(&text).expect("the values are valid");
    criterion.bench_function("read values", |bencher| {
        bencher.iter(|| yaml::from_str(black_box(&text)).expect("the values are valid"));
    });
    criterion.bench_function("write values (toYaml)", |bencher| {
        bencher.iter(|| yaml::to_string(black_box(&values)));
    });
}

criterion_group! {
    name = engine;
    config = Criterion::default()
        .warm_up_time(Duration::from_millis(300))
        .measurement_time(Duration::from_secs(1))
        .sample_size(20);
    targets = loading, built_in, yaml_text
}
criterion_main!(engine);
