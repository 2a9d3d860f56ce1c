//! State on disk: one file, replaced atomically, and a lock so that two processes do not use one directory.

use std::fs::{self, File, TryLockError};
use std::io;
use std::path::{Path, PathBuf};
use std::time::{Duration, Instant};

use serde::{Deserialize, Serialize};

use crate::world::World;

const FORMAT: &str = "aomidori-local";
const VERSION: u32 = 1;

#[derive(Serialize)]
struct Stored<'a> {
    format: &'a str,
    version: u32,
    world: &'a World,
}

#[derive(Deserialize)]
struct Header {
    format: String,
    version: u32,
}

#[derive(Deserialize)]
struct Loaded {
    world: World,
}

/// A state directory that this process holds.
#[derive(Debug)]
pub(crate) struct Store {
    file: PathBuf,
    scratch: PathBuf,
    /// Held as long as this lives; the operating system releases it even after a kill.
    _lock: File,
    /// What the last save took.
    cost: Duration,
}

const PATIENCE: Duration = Duration::from_millis(500);
/// State that takes longer than this to save is saved a moment later, not before the answer.
const CHEAP: Duration = Duration::from_millis(4);

impl Store {
    /// Takes the directory, and reads what is in it.
    pub(crate) fn open(dir: &Path) -> io::Result<(Store, Option<World>)> {
        fs::create_dir_all(dir)?;
        let lock = File::options().create(true).truncate(false).write(true).open(dir.join("lock"))?;
        take(&lock, dir)?;
        let (file, scratch) = (dir.join("state.json"), dir.join("state.json.new"));
        let world = match fs::read(&file) {
            Ok(bytes) => Some(read(&bytes).map_err(|why| {
                let message = format!(
                    "{} cannot be used: {why}. It is left as it is; move it away to start anew",
                    file.display()
                );
                io::Error::new(io::ErrorKind::InvalidData, message)
            })?),
            Err(e) if e.kind() == io::ErrorKind::NotFound => None,
            Err(e) => return Err(e),
        };
        Ok((Store { file, scratch, _lock: lock, cost: Duration::ZERO }, world))
    }

    /// Whether saving is quick enough to do before each answer.
    pub(crate) fn is_cheap(&self) -> bool {
        self.cost < CHEAP
    }

    /// How long a change may wait to be saved, so that saving takes a twentieth of the time at most.
    pub(crate) fn delay(&self) -> Duration {
        (self.cost * 20).clamp(Duration::from_millis(100), Duration::from_secs(5))
    }

    pub(crate) fn save(&mut self, world: &World) -> io::Result<()> {
        let begin = Instant::now();
        let bytes = serde_json::to_vec(&Stored { format: FORMAT, version: VERSION, world })?;
        fs::write(&self.scratch, bytes)?;
        fs::rename(&self.scratch, &self.file)?;
        self.cost = begin.elapsed();
        Ok(())
    }
}

/// Locks the directory. The process before may be ending just now, so this waits a moment.
fn take(lock: &File, dir: &Path) -> io::Result<()> {
    let begin = Instant::now();
    loop {
        match lock.try_lock() {
            Ok(()) => return Ok(()),
            Err(TryLockError::Error(e)) => return Err(e),
            Err(TryLockError::WouldBlock) if begin.elapsed() < PATIENCE => {
                std::thread::sleep(Duration::from_millis(20));
            }
            Err(TryLockError::WouldBlock) => {
                let message = format!("another local cloud is using the state in {}", dir.display());
                return Err(io::Error::new(io::ErrorKind::ResourceBusy, message));
            }
        }
    }
}

fn read(bytes: &[u8]) -> Result<World, String> {
    let header: Header = serde_json::from_slice(bytes).map_err(|e| e.to_string())?;
    if header.format != FORMAT {
        return Err(format!("its format is '{}', not '{FORMAT}'", header.format));
    }
    if header.version != VERSION {
        return Err(format!("its version is {}, this program reads version {VERSION}", header.version));
    }
    serde_json::from_slice::<Loaded>(bytes).map(|loaded| loaded.world).map_err(|e| e.to_string())
}
