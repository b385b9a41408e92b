//! Writes the definitions of all kinds to a folder, one file a kind.

use std::path::PathBuf;
use std::process::ExitCode;

fn main() -> ExitCode {
    let Some(folder) = std::env::args_os().nth(1).map(PathBuf::from) else {
        eprintln!("usage: crdgen FOLDER");
        return ExitCode::from(2);
    };
    for definition in gimlet_crds::definitions() {
        let name = definition.spec.names.plural.clone();
        let written = serde_saphyr::to_string(&definition)
            .map_err(|error| error.to_string())
            .and_then(|text| {
                std::fs::write(folder.join(format!("{name}.yaml")), text)
                    .map_err(|error| error.to_string())
            });
        if let Err(error) = written {
            eprintln!("error: {name}: {error}");
            return ExitCode::FAILURE;
        }
    }
    ExitCode::SUCCESS
}
