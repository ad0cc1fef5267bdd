//! Where the processes of a run may run: the cores that the bench keeps to are the cores of what it starts.

use std::io;

use rustix::thread::{CpuSet, sched_getaffinity, sched_setaffinity};

/// While this lives, whatever is started keeps to one core.
#[derive(Debug)]
pub(crate) struct OneCore {
    before: CpuSet,
}

impl OneCore {
    /// Keeps to the last of the cores allowed so far: the first has most of the interrupts.
    pub(crate) fn keep_to() -> io::Result<Self> {
        let before = sched_getaffinity(None)?;
        let mut last = CpuSet::new();
        if let Some(core) = (0..CpuSet::MAX_CPU).rev().find(|&core| before.is_set(core)) {
            last.set(core);
            sched_setaffinity(None, &last)?;
        }
        Ok(Self { before })
    }
}

impl Drop for OneCore {
    fn drop(&mut self) {
        // The set was ours before, so it cannot be refused.
        let _ = sched_setaffinity(None, &self.before);
    }
}
