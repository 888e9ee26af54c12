//! A file system with little room, for tests of a full disk.

use std::{
    fs::File,
    io::Write,
    path::{Path, PathBuf},
    process::{Command, Stdio},
};

use tempfile::TempDir;

/// A file system in memory. Dropped, it is gone with all that is on it.
pub struct SmallDisk {
    directory: TempDir,
}

impl SmallDisk {
    /// Mounts one with so many mebibytes; none where nothing may be mounted.
    pub fn try_mount(mebibytes: usize) -> Option<Self> {
        let directory = tempfile::Builder::new().prefix("tiffin-disk.").tempdir().expect("a directory can be made");
        let size = format!("size={mebibytes}m");
        let mounted = Command::new("mount")
            .args(["-t", "tmpfs", "-o", &size, "tiffin"])
            .arg(directory.path())
            .stdin(Stdio::null())
            .stderr(Stdio::null())
            .status();
        mounted.is_ok_and(|status| status.success()).then_some(SmallDisk { directory })
    }

    pub fn path(&self) -> &Path {
        self.directory.path()
    }

    /// Takes all the room that is left.
    pub fn fill(&self) {
        let mut filling = File::create(self.filling()).expect("a file can be made");
        while filling.write_all(&[0; 4096]).is_ok() {}
        while filling.write_all(&[0]).is_ok() {}
    }

    /// Gives it back.
    pub fn free(&self) {
        std::fs::remove_file(self.filling()).expect("the file is there");
    }

    fn filling(&self) -> PathBuf {
        self.path().join("filling")
    }
}

impl Drop for SmallDisk {
    fn drop(&mut self) {
        // Lazily, for a server that is about to be killed may still be there.
        let unmounted = Command::new("umount").arg("--lazy").arg(self.path()).status();
        if !unmounted.is_ok_and(|status| status.success()) {
            eprintln!("{} stays mounted", self.path().display());
        }
    }
}
