//! The editor of a person, and texts that are kept for them.

use std::io::IsTerminal as _;
use std::path::{Path, PathBuf};
use std::process::Command;

use crate::error::{CommandError, Kind};

/// Tells whether a person is there to edit something.
pub(super) fn somebody_is_here() -> bool {
    std::io::stdin().is_terminal()
}

/// Lets the person edit a text; what they made of it is kept where it is refused.
pub(super) fn edit(path: &str, content: &str) -> Result<String, CommandError> {
    if !somebody_is_here() {
        return Err(CommandError::usage("nobody is here to edit the file")
            .hint("pass the whole new file with --file FILE, or use gimlet app set"));
    }
    let editor = ["VISUAL", "EDITOR"]
        .iter()
        .find_map(|name| std::env::var(name).ok().filter(|editor| !editor.trim().is_empty()))
        .unwrap_or_else(|| "vi".to_owned());
    let failed = |error: std::io::Error| CommandError::general(format!("{editor}: {error}"));
    let name = name_of(path);
    let folder = std::env::temp_dir().join(format!("gimlet-{:016x}", rand::random::<u64>()));
    std::fs::create_dir(&folder).map_err(failed)?;
    let file = folder.join(name);
    std::fs::write(&file, content).map_err(failed)?;
    // An editor can have flags, such as `code --wait`.
    let mut words = editor.split_whitespace();
    let program = words.next().unwrap_or("vi");
    let status = Command::new(program).args(words).arg(&file).status().map_err(failed)?;
    if !status.success() {
        return Err(CommandError::new(Kind::Interrupted, format!("{program} ended with an error"))
            .hint(format!("your text is in {}", file.display())));
    }
    let edited = std::fs::read_to_string(&file).map_err(failed)?;
    if let Err(error) = gimlet_manifest::file::parse_files(&edited) {
        return Err(CommandError::usage(format!("{name}: {error}")).hint(format!(
            "your text is kept: mend {0}, and pass it with --file {0}",
            file.display()
        )));
    }
    // Only what was refused is worth keeping.
    let _ = std::fs::remove_dir_all(&folder);
    Ok(edited)
}

/// Keeps a text for the person to go on with; returns where.
pub(super) fn keep(text: &str, path: &str) -> Result<PathBuf, CommandError> {
    let kept = std::env::temp_dir().join(format!(
        "gimlet-{:08x}-{}",
        rand::random::<u32>(),
        name_of(path)
    ));
    std::fs::write(&kept, text)
        .map(|()| kept)
        .map_err(|error| CommandError::general(format!("the text cannot be kept: {error}")))
}

fn name_of(path: &str) -> &str {
    Path::new(path).file_name().and_then(|name| name.to_str()).unwrap_or("manifest.yaml")
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn a_text_is_kept_under_the_name_of_its_file() {
        let kept = keep("app: shop\n", ".gimlet/shop.yaml").unwrap();
        assert!(kept.to_string_lossy().ends_with("-shop.yaml"), "{}", kept.display());
        assert_eq!(std::fs::read_to_string(&kept).unwrap(), "app: shop\n");
        std::fs::remove_file(kept).unwrap();
    }
}
