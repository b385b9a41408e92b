//! Child processes with limits on time, output and disk.

use std::io::{self, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::sync::mpsc::{self, RecvTimeoutError};
use std::thread;
use std::time::{Duration, Instant};

/// What a child may use.
pub(crate) struct Limits<'a> {
    pub(crate) deadline: Instant,
    pub(crate) stdout: u64,
    /// A folder that may grow to this many bytes.
    pub(crate) disk: (&'a Path, u64),
}

/// What a child left.
pub(crate) struct Output {
    pub(crate) success: bool,
    pub(crate) stdout: Vec<u8>,
    pub(crate) stderr: String,
}

/// Which limit ended a child, or that it could not run.
#[derive(Debug)]
pub(crate) enum Failure {
    Time,
    Output,
    Disk,
    Io(io::Error),
}

const STDERR_LIMIT: u64 = 64 * 1024;
const LOOK: Duration = Duration::from_millis(200);

/// Runs a child to its end, or ends it at the first limit it meets.
pub(crate) fn run(
    command: &mut Command,
    input: Vec<u8>,
    limits: &Limits<'_>,
) -> Result<Output, Failure> {
    command.stdin(Stdio::piped()).stdout(Stdio::piped()).stderr(Stdio::piped());
    let mut child = command.spawn().map_err(Failure::Io)?;
    let result = attend(&mut child, input, limits);
    if result.is_err() {
        // It may have ended by itself meanwhile, which is just as well.
        let _ = child.kill();
    }
    let status = child.wait().map_err(Failure::Io)?;
    let (stdout, stderr) = result?;
    let stderr = String::from_utf8_lossy(&stderr).trim().to_owned();
    Ok(Output { success: status.success(), stdout, stderr })
}

fn attend(
    child: &mut Child,
    input: Vec<u8>,
    limits: &Limits<'_>,
) -> Result<(Vec<u8>, Vec<u8>), Failure> {
    let (sender, receiver) = mpsc::channel();
    if let Some(mut stdin) = child.stdin.take() {
        // A child that does not read its input says why on stderr.
        thread::spawn(move || stdin.write_all(&input));
    }
    let streams: [(Option<Box<dyn Read + Send>>, u64); 2] = [
        (child.stdout.take().map(|stream| Box::new(stream) as _), limits.stdout),
        (child.stderr.take().map(|stream| Box::new(stream) as _), STDERR_LIMIT),
    ];
    for (index, (stream, limit)) in streams.into_iter().enumerate() {
        let sender = sender.clone();
        thread::spawn(move || {
            let mut bytes = Vec::new();
            let read = match stream {
                Some(stream) => stream.take(limit + 1).read_to_end(&mut bytes).map(|_| bytes),
                None => Ok(bytes),
            };
            // The receiver is gone once a limit was met.
            let _ = sender.send((index, read));
        });
    }
    let mut read = [const { None }; 2];
    while read.iter().any(Option::is_none) {
        match receiver.recv_timeout(LOOK) {
            Ok((index, bytes)) => {
                let bytes = bytes.map_err(Failure::Io)?;
                if index == 0 && bytes.len() as u64 > limits.stdout {
                    return Err(Failure::Output);
                }
                read[index] = Some(bytes);
            }
            Err(RecvTimeoutError::Timeout) if Instant::now() >= limits.deadline => {
                return Err(Failure::Time);
            }
            Err(RecvTimeoutError::Timeout) => {
                if folder_bytes(limits.disk.0) > limits.disk.1 {
                    return Err(Failure::Disk);
                }
            }
            Err(RecvTimeoutError::Disconnected) => break,
        }
    }
    let [stdout, stderr] = read;
    Ok((stdout.unwrap_or_default(), stderr.unwrap_or_default()))
}

fn folder_bytes(folder: &Path) -> u64 {
    let Ok(entries) = std::fs::read_dir(folder) else { return 0 };
    entries
        .flatten()
        .map(|entry| match entry.metadata() {
            Ok(metadata) if metadata.is_dir() => folder_bytes(&entry.path()),
            Ok(metadata) => metadata.len(),
            Err(_) => 0,
        })
        .sum()
}

#[cfg(test)]
mod tests {
    use super::*;

    fn limits(dir: &Path, millis: u64) -> Limits<'_> {
        let deadline = Instant::now() + Duration::from_millis(millis);
        Limits { deadline, stdout: 1000, disk: (dir, 10_000) }
    }

    fn shell(script: &str) -> Command {
        let mut command = Command::new("sh");
        command.args(["-c", script]);
        command
    }

    #[test]
    fn a_child_that_takes_too_long_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let begun = Instant::now();
        let result = run(&mut shell("exec sleep 60"), Vec::new(), &limits(dir.path(), 50));
        assert!(matches!(result, Err(Failure::Time)));
        assert!(begun.elapsed() < Duration::from_secs(30));
    }

    #[test]
    fn a_child_that_writes_too_much_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let result = run(&mut shell("exec yes"), Vec::new(), &limits(dir.path(), 30_000));
        assert!(matches!(result, Err(Failure::Output)));
    }

    #[test]
    fn a_child_that_fills_the_disk_is_ended() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = shell("head -c 20000 /dev/zero > big; exec sleep 60");
        command.current_dir(dir.path());
        let result = run(&mut command, Vec::new(), &limits(dir.path(), 30_000));
        assert!(matches!(result, Err(Failure::Disk)));
    }

    #[test]
    fn input_goes_in_and_output_comes_out() {
        let dir = tempfile::tempdir().unwrap();
        let mut command = shell("cat; echo oops >&2; exit 3");
        let output = run(&mut command, b"hello".to_vec(), &limits(dir.path(), 30_000)).unwrap();
        assert!(!output.success);
        assert_eq!((output.stdout.as_slice(), output.stderr.as_str()), (&b"hello"[..], "oops"));
    }
}
