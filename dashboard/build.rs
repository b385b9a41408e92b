//! Puts the built web app, compressed beforehand, where the server embeds it.
//!
//! It never builds the web app: `make web` does. Where that was not done, a page says so.

use std::io::Write as _;
use std::path::{Path, PathBuf};
use std::{env, fs};

use anyhow::{Context as _, Result};

/// What is shown where the web app was not built.
const MISSING: &str = "<!doctype html>\n<html lang=\"en\"><head><meta charset=\"utf-8\"><title>Gimlet</title></head>\
<body><h1>The web app is not built</h1><p>This server was built without it. Run <code>make web</code>, \
then build <code>gimlet-dashboard</code> again. The API is served all the same.</p></body></html>\n";

/// Smaller files are not worth a second request header.
const WORTH_COMPRESSING: usize = 512;

fn main() -> Result<()> {
    println!("cargo::rerun-if-changed=build.rs");
    let to = PathBuf::from(env::var("OUT_DIR").context("cargo sets OUT_DIR")?).join("app");
    if to.exists() {
        fs::remove_dir_all(&to)?;
    }
    fs::create_dir_all(&to)?;
    let from = Path::new("web/dist");
    println!("cargo::rerun-if-changed=web/dist");
    if from.join("index.html").is_file() {
        embed(from, &to)
    } else {
        fs::write(to.join("index.html"), MISSING)?;
        Ok(())
    }
}

fn embed(from: &Path, to: &Path) -> Result<()> {
    for entry in fs::read_dir(from)? {
        let path = entry?.path();
        let name = path.file_name().context("an entry of a folder has a name")?;
        if name.to_string_lossy().starts_with('.') {
            continue;
        }
        let target = to.join(name);
        if path.is_dir() {
            fs::create_dir_all(&target)?;
            embed(&path, &target)?;
            continue;
        }
        let content = fs::read(&path).with_context(|| format!("cannot read {}", path.display()))?;
        fs::write(&target, &content)?;
        // The page itself is different in each answer.
        if content.len() < WORTH_COMPRESSING || name == "index.html" {
            continue;
        }
        for (ending, small) in [("br", brotli(&content)?), ("gz", gzip(&content)?)] {
            if small.len() < content.len() {
                fs::write(format!("{}.{ending}", target.display()), small)?;
            }
        }
    }
    Ok(())
}

fn brotli(content: &[u8]) -> Result<Vec<u8>> {
    let parameters = brotli::enc::BrotliEncoderParams { quality: 11, ..Default::default() };
    let mut small = Vec::new();
    brotli::BrotliCompress(&mut &*content, &mut small, &parameters)?;
    Ok(small)
}

fn gzip(content: &[u8]) -> Result<Vec<u8>> {
    let mut writer = flate2::write::GzEncoder::new(Vec::new(), flate2::Compression::best());
    writer.write_all(content)?;
    Ok(writer.finish()?)
}
