//! Measures how long each test takes, to find the slow ones.

use std::{fs::OpenOptions, io::Write, path::PathBuf, time::Instant};

/// Measures a test from its beginning until this is dropped, and adds a line (seconds, a tab, the test's name) to the file that
/// `TIFFIN_TEST_TIMES` names, if it names one.
pub struct TestTime {
    file: Option<PathBuf>,
    begun: Instant,
}

impl TestTime {
    pub fn begin() -> Self {
        TestTime { file: std::env::var_os("TIFFIN_TEST_TIMES").map(PathBuf::from), begun: Instant::now() }
    }
}

impl Drop for TestTime {
    fn drop(&mut self) {
        let Some(file) = &self.file else { return };
        // The test runner calls the thread of a test by the test's name.
        let name = std::thread::current().name().unwrap_or("unknown").to_owned();
        let line = format!("{:.3}\t{name}\n", self.begun.elapsed().as_secs_f64());
        let written = OpenOptions::new()
            .create(true)
            .append(true)
            .open(file)
            .and_then(|mut file| file.write_all(line.as_bytes()));
        if let Err(error) = written {
            eprintln!("what {name} took is not noted: {error}");
        }
    }
}
